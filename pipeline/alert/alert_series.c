/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_series.c - does the condition hold?
 */
#include "pipeline/alert/alert_series.h"

#include <math.h>
#include <stdlib.h>

#define NS_PER_S     1e9
#define BREAKER_OPEN 2.0

bool rk_alert_series_init(struct rk_alert_series *series, const struct rk_alert_rule *rule,
			  const struct rk_alert_key *key, uint64_t now)
{
	const struct rk_alert_condition *condition = &rule->condition;

	series->rule = rule;
	series->key = *key;
	series->since = now;
	series->last_ns = now;
	rk_alert_window_init(&series->window, condition->window_ns, now);
	if (condition->kind == RK_CONDITION_LATENCY) {
		series->durations = malloc(sizeof(*series->durations));
		if (!series->durations)
			return false;
		rk_alert_durations_init(series->durations, condition->window_ns, now);
	}
	if (condition->kind == RK_CONDITION_MEMORY_GROWTH) {
		series->past = malloc(sizeof(*series->past));
		if (!series->past)
			return false;
		rk_alert_past_init(series->past, condition->window_ns, now, 0);
	}
	if (condition->kind == RK_CONDITION_GPU_IDLE) {
		series->idle = malloc(sizeof(*series->idle));
		if (!series->idle)
			return false;
		rk_alert_idle_init(series->idle, condition->window_ns, now);
	}
	return true;
}

void rk_alert_series_finish(struct rk_alert_series *series)
{
	free(series->durations);
	free(series->past);
	free(series->idle);
	series->durations = NULL;
	series->past = NULL;
	series->idle = NULL;
}

static enum rk_alert_look compare(const struct rk_alert_series *series, double value)
{
	const struct rk_alert_condition *condition = &series->rule->condition;

	if (isnan(value))
		return RK_LOOK_NOT;
	if (rk_condition_is_lower_bound(condition->kind))
		return value < condition->threshold ? RK_LOOK_TRUE :
		       value < condition->resolve   ? RK_LOOK_BETWEEN :
						      RK_LOOK_NOT;
	return value > condition->threshold ? RK_LOOK_TRUE :
	       value > condition->resolve   ? RK_LOOK_BETWEEN :
					      RK_LOOK_NOT;
}

/* The q-quantile lies above a bound when fewer than q of all lie at it or below. */
static bool lies_above(const struct rk_alert_window *window, enum rk_window_count above, double q)
{
	double all = (double)window->sums[RK_COUNT_ALL];

	return all > 0 && all - (double)window->sums[above] < q * all;
}

static enum rk_alert_look look_at_latency(struct rk_alert_series *series,
					  const struct rk_histogram_scale *scale, uint64_t now)
{
	const struct rk_alert_condition *condition = &series->rule->condition;
	double q = condition->quantile, least = 0;
	enum rk_alert_look look = RK_LOOK_NOT;

	if (lies_above(&series->window, RK_COUNT_BAD, q)) {
		look = RK_LOOK_TRUE;
		least = condition->threshold;
	} else if (lies_above(&series->window, RK_COUNT_UNSETTLED, q)) {
		look = RK_LOOK_BETWEEN;
		least = condition->resolve;
	}
	/* An estimate is only made where it can be shown. */
	if (look == RK_LOOK_NOT && series->state == RK_ALERT_INACTIVE)
		return look;
	series->value =
		(double)rk_alert_durations_quantile(series->durations, scale, now, q) / NS_PER_S;
	if (series->value < least)
		series->value = least;
	return look;
}

static enum rk_alert_look look_at_rate(struct rk_alert_series *series, uint64_t now)
{
	double seconds = rk_alert_window_seconds(&series->window);

	/* Of a window that began before the series nobody knows whether there was too little. */
	if (rk_condition_is_lower_bound(series->rule->condition.kind) &&
	    (double)(now - series->since) < seconds * NS_PER_S)
		return RK_LOOK_NOT;
	series->value = (double)series->window.sums[RK_COUNT_ALL] / seconds;
	return compare(series, series->value);
}

static enum rk_alert_look look_at_errors(struct rk_alert_series *series)
{
	uint64_t all = series->window.sums[RK_COUNT_ALL];

	series->value = all ? (double)series->window.sums[RK_COUNT_BAD] / (double)all : 0;
	return all ? compare(series, series->value) : RK_LOOK_NOT;
}

static enum rk_alert_look look_at_growth(struct rk_alert_series *series, uint64_t now)
{
	int64_t before;

	if (!rk_alert_past_note(series->past, now, series->bytes, &before))
		return RK_LOOK_NOT;
	series->value = (double)(series->bytes - before);
	return compare(series, series->value);
}

/* A breaker that is on trial is not closed yet. */
static enum rk_alert_look look_at_breaker(struct rk_alert_series *series)
{
	series->value = series->gauge;
	return series->gauge >= BREAKER_OPEN ? RK_LOOK_TRUE :
	       series->gauge > 0	     ? RK_LOOK_BETWEEN :
					       RK_LOOK_NOT;
}

enum rk_alert_look rk_alert_series_look(struct rk_alert_series *series,
					const struct rk_histogram_scale *scale, uint64_t now)
{
	rk_alert_window_advance(&series->window, now);
	switch (series->rule->condition.kind) {
	case RK_CONDITION_LATENCY:
		return look_at_latency(series, scale, now);
	case RK_CONDITION_ERROR_RATE:
		return look_at_errors(series);
	case RK_CONDITION_RATE_BELOW:
	case RK_CONDITION_RATE_ABOVE:
		return look_at_rate(series, now);
	case RK_CONDITION_MEMORY:
		series->value = (double)series->bytes;
		return compare(series, series->value);
	case RK_CONDITION_MEMORY_GROWTH:
		return look_at_growth(series, now);
	case RK_CONDITION_BREAKER:
		return look_at_breaker(series);
	case RK_CONDITION_NO_EXECUTIONS:
		series->value = (double)(now - series->last_ns) / NS_PER_S;
		return now - series->last_ns >= series->rule->condition.window_ns ? RK_LOOK_TRUE :
										    RK_LOOK_NOT;
	case RK_CONDITION_BURN_RATE:
	case RK_CONDITION_IN_FLIGHT:
	case RK_CONDITION_GPU_IDLE:
		series->value = series->gauge;
		return compare(series, series->value);
	case RK_CONDITION_LOSSES:
		series->value = (double)series->window.sums[RK_COUNT_ALL];
		return compare(series, series->value);
	default:
		return RK_LOOK_NOT;
	}
}
