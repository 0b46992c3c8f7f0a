/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/bench_render.c - what rendering the registry costs.
 *
 * CPU time of one rendering, median of some: about 10,000 samples of kernels with histograms,
 * and the most that the default cap lets one family have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/intern.h"
#include "pipeline/metrics/metrics_state.h"

#define ROUNDS 15

static const struct rk_bounds bounds = { 22, { 1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4,
					       5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1,
					       0.2,  0.5,  1,	 2,    5,    10 } };

static double cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static struct rk_metrics *make(const struct rk_config *config, int kernels)
{
	struct rk_metrics *metrics;
	uint64_t x = 88172645463325252ull;

	if (rk_metrics_create(&metrics, config))
		exit(1);
	for (int i = 0; i < kernels * 50; i++) {
		struct rk_op op;
		struct rk_span span;
		char name[96];

		memset(&op, 0, sizeof(op));
		memset(&span, 0, sizeof(span));
		snprintf(name, sizeof(name), "volta_sgemm_%d_128x64_nn_kernel_of_some_length",
			 i % kernels);
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		op.kind = RK_OP_KERNEL;
		op.name = rk_intern(name);
		op.start = 1;
		op.end = 1 + x % 100000000;
		rk_metrics_feed(metrics, &op);
		span.shape = RK_SPAN_LEAF;
		span.op = &op;
		span.end_unix_ns = 1700000000123456789;
		rk_metrics_note_span(metrics, &span);
	}
	return metrics;
}

static void measure(int kernels, bool openmetrics)
{
	struct rk_config config;
	struct rk_metrics *metrics;
	size_t samples = 0, bytes = 0;
	double ms[ROUNDS];

	memset(&config, 0, sizeof(config));
	config.metrics_top_k = 100000;
	config.metrics_max_series = 2000;
	config.metrics_include_kernel_stats = true;
	config.metrics_histogram_buckets = bounds;
	config.metrics_exemplars = RK_EXEMPLARS_ALWAYS_ON;
	metrics = make(&config, kernels);
	for (int i = 0; i < ROUNDS; i++) {
		double before = cpu_ms();
		char *text;

		bytes = (size_t)rk_metrics_render(metrics, true, openmetrics, &text);
		ms[i] = cpu_ms() - before;
		samples = 0;
		for (const char *c = text; *c; c++)
			samples += *c == '\n' && c[1] && c[1] != '#';
		free(text);
	}
	qsort(ms, ROUNDS, sizeof(ms[0]), compare);
	printf("%s: %zu samples, %zu KiB: %.2f ms, %.0f ns a sample\n",
	       openmetrics ? "openmetrics with exemplars" : "text 0.0.4", samples, bytes / 1024,
	       ms[ROUNDS / 2], ms[ROUNDS / 2] * 1e6 / (double)samples);
	rk_metrics_destroy(metrics);
}

int main(void)
{
	measure(384, false);
	measure(384, true);
	measure(1990, false);
	measure(1990, true);
	return 0;
}
