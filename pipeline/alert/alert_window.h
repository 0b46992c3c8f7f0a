/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_window.h - counts of the last minutes, in bounded memory.
 *
 *   |....|....|....|....|..  |        sixty slices; the newest is under way
 *    <------- window ------->
 *
 * A window moves on by whole slices of window/60 (a second at the least): it covers its length
 * less what is missing of the newest slice. Sums are kept, so a look costs nothing.
 *
 * Whether a percentile lies above a threshold needs no histogram: the q-quantile is above t when
 * fewer than q of all values are t or less. That count is exact, and the answer is Prometheus's
 * where t is the bound of a bucket. Only the percentile that is shown comes from exponential
 * buckets: the upper bound of one, at most 9.1 % too high.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_WINDOW_H
#define RK_PIPELINE_ALERT_ALERT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/metrics/histogram.h"

#define RK_WINDOW_SLICES 60u
#define RK_WINDOW_PARTS	 6u /* of the percentile that is shown; it moves on in sixths */

enum rk_window_count {
	RK_COUNT_ALL,
	RK_COUNT_BAD,	   /* failed, or above the threshold */
	RK_COUNT_UNSETTLED, /* above the threshold at which a firing alert resolves */
	RK_WINDOW_COUNTS
};

struct rk_alert_window {
	uint64_t slice_ns;
	uint64_t newest; /* number of the slice under way: its time / slice_ns */
	uint32_t slices;
	uint64_t sums[RK_WINDOW_COUNTS];
	uint32_t counts[RK_WINDOW_SLICES][RK_WINDOW_COUNTS];
};

/* Durations for the percentile that is shown. */
struct rk_alert_durations {
	uint64_t part_ns, newest;
	uint64_t max[RK_WINDOW_PARTS + 1];
	uint32_t buckets[RK_WINDOW_PARTS + 1][RK_HISTOGRAM_EXP_COUNT];
};

/* Values of a gauge as they were. */
struct rk_alert_past {
	uint64_t slice_ns, newest;
	uint32_t slices; /* of the window */
	uint32_t known;	 /* slices behind the newest that have a value */
	int64_t values[RK_WINDOW_SLICES + 1];
};

/**
 * Begin a window of @window_ns at @now.
 *
 * Context: the feeding thread; does not allocate.
 */
void rk_alert_window_init(struct rk_alert_window *window, uint64_t window_ns, uint64_t now);

/**
 * Let time pass until @now, which never goes back.
 *
 * Context: the feeding thread.
 */
void rk_alert_window_advance(struct rk_alert_window *window, uint64_t now);

/**
 * Count @amount in the slice under way.
 *
 * Context: the feeding thread.
 */
void rk_alert_window_add(struct rk_alert_window *window, enum rk_window_count which,
			 uint64_t amount);

/**
 * Length in seconds, as rounded to slices.
 *
 * Context: the feeding thread.
 */
double rk_alert_window_seconds(const struct rk_alert_window *window);

/**
 * Begin with no durations. / Add one.
 *
 * Context: the feeding thread; does not allocate.
 */
void rk_alert_durations_init(struct rk_alert_durations *durations, uint64_t window_ns,
			     uint64_t now);
void rk_alert_durations_add(struct rk_alert_durations *durations,
			    const struct rk_histogram_scale *scale, uint64_t now, uint64_t ns);

/**
 * The percentile to be shown.
 *
 * Context: the feeding thread.
 * Return: the upper bound of the bucket that holds the @q-quantile, in ns; 0 without values.
 */
uint64_t rk_alert_durations_quantile(struct rk_alert_durations *durations,
				     const struct rk_histogram_scale *scale, uint64_t now,
				     double q);

/**
 * Begin with @value at @now.
 *
 * Context: the feeding thread; does not allocate.
 */
void rk_alert_past_init(struct rk_alert_past *past, uint64_t window_ns, uint64_t now,
			int64_t value);

/**
 * Note the value of now; tell that of a window ago.
 *
 * Context: the feeding thread. Return: false while there is none so old.
 */
bool rk_alert_past_note(struct rk_alert_past *past, uint64_t now, int64_t value, int64_t *before);

#endif
