/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_metrics.c - series from ops, and their text.
 */
#include "metrics_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fields.h"
#include "core/intern.h"
#include "pipeline/metrics/metrics_state.h"

static void test_kernels(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	config.metrics_histogram_buckets = (struct rk_bounds){ 2, { 1e-6, 0.001 } };
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	feed(metrics, kernel_op("_Z3addPfS_i", 1000, 0));
	feed(metrics, kernel_op("_Z3addPfS_i", 1001, 0));
	feed(metrics, kernel_op("_Z3addPfS_i", 5000000, 0));
	feed(metrics, kernel_op("_Z3addPfS_i", 70, RK_OP_F_HOST_TIME));
	feed(metrics, kernel_op("_Z3addPfS_i", 0, RK_OP_F_OPEN));	  /* not complete */
	feed(metrics, kernel_op("_Z3addPfS_i", 0, RK_OP_F_INVALID_TIME)); /* no duration */
	text = render(metrics, false, false);
#define GPU  "kernel_id=\"add\",domain=\"unknown\",device=\"0\",source=\"gpu\""
#define HOST "kernel_id=\"add\",domain=\"unknown\",device=\"0\",source=\"host\""
	assert_line(text, "# TYPE rustkernel_executions_total counter");
	assert_line(text, "rustkernel_executions_total{" GPU ",status=\"ok\"} 4");
	assert_line(text, "rustkernel_executions_total{" HOST ",status=\"ok\"} 1");
#define D "rustkernel_execution_duration_seconds"
	assert_line(text, "# TYPE " D " histogram");
	assert_line(text, D "_bucket{" GPU ",le=\"1e-06\"} 1");
	assert_line(text, D "_bucket{" GPU ",le=\"0.001\"} 2");
	assert_line(text, D "_bucket{" GPU ",le=\"+Inf\"} 3");
	assert_line(text, D "_sum{" GPU "} 0.005002001");
	assert_line(text, D "_count{" GPU "} 3");
	assert_line(text, D "_count{" HOST "} 1");
	assert_null(strstr(text, "rustkernel_tracer_"));
	free(text);
	rk_metrics_destroy(metrics);
}

static void test_top_k_folds(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	config.metrics_top_k = 2;
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	for (int round = 0; round < 3; round++) {
		feed(metrics, kernel_op("one", 10, 0));
		feed(metrics, kernel_op("two", 10, 0));
		feed(metrics, kernel_op("three", 10, 0));
		feed(metrics, kernel_op("four", 10, 0));
	}
	text = render(metrics, true, false);
	assert_line(text, "rustkernel_executions_total{kernel_id=\"two\",domain=\"unknown\","
			  "device=\"0\",source=\"gpu\",status=\"ok\"} 3");
	assert_line(text, "rustkernel_executions_total{kernel_id=\"other\",domain=\"unknown\","
			  "device=\"0\",source=\"gpu\",status=\"ok\"} 6");
	assert_line(text, "rustkernel_tracer_folded_kernels 2");
	assert_null(strstr(text, "three"));
	free(text);
	rk_metrics_destroy(metrics);

	config.metrics_include_kernel_stats = false;
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	feed(metrics, kernel_op("one", 10, 0));
	feed(metrics, kernel_op("two", 10, 0));
	text = render(metrics, false, false);
	assert_line(text, "rustkernel_executions_total{kernel_id=\"all\",domain=\"unknown\","
			  "device=\"0\",source=\"gpu\",status=\"ok\"} 2");
	free(text);
	rk_metrics_destroy(metrics);
}

static void feed_others(struct rk_metrics *metrics)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_ALLOC;
	op.device = 1;
	op.memory.bytes = 4096;
	op.memory.pool = RK_POOL_PINNED;
	feed(metrics, op);
	op.memory.bytes = 1024;
	feed(metrics, op);
	op.kind = RK_OP_FREE;
	op.memory.bytes = 4096;
	feed(metrics, op);
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_MEMCPY;
	op.start = 1;
	op.end = 2001;
	op.copy.bytes = 100;
	op.copy.copy_kind = RK_COPY_HTOD;
	feed(metrics, op);
	op.flags = RK_OP_F_HOST_TIME;
	feed(metrics, op);
	op.kind = RK_OP_MEMSET;
	op.flags = 0;
	feed(metrics, op);
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_ERROR;
	op.api = rk_intern("cuLaunchKernel");
	op.name = rk_intern("_Z3addPfS_i");
	op.result = 2;
	feed(metrics, op);
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_TICK;
	op.tick.active[1] = 3;
	op.tick.ledger.dropped[RK_LOSS_RING_FULL] = 5;
	op.tick.cpu_ns = 1500000000;
	feed(metrics, op);
}

static void feed_span(struct rk_metrics *metrics, uint8_t id, uint8_t parent, const char *domain)
{
	struct rk_op op = { .kind = RK_OP_SPAN_BEGIN, .said.number = id };
	struct rk_fields_writer text;
	uint8_t bytes[256];

	op.said.span_id[0] = id;
	op.said.parent_id[0] = parent;
	rk_fields_writer_init(&text, bytes, sizeof(bytes));
	rk_fields_put_placed(&text, "name");
	rk_fields_put_placed(&text, domain);
	op.text = bytes;
	op.text_bytes = (uint32_t)text.used;
	feed(metrics, op);
}

static void feed_failure(struct rk_metrics *metrics, uint64_t exec, uint8_t span)
{
	struct rk_op context = { .kind = RK_OP_CONTEXT, .exec = exec, .said.number = span };
	struct rk_op failure = { .kind = RK_OP_ERROR, .exec = exec, .result = 2 };

	context.said.span_id[0] = span;
	if (span)
		feed(metrics, context);
	failure.api = rk_intern("cuMemAlloc_v2");
	feed(metrics, failure);
}

#define FAILED                                                                                     \
	"rustkernel_errors_total{api=\"cuMemAlloc_v2\",error=\"CUDA_ERROR_OUT_OF_MEMORY\",domain="

/* A call that fails is of the execution or the span it belongs to. */
static void test_failures_have_a_domain(void **state)
{
	struct rk_kernel_rule rule = { .match = "mine", .id = "", .domain = "Mapped" };
	struct rk_op kernel = kernel_op("mine", 10, 0);
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text, domain[32];

	(void)state;
	test_config_init(&config);
	config.kernels = &rule;
	config.kernel_count = 1;
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	feed_failure(metrics, 0, 0);
	feed_span(metrics, 1, 0, "Graph");
	feed_span(metrics, 2, 1, ""); /* a stage of it */
	feed_failure(metrics, 5, 2);
	feed_failure(metrics, 5, 0);
	feed_failure(metrics, 0, 2); /* before anything was submitted */
	feed_failure(metrics, 0, 0); /* that was for one call */
	kernel.exec = 6;
	feed(metrics, kernel);
	feed_failure(metrics, 6, 0);
	feed_failure(metrics, 7, 0); /* nothing is known of it */
	feed_failure(metrics, 6 + RK_DOMAIN_EXECS, 0);
	for (unsigned i = 0; i < 2 * RK_DOMAINS_MAX; i++) {
		snprintf(domain, sizeof(domain), "Made up %u", i);
		feed_span(metrics, 3, 0, domain);
	}
	feed_failure(metrics, 8, 3); /* one domain too many */
	text = render(metrics, false, false);
	assert_line(text, FAILED "\"Graph\"} 3");
	assert_line(text, FAILED "\"Mapped\"} 1");
	assert_line(text, FAILED "\"unknown\"} 5");
	free(text);
	rk_metrics_destroy(metrics);
}

static void test_other_families(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	feed_others(metrics);
	rk_metrics_add(metrics, "rustkernel_dropped_total", "queue_full", 2);
	rk_metrics_add(metrics, "rustkernel_dropped_total", "ring_full", 1);
	rk_metrics_set(metrics, "rustkernel_tracer_spans_total", "sent", 9);
	rk_metrics_set(metrics, "rustkernel_tracer_log_records_total", "sent", 8);
	rk_metrics_set(metrics, "rustkernel_tracer_queued", "logs", 7);
	rk_metrics_add(metrics, "rustkernel_executions_total", "", 1); /* nobody's to set */
	text = render(metrics, true, false);
	assert_line(text, "rustkernel_memory_bytes{device=\"1\",pool=\"pinned\"} 1024");
	assert_line(text, "rustkernel_transfer_bytes_total{kind=\"htod\",device=\"0\"} 200");
	assert_line(text, "rustkernel_transfer_bytes_total{kind=\"memset\",device=\"0\"} 100");
	assert_line(text,
		    "rustkernel_transfer_duration_seconds_count{kind=\"htod\",device=\"0\"} 1");
	assert_line(text, "rustkernel_errors_total{api=\"cuLaunchKernel\","
			  "error=\"CUDA_ERROR_OUT_OF_MEMORY\",domain=\"unknown\"} 1");
	assert_line(text, "rustkernel_executions_total{kernel_id=\"add\",domain=\"unknown\","
			  "device=\"0\",source=\"host\",status=\"error\"} 1");
	assert_line(text, "rustkernel_active_kernels{device=\"1\"} 3");
	assert_line(text, "rustkernel_dropped_total{reason=\"ring_full\"} 6");
	assert_line(text, "rustkernel_dropped_total{reason=\"queue_full\"} 2");
	assert_line(text, "rustkernel_dropped_total{reason=\"disk\"} 0");
	assert_line(text, "rustkernel_tracer_cpu_seconds_total 1.5");
	assert_line(text, "rustkernel_tracer_spans_total{outcome=\"sent\"} 9");
	assert_line(text, "rustkernel_tracer_log_records_total{outcome=\"sent\"} 8");
	assert_line(text, "rustkernel_tracer_data_points_total{outcome=\"sent\"} 0");
	assert_line(text, "rustkernel_tracer_queued{signal=\"logs\"} 7");
	assert_line(text, "rustkernel_tracer_queued{signal=\"traces\"} 0");
	free(text);
	rk_metrics_destroy(metrics);
}

static void test_openmetrics(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;
	size_t length;

	(void)state;
	test_config_init(&config);
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	feed_others(metrics);
	text = render(metrics, false, true);
	assert_line(text, "# TYPE rustkernel_executions counter");
	assert_line(text, "# TYPE rustkernel_transfer_bytes counter");
	assert_line(text, "# UNIT rustkernel_transfer_bytes bytes");
	assert_line(text, "rustkernel_transfer_bytes_total{kind=\"htod\",device=\"0\"} 200");
	length = strlen(text);
	assert_string_equal(text + length - 6, "# EOF\n");
	assert_null(strstr(text, "\n\n"));
	free(text);
	rk_metrics_destroy(metrics);
}

static void test_escaping(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	feed(metrics, kernel_op("a\"b\\c\nx", 10, 0));
	text = render(metrics, false, false);
	assert_non_null(strstr(text, "kernel_id=\"a\\\"b\\\\c\\nx\""));
	free(text);
	rk_metrics_destroy(metrics);
}

static void keep_view(const struct rk_metric_point *point, void *data)
{
	if (strcmp(point->family->name, "rustkernel_execution_duration_seconds") == 0)
		*(struct rk_histogram_view *)data = point->histogram;
}

/* Both shapes hold the same values; the exponential one begins and ends with a full bucket. */
static void test_exponential_view(void **state)
{
	static const uint64_t values[] = { 1, 1000, 1000, 4096000, 1000000000, 5000000000000 };
	struct rk_histogram_view view = { 0 };
	struct rk_metrics *metrics;
	struct rk_config config;
	uint64_t total = 0;

	(void)state;
	test_config_init(&config);
	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		feed(metrics, kernel_op("k", values[i], 0));
	rk_metrics_visit(metrics, false, keep_view, &view);
	assert_int_equal(view.scale, 3);
	assert_int_equal(view.exponential_first, -240);
	assert_int_equal(view.exponential_count, 336); /* 1 ns to more than 4096 s */
	for (size_t i = 0; i < view.exponential_count; i++)
		total += view.exponential[i];
	assert_int_equal(total, 6);
	/* (2^(-1/8), 2^0] s holds a second exactly: its index is -1. */
	assert_int_equal(view.exponential[-1 - view.exponential_first], 1);
	rk_metrics_destroy(metrics);

	assert_int_equal(rk_metrics_create(&metrics, &config), 0);
	feed(metrics, kernel_op("k", 1000, 0));
	rk_metrics_visit(metrics, false, keep_view, &view);
	assert_int_equal(view.exponential_count, 1);
	assert_int_equal(view.exponential[0], 1);
	/* 1 us lies above 2^(-160/8) and at or below 2^(-159/8). */
	assert_int_equal(view.exponential_first, -160);
	rk_metrics_destroy(metrics);
}

/* A counter has _total, a unit is in the name, and no family appears twice. */
static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < rk_metrics_family_count(); i++) {
		const struct rk_metric_family *family = rk_metrics_family(i);
		bool has_total = strstr(family->name, "_total") != NULL;

		assert_int_equal(has_total, family->type == RK_METRIC_COUNTER);
		assert_true(!family->unit[0] || strstr(family->name, family->unit));
		assert_true(family->help[0]);
		assert_true(strncmp(family->name, "rustkernel_", 11) == 0 ||
			    strncmp(family->name, "process_", 8) == 0 ||
			    strcmp(family->name, "target_info") == 0);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(family->name, rk_metrics_family(j)->name);
	}
	assert_null(rk_metrics_family(rk_metrics_family_count()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_top_k_folds),
		cmocka_unit_test(test_other_families),
		cmocka_unit_test(test_openmetrics),
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_exponential_view),
		cmocka_unit_test(test_failures_have_a_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
