/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_metrics_user.c - what the program measures itself, its labels.
 */
#include "metrics_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/metrics/metric_name.h"
#include "pipeline/span/assembler.h"

static struct rk_metrics *make_metrics(struct rk_config *config)
{
	struct rk_metrics *metrics;

	assert_int_equal(rk_metrics_create(&metrics, config), 0);
	return metrics;
}

static struct rk_instrument instrument(enum rk_instrument_type type, const char *name,
				       const char *unit)
{
	return (struct rk_instrument){
		.name = name, .unit = unit, .help = "Help.", .domain = "", .type = type
	};
}

static void define(struct rk_metrics *metrics, uint32_t number, enum rk_instrument_type type,
		   const char *name, const char *unit)
{
	struct rk_instrument definition = instrument(type, name, unit);

	feed_instrument(metrics, number, &definition, NULL);
}

static void check_name(enum rk_metric_type type, const char *name, const char *unit,
		       const char *wanted, const char *wanted_unit)
{
	char made[RK_METRIC_NAME_BYTES], word[RK_METRIC_UNIT_BYTES];

	assert_true(rk_metric_name_make(type, name, unit, made, word));
	assert_string_equal(made, wanted);
	assert_string_equal(word, wanted_unit);
}

static void test_names(void **state)
{
	char made[RK_METRIC_NAME_BYTES], word[RK_METRIC_UNIT_BYTES], longest[1000];

	(void)state;
	check_name(RK_METRIC_COUNTER, "jobs", "1", "jobs_total", "");
	check_name(RK_METRIC_COUNTER, "jobs_total", "", "jobs_total", "");
	check_name(RK_METRIC_COUNTER, "sent", "By", "sent_bytes_total", "bytes");
	check_name(RK_METRIC_COUNTER, "sent_bytes_total", "By", "sent_bytes_total", "bytes");
	check_name(RK_METRIC_GAUGE, "cache.fill", "1", "cache_fill_ratio", "ratio");
	check_name(RK_METRIC_GAUGE, "jobs_total", "", "jobs", "");
	check_name(RK_METRIC_GAUGE, "queue", "{request}", "queue", "");
	check_name(RK_METRIC_HISTOGRAM, "request latency", "s", "request_latency_seconds",
		   "seconds");
	check_name(RK_METRIC_HISTOGRAM, "3 d:model//x", "ms", "_3_d_model_x_milliseconds",
		   "milliseconds");
	check_name(RK_METRIC_GAUGE, "speed", "furlong/fortnight", "speed_furlong_fortnight",
		   "furlong_fortnight");
	check_name(RK_METRIC_COUNTER, "bytes", "By", "bytes_total", "");
	check_name(RK_METRIC_GAUGE, "t\xc3\xa4glich", "", "t_glich", "");
	assert_false(rk_metric_name_make(RK_METRIC_GAUGE, "", "", made, word));
	assert_false(rk_metric_name_make(RK_METRIC_COUNTER, "_total", "", made, word) &&
		     strcmp(made, "_total") == 0);
	assert_false(rk_metric_name_make(RK_METRIC_GAUGE, "::", "s", made, word));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_true(rk_metric_name_make(RK_METRIC_COUNTER, longest, longest, made, word));
	assert_true(strlen(made) < RK_METRIC_NAME_BYTES);
	assert_string_equal(made + strlen(made) - 6, "_total");
	assert_true(rk_metric_name_label("le", made));
	assert_string_equal(made, "_le");
	assert_true(rk_metric_name_label("__name__", made));
	assert_string_equal(made, "_name");
	assert_false(rk_metric_name_label("", made));
}

static bool clashes(enum rk_metric_type a, const char *name_a, enum rk_metric_type b,
		    const char *name_b)
{
	const struct rk_metric_family one = { .name = name_a, .type = (uint8_t)a };
	const struct rk_metric_family other = { .name = name_b, .type = (uint8_t)b };

	assert_int_equal(rk_metric_name_clashes(&one, &other),
			 rk_metric_name_clashes(&other, &one));
	return rk_metric_name_clashes(&one, &other);
}

static void test_clashes(void **state)
{
	(void)state;
	assert_true(clashes(RK_METRIC_COUNTER, "a_total", RK_METRIC_GAUGE, "a"));
	assert_true(clashes(RK_METRIC_HISTOGRAM, "a", RK_METRIC_GAUGE, "a_count"));
	assert_true(clashes(RK_METRIC_HISTOGRAM, "a", RK_METRIC_GAUGE, "a"));
	assert_true(clashes(RK_METRIC_COUNTER, "a_total", RK_METRIC_GAUGE, "a_created"));
	assert_false(clashes(RK_METRIC_COUNTER, "a_total", RK_METRIC_GAUGE, "a_count"));
	assert_false(clashes(RK_METRIC_GAUGE, "a", RK_METRIC_GAUGE, "ab"));
	assert_false(clashes(RK_METRIC_HISTOGRAM, "a", RK_METRIC_GAUGE, "a_seconds"));
}

static void test_counter_and_gauge(void **state)
{
	static const char *const labels[] = { "route", "/a\"b\\c\nx", "code", "200", NULL };
	static const char *const fewer[] = { "code", "500", NULL };
	struct rk_instrument jobs = instrument(RK_INSTRUMENT_COUNTER, "jobs", "1");
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	metrics = make_metrics(&config);
	jobs.domain = "Web";
	jobs.help = "Jobs \\ done\n\"really\".";
	feed_instrument(metrics, 1, &jobs, labels);
	jobs.domain = "";
	feed_instrument(metrics, 2, &jobs, fewer);
	define(metrics, 3, RK_INSTRUMENT_GAUGE, "fill", "");
	for (int i = 0; i < 3; i++)
		feed_sample(metrics, 1, RK_SAMPLE_VALUE, 1.5);
	feed_sample(metrics, 2, RK_SAMPLE_VALUE, 7);
	feed_sample(metrics, 3, RK_SAMPLE_VALUE, 10);
	feed_sample(metrics, 3, RK_SAMPLE_ADD, -2.5);
	text = render(metrics, false, false);
	assert_line(text, "# HELP jobs_total Jobs \\\\ done\\n\"really\".");
	assert_line(text, "# TYPE jobs_total counter");
	assert_line(text, "jobs_total{domain=\"Web\",route=\"/a\\\"b\\\\c\\nx\",code=\"200\"} 4.5");
	assert_line(text, "jobs_total{code=\"500\"} 7");
	assert_line(text, "fill 7.5");
	free(text);
	text = render(metrics, false, true);
	assert_line(text, "# TYPE jobs counter");
	assert_line(text, "# HELP jobs Jobs \\\\ done\\n\\\"really\\\".");
	free(text);
	rk_metrics_destroy(metrics);
}

static void test_histogram(void **state)
{
	struct rk_instrument size = instrument(RK_INSTRUMENT_HISTOGRAM, "batch", "");
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	metrics = make_metrics(&config);
	size.bound_count = 4;
	size.bounds[0] = 1;
	size.bounds[1] = 8;
	size.bounds[2] = 8; /* does not rise */
	size.bounds[3] = 64;
	feed_instrument(metrics, 1, &size, NULL);
	define(metrics, 2, RK_INSTRUMENT_HISTOGRAM, "wait", "s");
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, 0);
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, 1);
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, 8);
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, 8.5);
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, 1e9);
	feed_sample(metrics, 2, RK_SAMPLE_VALUE, 0.002);
	text = render(metrics, false, true);
	assert_line(text, "batch_bucket{le=\"1.0\"} 2");
	assert_line(text, "batch_bucket{le=\"8.0\"} 3");
	assert_line(text, "batch_bucket{le=\"64.0\"} 4");
	assert_line(text, "batch_bucket{le=\"+Inf\"} 5");
	assert_line(text, "batch_sum 1000000017.5");
	assert_line(text, "batch_count 5");
	assert_line(text, "# UNIT wait_seconds seconds");
	assert_line(text, "wait_seconds_bucket{le=\"0.001\"} 0");
	assert_line(text, "wait_seconds_bucket{le=\"0.002\"} 1");
	free(text);
	rk_metrics_destroy(metrics);
}

/* The first one wins, and what loses is counted. */
static void test_refused(void **state)
{
	static const char *const labels[] = { "a", "1", NULL };
	struct rk_instrument labelled = instrument(RK_INSTRUMENT_COUNTER, "jobs", "");
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	metrics = make_metrics(&config);
	define(metrics, 1, RK_INSTRUMENT_COUNTER, "jobs", "");
	define(metrics, 2, RK_INSTRUMENT_GAUGE, "jobs", "");
	define(metrics, 3, RK_INSTRUMENT_COUNTER, "rustkernel.executions", "");
	define(metrics, 4, RK_INSTRUMENT_GAUGE, "!?", "");
	define(metrics, 5, RK_INSTRUMENT_GAUGE, "target", "");
	feed_instrument(metrics, 6, &labelled, labels);
	for (uint32_t n = 0; n <= 7; n++)
		feed_sample(metrics, n, RK_SAMPLE_VALUE, 1); /* 0 and 7 are nobody's */
	feed_sample(metrics, RK_INSTRUMENTS_MAX + 1, RK_SAMPLE_VALUE, 1);
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, -1);
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, (double)NAN);
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, (double)INFINITY);
	text = render(metrics, true, false);
	assert_line(text, "jobs_total 1");
	assert_line(text, "rustkernel_tracer_refused_metrics 5");
	assert_line(text, "rustkernel_tracer_refused_samples_total 11");
	assert_null(strstr(text, "\njobs 1"));
	free(text);
	rk_metrics_destroy(metrics);
}

static void test_cap(void **state)
{
	struct rk_instrument jobs = instrument(RK_INSTRUMENT_HISTOGRAM, "jobs", "");
	struct rk_metrics *metrics;
	struct rk_config config;
	char value[16], *text;

	(void)state;
	test_config_init(&config);
	config.metrics_max_series = 10;
	metrics = make_metrics(&config);
	for (uint32_t i = 1; i <= 50; i++) {
		const char *const labels[] = { "user", value, NULL };

		snprintf(value, sizeof(value), "u%u", i);
		feed_instrument(metrics, i, &jobs, labels);
		feed_sample(metrics, i, RK_SAMPLE_VALUE, 1);
	}
	text = render(metrics, true, false);
	assert_line(text, "jobs_count{user=\"u9\"} 1");
	assert_line(text, "jobs_count{domain=\"other\",user=\"other\"} 41");
	assert_line(text, "rustkernel_tracer_folded_series 41");
	assert_null(strstr(text, "u10"));
	free(text);
	rk_metrics_destroy(metrics);
}

/* What the program records of what we have families for. */
static void test_known_families(void **state)
{
	struct rk_instrument pagerank = instrument(RK_INSTRUMENT_EXECUTION, "graph/pagerank", "");
	struct rk_instrument queue = instrument(RK_INSTRUMENT_QUEUE, "graph/pagerank", "");
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	metrics = make_metrics(&config);
	pagerank.domain = queue.domain = "Graph";
	feed_instrument(metrics, 1, &pagerank, NULL);
	feed_instrument(metrics, 2, &queue, NULL);
	define(metrics, 3, RK_INSTRUMENT_MEMORY, "graph/pagerank", "");
	define(metrics, 4, RK_INSTRUMENT_BREAKER, "backend", "");
	feed(metrics, kernel_op("k", 1000, 0));
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, 0.25);
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, 0.25);
	feed_sample(metrics, 1, RK_SAMPLE_ERROR, 0.5);
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, -1);
	feed_sample(metrics, 2, RK_SAMPLE_VALUE, 5);
	feed_sample(metrics, 2, RK_SAMPLE_ADD, -1);
	feed_sample(metrics, 3, RK_SAMPLE_VALUE, 4096);
	feed_sample(metrics, 3, RK_SAMPLE_VALUE, -1024);
	feed_sample(metrics, 4, RK_SAMPLE_VALUE, 2);
	text = render(metrics, true, false);
#define API "kernel_id=\"graph/pagerank\",domain=\"Graph\",device=\"\",source=\"api\""
	assert_line(text, "rustkernel_executions_total{" API ",status=\"ok\"} 2");
	assert_line(text, "rustkernel_executions_total{" API ",status=\"error\"} 1");
	assert_line(text, "rustkernel_execution_duration_seconds_count{" API "} 3");
	assert_line(text, "rustkernel_execution_duration_seconds_sum{" API "} 1");
	assert_line(text,
		    "rustkernel_queue_depth{kernel_id=\"graph/pagerank\",domain=\"Graph\"} 4");
	assert_line(text, "rustkernel_memory_bytes{device=\"\",pool=\"user\"} 3072");
	assert_line(text, "rustkernel_circuit_breaker_state{name=\"backend\"} 2");
	assert_line(text, "rustkernel_tracer_refused_samples_total 1");
	free(text);
	rk_metrics_destroy(metrics);
}

/* Recorded executions share the bounds of kernels, and are folded apart from them. */
static void test_recorded_are_folded(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	char name[16], *text;

	(void)state;
	test_config_init(&config);
	config.metrics_top_k = 2;
	metrics = make_metrics(&config);
	feed(metrics, kernel_op("gpu", 1000, 0));
	for (uint32_t i = 1; i <= 5; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		define(metrics, i, RK_INSTRUMENT_EXECUTION, name, "");
		feed_sample(metrics, i, RK_SAMPLE_VALUE, 1);
	}
	text = render(metrics, true, false);
	assert_line(text, "rustkernel_executions_total{kernel_id=\"e1\",domain=\"unknown\","
			  "device=\"\",source=\"api\",status=\"ok\"} 1");
	assert_line(text, "rustkernel_executions_total{kernel_id=\"other\",domain=\"unknown\","
			  "device=\"\",source=\"api\",status=\"ok\"} 4");
	free(text);
	rk_metrics_destroy(metrics);
}

static void feed_in(struct rk_metrics *metrics, uint64_t exec)
{
	struct rk_op op = kernel_op("k", 1000, 0);

	op.exec = exec;
	feed(metrics, op);
}

#define KERNEL "kernel_id=\"k\",domain=\"unknown\",device=\"0\",source=\"gpu\""

static void test_baggage_labels(void **state)
{
	struct rk_op close = { .kind = RK_OP_EXEC_CLOSE, .exec = 1 };
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	config.metrics_baggage_labels = "tenant.id, region, device";
	metrics = make_metrics(&config);
	rk_metrics_set_baggage(metrics, "region=eu");
	feed_context(metrics, 1, "tenant.id=a%22b,region=us,secret=x");
	feed_context(metrics, 2, "tenant.id=c");
	feed_context(metrics, 3, "");
	feed_in(metrics, 1);
	feed(metrics, close);
	feed_in(metrics, 1); /* its last kernel may come after the close */
	feed_in(metrics, 2);
	feed_in(metrics, 3);
	feed_in(metrics, 4); /* no context: that of the process */
	feed_in(metrics, 0);
	define(metrics, 1, RK_INSTRUMENT_EXECUTION, "recorded", "");
	feed_sample(metrics, 1, RK_SAMPLE_VALUE, 1);
	text = render(metrics, false, false);
#define TOTAL "rustkernel_executions_total{"
	assert_line(text, TOTAL KERNEL ",status=\"ok\",tenant_id=\"a\\\"b\",region=\"us\"} 2");
	assert_line(text, TOTAL KERNEL ",status=\"ok\",tenant_id=\"c\"} 1");
	assert_line(text, TOTAL KERNEL ",status=\"ok\"} 1");
	assert_line(text, TOTAL KERNEL ",status=\"ok\",region=\"eu\"} 2");
	assert_line(text,
		    "rustkernel_execution_duration_seconds_count{" KERNEL ",tenant_id=\"c\"} 1");
	assert_line(text, TOTAL "kernel_id=\"recorded\",domain=\"unknown\",device=\"\","
				"source=\"api\",status=\"ok\",region=\"eu\"} 1");
	assert_null(strstr(text, "secret"));
	free(text);
	rk_metrics_destroy(metrics);
}

/* A caller who makes up tenants costs a bounded number of series. */
static void test_baggage_is_bounded(void **state)
{
	struct rk_metrics *metrics;
	struct rk_config config;
	uint64_t series = 0, total = 0;
	char baggage[32], *text;

	(void)state;
	test_config_init(&config);
	config.metrics_baggage_labels = "tenant";
	config.metrics_max_series = 20;
	metrics = make_metrics(&config);
	for (uint64_t exec = 1; exec <= 1000; exec++) {
		snprintf(baggage, sizeof(baggage), "tenant=t%llu", (unsigned long long)exec);
		feed_context(metrics, exec, baggage);
		feed_in(metrics, exec);
	}
	text = render(metrics, false, false);
	for (char *at = text; (at = strstr(at, "\nrustkernel_executions_total{")); at++) {
		total += strtoull(strchr(strchr(at, '}'), ' '), NULL, 10);
		series++;
	}
	assert_int_equal(total, 1000);
	assert_true(series <= 20);
	free(text);
	rk_metrics_destroy(metrics);
}

static void test_assembler_stats(void **state)
{
	const struct rk_assembler_stats stats = { .kept_slow = 1,
						  .kept_error = 2,
						  .kept_refused = 3,
						  .undecided = 4,
						  .unjudged = 5,
						  .hold_bytes = 6,
						  .api_strays = 7,
						  .api_unfinished = 8,
						  .api_early = 9 };
	struct rk_metrics *metrics;
	struct rk_config config;
	char *text;

	(void)state;
	test_config_init(&config);
	metrics = make_metrics(&config);
	rk_metrics_note_assembler(metrics, &stats);
	text = render(metrics, true, false);
#define DECISION "rustkernel_tracer_tail_decisions_total{decision="
	assert_line(text, DECISION "\"kept_slow\"} 1");
	assert_line(text, DECISION "\"kept_error\"} 2");
	assert_line(text, DECISION "\"refused\"} 3");
	assert_line(text, DECISION "\"undecided\"} 4");
	assert_line(text, "rustkernel_tracer_unjudged_kernels_total 5");
	assert_line(text, "rustkernel_tracer_held_bytes 6");
	assert_line(text, "rustkernel_tracer_stray_spans_total 7");
	assert_line(text, "rustkernel_tracer_unfinished_spans_total 8");
	assert_line(text, "rustkernel_tracer_early_spans_total 9");
	free(text);
	rk_metrics_destroy(metrics);
}

/* Ops may come from a file that somebody wrote by hand. */
static void test_rubbish(void **state)
{
	static const uint8_t bytes[] = "tjobs";
	struct rk_op op = { .kind = RK_OP_INSTRUMENT, .text = bytes };
	struct rk_metrics *metrics;
	struct rk_config config;

	(void)state;
	test_config_init(&config);
	config.metrics_baggage_labels = "tenant";
	metrics = make_metrics(&config);
	for (int type = 0; type < 256; type++) {
		op.instrument.number = (uint32_t)type * 37;
		op.instrument.type = (uint8_t)type;
		op.instrument.bound_count = UINT32_MAX;
		for (uint32_t length = 0; length < sizeof(bytes); length++) {
			op.text_bytes = length;
			feed(metrics, op);
			feed_sample(metrics, op.instrument.number, (enum rk_sample_what)type, 1);
		}
	}
	op = (struct rk_op){ .kind = RK_OP_CONTEXT, .exec = UINT64_MAX };
	feed(metrics, op);
	free(render(metrics, true, true));
	rk_metrics_destroy(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_clashes),
		cmocka_unit_test(test_counter_and_gauge),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_known_families),
		cmocka_unit_test(test_recorded_are_folded),
		cmocka_unit_test(test_baggage_labels),
		cmocka_unit_test(test_baggage_is_bounded),
		cmocka_unit_test(test_assembler_stats),
		cmocka_unit_test(test_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
