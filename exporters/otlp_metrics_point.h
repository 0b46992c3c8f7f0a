/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_metrics_point.h - one data point, and the metric around a run of them.
 *
 * protobuf-c packs each point as soon as it is known, so nothing but bytes is kept: a round of
 * ten thousand series needs the memory of its requests and one point.
 */
#ifndef RK_EXPORTERS_OTLP_METRICS_POINT_H
#define RK_EXPORTERS_OTLP_METRICS_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporters/otlp_metrics_value.h"
#include "pipeline/metrics/metrics.h"

/* OpenTelemetry's default: buckets of an exponential histogram. */
#define RK_OTLP_BUCKETS_MAX 160
/* Its default reservoir for exponential histograms. */
#define RK_OTLP_EXEMPLARS_MAX 20

struct rk_otlp_bytes {
	uint8_t *bytes;
	size_t used, capacity;
};

/**
 * Make room for @more bytes behind bytes + used.
 *
 * Context: exporter. Return: 0; -ENOMEM.
 */
int rk_otlp_bytes_reserve(struct rk_otlp_bytes *buffer, size_t more);

#define RK_OTLP_NAME_BYTES 256

/* What a family is called here. */
struct rk_otlp_metric_name {
	char name[RK_OTLP_NAME_BYTES];
	const char *unit; /* UCUM: "s", "By", "" */
};

/**
 * Context: any.
 */
void rk_otlp_metric_name_get(struct rk_otlp_metric_name *name,
			     const struct rk_metric_family *family);

struct rk_otlp_point {
	const struct rk_metric_family *family;
	const char *labels; /* their values, each with its NUL, valid UTF-8; NULL = overflow */
	uint64_t start_ns, time_ns;
	bool is_exponential; /* histograms: then value owns its buckets, which are fitted */
	struct rk_otlp_value *value;
	const struct rk_histogram_view *view; /* bounds, exemplars; NULL = no histogram */
	bool has_exemplars;
};

/**
 * Append the point as field `data_points`, tag and length included.
 *
 * Context: exporter. Return: 0; -ENOMEM.
 */
int rk_otlp_point_append(struct rk_otlp_bytes *out, const struct rk_otlp_point *point);

/**
 * Append a Metric as field `metrics` of a ScopeMetrics around @points, which are those of one
 * family.
 *
 * Context: exporter. Return: 0; -ENOMEM.
 */
int rk_otlp_metric_append(struct rk_otlp_bytes *out, const struct rk_metric_family *family,
			  bool is_exponential, bool is_delta, const struct rk_otlp_bytes *points);

#endif
