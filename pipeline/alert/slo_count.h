/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/slo_count.h - executions of one SLO, counted by the time they ended.
 *
 *   minutes   360 slots of a minute each: burn rates, and what availability judges
 *   window    30 slots of a thirtieth of the window each, with a histogram: the verdicts
 *
 * A slot is found by time, so the order in which executions are told does not matter as long as
 * their slot is still there.
 */
#ifndef RK_PIPELINE_ALERT_SLO_COUNT_H
#define RK_PIPELINE_ALERT_SLO_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/alert/slo_spec.h"
#include "pipeline/metrics/histogram.h"

#define RK_SLO_MINUTE_NS    60000000000ull
#define RK_SLO_MINUTES	    360u /* 6 h: the longest burn rate */
#define RK_SLO_WINDOW_SLOTS 30u

struct rk_slo_counts {
	uint64_t executions, errors;
	uint64_t timed, slow[RK_SLO_LATENCIES], risky[RK_SLO_LATENCIES]; /* by latency target */
	uint64_t minutes, bad_minutes; /* of those with traffic that have been judged */
};

struct rk_slo_minute {
	struct rk_slo_counts counts;
	bool is_judged;
};

struct rk_slo_slot {
	struct rk_slo_counts counts;
	uint64_t longest_ns;
	uint32_t buckets[RK_HISTOGRAM_EXP_COUNT];
};

struct rk_slo_count {
	struct rk_slo_minute *minutes; /* RK_SLO_MINUTES; slot = number % count */
	struct rk_slo_slot *slots;     /* RK_SLO_WINDOW_SLOTS */
	uint64_t slot_ns;
	uint64_t newest_minute, newest_slot; /* numbers: time / width */
	uint64_t first_ns; /* start of the first execution; 0 = none */
	uint64_t unjudged; /* number of the first minute that is not judged yet */
};

/* One execution. */
struct rk_slo_event {
	uint64_t end_ns;
	uint64_t duration_ns;
	bool is_timed, failed;
};

/**
 * Context: exporter or tools. Return: 0, -ENOMEM.
 */
int rk_slo_count_init(struct rk_slo_count *count, uint64_t window_ns);
void rk_slo_count_finish(struct rk_slo_count *count);

/**
 * Forget everything.
 *
 * Context: exporter or tools.
 */
void rk_slo_count_reset(struct rk_slo_count *count);

/**
 * Time has come to @now_ns: slots that it left behind are used again.
 *
 * Context: as above.
 */
void rk_slo_count_advance(struct rk_slo_count *count, uint64_t now_ns);

/**
 * Count one execution. What is older than the oldest slot is left out.
 *
 * Context: as above; time has come to its end.
 */
void rk_slo_count_add(struct rk_slo_count *count, const struct rk_slo_spec *spec,
		      const struct rk_histogram_scale *scale, const struct rk_slo_event *event);

/**
 * Judge the minutes that are over, at least @late_ns ago, by every target but availability.
 *
 * @is_end: also those that are not over.
 * Context: as above.
 */
void rk_slo_count_judge(struct rk_slo_count *count, const struct rk_slo_spec *spec, uint64_t now_ns,
			bool is_end);

/**
 * The sum of the newest @minutes minutes / of all slots of the window.
 *
 * @histogram: takes the exponential buckets and the maximum; may be NULL.
 * Context: as above.
 */
void rk_slo_count_sum_minutes(const struct rk_slo_count *count, uint64_t minutes,
			      struct rk_slo_counts *sum);
void rk_slo_count_sum_window(const struct rk_slo_count *count, struct rk_slo_counts *sum,
			     struct rk_histogram *histogram);

#endif
