/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_metrics_limits.c - the cap, exemplars, breakers, resource, process.
 */
#include "metrics_fixture.h"

#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/intern.h"
#include "core/trace_context.h"
#include "pipeline/metrics/metrics_state.h"
#include "pipeline/pipeline.h"

struct sum {
	const char *family;
	double total;
	uint64_t series;
};

static void add_point(const struct rk_metric_point *point, void *data)
{
	struct sum *sum = data;

	if (strcmp(point->family->name, sum->family) != 0)
		return;
	sum->total += point->value;
	sum->series++;
}

static struct sum sum_of(const struct rk_metrics *metrics, const char *family)
{
	struct sum sum = { .family = family };

	rk_metrics_visit(metrics, true, add_point, &sum);
	return sum;
}

static void feed_error(struct rk_metrics *metrics, uint32_t number)
{
	struct rk_op op;
	char api[32];

	memset(&op, 0, sizeof(op));
	snprintf(api, sizeof(api), "cuCall%u", number);
	op.kind = RK_OP_ERROR;
	op.api = rk_intern(api);
	op.result = 1;
	feed(metrics, op);
}

/* M7: nothing is lost, nothing counted twice, and the family stays below its cap. */
static void test_cap_on_errors(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	config.metrics_max_series = 10;
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 50; i++)
			feed_error(metrics, i);
	}
	assert_int_equal(sum_of(metrics, "rustkernel_errors_total").series, 10);
	assert_int_equal(sum_of(metrics, "rustkernel_errors_total").total, 150);
	text = render(metrics, true, false);
	assert_line(text, "rustkernel_errors_total{api=\"cuCall8\",error="
			  "\"CUDA_ERROR_INVALID_VALUE\",domain=\"unknown\"} 3");
	assert_line(text,
		    "rustkernel_errors_total{api=\"other\",error=\"other\",domain=\"other\"} 123");
	assert_line(text, "rustkernel_tracer_folded_series 41");
	assert_line(text, "rustkernel_dropped_total{reason=\"limit\"} 0");
	free(text);
	rk_metrics_destroy(metrics);
}

/* What a folded gauge was given it gives back: a key never changes its place. */
static void test_cap_on_memory(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	struct rk_op op;
	char *text;

	(void)state;
	test_config_init(&config);
	config.metrics_max_series = 10;
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	memset(&op, 0, sizeof(op));
	op.memory.pool = RK_POOL_DEVICE;
	op.memory.bytes = 100;
	for (op.device = 0; op.device < 15; op.device++) {
		op.kind = RK_OP_ALLOC;
		feed(metrics, op);
	}
	text = render(metrics, false, false);
	assert_line(text, "rustkernel_memory_bytes{device=\"other\",pool=\"other\"} 600");
	free(text);
	for (op.device = 5; op.device < 12; op.device++) {
		op.kind = RK_OP_FREE;
		feed(metrics, op);
	}
	text = render(metrics, false, false);
	assert_line(text, "rustkernel_memory_bytes{device=\"8\",pool=\"device\"} 0");
	assert_line(text, "rustkernel_memory_bytes{device=\"other\",pool=\"other\"} 300");
	assert_int_equal(sum_of(metrics, "rustkernel_memory_bytes").total, 800);
	free(text);
	rk_metrics_destroy(metrics);
}

/* GPU time, host time and what the program records stay apart in "other", too. */
static void test_cap_on_kernels(void **state)
{
	static const struct rk_instrument recorded = { .name = "recorded",
						       .unit = "",
						       .help = "",
						       .domain = "",
						       .type = RK_INSTRUMENT_EXECUTION };
	struct rk_metrics *metrics;
	struct rk_config config;
	char name[32], *text;

	(void)state;
	test_config_init(&config);
	config.metrics_max_series = 10;
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	for (int i = 0; i < 40; i++) {
		struct rk_op op;

		snprintf(name, sizeof(name), "kernel%d", i);
		op = kernel_op(name, 5, 0);
		feed(metrics, op);
		op.flags = RK_OP_F_HOST_TIME;
		feed(metrics, op);
	}
	feed_instrument(metrics, 1, &recorded, NULL);
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, 1);
	assert_int_equal(sum_of(metrics, "rustkernel_executions_total").series, 10);
	assert_int_equal(sum_of(metrics, "rustkernel_executions_total").total, 81);
	text = render(metrics, true, false);
#define OTHER "kernel_id=\"other\",domain=\"other\",device=\"other\",source="
	assert_line(text, "rustkernel_executions_total{" OTHER "\"gpu\",status=\"ok\"} 36");
	assert_line(text, "rustkernel_executions_total{" OTHER "\"host\",status=\"ok\"} 37");
	assert_line(text, "rustkernel_executions_total{" OTHER "\"api\",status=\"ok\"} 1");
	assert_line(text, "rustkernel_execution_duration_seconds_count{" OTHER "\"host\"} 37");
	assert_line(text, "rustkernel_tracer_folded_series 74");
	free(text);
	rk_metrics_destroy(metrics);
}

static struct rk_span span_of(const struct rk_op *op, uint8_t mark, uint8_t flags)
{
	struct rk_span span;

	memset(&span, 0, sizeof(span));
	span.shape = RK_SPAN_LEAF;
	span.op = op;
	span.trace_flags = flags;
	span.end_unix_ns = 1700000000500000000;
	memset(span.trace_id, mark, sizeof(span.trace_id));
	memset(span.span_id, mark, sizeof(span.span_id));
	return span;
}

static void note(struct rk_metrics *metrics, struct rk_op op, uint8_t mark, uint8_t flags)
{
	struct rk_span span = span_of(&op, mark, flags);

	feed(metrics, op);
	rk_metrics_note_span(metrics, &span);
}

#define TRACE(byte) byte byte byte byte byte byte byte byte byte byte byte byte byte byte byte byte
#define SPAN(byte)  byte byte byte byte byte byte byte byte

/* T4, M6: one per bucket, the newest, with a value inside of it, and of sampled spans only. */
static void test_exemplars(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	struct rk_op copy, late;
	struct rk_span span;
	char *text;

	(void)state;
	test_config_init(&config);
	config.metrics_histogram_buckets = (struct rk_bounds){ 2, { 1e-6, 0.001 } };
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	note(metrics, kernel_op("k", 700, 0), 0x11, RK_TRACE_FLAG_SAMPLED);
	note(metrics, kernel_op("k", 1000, 0), 0x22, RK_TRACE_FLAG_SAMPLED);
	note(metrics, kernel_op("k", 800, 0), 0x33, 0);
	late = kernel_op("k", 900, 0);
	late.ordinal = 7;
	span = span_of(&late, 0x22, RK_TRACE_FLAG_SAMPLED);
	rk_metrics_note_span(metrics, &span); /* its op came before others */
	note(metrics, kernel_op("k", 5000000, 0), 0xab, RK_TRACE_FLAG_SAMPLED);
	copy = kernel_op("k", 5000, 0);
	copy.kind = RK_OP_MEMCPY;
	note(metrics, copy, 0x44, RK_TRACE_FLAG_SAMPLED);
	text = render(metrics, false, true);
#define BUCKET                                                                                     \
	"rustkernel_execution_duration_seconds_bucket{kernel_id=\"k\",domain=\"unknown\","         \
	"device=\"0\",source=\"gpu\",le="
	assert_line(text, BUCKET "\"1e-06\"} 3 # {trace_id=\"" TRACE("22") "\",span_id=\"" SPAN(
				  "22") "\"} 0.0000009 1700000000.5");
	assert_line(text, BUCKET "\"0.001\"} 3");
	assert_line(text, BUCKET "\"+Inf\"} 4 # {trace_id=\"" TRACE("ab") "\",span_id=\"" SPAN(
				  "ab") "\"} 0.005 1700000000.5");
	assert_null(strstr(text, TRACE("44")));
	free(text);
	text = render(metrics, false, false);
	assert_null(strstr(text, "trace_id"));
	free(text);
	rk_metrics_destroy(metrics);
}

static void test_exemplar_filters(void **state)
{
	struct rk_kernel_series *series;
	struct rk_metrics *metrics;
	struct rk_config config;

	(void)state;
	test_config_init(&config);
	config.metrics_exemplars = RK_EXEMPLARS_ALWAYS_ON;
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	note(metrics, kernel_op("k", 700, 0), 0x11, 0);
	series = metrics->kernels.items[0];
	assert_non_null(series->exemplars);
	assert_int_equal(series->exemplars[0].trace_id[0], 0x11);
	rk_metrics_destroy(metrics);

	config.metrics_exemplars = RK_EXEMPLARS_ALWAYS_OFF;
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	note(metrics, kernel_op("k", 700, 0), 0x11, RK_TRACE_FLAG_SAMPLED);
	series = metrics->kernels.items[0];
	assert_null(series->exemplars);
	rk_metrics_destroy(metrics);
}

static void test_breakers(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char name[64], *text;

	(void)state;
	test_config_init(&config);
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	text = render(metrics, true, false);
	assert_null(strstr(text, "rustkernel_circuit_breaker_state"));
	free(text);
	rk_metrics_set(metrics, "rustkernel_circuit_breaker_state", "pushgateway", 2);
	rk_metrics_set(metrics, "rustkernel_circuit_breaker_state", "a \"name\"", 1);
	rk_metrics_set(metrics, "rustkernel_circuit_breaker_state", "pushgateway", 0);
	text = render(metrics, false, false);
	assert_line(text, "rustkernel_circuit_breaker_state{name=\"pushgateway\"} 0");
	assert_line(text, "rustkernel_circuit_breaker_state{name=\"a \\\"name\\\"\"} 1");
	free(text);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "receiver%d", i);
		rk_metrics_set(metrics, "rustkernel_circuit_breaker_state", name, 2);
	}
	assert_int_equal(sum_of(metrics, "rustkernel_circuit_breaker_state").series, 64);
	text = render(metrics, false, false);
	assert_line(text, "rustkernel_circuit_breaker_state{name=\"receiver60\"} 2");
	assert_line(text, "rustkernel_circuit_breaker_state{name=\"other\"} 2");
	free(text);
	rk_metrics_destroy(metrics);
}

static void test_notices(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char name[64], *text;

	(void)state;
	test_config_init(&config);
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	rk_metrics_set(metrics, "rustkernel_notifications_sent_total", "slack", 3);
	rk_metrics_set(metrics, "rustkernel_notifications_failed_total", "oncall", 1);
	text = render(metrics, false, false);
	assert_line(text, "rustkernel_notifications_sent_total{channel=\"slack\"} 3");
	assert_line(text, "rustkernel_notifications_failed_total{channel=\"oncall\"} 1");
	assert_null(strstr(text, "notifications_failed_total{channel=\"slack\"}"));
	free(text);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "channel%d", i);
		rk_metrics_set(metrics, "rustkernel_notifications_sent_total", name, 1);
	}
	assert_int_equal(sum_of(metrics, "rustkernel_notifications_sent_total").series, 32);
	assert_int_equal(sum_of(metrics, "rustkernel_notifications_failed_total").series, 1);
	rk_metrics_destroy(metrics);
}

/* T6: what may not stand in a label name, runs, collisions in key order, digits in front. */
static void test_target_info(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	text = render(metrics, false, false);
	assert_null(strstr(text, "target_info"));
	free(text);
	rk_metrics_set_resource(metrics, "service.name=train%2C%22a%22,host..-name=h,"
					 "a.b=second,a-b=first,9lives=x%0Ay,__x=1");
	text = render(metrics, false, false);
	assert_line(text, "# TYPE target_info gauge");
	assert_line(text, "target_info{_9lives=\"x\\ny\",_x=\"1\",a_b=\"first;second\","
			  "host_name=\"h\",service_name=\"train,\\\"a\\\"\"} 1");
	free(text);
	text = render(metrics, false, true);
	assert_int_equal(strncmp(text, "# TYPE target info\n# HELP target ", 33), 0);
	assert_non_null(strstr(text, "\ntarget_info{_9lives="));
	free(text);
	rk_metrics_set_resource(metrics, "not a list");
	text = render(metrics, false, false);
	assert_null(strstr(text, "target_info"));
	free(text);
	rk_metrics_destroy(metrics);
}

static void test_bad_bytes_in_a_name(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	feed(metrics, kernel_op("a\xff\xc3\xa4\xe2\x82", 10, 0));
	text = render(metrics, false, false);
	assert_non_null(
		strstr(text, "kernel_id=\"a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\""));
	free(text);
	rk_metrics_destroy(metrics);
}

/* What is written reads back as the same double, with a decimal comma in the program, too. */
static void test_numbers(void **state)
{
	static const double values[] = { 0,
					 -0.0,
					 0.1,
					 1.5,
					 -2.25,
					 1e-9,
					 1e15,
					 1e16,
					 1e300,
					 5e-324,
					 1.0 / 3,
					 -1e-7 / 3,
					 123456789.123456789,
					 9e6 + 0.1,
					 1e22 / 7,
					 4.35e-7 };
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	for (int comma = 0; comma < 2; comma++) {
		setlocale(LC_ALL, comma ? "de_DE.UTF-8" : "C");
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			rk_metrics_set(metrics, "rustkernel_tracer_lag_seconds", "", values[i]);
			text = render(metrics, true, false);
			setlocale(LC_ALL, "C");
			assert_true(value_of(text, "rustkernel_tracer_lag_seconds ") == values[i]);
			setlocale(LC_ALL, comma ? "de_DE.UTF-8" : "C");
			free(text);
		}
	}
	setlocale(LC_ALL, "C");
	rk_metrics_set(metrics, "rustkernel_tracer_lag_seconds", "", (double)-INFINITY);
	text = render(metrics, true, false);
	assert_line(text, "rustkernel_tracer_lag_seconds -Inf");
	free(text);
	rk_metrics_destroy(metrics);
}

/* As rk-exporter: a table of its own, with descriptors that are not the program's. */
static void *render_apart(void *data)
{
	struct rk_metrics *metrics = data;

	if (unshare(CLONE_FILES) != 0)
		return NULL;
	for (int i = 0; i < 100; i++) {
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			return NULL;
	}
	return render(metrics, true, false);
}

static char *render_in_thread(struct rk_metrics *metrics)
{
	pthread_t thread;
	void *text;

	assert_int_equal(pthread_create(&thread, NULL, render_apart, metrics), 0);
	pthread_join(thread, &text);
	assert_non_null(text);
	return text;
}

static void test_process(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	double before, start;
	struct timespec now;
	char *text;
	int fds[7];

	(void)state;
	test_config_init(&config);
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	text = render(metrics, true, false);
	assert_null(strstr(text, "process_cpu_seconds_total")); /* a replay */
	free(text);
	rk_metrics_set_live(metrics);
	text = render(metrics, false, false);
	assert_null(strstr(text, "\nprocess_"));
	free(text);
	text = render_in_thread(metrics);
	before = value_of(text, "process_open_fds ");
	assert_true(before >= 3 && before < 100);
	assert_true(value_of(text, "process_max_fds ") == (double)sysconf(_SC_OPEN_MAX));
	assert_true(value_of(text, "process_cpu_seconds_total ") > 0);
	assert_true(value_of(text, "process_resident_memory_bytes ") > 1e5);
	assert_true(value_of(text, "process_virtual_memory_bytes ") >
		    value_of(text, "process_resident_memory_bytes "));
	start = value_of(text, "process_start_time_seconds ");
	clock_gettime(CLOCK_REALTIME, &now);
	assert_true(start <= (double)now.tv_sec + 1 && start > (double)now.tv_sec - 600);
	free(text);
	for (int i = 0; i < 7; i++)
		fds[i] = dup(0);
	text = render_in_thread(metrics);
	assert_true(value_of(text, "process_open_fds ") == before + 7);
	assert_true(value_of(text, "process_start_time_seconds ") == start);
	free(text);
	for (int i = 0; i < 7; i++)
		close(fds[i]);
	rk_metrics_destroy(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cap_on_errors),
		cmocka_unit_test(test_cap_on_memory),
		cmocka_unit_test(test_cap_on_kernels),
		cmocka_unit_test(test_exemplars),
		cmocka_unit_test(test_exemplar_filters),
		cmocka_unit_test(test_breakers),
		cmocka_unit_test(test_notices),
		cmocka_unit_test(test_target_info),
		cmocka_unit_test(test_bad_bytes_in_a_name),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
