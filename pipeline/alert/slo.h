/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/slo.h - whether the program does what was promised of it.
 *
 *   ops -> the SLOs an execution belongs to -> counts by time -> verdicts
 *
 * Fed by ops only, with their times as the clock: a file gives the verdicts that its live run
 * gave. A verdict on a latency is exact, because executions above the threshold are counted as
 * such; only the percentile that is shown beside it is read from a histogram.
 *
 * Memory is bounded: one-minute counts of the last six hours, for burn rates, and thirty slots
 * with a histogram each for the window of the SLO, which therefore moves on in thirtieths.
 */
#ifndef RK_PIPELINE_ALERT_SLO_H
#define RK_PIPELINE_ALERT_SLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/op.h"
#include "core/slo_board.h"

/* Of one configuration; more are told and left out. */
#define RK_SLO_MAX 64u

/* Windows of the burn rates, in the order of rk_slo_result.burn. */
enum rk_slo_burn { RK_SLO_BURN_5M, RK_SLO_BURN_30M, RK_SLO_BURN_1H, RK_SLO_BURN_6H };
#define RK_SLO_BURNS 4

struct rk_slo_result {
	const char *slo, *target; /* as in the configuration */
	const char *unit;	  /* of the next two: "s", "ratio", "1/s" */
	double wanted, measured;  /* measured: NaN without data */
	enum rk_slo_state state;
	uint64_t count, needed; /* what was judged: executions or minutes; as many are needed */
	double compliance;  /* share of what was judged that is good; NaN without data */
	double headroom;    /* share of the target that is left, negative: exceeded; NaN as above */
	double budget_left; /* share of the error budget; NaN without data or budget */
	double burn[RK_SLO_BURNS]; /* budget is spent so many times too fast; NaN without budget */
};

struct rk_slo;

/* The verdict @now was @was before; @time_ns: of the records. Borrowed until it returns. */
typedef void (*rk_slo_change_fn)(void *data, uint64_t time_ns, const struct rk_slo_result *now,
				 enum rk_slo_state was);

/**
 * The SLOs of @config. An entry that cannot be used is named, once, and left out.
 *
 * @out: NULL when there is none. @mistakes: entries that were left out; may be NULL.
 * Context: exporter or tools. Ownership: the caller, rk_slo_destroy(); @config outlives it.
 * Return: 0, -ENOMEM.
 */
int rk_slo_create(struct rk_slo **out, const struct rk_config *config, uint32_t *mistakes);
void rk_slo_destroy(struct rk_slo *slo);

/**
 * Who hears when a verdict is another than it was, with the seconds of rk_slo_feed(). That a
 * target is met from the start is no news, and that there is too little data neither.
 *
 * Context: the feeding thread, before the first op. @slo may be NULL.
 */
void rk_slo_set_change(struct rk_slo *slo, rk_slo_change_fn change, void *data);

/**
 * Take one op. With every second that passes, and at the end, verdicts go to the board.
 *
 * @slo: NULL is allowed in all functions below, and has no targets.
 * Context: the feeding thread.
 */
void rk_slo_feed(struct rk_slo *slo, const struct rk_op *op);

/**
 * No more ops: judge the minutes that are under way as they are.
 *
 * Context: the feeding thread.
 */
void rk_slo_finish(struct rk_slo *slo);

/**
 * The verdict on target @index, 0, 1, 2..., of all SLOs in their order.
 *
 * Context: the feeding thread. Ownership: strings are borrowed until destroy.
 * Return: false behind the last one.
 */
bool rk_slo_result_get(const struct rk_slo *slo, size_t index, struct rk_slo_result *out);

/**
 * "too little data", "met", "at risk", "violated".
 *
 * Context: any. Return: static.
 */
const char *rk_slo_state_name(enum rk_slo_state state);

/**
 * How many times too fast the error budget was spent in the last @window_ns, at most six hours;
 * 1 = it will just last. In whole minutes, the one under way included.
 *
 * @target: of the SLO called @name; NULL = the target that burns fastest.
 * Context: the feeding thread. Return: 0 without traffic; NaN when there is no such target, or it
 * has no budget (throughput).
 */
double rk_slo_burn_rate(const struct rk_slo *slo, const char *name, const char *target,
			uint64_t window_ns);

#endif
