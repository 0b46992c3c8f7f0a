/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/bench_pipeline.c - what one kernel costs behind the rings.
 *
 * CPU time of the calling thread per kernel, median of five interleaved rounds: join alone,
 * with the metrics, with the spans (given to a sink that only counts), and one update of a
 * histogram. Of two programs: a storm of short kernels on eight streams, of which the activities
 * come shuffled within a window, as CUPTI delivers them; and a chain of kernels on one stream, in
 * order and each with a gap before it, as a decoding step is. With an argument (join, metrics or
 * spans) only that, once, with a second one (chain) of that program: to count its instructions
 * under valgrind.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/intern.h"
#include "pipeline/join/join.h"
#include "pipeline/metrics/histogram.h"
#include "pipeline/pipeline.h"

#define WINDOW	  512u
#define WINDOWS	  800u
#define KERNELS	  (WINDOW * WINDOWS)
#define WINDOW_NS 1000000ull
#define ROUNDS	  5
#define NAMES	  40u

static struct rk_record *records;
static struct rk_activity *activities;
static uint64_t spans_seen, ops_seen;

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint32_t random_next(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32);
}

static void make_call(struct rk_record *r, uint32_t i, uint32_t streams)
{
	r->kind = RK_REC_LAUNCH;
	r->correlation = 3 * i + 1;
	r->context = 1;
	r->start = 1000ull * i + 1;
	r->end = r->start + 200;
	r->launch.stream = 0x1000 + 0x100 * (i % streams);
	r->launch.function = i % NAMES;
}

static void make_activity(struct rk_activity *a, const struct rk_record *r, uint32_t stream)
{
	a->kind = RK_ACT_KERNEL;
	a->correlation = r->correlation;
	a->start = r->end + 5000;
	a->stream = 13 + stream;
}

static void shuffle(void)
{
	for (uint32_t k = WINDOW; k > 1; k--) {
		uint32_t j = random_next() % k;
		struct rk_activity swap = activities[k - 1];

		activities[k - 1] = activities[j];
		activities[j] = swap;
	}
}

static void make_input(bool is_chain)
{
	uint32_t streams = is_chain ? 1 : 8;
	uint32_t names[NAMES];

	for (uint32_t i = 0; i < NAMES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "_ZN4step9kernel%03uEPfS_i", i);
		names[i] = rk_intern(name);
	}
	free(records);
	free(activities);
	records = calloc(WINDOW, sizeof(*records));
	activities = calloc(WINDOW, sizeof(*activities));
	if (!records || !activities)
		exit(1);
	for (uint32_t i = 0; i < WINDOW; i++) {
		make_call(&records[i], i, streams);
		make_activity(&activities[i], &records[i], i % streams);
		activities[i].name = names[i % NAMES];
		activities[i].end = activities[i].start + (is_chain ? 100 + random_next() % 800 :
								      3000 + random_next() % 20000);
	}
	if (!is_chain)
		shuffle();
}

/* The rings are as small as this in life, and as warm. */
static void advance_input(uint64_t ns, uint32_t ids)
{
	for (uint32_t i = 0; i < WINDOW; i++) {
		records[i].start += ns;
		records[i].end += ns;
		records[i].correlation += ids;
		activities[i].start += ns;
		activities[i].end += ns;
		activities[i].correlation += ids;
	}
}

static void count_op(const struct rk_op *op, void *data)
{
	(void)op;
	(void)data;
	ops_seen++;
}

static void feed_op(const struct rk_op *op, void *data)
{
	rk_pipeline_feed(data, op);
}

static void count_span(struct rk_sink *sink, const struct rk_span *span)
{
	(void)sink;
	(void)span;
	spans_seen++;
}

static double run(rk_op_fn emit, void *data)
{
	static const char *const names[] = { "cuLaunchKernel" };
	struct rk_join_setup setup = {
		.api_names = names, .api_count = 1, .emit = emit, .data = data
	};
	struct rk_join *join;
	uint64_t spent = 0;

	if (rk_join_create(&join, &setup))
		exit(1);
	rk_join_set_gpu_time(join, true);
	for (uint32_t w = 0; w < WINDOWS; w++) {
		uint64_t begin = cpu_ns();

		for (uint32_t k = 0; k < WINDOW; k++)
			rk_join_host(join, 100 + k * 4 / WINDOW, &records[k]);
		for (uint32_t k = 0; k < WINDOW; k++)
			rk_join_activity(join, &activities[k]);
		rk_join_tick(join, records[WINDOW - 1].end);
		spent += cpu_ns() - begin;
		advance_input(WINDOW_NS, 3 * WINDOW);
	}
	advance_input(0 - WINDOW_NS * WINDOWS, 0 - 3 * KERNELS);
	rk_join_destroy(join);
	return (double)spent / KERNELS;
}

static double run_pipeline(struct rk_config *config, bool with_spans)
{
	struct rk_pipeline_setup setup = {
		.config = config, .seed = 42, .traceparent = "", .tracestate = ""
	};
	struct rk_sink sink = { .name = "count", .span = with_spans ? count_span : NULL };
	struct rk_pipeline *pipeline;
	double ns;

	if (rk_pipeline_create(&pipeline, &setup))
		exit(1);
	rk_pipeline_add_sink(pipeline, &sink);
	ns = run(feed_op, pipeline);
	rk_pipeline_destroy(pipeline);
	return ns;
}

static double run_histogram(void)
{
	static const struct rk_bounds bounds = { 8,
						 { 1e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1 } };
	static struct rk_histogram_scale scale, exponential;
	static struct rk_histogram histogram;
	uint64_t before;

	rk_histogram_scale_init(&scale, &bounds);
	rk_histogram_scale_init_exponential(&exponential);
	before = cpu_ns();
	for (uint32_t i = 0; i < KERNELS; i++)
		rk_histogram_add(&histogram, &scale, &exponential,
				 activities[i % WINDOW].end - activities[i % WINDOW].start);
	before = cpu_ns() - before;
	return histogram.count ? (double)before / KERNELS : 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

static void run_one(struct rk_config *config, const char *which)
{
	double ns = strcmp(which, "join") == 0 ? run(count_op, NULL) :
						 run_pipeline(config, strcmp(which, "spans") == 0);

	printf("ns per kernel: %s %.1f of %u kernels\n", which, ns, KERNELS);
}

static void make_config(struct rk_config *config)
{
	memset(config, 0, sizeof(*config));
	config->tracing_propagators = config->tracing_baggage_attributes = "";
	config->metrics_top_k = 200;
	config->metrics_include_kernel_stats = true;
	config->tracing_sampling_rate = 1;
	config->metrics_histogram_buckets =
		(struct rk_bounds){ 8, { 1e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1 } };
}

static void compare_all(struct rk_config *config, const char *program)
{
	double join[ROUNDS], metrics[ROUNDS], spans[ROUNDS], histogram[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		join[i] = run(count_op, NULL);
		metrics[i] = run_pipeline(config, false);
		spans[i] = run_pipeline(config, true);
		histogram[i] = run_histogram();
	}
	printf("ns per kernel, %s: join %.1f, + metrics %.1f, + spans %.1f; histogram %.2f\n",
	       program, median(join), median(metrics), median(spans), median(histogram));
}

int main(int argc, char **argv)
{
	bool is_chain = argc > 2 && strcmp(argv[2], "chain") == 0;
	struct rk_config config;

	make_config(&config);
	make_input(is_chain);
	if (argc > 1) {
		run_one(&config, argv[1]);
		return 0;
	}
	compare_all(&config, "storm");
	make_input(true);
	compare_all(&config, "chain");
	return 0;
}
