/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/wire_driver.c - a real registry, fed round by round, and what the
 * encoders make of it, written as files for test_otlp_metrics.py to read with the descriptors of
 * others.
 *
 *   wire_driver metrics DIR key=value...   rounds of OTLP requests and the text beside each
 *   wire_driver prometheus DIR key=value... one exposition as protobuf, and as text
 *   wire_driver logs DIR                   log records
 *   wire_driver names                      families and what OTLP calls them
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/activity.h"
#include "core/fields.h"
#include "core/intern.h"
#include "exporters/otlp_logs.h"
#include "exporters/otlp_metrics.h"
#include "exporters/otlp_metrics_point.h"
#include "exporters/prometheus_protobuf.h"
#include "pipeline/metrics/metrics_state.h"

#define START_NS    1700000000000000000u
#define INTERVAL_NS 60000000000u
#define RESOURCE    "service.name=driver,process.pid=42,a.b=1,a_b=2,host.name=h%20%C3%A4"

struct options {
	const char *folder;
	enum rk_temporality temporality;
	enum rk_histogram_kind histogram;
	unsigned kernels, rounds, max_series, registry_series, request_bytes;
	const char *verdicts; /* per round: s(ent), r(etry), x: rejected, m: one of each in turn */
	bool runtime, examples, wide, said;
};

static struct options options = { .kernels = 5, .rounds = 1, .verdicts = "s", .runtime = true };
static uint64_t now_ns = START_NS;

static void read_option(const char *text)
{
	const char *value = strchr(text, '=') + 1;

	if (strncmp(text, "temporality=", 12) == 0)
		options.temporality = strcmp(value, "delta") == 0     ? RK_TEMPORALITY_DELTA :
				      strcmp(value, "lowmemory") == 0 ? RK_TEMPORALITY_LOW_MEMORY :
									RK_TEMPORALITY_CUMULATIVE;
	else if (strncmp(text, "histogram=", 10) == 0)
		options.histogram = strcmp(value, "exponential") == 0 ? RK_HISTOGRAM_EXPONENTIAL :
									RK_HISTOGRAM_EXPLICIT;
	else if (strncmp(text, "kernels=", 8) == 0)
		options.kernels = (unsigned)strtoul(value, NULL, 10);
	else if (strncmp(text, "rounds=", 7) == 0)
		options.rounds = (unsigned)strtoul(value, NULL, 10);
	else if (strncmp(text, "max_series=", 11) == 0)
		options.max_series = (unsigned)strtoul(value, NULL, 10);
	else if (strncmp(text, "registry_series=", 16) == 0)
		options.registry_series = (unsigned)strtoul(value, NULL, 10);
	else if (strncmp(text, "request_bytes=", 14) == 0)
		options.request_bytes = (unsigned)strtoul(value, NULL, 10);
	else if (strncmp(text, "verdicts=", 9) == 0)
		options.verdicts = value;
	else if (strncmp(text, "runtime=", 8) == 0)
		options.runtime = *value == '1';
	else if (strncmp(text, "examples=", 9) == 0)
		options.examples = *value == '1';
	else if (strncmp(text, "said=", 5) == 0)
		options.said = *value == '1';
	else if (strncmp(text, "wide=", 5) == 0)
		options.wide = *value == '1';
}

static void write_file(const char *name, const void *bytes, size_t length)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", options.folder, name);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, length, file) != length || fclose(file))
		exit(1);
}

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* From a nanosecond to half an hour when wide: scale 3 needs more buckets than are sent. */
static uint64_t next_duration(void)
{
	uint64_t bits = next_random() % (options.wide ? 41 : 14);
	uint64_t value = next_random() >> (63 - bits);

	return options.wide ? value : value | 512;
}

static void feed_kernel(struct rk_metrics *metrics, unsigned kernel, uint64_t ns)
{
	char name[64];
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	/* One name that is not UTF-8: the others must survive it. */
	snprintf(name, sizeof(name), kernel == 1 ? "bad\xff_%u" : "kernel_%u", kernel);
	op.kind = RK_OP_KERNEL;
	op.name = rk_intern(name);
	op.start = 1;
	op.end = 1 + ns;
	op.device = kernel % 3;
	op.flags = kernel % 7 == 6 ? RK_OP_F_HOST_TIME : 0;
	rk_metrics_feed(metrics, &op);
}

static void feed_definition(struct rk_metrics *metrics, uint32_t number,
			    enum rk_instrument_type type, const char *name, const char *label)
{
	struct rk_op op = { .kind = RK_OP_INSTRUMENT,
			    .instrument = { .number = number,
					    .bound_count = 2,
					    .bounds = { 0.5, 700 },
					    .type = (uint8_t)type } };
	struct rk_field route = { .key = "route", .type = RK_FIELD_TEXT, .text = label };
	struct rk_fields_writer text;
	uint8_t bytes[256];

	rk_fields_writer_init(&text, bytes, sizeof(bytes));
	rk_fields_put_placed(&text, name);
	rk_fields_put_placed(&text, type == RK_INSTRUMENT_COUNTER ? "By" : "ms");
	rk_fields_put_placed(&text, "What the \"program\" says.");
	rk_fields_put_placed(&text, number % 2 ? "Graph" : "");
	rk_fields_put(&text, &route);
	op.text = bytes;
	op.text_bytes = (uint32_t)text.used;
	rk_metrics_feed(metrics, &op);
}

/* Metrics of the program, of every type, and values in them; one of them is refused. */
static void feed_said(struct rk_metrics *metrics, unsigned round)
{
	static const struct {
		enum rk_instrument_type type;
		const char *name, *label;
	} said[] = {
		{ RK_INSTRUMENT_COUNTER, "said.sent", "/a" },
		{ RK_INSTRUMENT_COUNTER, "said.sent", "/b\"\\\n\xff" },
		{ RK_INSTRUMENT_GAUGE, "said fill", "" },
		{ RK_INSTRUMENT_HISTOGRAM, "said batch", "x" },
		{ RK_INSTRUMENT_EXECUTION, "kernel_said", "" },
		{ RK_INSTRUMENT_QUEUE, "kernel_said", "" },
		{ RK_INSTRUMENT_MEMORY, "kernel_said", "" },
		{ RK_INSTRUMENT_BREAKER, "said", "" },
		{ RK_INSTRUMENT_GAUGE, "said_sent_bytes", "" },
	};
	struct rk_op op = { .kind = RK_OP_SAMPLE };

	for (uint32_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		if (!round)
			feed_definition(metrics, i + 1, said[i].type, said[i].name, said[i].label);
		for (unsigned n = 0; n <= (round + i) % 3; n++) {
			op.sample =
				(struct rk_op_sample){ .number = i + 1,
						       .value = (double)(next_random() % 1000) };
			rk_metrics_feed(metrics, &op);
		}
	}
	for (uint32_t i = 0; i < 30; i++) {
		char label[16];

		snprintf(label, sizeof(label), "many%u", i);
		if (!round)
			feed_definition(metrics, 100 + i, RK_INSTRUMENT_HISTOGRAM, "said many",
					label);
		op.sample = (struct rk_op_sample){ .number = 100 + i,
						   .value = (double)(next_random() % 1000) };
		rk_metrics_feed(metrics, &op);
	}
}

/* More of everything, new kernels in every round, and nothing at all for some of the old. */
static void feed_round(struct rk_metrics *metrics, unsigned round)
{
	unsigned known = options.kernels * (round + 1) / options.rounds;
	struct rk_op op;

	for (unsigned k = 0; k < known; k++) {
		for (unsigned n = (k + round) % 4; n; n--)
			feed_kernel(metrics, k, next_duration());
	}
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_MEMCPY;
	op.copy.copy_kind = RK_COPY_HTOD;
	op.copy.bytes = 1 + next_random() % 4096;
	op.start = 1;
	op.end = 1 + next_duration();
	rk_metrics_feed(metrics, &op);
	memset(&op, 0, sizeof(op));
	op.kind = round % 2 ? RK_OP_FREE : RK_OP_ALLOC;
	op.memory.bytes = 1000 + round;
	rk_metrics_feed(metrics, &op);
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_ERROR;
	op.api = (uint16_t)rk_intern("cuLaunchKernel");
	op.name = rk_intern("kernel_0");
	op.result = 2;
	rk_metrics_feed(metrics, &op);
	if (options.said)
		feed_said(metrics, round);
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_TICK;
	op.tick.cpu_ns = 1000000u * (round + 1) + 7;
	op.tick.active[0] = round;
	op.tick.ledger.dropped[0] = round;
	rk_metrics_feed(metrics, &op);
}

/* What visits: gives every bucket that holds something an example of this round. */
struct examples {
	void (*fn)(const struct rk_metric_point *point, void *data);
	void *data;
};

static void visit_example(const struct rk_metric_point *point, void *data)
{
	struct examples *examples = data;
	struct rk_exemplar made[RK_CONFIG_BOUNDS_MAX + 1];
	struct rk_metric_point copy = *point;

	memset(made, 0, sizeof(made));
	for (size_t i = 0; i <= point->histogram.bound_count; i++) {
		if (point->family->type != RK_METRIC_HISTOGRAM || !point->histogram.buckets[i])
			continue;
		made[i].value = i < point->histogram.bound_count ? point->histogram.bounds[i] : 11;
		/* One is older than a delta, one is not there yet. */
		made[i].unix_ns = now_ns - i * INTERVAL_NS / 8;
		if (i == 2)
			made[i].unix_ns = now_ns + 1;
		memset(made[i].trace_id, (int)(i + 1), sizeof(made[i].trace_id));
		memset(made[i].span_id, (int)(i + 101), sizeof(made[i].span_id));
	}
	copy.histogram.exemplars = made;
	examples->fn(&copy, examples->data);
}

static void visit(const struct rk_metrics *metrics, bool include_runtime,
		  void (*fn)(const struct rk_metric_point *point, void *data), void *data)
{
	struct examples examples = { fn, data };

	if (options.examples)
		rk_metrics_visit(metrics, include_runtime, visit_example, &examples);
	else
		rk_metrics_visit(metrics, include_runtime, fn, data);
}

static void write_text(const struct rk_metrics *metrics, const char *name)
{
	char *text;
	ptrdiff_t length = rk_metrics_render(metrics, options.runtime, false, &text);

	if (length < 0)
		exit(1);
	write_file(name, text, (size_t)length);
	free(text);
}

#define TICKETS_MAX 64

struct inbox {
	unsigned round, count;
	uint32_t tickets[TICKETS_MAX];
	char verdicts[TICKETS_MAX];
	unsigned long points;
};

static void take_request(const struct rk_otlp_metrics_request *request, void *data)
{
	struct inbox *inbox = data;
	char verdict = options.verdicts[inbox->round % strlen(options.verdicts)];
	char name[64];

	if (inbox->count == TICKETS_MAX)
		exit(1);
	if (verdict == 'm')
		verdict = "srx"[inbox->count % 3];
	snprintf(name, sizeof(name), "round-%03u-%02u-%c.bin", inbox->round, inbox->count, verdict);
	write_file(name, request->bytes, request->length);
	free(request->bytes);
	inbox->points += request->points;
	inbox->verdicts[inbox->count] = verdict;
	inbox->tickets[inbox->count++] = request->ticket;
}

static void settle(struct rk_otlp_metrics *encoder, const struct inbox *inbox)
{
	for (unsigned i = 0; i < inbox->count; i++) {
		if (rk_otlp_metrics_is_settled(encoder) ||
		    rk_otlp_metrics_collect(encoder, now_ns, take_request, NULL) != -EBUSY)
			exit(1);
		rk_otlp_metrics_settle(encoder, inbox->tickets[i] + 1000, RK_OTLP_SENT);
		rk_otlp_metrics_settle(encoder, inbox->tickets[i],
				       inbox->verdicts[i] == 's' ? RK_OTLP_SENT :
				       inbox->verdicts[i] == 'r' ? RK_OTLP_RETRY :
								   RK_OTLP_REJECTED);
	}
	if (!rk_otlp_metrics_is_settled(encoder))
		exit(1);
}

static long peak_kib(void)
{
	char line[256];
	long peak = -1;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			peak = strtol(line + 6, NULL, 10);
	}
	if (file)
		fclose(file);
	return peak;
}

static void reset_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");

	if (file) {
		fputs("5", file);
		fclose(file);
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void configure(struct rk_config *config, unsigned max_series)
{
	static const double bounds[] = { 1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4,
					 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.1,  1,	   10 };

	memset(config, 0, sizeof(*config));
	memcpy(config->metrics_histogram_buckets.at, bounds, sizeof(bounds));
	config->metrics_histogram_buckets.count = sizeof(bounds) / sizeof(bounds[0]);
	config->metrics_include_kernel_stats = true;
	config->metrics_top_k = 100000;
	config->metrics_max_series = max_series;
	config->metrics_include_runtime = options.runtime;
	config->metrics_temporality = options.temporality;
	config->metrics_histogram = options.histogram;
	config->logging_attribute_count_limit = 128;
	config->logging_attribute_value_limit = UINT32_MAX;
}

static int run_metrics(void)
{
	struct rk_config config, registry_config;
	struct rk_metrics *metrics;
	struct rk_otlp_metrics *encoder;
	struct rk_otlp_metrics_setup setup = {
		.config = &config,
		.visit = visit,
		.resource = RESOURCE,
		.start_unix_ns = START_NS,
		.request_bytes = options.request_bytes,
	};

	configure(&config, options.max_series ? options.max_series : 1000000);
	configure(&registry_config, options.registry_series ? options.registry_series : 1000000);
	if (rk_metrics_create(&metrics, &registry_config))
		return 1;
	setup.registry = metrics;
	if (rk_otlp_metrics_create(&encoder, &setup))
		return 1;
	for (unsigned round = 0; round < options.rounds; round++) {
		struct inbox inbox = { .round = round };
		ptrdiff_t requests;
		double start;
		long before;
		char name[64];

		feed_round(metrics, round);
		snprintf(name, sizeof(name), "round-%03u.txt", round);
		write_text(metrics, name);
		now_ns += INTERVAL_NS;
		reset_peak();
		before = peak_kib();
		start = seconds();
		requests = rk_otlp_metrics_collect(encoder, now_ns, take_request, &inbox);
		if (requests != (ptrdiff_t)inbox.count)
			return 1;
		printf("{\"round\": %u, \"now\": %llu, \"requests\": %u, \"points\": %lu, "
		       "\"peak_kib\": %ld, \"seconds\": %.6f}\n",
		       round, (unsigned long long)now_ns, inbox.count, inbox.points,
		       peak_kib() - before, seconds() - start);
		settle(encoder, &inbox);
	}
	if (rk_otlp_metrics_left_out(encoder))
		return 1;
	rk_otlp_metrics_destroy(encoder);
	rk_metrics_destroy(metrics);
	return 0;
}

static int run_prometheus(void)
{
	struct rk_config config;
	struct rk_metrics *metrics;
	ptrdiff_t length;
	uint8_t *bytes;
	double start;

	configure(&config, options.registry_series ? options.registry_series : 1000000);
	if (rk_metrics_create(&metrics, &config))
		return 1;
	for (unsigned round = 0; round < options.rounds; round++)
		feed_round(metrics, round);
	write_text(metrics, "exposition.txt");
	start = seconds();
	length = rk_prometheus_protobuf_render(visit, metrics, options.runtime, RESOURCE, &bytes);
	if (length <= 0)
		return 1;
	printf("{\"bytes\": %td, \"seconds\": %.6f}\n", length, seconds() - start);
	write_file("exposition.bin", bytes, (size_t)length);
	free(bytes);
	rk_metrics_destroy(metrics);
	return 0;
}

/* Each record as a ScopeLogs of its own, so that a reader needs no framing. */
static void write_log(const char *name, const struct rk_log_event *event, uint64_t count_limit,
		      uint64_t value_limit)
{
	struct rk_config config;
	size_t bound = rk_otlp_log_bound(event), length;
	uint8_t *out = malloc(bound);

	configure(&config, 10);
	config.logging_attribute_count_limit = count_limit;
	config.logging_attribute_value_limit = value_limit;
	if (!out)
		exit(1);
	length = rk_otlp_log_encode(out, event, &config);
	if (length > bound)
		exit(1);
	write_file(name, out, length);
	free(out);
}

static int run_logs(void)
{
	static const struct rk_log_field fields[] = {
		{ .key = "kernels", .number = 12 },
		{ .key = "host", .text = "h\xc3\xa4\xc3\xb6st" },
		{ .key = "kernels", .text = "again" },
		{ .key = "tenant_id", .text = "twice" },
		{ .key = "bad", .text = "a\xff\xc3\xa4" },
		{ .key = "nothing", .text = "" },
		{ .key = "ratio", .number = -0.25 },
		{ .key = "least", .value = RK_LOG_VALUE_INTEGER, .integer = INT64_MIN },
		{ .key = "is_warm", .value = RK_LOG_VALUE_BOOL, .integer = 1 },
	};
	struct rk_log_event event = { .unix_ns = START_NS,
				      .observed_unix_ns = START_NS + 5,
				      .level = RK_LOG_INFO,
				      .name = "rustkernel.execution",
				      .message = "Kernel execution complete",
				      .kernel_id = "graph/pagerank",
				      .domain = "GraphAnalytics",
				      .tenant_id = "acme",
				      .duration_ms = 1.5,
				      .trace_flags = 3,
				      .fields = fields,
				      .field_count = sizeof(fields) / sizeof(fields[0]) };
	struct rk_log_event bare = { .level = RK_LOG_ERROR, .message = "", .duration_ms = -1 };

	memset(event.trace_id, 0xab, sizeof(event.trace_id));
	memset(event.span_id, 0xcd, sizeof(event.span_id));
	write_log("full.bin", &event, 128, UINT32_MAX);
	write_log("three.bin", &event, 3, UINT32_MAX);
	write_log("none.bin", &event, 0, UINT32_MAX);
	write_log("short.bin", &event, 128, 2);
	write_log("bare.bin", &bare, 128, UINT32_MAX);
	/* A span without a trace, flags without a context. */
	memset(event.trace_id, 0, sizeof(event.trace_id));
	write_log("no_trace.bin", &event, 128, UINT32_MAX);
	for (int level = RK_LOG_ERROR; level <= RK_LOG_TRACE; level++) {
		char name[32];

		bare.level = (enum rk_log_level)level;
		snprintf(name, sizeof(name), "level-%d.bin", level);
		write_log(name, &bare, 128, UINT32_MAX);
	}
	return 0;
}

static int run_names(void)
{
	for (size_t i = 0; i < rk_metrics_family_count(); i++) {
		const struct rk_metric_family *family = rk_metrics_family(i);
		struct rk_otlp_metric_name name;

		rk_otlp_metric_name_get(&name, family);
		printf("%s %u %s %s\n", family->name, (unsigned)family->type, name.name, name.unit);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (argc > 2)
		options.folder = argv[2];
	for (int i = 3; i < argc; i++)
		read_option(argv[i]);
	if (strcmp(argv[1], "metrics") == 0)
		return run_metrics();
	if (strcmp(argv[1], "prometheus") == 0)
		return run_prometheus();
	if (strcmp(argv[1], "logs") == 0)
		return run_logs();
	return run_names();
}
