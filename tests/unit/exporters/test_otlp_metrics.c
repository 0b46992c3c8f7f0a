/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/exporters/test_otlp_metrics.c - what a well-behaved registry does not show: zeros,
 * counts that fall, clocks that step back, points that are too large, and no memory.
 *
 * The linker sends malloc, calloc and realloc of the code under test here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporters/otlp_metrics.h"
#include "exporters/otlp_metrics_value.h"
#include "exporters/prometheus_protobuf.h"
#include "exporters/proto/schemas.h"

#define START_NS 1000000u
#define METRICS_ID(name) OPENTELEMETRY__PROTO__METRICS__V1__##name
#define REQUEST	  Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest
#define REQUEST_(name)                                                                             \
	opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__##name

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static unsigned failing; /* the how-manieth from now; 0 = none */
static unsigned seen;

static bool fails(void)
{
	return failing && ++seen == failing;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

/* A registry of a counter with some series and a histogram with one. */
#define COUNTERS 300

static const struct rk_metric_family counter = {
	.name = "c_total", .unit = "", .help = "c", .labels = { "l" }, .type = RK_METRIC_COUNTER
};
static const struct rk_metric_family histogram = {
	.name = "h_seconds", .unit = "seconds", .help = "h", .type = RK_METRIC_HISTOGRAM
};
static double counts[COUNTERS];
static unsigned counter_count;
static const double bounds[] = { 1 };
static uint64_t buckets[2], exponential[400];
static struct rk_histogram_view view;
static const char *long_label; /* of the first counter; NULL = an ordinary one */

static void visit(const struct rk_metrics *registry, bool include_runtime,
		  void (*fn)(const struct rk_metric_point *point, void *data), void *data)
{
	struct rk_metric_point point = { .family = &counter };
	char label[16];

	(void)registry;
	(void)include_runtime;
	for (unsigned i = 0; i < counter_count; i++) {
		snprintf(label, sizeof(label), "v%u", i);
		point.values[0] = i == 0 && long_label ? long_label : label;
		point.value = counts[i];
		fn(&point, data);
	}
	point = (struct rk_metric_point){ .family = &histogram, .histogram = view };
	if (view.count)
		fn(&point, data);
}

static struct rk_config config;

static void reset(void)
{
	memset(&config, 0, sizeof(config));
	config.metrics_max_series = 1000;
	memset(&view, 0, sizeof(view));
	memset(counts, 0, sizeof(counts));
	memset(buckets, 0, sizeof(buckets));
	memset(exponential, 0, sizeof(exponential));
	counter_count = 0;
	long_label = NULL;
	failing = seen = 0;
}

static int create(struct rk_otlp_metrics **out)
{
	struct rk_otlp_metrics_setup setup = { .config = &config,
					       .visit = visit,
					       .resource = "service.name=s",
					       .start_unix_ns = START_NS };

	return rk_otlp_metrics_create(out, &setup);
}

typedef void (*look_fn)(const Opentelemetry__Proto__Metrics__V1__Metric *metric, void *data);

struct inbox {
	struct rk_otlp_metrics *encoder;
	look_fn look;
	void *data;
	enum rk_otlp_verdict verdict;
	bool settles_at_once;
	uint32_t tickets[8];
	unsigned count, points;
};

static void take(const struct rk_otlp_metrics_request *request, void *data)
{
	struct inbox *inbox = data;
	REQUEST *message;
	unsigned failing_then = failing;

	failing = 0; /* the reader here is not under test */
	assert_true(request->length <= RK_OTLP_METRICS_REQUEST_BYTES);
	message = REQUEST_(unpack)(NULL, request->length, request->bytes);
	assert_non_null(message);
	for (size_t i = 0;
	     inbox->look && i < message->resource_metrics[0]->scope_metrics[0]->n_metrics; i++)
		inbox->look(message->resource_metrics[0]->scope_metrics[0]->metrics[i],
			    inbox->data);
	REQUEST_(free_unpacked)(message, NULL);
	free(request->bytes);
	inbox->points += request->points;
	inbox->tickets[inbox->count++] = request->ticket;
	if (inbox->settles_at_once)
		rk_otlp_metrics_settle(inbox->encoder, request->ticket, inbox->verdict);
	failing = failing_then;
}

/* One round, settled. */
static ptrdiff_t run_round(struct rk_otlp_metrics *encoder, uint64_t now_ns,
			   enum rk_otlp_verdict verdict, look_fn look, void *data)
{
	struct inbox inbox = { .encoder = encoder, .look = look, .data = data, .verdict = verdict };
	ptrdiff_t requests = rk_otlp_metrics_collect(encoder, now_ns, take, &inbox);

	for (unsigned i = 0; i < inbox.count; i++)
		rk_otlp_metrics_settle(encoder, inbox.tickets[i], verdict);
	assert_true(rk_otlp_metrics_is_settled(encoder));
	return requests;
}

static void test_nothing_is_no_request(void **state)
{
	struct rk_otlp_metrics *encoder;

	(void)state;
	reset();
	assert_int_equal(create(&encoder), 0);
	assert_int_equal(run_round(encoder, START_NS + 1, RK_OTLP_SENT, NULL, NULL), 0);
	rk_otlp_metrics_destroy(encoder);
	rk_otlp_metrics_destroy(NULL);
}

static void look_at_zeros(const Opentelemetry__Proto__Metrics__V1__Metric *metric, void *data)
{
	const Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint *point;

	assert_int_equal(metric->data_case, METRICS_ID(METRIC__DATA_EXPONENTIAL_HISTOGRAM));
	point = metric->exponential_histogram->data_points[0];
	assert_int_equal(point->count, 7);
	assert_int_equal(point->zero_count, 2);
	assert_int_equal(point->positive->offset, -3);
	assert_int_equal(point->positive->n_bucket_counts, 3);
	assert_int_equal(point->positive->bucket_counts[0], 1);
	assert_int_equal(point->positive->bucket_counts[2], 4);
	++*(int *)data;
}

static void test_zeros_lie_in_no_bucket(void **state)
{
	struct rk_otlp_metrics *encoder;
	int looked = 0;

	(void)state;
	reset();
	config.metrics_histogram = RK_HISTOGRAM_EXPONENTIAL;
	view = (struct rk_histogram_view){ .count = 7,
					   .sum = 1,
					   .bounds = bounds,
					   .buckets = buckets,
					   .bound_count = 1,
					   .exponential = exponential,
					   .exponential_first = -5,
					   .exponential_count = 8,
					   .scale = 3 };
	exponential[2] = 1;
	exponential[4] = 4;
	assert_int_equal(create(&encoder), 0);
	assert_int_equal(run_round(encoder, START_NS + 1, RK_OTLP_SENT, look_at_zeros, &looked), 1);
	assert_int_equal(looked, 1);
	rk_otlp_metrics_destroy(encoder);
}

/* Against the definition: index i at scale s is index i >> d at scale s - d. */
static void test_scales(void **state)
{
	(void)state;
	reset();
	for (int first = -410; first < 20; first += 7) {
		for (size_t count = 1; count < 400; count += 13) {
			struct rk_otlp_value borrowed = { .scale = 3,
							  .first = first,
							  .buckets = exponential,
							  .bucket_count = count };
			struct rk_otlp_value value = { .number = 0 };
			uint64_t wanted[1000] = { 0 };
			int down;

			for (size_t i = 0; i < count; i++)
				exponential[i] = i + 1;
			assert_int_equal(rk_otlp_value_copy(&value, &borrowed), 0);
			rk_otlp_value_fit(&value, 160);
			assert_true(value.bucket_count <= 160);
			down = 3 - value.scale;
			assert_int_equal(down == 0, count <= 160);
			for (size_t i = 0; i < count; i++)
				wanted[((first + (int)i) >> down) + 500] += i + 1;
			for (int i = -500; i < 500; i++) {
				int at = i - value.first;
				bool is_in = at >= 0 && at < (int)value.bucket_count;

				assert_int_equal(is_in ? value.buckets[at] : 0, wanted[i + 500]);
			}
			rk_otlp_value_finish(&value);
		}
	}
}

struct sums {
	double counter;
	uint64_t points, last_start, last_time;
};

static void add_up(const Opentelemetry__Proto__Metrics__V1__Metric *metric, void *data)
{
	struct sums *sums = data;

	if (metric->data_case != METRICS_ID(METRIC__DATA_SUM))
		return;
	for (size_t i = 0; i < metric->sum->n_data_points; i++) {
		assert_true(metric->sum->data_points[i]->as_double >= 0);
		sums->counter += metric->sum->data_points[i]->as_double;
		sums->last_start = metric->sum->data_points[i]->start_time_unix_nano;
		sums->last_time = metric->sum->data_points[i]->time_unix_nano;
		assert_true(sums->last_time > sums->last_start);
	}
	sums->points += metric->sum->n_data_points;
}

static void test_counts_that_fall_and_clocks_that_step_back(void **state)
{
	struct rk_otlp_metrics *encoder;
	struct sums sums = { .counter = 0 };

	(void)state;
	reset();
	config.metrics_temporality = RK_TEMPORALITY_DELTA;
	counter_count = 1;
	assert_int_equal(create(&encoder), 0);
	counts[0] = 10;
	run_round(encoder, START_NS + 100, RK_OTLP_SENT, add_up, &sums);
	assert_float_equal(sums.counter, 10, 0);
	counts[0] = 3; /* began again: three more */
	run_round(encoder, START_NS + 50, RK_OTLP_SENT, add_up, &sums);
	assert_float_equal(sums.counter, 13, 0);
	assert_int_equal(sums.last_start, START_NS + 100);
	assert_int_equal(sums.last_time, START_NS + 101);
	rk_otlp_metrics_destroy(encoder);
}

static void test_a_point_too_large_is_left_out(void **state)
{
	size_t length = RK_OTLP_METRICS_REQUEST_BYTES;
	struct rk_otlp_metrics *encoder;
	struct sums sums = { .counter = 0 };
	char *text = malloc(length + 1);

	(void)state;
	reset();
	memset(text, 'x', length);
	text[length] = '\0';
	long_label = text;
	counter_count = 3;
	counts[0] = 100;
	counts[1] = 10;
	counts[2] = 1;
	assert_int_equal(create(&encoder), 0);
	assert_int_equal(run_round(encoder, START_NS + 1, RK_OTLP_SENT, add_up, &sums), 1);
	assert_float_equal(sums.counter, 11, 0);
	assert_int_equal(rk_otlp_metrics_left_out(encoder), 1);
	rk_otlp_metrics_destroy(encoder);
	free(text);
}

static void test_one_round_at_a_time(void **state)
{
	struct rk_otlp_metrics *encoder;
	struct inbox inbox = { .verdict = RK_OTLP_RETRY, .settles_at_once = true };
	struct sums sums = { .counter = 0 };

	(void)state;
	reset();
	config.metrics_temporality = RK_TEMPORALITY_DELTA;
	counter_count = 1;
	counts[0] = 4;
	assert_int_equal(create(&encoder), 0);
	inbox.encoder = encoder;
	assert_int_equal(rk_otlp_metrics_collect(encoder, START_NS + 1, take, &inbox), 1);
	inbox.settles_at_once = false;
	assert_int_equal(rk_otlp_metrics_collect(encoder, START_NS + 2, take, &inbox), 1);
	assert_int_equal(rk_otlp_metrics_collect(encoder, START_NS + 3, take, &inbox), -EBUSY);
	rk_otlp_metrics_settle(encoder, inbox.tickets[1] + 1, RK_OTLP_SENT);
	rk_otlp_metrics_settle(encoder, 0, RK_OTLP_SENT);
	assert_false(rk_otlp_metrics_is_settled(encoder));
	rk_otlp_metrics_settle(encoder, inbox.tickets[1], RK_OTLP_RETRY);
	run_round(encoder, START_NS + 4, RK_OTLP_SENT, add_up, &sums);
	assert_float_equal(sums.counter, 4, 0);
	assert_int_equal(sums.last_start, START_NS);
	rk_otlp_metrics_destroy(encoder);
}

/* Whichever allocation of a round fails, what it did not send is in the next. */
static void test_no_memory(void **state)
{
	unsigned failures = 0;

	(void)state;
	for (unsigned n = 1;; n++) {
		struct rk_otlp_metrics *encoder = NULL;
		struct sums sums = { .counter = 0 };
		ptrdiff_t result = -ENOMEM;

		reset();
		config.metrics_temporality = RK_TEMPORALITY_DELTA;
		config.metrics_histogram = n % 2 ? RK_HISTOGRAM_EXPLICIT : RK_HISTOGRAM_EXPONENTIAL;
		config.metrics_max_series = 100;
		counter_count = COUNTERS;
		for (unsigned i = 0; i < COUNTERS; i++)
			counts[i] = 1 + i;
		view = (struct rk_histogram_view){ .count = 1,
						   .bounds = bounds,
						   .buckets = buckets,
						   .bound_count = 1,
						   .exponential = exponential,
						   .exponential_count = 1,
						   .scale = 3 };
		buckets[0] = exponential[0] = 1;
		failing = n;
		if (!create(&encoder))
			result = run_round(encoder, START_NS + 1, RK_OTLP_SENT, add_up, &sums);
		failing = 0;
		if (!encoder)
			continue;
		assert_true(result == 1 || result == -ENOMEM);
		failures += result == -ENOMEM;
		assert_int_equal(run_round(encoder, START_NS + 2, RK_OTLP_SENT, add_up, &sums), 1);
		assert_float_equal(sums.counter, COUNTERS * (COUNTERS + 1) / 2, 0);
		rk_otlp_metrics_destroy(encoder);
		if (seen < n)
			break;
	}
	assert_true(failures > 100);
}

static void test_no_memory_for_the_exposition(void **state)
{
	unsigned failures = 0;
	ptrdiff_t length = -ENOMEM;

	(void)state;
	for (unsigned n = 1; length < 0; n++) {
		uint8_t *bytes = NULL;

		reset();
		counter_count = 20;
		view = (struct rk_histogram_view){ .count = 1,
						   .bounds = bounds,
						   .buckets = buckets,
						   .bound_count = 1,
						   .exponential = exponential,
						   .exponential_count = 1,
						   .scale = 3 };
		failing = n;
		length =
			rk_prometheus_protobuf_render(visit, NULL, true, "a=1,a.b=2,a_b=3", &bytes);
		failing = 0;
		assert_int_equal(length > 0, bytes != NULL);
		failures += length < 0;
		assert_true(length > 0 || length == -ENOMEM);
		free(bytes);
	}
	assert_true(failures > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_no_request),
		cmocka_unit_test(test_zeros_lie_in_no_bucket),
		cmocka_unit_test(test_scales),
		cmocka_unit_test(test_counts_that_fall_and_clocks_that_step_back),
		cmocka_unit_test(test_a_point_too_large_is_left_out),
		cmocka_unit_test(test_one_round_at_a_time),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_memory_for_the_exposition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
