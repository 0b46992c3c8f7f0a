/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/governor.h - how much is recorded, so that tracing costs what it may.
 *
 * A function of what was measured, without a clock of its own:
 *
 *   full -> no_stacks -> whole_graphs -> sampled_spans -> kernels_only -> counters_only
 *        <-            <-              <-               <-              <-
 *
 * Down: the cost was beyond the budget in two windows in a row; one that is alone may be the start
 * of the program, or a burst. Up: it was below half of the budget for a quiet time. Where going up
 * proves too much within that time, the next attempt waits twice as long, ten minutes at most, so
 * that a program whose cost lies between two steps does not swing between them. Steps that would
 * save nothing are left out.
 */
#ifndef RK_PIPELINE_USE_GOVERNOR_H
#define RK_PIPELINE_USE_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

/* Each includes those before it. */
enum rk_governor_step {
	RK_STEP_FULL,
	RK_STEP_NO_STACKS,
	RK_STEP_WHOLE_GRAPHS,
	RK_STEP_SAMPLED_SPANS,
	RK_STEP_KERNELS_ONLY,
	RK_STEP_COUNTERS_ONLY,
	RK_STEP_COUNT
};

/* What was measured since the window before. */
struct rk_governor_window {
	uint64_t now_ns;  /* its end */
	uint64_t cost_ns; /* of everything that tracing took */
	uint64_t busy_ns; /* of the program's threads that used the GPU */
	uint32_t useful;  /* bit per step that would save something */
};

struct rk_governor {
	double budget; /* share of busy_ns */
	uint64_t quiet_ns;
	enum rk_governor_step step;
	double share;	   /* of the last window */
	uint32_t over;	   /* windows in a row beyond the budget */
	uint32_t settling; /* windows still to be passed over: the step itself costs something */
	uint64_t calm_since_ns; /* 0 = it is not */
	uint64_t wait_ns;	/* quiet time that is asked for now */
	uint64_t raised_ns;	/* when it went up last; 0 = that has held */
};

/** full, no_stacks, ... / the step of that name, RK_STEP_COUNT for none. Context: any. */
const char *rk_governor_step_name(enum rk_governor_step step);
enum rk_governor_step rk_governor_find_step(const char *name);

/**
 * Begin at full, for @budget, a share, and @quiet_ns.
 *
 * Context: any.
 */
void rk_governor_init(struct rk_governor *governor, double budget, uint64_t quiet_ns);

/**
 * Take one window.
 *
 * Context: any. Return: whether the step is another one now.
 */
bool rk_governor_feed(struct rk_governor *governor, const struct rk_governor_window *window);

#endif
