/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metric_name.h - names of the program's metrics that Prometheus and OpenMetrics
 * take.
 *
 *   request latency, s, histogram    request_latency_seconds
 *   jobs, 1, counter                 jobs_total
 *   cache.fill, 1, gauge             cache_fill_ratio
 *
 * The words for units are those of OpenTelemetry's rules for Prometheus, so that a metric has the
 * same name whether it was scraped or came by OTLP.
 */
#ifndef RK_PIPELINE_METRICS_METRIC_NAME_H
#define RK_PIPELINE_METRICS_METRIC_NAME_H

#include <stdbool.h>

#include "pipeline/metrics/metrics.h"

#define RK_METRIC_NAME_BYTES 200 /* with unit, _total and NUL; longer names are cut */
#define RK_METRIC_UNIT_BYTES 48

/**
 * The name of a family: @name in the alphabet of names, with its unit, and _total on counters.
 *
 * @unit: UCUM ("s", "By") or a word. @unit_out: the word that the name ends in; "" = none.
 * Context: any. Return: false when nothing of @name is left.
 */
bool rk_metric_name_make(enum rk_metric_type type, const char *name, const char *unit,
			 char out[RK_METRIC_NAME_BYTES], char unit_out[RK_METRIC_UNIT_BYTES]);

/**
 * @label in the alphabet of label names. What Prometheus keeps for itself gets a _ before it.
 *
 * Context: any. Return: false when nothing of @label is left.
 */
bool rk_metric_name_label(const char *label, char out[RK_METRIC_NAME_BYTES]);

/**
 * Whether samples of two families could have the same name, as foo_count of a histogram foo and
 * a gauge foo_count: then no reader could tell them apart.
 *
 * Context: any.
 */
bool rk_metric_name_clashes(const struct rk_metric_family *a, const struct rk_metric_family *b);

#endif
