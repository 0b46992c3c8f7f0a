/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_own.c - values that no op carries: what became of data on the wires.
 */
#include <string.h>

#include "core/intern.h"
#include "core/log.h"
#include "pipeline/live/process_stats.h"
#include "pipeline/metrics/metrics_said.h"
#include "pipeline/metrics/metrics_state.h"
#include "pipeline/span/assembler.h"

void rk_metrics_set_live(struct rk_metrics *metrics)
{
	struct rk_process_stats stats;

	rk_process_stats_get(&stats);
	metrics->start_unix_seconds = stats.start_unix_seconds;
	metrics->is_live = true;
}

void rk_metrics_set_slo(struct rk_metrics *metrics, const struct rk_slo *slo)
{
	metrics->slo = slo;
}

void rk_metrics_set_alerts(struct rk_metrics *metrics, const struct rk_alert_engine *alerts)
{
	metrics->alerts = alerts;
}

void rk_metrics_set_baggage(struct rk_metrics *metrics, const char *baggage)
{
	rk_metrics_baggage_set_process(&metrics->baggage, baggage);
}

void rk_metrics_note_assembler(struct rk_metrics *metrics, const struct rk_assembler_stats *stats)
{
	const uint64_t decisions[RK_DECISIONS] = { stats->kept_slow, stats->kept_error,
						   stats->kept_refused, stats->undecided };

	for (int i = 0; i < RK_DECISIONS; i++)
		metrics->decisions[i] = (double)decisions[i];
	metrics->own_values[RK_METRIC_ID_TRACER_UNJUDGED] = (double)stats->unjudged;
	metrics->own_values[RK_METRIC_ID_TRACER_HELD] = (double)stats->hold_bytes;
	metrics->own_values[RK_METRIC_ID_TRACER_STRAY_SPANS] = (double)stats->api_strays;
	metrics->own_values[RK_METRIC_ID_TRACER_UNFINISHED_SPANS] = (double)stats->api_unfinished;
	metrics->own_values[RK_METRIC_ID_TRACER_EARLY_SPANS] = (double)stats->api_early;
}

static double *dropped_value(struct rk_metrics *metrics, const char *reason)
{
	for (int r = 0; r < RK_LOSS_COUNT; r++) {
		if (strcmp(rk_loss_name((enum rk_loss)r), reason) == 0)
			return &metrics->dropped_wire[r];
	}
	return NULL;
}

/* Of @values, the one whose name is @label. */
static double *labelled_value(double *values, const char *const *names, int count,
			      const char *label)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], label) == 0)
			return &values[i];
	}
	return NULL;
}

/* The last of @places is kept for @other, which the names beyond the bound share. */
static double *named_value(struct rk_named_value *rows, uint32_t *count, uint32_t places,
			   uint32_t other, const char *label)
{
	uint32_t name = *count < places - 1 ? rk_intern(label) : 0;

	for (uint32_t i = 0; i < *count; i++) {
		if (strcmp(rk_intern_get(rows[i].name), label) == 0)
			return &rows[i].value;
	}
	if (*count == places)
		return &rows[places - 1].value;
	rows[*count].name = name ? name : other;
	return &rows[(*count)++].value;
}

double *rk_metrics_breaker_value(struct rk_metrics *metrics, const char *label)
{
	return named_value(metrics->breakers, &metrics->breaker_count, RK_BREAKER_NAMES,
			   metrics->other, label);
}

/* @family: 0 = sent, 1 = failed. */
static double *notice_value(struct rk_metrics *metrics, int family, const char *channel)
{
	return named_value(metrics->notices[family], &metrics->notice_count[family],
			   RK_CHANNEL_NAMES, metrics->other, channel);
}

/* Where the value of a family with at most one label lies; NULL if nobody may set it. */
static double *own_value(struct rk_metrics *metrics, const char *family, const char *label)
{
	for (int i = 0; i < RK_METRIC_ID_COUNT; i++) {
		const struct rk_metric_family *row = rk_metrics_row((enum rk_metric_id)i);

		if (strcmp(row->name, family) != 0)
			continue;
		if (i == RK_METRIC_ID_DROPPED)
			return dropped_value(metrics, label);
		if (i >= RK_METRIC_ID_TRACER_SPANS && i <= RK_METRIC_ID_TRACER_LOG_RECORDS)
			return labelled_value(metrics->outcomes[i - RK_METRIC_ID_TRACER_SPANS],
					      rk_metric_outcomes, RK_OUTCOMES, label);
		if (i == RK_METRIC_ID_TRACER_QUEUED)
			return labelled_value(metrics->queued, rk_metric_signals, RK_SIGNALS,
					      label);
		if (i == RK_METRIC_ID_BREAKER)
			return rk_metrics_breaker_value(metrics, label);
		if (i == RK_METRIC_ID_NOTICES_SENT || i == RK_METRIC_ID_NOTICES_FAILED)
			return notice_value(metrics, i - RK_METRIC_ID_NOTICES_SENT, label);
		return row->runtime ? &metrics->own_values[i] : NULL;
	}
	return NULL;
}

void rk_metrics_add(struct rk_metrics *metrics, const char *family, const char *label, double v)
{
	double *value = own_value(metrics, family, label);

	if (value)
		*value += v;
	else
		rk_log_debug("metrics: could not add to %s{%s}: no such series", family, label);
}

void rk_metrics_set(struct rk_metrics *metrics, const char *family, const char *label, double v)
{
	double *value = own_value(metrics, family, label);

	if (value)
		*value = v;
	else
		rk_log_debug("metrics: could not set %s{%s}: no such series", family, label);
}
