/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_metrics_value.h - what a series counted, and the arithmetic of deltas.
 *
 * A histogram is kept in the one shape that is sent. Buckets either are borrowed from the
 * registry (capacity 0) or belong to the value.
 */
#ifndef RK_EXPORTERS_OTLP_METRICS_VALUE_H
#define RK_EXPORTERS_OTLP_METRICS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/metrics/metrics.h"

struct rk_otlp_value {
	double number; /* counters, gauges */
	uint64_t count;
	double sum, min, max;
	bool has_min, has_max;
	int scale; /* exponential */
	int first; /* exponential: index of buckets[0] */
	uint64_t *buckets;
	size_t bucket_count;
	size_t capacity; /* of buckets; 0 = borrowed or none */
};

/**
 * The value of @point as it is; borrows its buckets.
 *
 * Context: exporter.
 */
void rk_otlp_value_borrow(struct rk_otlp_value *value, const struct rk_metric_point *point,
			  bool is_exponential);

/**
 * Make @to equal to @from, with buckets of its own. @to was zeroed, copied to or emptied.
 *
 * Context: exporter. Return: 0; -ENOMEM, @to is unchanged.
 */
int rk_otlp_value_copy(struct rk_otlp_value *to, const struct rk_otlp_value *from);
void rk_otlp_value_finish(struct rk_otlp_value *value);

/**
 * Add everything that @from counted to @to.
 *
 * Context: exporter. Return: 0; -ENOMEM, @to is unchanged.
 */
int rk_otlp_value_add(struct rk_otlp_value *to, const struct rk_otlp_value *from);

/**
 * Make @to what was counted between @before and @now. Least and greatest value are known where
 * they are new ones. A count that fell began again from zero.
 *
 * Context: exporter. Return: 0; -ENOMEM, @to is unchanged.
 */
int rk_otlp_value_subtract(struct rk_otlp_value *to, const struct rk_otlp_value *now,
			   const struct rk_otlp_value *before);

/**
 * Trim empty ends of exponential buckets and halve the scale until @max of them hold all.
 *
 * Context: exporter. @value owns its buckets.
 */
void rk_otlp_value_fit(struct rk_otlp_value *value, size_t max);

#endif
