/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/recorded_time.h - how much of the time from first to last op was recorded.
 *
 * A function of ops alone. Where recording began with the program no op says so: a file that
 * tells of no stop was recorded as a whole.
 */
#ifndef RK_PIPELINE_USE_RECORDED_TIME_H
#define RK_PIPELINE_USE_RECORDED_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"

struct rk_recorded_time {
	uint64_t first_ns, last_ns; /* of ticks and of what says when recording began and ended */
	uint64_t since_ns;	    /* the part that goes on began; 0 = none does */
	uint64_t recorded_ns;	    /* in parts that are over */
	uint32_t parts;
	bool is_complete; /* the program ended without a word, and everything up to there is told */
};

/**
 * Whether @op says that recording stopped / began.
 *
 * Context: any.
 */
bool rk_recorded_time_is_stop(const struct rk_op *op);
bool rk_recorded_time_is_start(const struct rk_op *op);

/**
 * Whether @op says that recording stopped for the sake of the tracer's budget: memory, streams and
 * what the program says are told on, and calls that put work on a GPU are counted.
 *
 * Context: any.
 */
bool rk_recorded_time_is_hold(const struct rk_op *op);

/**
 * Take one op, which may be of any kind. @time begins zeroed.
 *
 * Context: exporter or tools.
 */
void rk_recorded_time_feed(struct rk_recorded_time *time, const struct rk_op *op);

/**
 * What was recorded so far / from the first moment to the last, gaps included.
 *
 * Context: any.
 */
uint64_t rk_recorded_time_sum(const struct rk_recorded_time *time);
static inline uint64_t rk_recorded_time_wall(const struct rk_recorded_time *time)
{
	return time->last_ns - time->first_ns;
}

/** Whether there is a gap, and so something to say. Context: any. */
static inline bool rk_recorded_time_has_gap(const struct rk_recorded_time *time)
{
	return time->parts > 1 || (time->parts && !time->since_ns);
}

#endif
