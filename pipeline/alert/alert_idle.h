/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_idle.h - what a GPU did in the last minutes, by its states.
 *
 * From the sums of pipeline/use/gpu_time.h as they were a window ago. Those are some seconds
 * behind, and stand still behind a launch that hangs: the window is one of records, and how much
 * it covers is told.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_IDLE_H
#define RK_PIPELINE_ALERT_ALERT_IDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/alert/alert_window.h"
#include "pipeline/use/gpu_time.h"

#define RK_ALERT_IDLE_BYTES 192u /* of the sentence */

struct rk_alert_idle {
	struct rk_alert_past sums[RK_GPU_STATE_COUNT];
	uint64_t ns[RK_GPU_STATE_COUNT]; /* in the window */
	bool is_whole;			 /* a whole window was seen */
};

/**
 * Begin a window of @window_ns at @now. / The sums are @split now.
 *
 * Context: the feeding thread; does not allocate.
 */
void rk_alert_idle_init(struct rk_alert_idle *idle, uint64_t window_ns, uint64_t now);
void rk_alert_idle_note(struct rk_alert_idle *idle, uint64_t now, const struct rk_gpu_split *split);

/**
 * The share of the time in the @states, bits of enum rk_gpu_state; NAN where no time was summed
 * up. / In words, @out: "busy 12.0 %, launch_bound 88.0 % of 4.98 s"; "" for no time.
 *
 * Context: the feeding thread.
 */
double rk_alert_idle_share(const struct rk_alert_idle *idle, uint32_t states);
const char *rk_alert_idle_write(const struct rk_alert_idle *idle, char *out, size_t size);

/**
 * The states that a rule may ask for by @name: those in which no kernel runs, each, or "idle" for
 * all in which nothing runs.
 *
 * Context: any. Return: bits of enum rk_gpu_state; 0 for any other name.
 */
uint32_t rk_alert_idle_states(const char *name);

#endif
