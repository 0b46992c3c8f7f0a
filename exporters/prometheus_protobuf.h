/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/prometheus_protobuf.h - the exposition as delimited protobuf, for scrapers that
 * ask for it because they want native histograms.
 *
 * Histograms have both shapes: the native one, and the classic buckets that the text has. So
 * whoever switches native histograms on loses no series.
 */
#ifndef RK_EXPORTERS_PROMETHEUS_PROTOBUF_H
#define RK_EXPORTERS_PROMETHEUS_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/metrics/metrics.h"

#define RK_PROMETHEUS_PROTOBUF_TYPE                                                                \
	"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "               \
	"encoding=delimited"

/**
 * Render every series, as io.prometheus.client.MetricFamily messages with their lengths before
 * them.
 *
 * @visit: rk_metrics_visit() of the opener.
 * @resource: the list of core/resource.h, which becomes target_info; NULL or "" = none.
 * Context: the feeding thread. Ownership: *out is the caller's, free().
 * Return: length; -ENOMEM.
 */
ptrdiff_t rk_prometheus_protobuf_render(
	void (*visit)(const struct rk_metrics *metrics, bool include_runtime,
		      void (*fn)(const struct rk_metric_point *point, void *data), void *data),
	const struct rk_metrics *metrics, bool include_runtime, const char *resource,
	uint8_t **out);

#endif
