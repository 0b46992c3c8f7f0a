/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_predict.h - what the next time of a shape is expected to be.
 *
 * Encoder and decoder step the same predictions; only the difference is stored.
 */
#ifndef RK_TRACE_TRACE_PREDICT_H
#define RK_TRACE_TRACE_PREDICT_H

#include <stdint.h>

/**
 * Move a prediction towards @value: by an eighth of the difference, but by a 128th of
 * itself at most, so that one outlier does not spoil what follows. The first value counts
 * in full. Both are signed numbers in 64 bits.
 *
 * Context: any.
 */
static inline uint64_t rk_trace_mean_step(uint64_t mean, uint64_t value)
{
	int64_t step = (int64_t)(value - mean) >> 3;
	int64_t limit = (int64_t)(((int64_t)mean < 0 ? 0 - mean : mean) >> 7) + 8;

	if (mean == 0)
		return value;
	if (step > limit)
		step = limit;
	if (step < -limit)
		step = -limit;
	return mean + (uint64_t)step;
}

/**
 * When something starts that usually comes @gap after @end; @end 0 = there was nothing before.
 *
 * Context: any.
 */
static inline uint64_t rk_trace_expect_start(uint64_t end, uint64_t gap)
{
	return end ? end + gap : 0;
}

/**
 * The gap for the next time, now that it started at @start.
 *
 * Context: any.
 */
static inline uint64_t rk_trace_gap_step(uint64_t gap, uint64_t end, uint64_t start)
{
	return end ? rk_trace_mean_step(gap, start - end) : gap;
}

#endif
