/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/bench_pipeline.c - what one kernel costs behind the rings.
 *
 * usage: bench_pipeline                           prints ns per kernel, and goals
 *        bench_pipeline count STAGE PROGRAM N     runs N windows in count_windows(), for
 *                                                 callgrind; prints the number of kernels
 *
 * CPU time of the calling thread per kernel, median of five interleaved rounds, of these stages:
 * the join alone, with the metrics, with the metrics and a trace file, with the metrics and the
 * spans (given to a sink that only counts); and of one update of a histogram.
 *
 * Of two programs: a storm of short kernels on eight streams, of which the activities come
 * shuffled within a window, as CUPTI delivers them; and a chain of kernels on one stream, in order
 * and each with a gap before it, as a decoding step is.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/intern.h"
#include "pipeline/join/join.h"
#include "pipeline/metrics/histogram.h"
#include "pipeline/pipeline.h"
#include "trace/trace_writer.h"

#define WINDOW	  512u
#define WINDOWS	  800u
#define KERNELS	  (WINDOW * WINDOWS)
#define WINDOW_NS 1000000ull
#define ROUNDS	  5
#define NAMES	  40u
#define WARM_WINDOWS 8u /* until tables have grown and names are known */
#define STAGES	  4
#define AHEAD 4u /* as the drain */
#define BOUNDS 22u

/* The default buckets: 1, 2 and 5 of each decade. */
static const double bounds_ns[BOUNDS] = { 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6,
					  5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9, 2e9, 5e9, 1e10 };

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

static void feed_windows(struct rk_join *join, uint32_t count, uint64_t *spent)
{
	for (uint32_t w = 0; w < count; w++) {
		uint64_t begin = cpu_ns();

		for (uint32_t k = 0; k < WINDOW; k++)
			rk_join_host(join, 100 + k * 4 / WINDOW, &records[k]);
		for (uint32_t k = 0; k < WINDOW; k++) {
			if (k + AHEAD < WINDOW)
				rk_join_expect(join, &activities[k + AHEAD]);
			rk_join_activity(join, &activities[k]);
		}
		rk_join_tick(join, records[WINDOW - 1].end);
		*spent += cpu_ns() - begin;
		advance_input(WINDOW_NS, 3 * WINDOW);
	}
}

/* Not inlined: callgrind counts what happens in here. */
__attribute__((noinline)) void count_windows(struct rk_join *join, uint32_t count, uint64_t *spent);
void count_windows(struct rk_join *join, uint32_t count, uint64_t *spent)
{
	feed_windows(join, count, spent);
}

static double run(rk_op_fn emit, void *data, uint32_t windows)
{
	static const char *const names[] = { "cuLaunchKernel" };
	struct rk_join_setup setup = {
		.api_names = names, .api_count = 1, .emit = emit, .data = data
	};
	uint32_t all = WARM_WINDOWS + windows;
	uint64_t spent = 0, warm = 0;
	struct rk_join *join;

	if (rk_join_create(&join, &setup))
		exit(1);
	rk_join_set_gpu_time(join, true);
	feed_windows(join, WARM_WINDOWS, &warm);
	count_windows(join, windows, &spent);
	advance_input(0 - WINDOW_NS * all, 0 - 3 * WINDOW * all);
	rk_join_destroy(join);
	return (double)spent / windows / WINDOW;
}

static double run_pipeline(struct rk_config *config, struct rk_sink *sink, uint32_t windows)
{
	struct rk_pipeline_setup setup = {
		.config = config, .seed = 42, .traceparent = "", .tracestate = ""
	};
	struct rk_pipeline *pipeline;
	double ns;

	if (rk_pipeline_create(&pipeline, &setup))
		exit(1);
	rk_pipeline_add_sink(pipeline, sink);
	ns = run(feed_op, pipeline, windows);
	rk_pipeline_destroy(pipeline);
	return ns;
}

struct file_sink {
	struct rk_sink sink; /* first */
	struct rk_trace_writer *writer;
};

static void write_op(struct rk_sink *sink, const struct rk_op *op)
{
	if (rk_trace_writer_add(((struct file_sink *)sink)->writer, op))
		exit(1);
}

static double run_file(struct rk_config *config, uint32_t windows)
{
	static const struct rk_trace_meta meta = {
		.seed = 42,
		.start_wall_ns = 1,
		.executable = "bench",
		.host = "",
		.version = "0",
		.command_line = "",
		.gpu_time_source = "cupti",
		.host_time_reason = "",
		.traceparent = "",
		.tracestate = "",
		.baggage = "",
		.sampling = "",
		.resource = "",
	};
	static const struct rk_trace_options options = { .level = 1 };
	char folder[] = "/tmp/rkbenchXXXXXX", path[64];
	struct file_sink file = { .sink = { .name = "file", .op = write_op } };
	double ns;

	if (!mkdtemp(folder))
		exit(1);
	snprintf(path, sizeof(path), "%s/trace", folder);
	if (rk_trace_writer_open(&file.writer, path, &meta, &options))
		exit(1);
	ns = run_pipeline(config, &file.sink, windows);
	rk_trace_writer_close(file.writer);
	unlink(path);
	rmdir(folder);
	return ns;
}

static double run_stage(struct rk_config *config, const char *stage, uint32_t windows)
{
	struct rk_sink none = { .name = "none" }, spans = { .name = "count", .span = count_span };

	if (strcmp(stage, "join") == 0)
		return run(count_op, NULL, windows);
	if (strcmp(stage, "file") == 0)
		return run_file(config, windows);
	return run_pipeline(config, strcmp(stage, "spans") == 0 ? &spans : &none, windows);
}

static double run_histogram(void)
{
	struct rk_bounds bounds = { .count = BOUNDS };
	static struct rk_histogram_scale scale, exponential;
	static struct rk_histogram histogram;
	uint64_t before;

	for (uint32_t i = 0; i < BOUNDS; i++)
		bounds.at[i] = bounds_ns[i] / 1e9;
	rk_histogram_scale_init(&scale, &bounds);
	rk_histogram_scale_init_exponential(&exponential);
	before = cpu_ns();
	for (uint32_t i = 0; i < KERNELS; i++)
		rk_histogram_add(&histogram, &scale, &exponential,
				 activities[i % WINDOW].end - activities[i % WINDOW].start);
	before = cpu_ns() - before;
	return histogram.count ? (double)before / KERNELS : 0;
}

/* What a histogram with explicit bounds does: a search, a bucket, count and sum. */
static double run_search(void)
{
	static uint64_t buckets[BOUNDS + 1], sum;
	uint64_t before = cpu_ns();

	for (uint32_t i = 0; i < KERNELS; i++) {
		double value = (double)(activities[i % WINDOW].end - activities[i % WINDOW].start);
		uint32_t low = 0, high = BOUNDS;

		while (low < high) {
			uint32_t middle = (low + high) / 2;

			if (value > bounds_ns[middle])
				low = middle + 1;
			else
				high = middle;
		}
		buckets[low]++;
		sum += (uint64_t)value;
	}
	before = cpu_ns() - before;
	return sum ? (double)before / KERNELS : 0;
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

static void compare_stages(struct rk_config *config, const char *program)
{
	static const char *const stages[] = { "join", "metrics", "file", "spans" };
	double ns[STAGES][ROUNDS], file_ns;

	for (int round = 0; round < ROUNDS; round++) {
		for (int stage = 0; stage < STAGES; stage++)
			ns[stage][round] = run_stage(config, stages[stage], WINDOWS);
	}
	file_ns = median(ns[2]);
	printf("ns per kernel, %s: join %.1f, + metrics %.1f, + file %.1f; metrics + spans %.1f\n",
	       program, median(ns[0]), median(ns[1]), file_ns, median(ns[3]));
	printf("goal thread_%s %.1f | join %.1f, with metrics %.1f; with metrics and spans, no "
	       "file, %.1f\n",
	       program, file_ns, median(ns[0]), median(ns[1]), median(ns[3]));
}

static void compare_histograms(void)
{
	double ours[ROUNDS], searched[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		ours[round] = run_histogram();
		searched[round] = run_search();
	}
	printf("goal histogram %.2f | the explicit buckets alone by binary search %.1f ns\n",
	       median(ours), median(searched));
}

int main(int argc, char **argv)
{
	bool is_count = argc == 5 && strcmp(argv[1], "count") == 0;
	struct rk_config config;

	make_config(&config);
	make_input(is_count && strcmp(argv[3], "chain") == 0);
	if (is_count) {
		run_stage(&config, argv[2], (uint32_t)atoi(argv[4]));
		printf("%u\n", (uint32_t)atoi(argv[4]) * WINDOW);
		return 0;
	}
	compare_stages(&config, "storm");
	compare_histograms();
	make_input(true);
	compare_stages(&config, "chain");
	return 0;
}
