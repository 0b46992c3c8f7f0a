/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_metrics_series.h - what was sent of each series, found by family and labels.
 *
 * A family has at most as many series as its bound allows, the one for the overflow included;
 * who is in stays in, so that no series ever moves into the overflow.
 */
#ifndef RK_EXPORTERS_OTLP_METRICS_SERIES_H
#define RK_EXPORTERS_OTLP_METRICS_SERIES_H

#include <stdint.h>

#include "exporters/otlp_metrics_value.h"
#include "exporters/otlp_transport.h"

struct rk_otlp_series {
	const struct rk_metric_family *family;
	char *labels; /* values, each with its NUL; NULL = overflow */
	size_t label_bytes;
	uint64_t hash;
	uint64_t start_ns;   /* of a cumulative series */
	uint64_t reached_ns; /* time of the newest point that arrived; before that start_ns */
	struct rk_otlp_value reached;
	uint64_t sent_ns;
	struct rk_otlp_value sent;
	uint32_t ticket; /* of the request that holds `sent`; 0 = none */
};

struct rk_otlp_series_table {
	struct rk_otlp_series **items; /* in order of appearance */
	uint32_t count, capacity;
	uint32_t *slots; /* open addressing: index into items, plus 1 */
	uint32_t slot_count;
};

/**
 * Context: exporter.
 */
void rk_otlp_series_finish(struct rk_otlp_series_table *table);

/**
 * The series of @family with these labels.
 *
 * Context: exporter. Return: borrowed; NULL when there is none.
 */
struct rk_otlp_series *rk_otlp_series_find(const struct rk_otlp_series_table *table,
					   const struct rk_metric_family *family,
					   const char *labels, size_t label_bytes);

/**
 * Add a series that is not there.
 *
 * Context: exporter. Return: borrowed; NULL without memory.
 */
struct rk_otlp_series *rk_otlp_series_add(struct rk_otlp_series_table *table,
					  const struct rk_metric_family *family, const char *labels,
					  size_t label_bytes);

/**
 * Move on or forget what the request @ticket held.
 *
 * Context: exporter.
 */
void rk_otlp_series_settle(struct rk_otlp_series_table *table, uint32_t ticket,
			   enum rk_otlp_verdict verdict);

#endif
