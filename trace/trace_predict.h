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
	int64_t sign = (int64_t)mean >> 63;
	int64_t limit = ((((int64_t)mean ^ sign) - sign) >> 7) + 8;
	int64_t step = (int64_t)(value - mean) >> 3;

	/* Choices that noise makes: none of them may become a jump. */
	step = step > limit ? limit : step;
	step = step < -limit ? -limit : step;
	return mean ? mean + (uint64_t)step : value;
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

/* What the GPU's clock often ticks in. Times that do are told by counts of it. */
#define RK_TRACE_GRID_BITS 5u
#define RK_TRACE_GRID_NS   (UINT64_C(1) << RK_TRACE_GRID_BITS)
#define RK_TRACE_GRID_SURE 32u /* of these many points at most twice as many are given */
#define RK_TRACE_GRID_LOSS 8u  /* by one time off the grid */

/**
 * The multiple of RK_TRACE_GRID_NS next to @value, a signed number.
 *
 * Context: any.
 */
static inline uint64_t rk_trace_grid_round(uint64_t value)
{
	return (value + RK_TRACE_GRID_NS / 2) & ~(RK_TRACE_GRID_NS - 1);
}

/**
 * The score after a @gap and a @duration; one nanosecond beside the grid still counts as on it,
 * for the GPU's times have been converted to ours.
 *
 * Context: any.
 */
static inline uint32_t rk_trace_grid_score(uint32_t score, uint64_t gap, uint64_t duration)
{
	uint64_t mask = RK_TRACE_GRID_NS - 1;

	if (((gap + 1) & mask) <= 2 && ((duration + 1) & mask) <= 2)
		return score < 2 * RK_TRACE_GRID_SURE ? score + 1 : score;
	return score > RK_TRACE_GRID_LOSS ? score - RK_TRACE_GRID_LOSS : 0;
}

#endif
