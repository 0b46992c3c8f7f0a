/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics.h - the series, one row per family in metrics.def.
 *
 * Fed by ops only, so replay gives the final values that the live run had. One update of a
 * histogram serves both shapes: exponential buckets are kept, explicit ones beside them.
 */
#ifndef RK_PIPELINE_METRICS_METRICS_H
#define RK_PIPELINE_METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/op.h"
#include "pipeline/span/span.h"

enum rk_metric_type { RK_METRIC_COUNTER, RK_METRIC_GAUGE, RK_METRIC_HISTOGRAM };

#define RK_LABELS_MAX 16

/* A row of metrics.def, or a metric of the program: that one lives as long as the registry. */
struct rk_metric_family {
	const char *name; /* Prometheus name with unit and _total */
	const char *unit; /* "seconds", "bytes" or "" */
	const char *help;
	const char *labels[RK_LABELS_MAX]; /* NULL-terminated unless full */
	uint8_t type;			   /* enum rk_metric_type */
	bool runtime;			   /* the tracer's own: only with metrics.include_runtime */
	bool explicit_only; /* histogram: the program chose its bounds; no exponential view */
};

struct rk_exemplar {
	uint8_t trace_id[16], span_id[8];
	double value;
	uint64_t unix_ns; /* 0 = none */
};

/* The parts of a histogram; borrowed from the registry. */
struct rk_histogram_view {
	uint64_t count;
	double sum, min, max;
	const double *bounds;	 /* upper-inclusive */
	const uint64_t *buckets; /* bound_count + 1, not cumulative */
	size_t bound_count;
	const struct rk_exemplar *exemplars; /* bound_count + 1; may be NULL */
	/* the same values in exponential buckets: index i = (base^i, base^(i+1)] seconds,
	 * base = 2^(2^-scale). Trimmed: the first and the last are not empty, unless count is 0.
	 * A value of 0 lies in the bucket of 1 ns. There may be more buckets than a wire takes. */
	const uint64_t *exponential; /* exponential_count, the first has index exponential_first;
				      * NULL: the family is explicit_only */
	int exponential_first;
	size_t exponential_count;
	int scale;
};

struct rk_metric_point {
	const struct rk_metric_family *family;
	const char *values[RK_LABELS_MAX]; /* in the order of family->labels; NULL: not there */
	double value;			   /* counters, gauges */
	struct rk_histogram_view histogram;
};

struct rk_metrics;

/**
 * Visit every series, families contiguous and in table order, series in a stable order.
 *
 * @include_runtime: also the tracer's own families.
 * Context: the thread that feeds the pipeline.
 */
void rk_metrics_visit(const struct rk_metrics *metrics, bool include_runtime,
		      void (*visit)(const struct rk_metric_point *point, void *data), void *data);

/**
 * Render Prometheus text 0.0.4 (or OpenMetrics 1.0 with @openmetrics) into *@out.
 *
 * Context: the feeding thread. Ownership: *out is the caller's, free().
 * Return: length, or -ENOMEM.
 */
ptrdiff_t rk_metrics_render(const struct rk_metrics *metrics, bool include_runtime,
			    bool openmetrics, char **out);

/**
 * Add to a counter / set a gauge of the tracer's own (wire losses, bytes sent).
 *
 * @family: a name in metrics.def. @label: value of its only label, "" if it has none.
 * Context: the feeding thread.
 */
void rk_metrics_add(struct rk_metrics *metrics, const char *family, const char *label, double v);
void rk_metrics_set(struct rk_metrics *metrics, const char *family, const char *label, double v);

/**
 * Remember the span of a kernel as an example of its duration, by the filter
 * metrics.exemplars.
 *
 * Context: the feeding thread.
 */
void rk_metrics_note_span(struct rk_metrics *metrics, const struct rk_span *span);

/**
 * Family rows of metrics.def, for documentation tests and `rktrace`.
 *
 * Context: any. Return: static; NULL behind the last row.
 */
size_t rk_metrics_family_count(void);
const struct rk_metric_family *rk_metrics_family(size_t index);

#endif
