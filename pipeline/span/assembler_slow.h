/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_slow.h - is this kernel slower than it used to be?
 *
 * Each kernel of each device has a history of its own, and is judged by a quantile of it
 * (tracing.keep_slower_than) once there are enough values. The quantile is the upper end of
 * a bucket 9 % wide, cut to the largest value there was: a kernel that always takes the same
 * time is not slow for a rounding. Old values count less as new ones come, so a program
 * that changes its input is not slow for ever.
 *
 * Kernels are never forgotten; one that comes when there are RK_SLOW_KERNELS_MAX is not judged.
 */
#ifndef RK_PIPELINE_SPAN_ASSEMBLER_SLOW_H
#define RK_PIPELINE_SPAN_ASSEMBLER_SLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/join/handle_map.h"
#include "pipeline/metrics/histogram.h"

#define RK_SLOW_KERNELS_MAX 4096u
/* Fewer values have no 99th percentile. */
#define RK_SLOW_VALUES_MIN 100u
/* At so many values all of them are halved. */
#define RK_SLOW_VALUES_MAX (1u << 16)

struct rk_slow_history {
	uint64_t limit_ns; /* a longer one is slow; UINT64_MAX = not known yet */
	uint64_t max_ns;
	uint32_t count;
	uint32_t count_due; /* the limit is worked out anew at so many values */
	uint32_t buckets[RK_HISTOGRAM_EXP_COUNT];
};

struct rk_slow {
	double quantile; /* 0..1; 0 = nobody asked */
	struct rk_handle_map index; /* (name, device) -> tag: place + 1 */
	struct rk_slow_history **histories;
	uint32_t count, capacity;
	uint64_t unjudged; /* kernels that had no place, as they ran */
	struct rk_histogram_scale scale;
};

/**
 * @quantile: "p99", "p99.9"; NULL, "" and what is no quantile switch it off.
 *
 * Context: exporter or tools.
 */
void rk_slow_init(struct rk_slow *slow, const char *quantile);
void rk_slow_finish(struct rk_slow *slow);

/**
 * Whether this run of kernel @name was slow by what was known before it; then remember it.
 *
 * Context: the feeding thread. May allocate, once per kernel.
 */
bool rk_slow_judge(struct rk_slow *slow, uint32_t name, uint32_t device, uint64_t duration_ns);

#endif
