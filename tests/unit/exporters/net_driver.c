/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/net_driver.c - a host for librknet.so without a pipeline.
 *
 * usage: net_driver MODULE [spans=N] [seed=N] [hold_ms=N] [finish_ms=N] [replay=1]
 *                   [expect=FILE] [pace_us=N] [until_stdin=1] [events=N]
 *
 * Opens the module with the configuration of the environment, feeds it made-up spans and log
 * events, holds the loop for a while, finishes, and prints one JSON object with what happened.
 * Log lines go to stderr. What was fed is written to FILE, one JSON object a line. The registry
 * is made up, too: a counter that says how often it was read, a gauge and a histogram.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/config.h"
#include "core/intern.h"
#include "core/log.h"
#include "core/resource.h"
#include "pipeline/live/net_module.h"

struct options {
	const char *module, *expect;
	uint64_t spans, seed, hold_ms, finish_ms, pace_us, events;
	bool replay, until_stdin;
};

static struct options options = { .seed = 1, .finish_ms = 2000 };
static uint64_t state;
static double lost[RK_LOSS_COUNT], sent_bytes, sent_spans;
static char breakers[4096];	/* changes of the gauge, "name=state;" */
static char acknowledged[4096]; /* "destination first-last;" */
static uint64_t acknowledged_spans, last_acknowledged;
static unsigned visits;
static uint64_t late_ms; /* the worst poll() beyond what was asked */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t dice(uint64_t sides)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % sides;
}

static void on_log(enum rk_log_level level, const char *line, void *data)
{
	static const char *const names[] = { "error", "warning", "info", "debug", "trace" };

	(void)data;
	fprintf(stderr, "%s: %s\n", names[level], line);
}

/* What a registry would render: one of each type, with the details of each format. */
static ptrdiff_t render(const struct rk_metrics *metrics, bool runtime, bool openmetrics,
			char **out)
{
	char series[2048] = "";
	int n;

	(void)metrics;
	(void)runtime;
	for (int i = 0, at = 0; i < 20; i++)
		at += snprintf(series + at, sizeof(series) - (size_t)at,
			       "rustkernel_executions_total{kernel_id=\"k%d\"} 1\n", i);
	if (openmetrics)
		n = asprintf(out,
			     "# TYPE rustkernel_executions counter\n"
			     "# HELP rustkernel_executions Kernels.\n"
			     "%s"
			     "rustkernel_executions_total{kernel_id=\"a\\\"b\"} 3\n"
			     "# TYPE rustkernel_execution_duration_seconds histogram\n"
			     "# UNIT rustkernel_execution_duration_seconds seconds\n"
			     "# HELP rustkernel_execution_duration_seconds GPU time.\n"
			     "rustkernel_execution_duration_seconds_bucket{le=\"0.001\"} 1 # "
			     "{trace_id=\"0123456789abcdef0123456789abcdef\"} 0.0005 1.5\n"
			     "rustkernel_execution_duration_seconds_bucket{le=\"+Inf\"} 3\n"
			     "rustkernel_execution_duration_seconds_count 3\n"
			     "rustkernel_execution_duration_seconds_sum 0.5\n"
			     "# EOF\n",
			     series);
	else
		n = asprintf(out,
			     "# HELP rustkernel_executions_total Kernels.\n"
			     "# TYPE rustkernel_executions_total counter\n"
			     "%s"
			     "rustkernel_executions_total{kernel_id=\"a\\\"b\"} 3\n"
			     "# HELP rustkernel_execution_duration_seconds GPU time.\n"
			     "# TYPE rustkernel_execution_duration_seconds histogram\n"
			     "rustkernel_execution_duration_seconds_bucket{le=\"0.001\"} 1\n"
			     "rustkernel_execution_duration_seconds_bucket{le=\"+Inf\"} 3\n"
			     "rustkernel_execution_duration_seconds_sum 0.5\n"
			     "rustkernel_execution_duration_seconds_count 3\n",
			     series);
	return n;
}

static void add(struct rk_metrics *metrics, const char *family, const char *label, double value)
{
	(void)metrics;
	if (strcmp(family, "rustkernel_dropped_total") != 0)
		return;
	for (int i = 0; i < RK_LOSS_COUNT; i++) {
		if (strcmp(label, rk_loss_name((enum rk_loss)i)) == 0)
			lost[i] += value;
	}
}

static void set(struct rk_metrics *metrics, const char *family, const char *label, double value)
{
	size_t used = strlen(breakers);

	(void)metrics;
	if (strcmp(family, "rustkernel_circuit_breaker_state") == 0)
		snprintf(breakers + used, sizeof(breakers) - used, "%s=%.0f;", label, value);
	if (strcmp(family, "rustkernel_tracer_sent_bytes_total") == 0)
		sent_bytes = value;
	if (strcmp(family, "rustkernel_tracer_spans_total") == 0 && strcmp(label, "sent") == 0)
		sent_spans = value;
}

static const struct rk_metric_family counter = {
	.name = "rustkernel_executions_total",
	.help = "Kernels.",
	.labels = { "kernel_id" },
	.unit = "",
	.type = RK_METRIC_COUNTER,
};
static const struct rk_metric_family gauge = {
	.name = "rustkernel_active_kernels",
	.help = "Not complete.",
	.unit = "",
	.type = RK_METRIC_GAUGE,
};
static const struct rk_metric_family histogram = {
	.name = "rustkernel_execution_duration_seconds",
	.unit = "seconds",
	.help = "GPU time.",
	.labels = { "kernel_id" },
	.type = RK_METRIC_HISTOGRAM,
};

/* Three kernels run between two reads. */
static void visit(const struct rk_metrics *metrics, bool runtime,
		  void (*fn)(const struct rk_metric_point *, void *), void *data)
{
	static const double bounds[] = { 0.001, 0.1 };
	unsigned now = ++visits;
	uint64_t buckets[] = { now, now, now };
	uint64_t exponential[] = { visits, 0, 2ull * visits };
	struct rk_metric_point points[] = {
		{ .family = &counter, .values = { "a" }, .value = 3.0 * visits },
		{ .family = &gauge, .value = 7 },
		{ .family = &histogram,
		  .values = { "a" },
		  .histogram = { .count = 3ull * visits,
				 .sum = 0.5 * visits,
				 .min = 0.0005,
				 .max = 1,
				 .bounds = bounds,
				 .buckets = buckets,
				 .bound_count = 2,
				 .exponential = exponential,
				 .exponential_first = -3,
				 .exponential_count = 3,
				 .scale = 0 } },
	};

	(void)metrics;
	(void)runtime;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		fn(&points[i], data);
}

static void acknowledge(void *data, const char *destination, uint64_t first, uint64_t last)
{
	size_t used = strlen(acknowledged);

	(void)data;
	snprintf(acknowledged + used, sizeof(acknowledged) - used, "%s %" PRIu64 "-%" PRIu64 ";",
		 destination, first, last);
	if (first <= last_acknowledged)
		fprintf(stderr, "error: spans are acknowledged out of order\n");
	acknowledged_spans += last - first + 1;
	last_acknowledged = last;
}

static int health(const char *what, char *out, size_t size, void *data)
{
	(void)data;
	snprintf(out, size, "{\"probe\":\"%s\"}", what);
	return strcmp(what, "ready") == 0 ? 503 : 200;
}

static void fill(uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(1 + dice(255));
}

/* A name of some length, now and then with what JSON and UTF-8 make difficult. */
static const char *random_name(const char *stem)
{
	static const char *const ends[] = { "", "<float, 4>", "::k\\\"q", "_\xc3\xa4", "(int*)" };
	char text[700];
	int length =
		snprintf(text, sizeof(text), "%s%u%s", stem, (unsigned)dice(50), ends[dice(5)]);
	size_t extra = dice(20) ? 0 : dice(600);

	memset(text + length, 'x', extra);
	text[(size_t)length + extra] = '\0';
	return rk_intern_get(rk_intern(text));
}

static void make_op(struct rk_op *op)
{
	static const uint8_t kinds[] = { RK_OP_KERNEL, RK_OP_KERNEL, RK_OP_MEMCPY, RK_OP_MEMSET };

	memset(op, 0, sizeof(*op));
	op->kind = kinds[dice(4)];
	op->device = (uint32_t)dice(3);
	op->stream = (uint32_t)dice(300);
	op->correlation = (uint32_t)dice(1u << 31);
	op->api = rk_intern("cuLaunchKernel");
	op->flags = dice(4) ? 0 : RK_OP_F_HOST_TIME;
	if (op->kind == RK_OP_KERNEL) {
		op->name = rk_intern(random_name("_Z6kernel"));
		for (int i = 0; i < 3; i++) {
			op->kernel.grid[i] = (uint32_t)(1 + dice(1u << (4 + 8 * dice(4))));
			op->kernel.block[i] = (uint32_t)(1 + dice(1024));
		}
		op->kernel.registers = (uint32_t)dice(256);
		op->kernel.static_shared_bytes = (uint32_t)dice(50000);
		op->kernel.dynamic_shared_bytes = (uint32_t)dice(50000);
		op->kernel.graph = dice(5) ? 0 : 7;
		op->kernel.graph_node = op->kernel.graph ? dice(UINT64_MAX / 4) + 1 : 0;
	} else {
		op->copy.bytes = dice(UINT64_MAX / 2) >> dice(60);
		op->copy.copy_kind = op->kind == RK_OP_MEMCPY ? (uint8_t)dice(11) : 0;
		op->copy.value = (uint32_t)dice(256);
		op->copy.peer_device = 1;
	}
}

static void make_span(struct rk_span *span, struct rk_op *op)
{
	static const uint8_t shapes[] = { RK_SPAN_ROOT, RK_SPAN_STAGE, RK_SPAN_LEAF, RK_SPAN_LEAF };

	memset(span, 0, sizeof(*span));
	fill(span->trace_id, 16);
	fill(span->span_id, 8);
	span->shape = shapes[dice(4)];
	if (span->shape != RK_SPAN_ROOT || dice(2))
		fill(span->parent_id, 8);
	span->parent_is_remote = span->shape == RK_SPAN_ROOT && span->parent_id[0];
	if (span->shape == RK_SPAN_ROOT && !dice(3)) {
		fill(span->link_trace_id, 16);
		fill(span->link_span_id, 8);
	}
	span->start_unix_ns = 1700000000000000000u + dice(1000000000000u);
	span->end_unix_ns = span->start_unix_ns + dice(1000000000u);
	span->name = random_name(span->shape == RK_SPAN_ROOT ? "kernel:k" : "k");
	span->kernel_id = dice(8) ? random_name("k") : "";
	span->domain = dice(2) ? "GraphAnalytics" : "unknown";
	span->tracestate = dice(4) ? "" : "a=b,c=d";
	span->tid = (uint32_t)dice(100000);
	span->ops = (uint32_t)dice(10000);
	span->kernels = (uint32_t)dice(10000);
	span->gpu_ns = dice(1u << 31);
	span->queue_ns = dice(1u << 20);
	span->error = dice(6) ? "" : "CUDA_ERROR_ILLEGAL_ADDRESS";
	/* Sampled, or the span would not be sent. */
	span->trace_flags = (uint8_t)(1 | dice(4));
	if (span->shape == RK_SPAN_LEAF) {
		make_op(op);
		span->op = op;
		span->host_time = op->flags & RK_OP_F_HOST_TIME;
		span->demangled = dice(2) ? random_name("void kernel") : NULL;
	}
}

static void print_hex(FILE *file, const char *key, const uint8_t *bytes, size_t count)
{
	fprintf(file, "\"%s\":\"", key);
	for (size_t i = 0; i < count; i++)
		fprintf(file, "%02x", bytes[i]);
	fprintf(file, "\",");
}

static void print_text(FILE *file, const char *key, const char *text)
{
	fprintf(file, "\"%s\":\"", key);
	for (; text && *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', file);
		fputc(*text, file);
	}
	fprintf(file, "\",");
}

static void print_op(FILE *file, const struct rk_op *op)
{
	fprintf(file,
		"\"op\":%u,\"device\":%u,\"stream\":%u,\"correlation\":%u,\"flags\":%u,"
		"\"grid\":\"%u,%u,%u\",\"block\":\"%u,%u,%u\",",
		op->kind, op->device, op->stream, op->correlation, op->flags, op->kernel.grid[0],
		op->kernel.grid[1], op->kernel.grid[2], op->kernel.block[0], op->kernel.block[1],
		op->kernel.block[2]);
	if (op->kind == RK_OP_KERNEL) {
		print_text(file, "mangled", rk_intern_get(op->name));
		fprintf(file, "\"registers\":%u,\"shared\":%u,\"graph\":%u,\"node\":%" PRIu64 ",",
			op->kernel.registers,
			op->kernel.static_shared_bytes + op->kernel.dynamic_shared_bytes,
			op->kernel.graph, op->kernel.graph_node);
	} else {
		fprintf(file, "\"bytes\":%" PRIu64 ",\"copy_kind\":%u,\"value\":%u,",
			op->copy.bytes, op->copy.copy_kind, op->copy.value);
	}
}

static void print_span(FILE *file, const struct rk_span *span)
{
	fputc('{', file);
	print_hex(file, "trace_id", span->trace_id, 16);
	print_hex(file, "span_id", span->span_id, 8);
	print_hex(file, "parent_id", span->parent_id, 8);
	print_hex(file, "link_trace_id", span->link_trace_id, 16);
	print_hex(file, "link_span_id", span->link_span_id, 8);
	print_text(file, "name", span->name);
	print_text(file, "kernel_id", span->kernel_id);
	print_text(file, "demangled", span->demangled);
	print_text(file, "domain", span->domain);
	print_text(file, "tracestate", span->tracestate);
	print_text(file, "error", span->error);
	if (span->op)
		print_op(file, span->op);
	fprintf(file,
		"\"start\":%" PRIu64 ",\"end\":%" PRIu64 ",\"tid\":%u,\"ops\":%u,\"kernels\":%u,"
		"\"gpu_ns\":%" PRIu64 ",\"queue_ns\":%" PRIu64 ",\"shape\":%u,\"trace_flags\":%u,"
		"\"remote\":%s,\"host_time\":%s}\n",
		span->start_unix_ns, span->end_unix_ns, span->tid, span->ops, span->kernels,
		span->gpu_ns, span->queue_ns, span->shape, span->trace_flags,
		span->parent_is_remote ? "true" : "false", span->host_time ? "true" : "false");
}

static void timed_poll(struct rk_net *net, uint32_t timeout_ms)
{
	uint64_t start = now_ms(), took;

	net->poll(net, timeout_ms);
	took = now_ms() - start;
	if (took > timeout_ms && took - timeout_ms > late_ms)
		late_ms = took - timeout_ms;
}

static void feed(struct rk_net *net)
{
	FILE *file = options.expect ? fopen(options.expect, "w") : NULL;

	for (uint64_t i = 0; i < options.spans; i++) {
		struct rk_span span;
		struct rk_op op;

		make_span(&span, &op);
		span.sequence = i + 1;
		if (file)
			print_span(file, &span);
		net->sink.span(&net->sink, &span);
		if (i % 256 == 255 || options.pace_us)
			timed_poll(net, 0);
		if (options.pace_us)
			usleep((useconds_t)options.pace_us);
	}
	if (file)
		fclose(file);
}

static void feed_events(struct rk_net *net)
{
	for (uint64_t i = 0; i < options.events; i++) {
		struct rk_log_field field = { .key = "number", .number = (double)i };
		struct rk_log_event event = {
			.unix_ns = 1700000000000000000u + i,
			.observed_unix_ns = 1700000000000000001u + i,
			.level = RK_LOG_INFO,
			.name = "rustkernel.execution",
			.message = "Kernel execution complete",
			.kernel_id = "k",
			.duration_ms = 1.5,
			.trace_id = { 1 },
			.span_id = { 2 },
			.fields = &field,
			.field_count = 1,
		};

		net->log(net, &event);
	}
}

static void hold(struct rk_net *net)
{
	uint64_t end = now_ms() + options.hold_ms;
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	while (options.until_stdin ? poll(&in, 1, 0) == 0 : now_ms() < end)
		timed_poll(net, 20);
}

static void report_signal(const char *name, const struct rk_net_signal_stats *s)
{
	printf("\"%s\":{\"eligible\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"sampled_out\":%" PRIu64
	       ",\"queued\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"requests\":%" PRIu64
	       ",\"retries\":%" PRIu64 ",\"connected\":%s,\"lost\":{",
	       name, s->eligible, s->sent, s->sampled_out, s->queued, s->dropped, s->requests,
	       s->retries, s->connected ? "true" : "false");
	for (int i = 0; i < RK_LOSS_COUNT; i++)
		printf("%s\"%s\":%" PRIu64, i ? "," : "", rk_loss_name((enum rk_loss)i),
		       s->lost[i]);
	printf("}},");
}

static void report(const struct rk_net *net, uint64_t finish_took, bool signals_changed)
{
	struct rk_net_stats s;

	net->get_stats(net, &s);
	printf("{\"eligible\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"sampled_out\":%" PRIu64
	       ",\"queued\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"bytes_sent\":%" PRIu64
	       ",\"requests\":%" PRIu64 ",\"retries\":%" PRIu64 ",\"pushes\":%" PRIu64
	       ",\"push_failures\":%" PRIu64 ",\"scrapes\":%" PRIu64 ",\"connected\":%s,",
	       s.eligible, s.sent, s.sampled_out, s.queued, s.dropped, s.bytes_sent, s.requests,
	       s.retries, s.pushes, s.push_failures, s.scrapes, s.connected ? "true" : "false");
	for (int i = 0; i < RK_LOSS_COUNT; i++)
		printf("\"%s\":%" PRIu64 ",\"told_%s\":%.0f,", rk_loss_name((enum rk_loss)i),
		       s.lost[i], rk_loss_name((enum rk_loss)i), lost[i]);
	report_signal("traces", &s.signals[RK_NET_TRACES]);
	report_signal("metrics", &s.signals[RK_NET_METRICS]);
	report_signal("logs", &s.signals[RK_NET_LOGS]);
	print_text(stdout, "breakers", breakers);
	print_text(stdout, "acknowledged", acknowledged);
	printf("\"acknowledged_spans\":%" PRIu64 ",\"visits\":%u,", acknowledged_spans, visits);
	print_text(stdout, "last_error", s.last_error);
	printf("\"told_spans\":%.0f,", sent_spans);
	printf("\"told_bytes\":%.0f,\"finish_ms\":%" PRIu64 ",\"late_ms\":%" PRIu64
	       ",\"signals_changed\":%s}\n",
	       sent_bytes, finish_took, late_ms, signals_changed ? "true" : "false");
}

static bool parse(int argc, char **argv)
{
	const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{ "spans=", &options.spans },	  { "seed=", &options.seed },
		{ "hold_ms=", &options.hold_ms }, { "finish_ms=", &options.finish_ms },
		{ "pace_us=", &options.pace_us }, { "events=", &options.events },
	};

	if (argc < 2)
		return false;
	options.module = argv[1];
	for (int i = 2; i < argc; i++) {
		bool known = false;

		for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
			size_t length = strlen(numbers[k].name);

			if (strncmp(argv[i], numbers[k].name, length) != 0)
				continue;
			*numbers[k].value = strtoull(argv[i] + length, NULL, 10);
			known = true;
		}
		if (strncmp(argv[i], "expect=", 7) == 0)
			options.expect = argv[i] + 7;
		else if (strcmp(argv[i], "replay=1") == 0)
			options.replay = true;
		else if (strcmp(argv[i], "until_stdin=1") == 0)
			options.until_stdin = true;
		else if (!known)
			return false;
	}
	return true;
}

/* The tracer's threads run with all signals blocked; nothing here may change a disposition. */
static bool pipe_disposition_changed(void)
{
	struct sigaction action;

	sigaction(SIGPIPE, NULL, &action);
	return action.sa_handler != SIG_DFL;
}

static int drive(rk_net_open_fn open_module, const struct rk_net_host *host)
{
	struct rk_net *net;
	uint64_t start;
	int err = open_module ? open_module(&net, host) : -1;

	if (err) {
		printf("{\"open\":%d}\n", err);
		return 1;
	}
	feed(net);
	feed_events(net);
	hold(net);
	start = now_ms();
	net->finish(net, (uint32_t)options.finish_ms);
	report(net, now_ms() - start, pipe_disposition_changed());
	net->close(net);
	return 0;
}

int main(int argc, char **argv)
{
	struct rk_net_host host = { .abi = RK_NET_ABI, .log = on_log };
	struct rk_env *env = rk_env_create(NULL);
	struct rk_config *config;
	rk_net_open_fn open_module;
	sigset_t all;
	void *module;
	int status;

	rk_log_init(RK_LOG_INFO, true);
	rk_log_attach(on_log, NULL);
	if (!parse(argc, argv) || rk_config_create(&config, env))
		return 64;
	rk_config_log_problems(config);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	state = options.seed;
	module = dlopen(options.module, RTLD_NOW | RTLD_LOCAL);
	if (!module) {
		fprintf(stderr, "%s\n", dlerror());
		return 66;
	}
	*(void **)&open_module = dlsym(module, "rk_net_open");
	host.config = config;
	host.env = env;
	host.strings = rk_intern_table();
	host.log_level = config->logging_level;
	host.render = render;
	host.add = add;
	host.set = set;
	host.visit = visit;
	host.acknowledge = acknowledge;
	host.resource = rk_resource_create(config, env, NULL);
	host.instance = "test-host";
	host.live = !options.replay;
	host.health = health;
	status = drive(open_module, &host);
	free((char *)host.resource);
	rk_config_destroy(config);
	rk_env_destroy(env);
	return status;
}
