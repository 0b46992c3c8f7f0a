/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_user.h - counters, gauges and histograms that the program defines
 * itself.
 *
 * A definition becomes a series of a family, which is made when its name is first seen. What a
 * family is (type, help, label names, bounds) its first definition says, as with the client
 * libraries of Prometheus; one that does not fit is refused, counted, and told.
 */
#ifndef RK_PIPELINE_METRICS_METRICS_USER_H
#define RK_PIPELINE_METRICS_METRICS_USER_H

#include <stdint.h>

#include "core/op.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/metrics/metrics.h"
#include "pipeline/metrics/series_list.h"

/* Families at most; later names are refused. */
#define RK_USER_FAMILIES_MAX 1024u

struct rk_user_series {
	struct rk_series series;
	char *texts; /* the label values one behind the other; NULL: is_other */
	const char *values[RK_LABELS_MAX]; /* parts of it; NULL: the label is not there */
	double value;			   /* counter, gauge */
	uint64_t count;			   /* histogram, as the next ones */
	double sum, min, max;
	uint64_t *buckets; /* bound_count + 1 of the family */
};

struct rk_user_family {
	struct rk_metric_family family; /* first: a point leads to it */
	char *texts;			/* what its strings are parts of */
	double bounds[RK_CONFIG_BOUNDS_MAX];
	uint32_t bound_count;
	struct rk_series_list series;
};

struct rk_user_target {
	struct rk_user_family *family; /* NULL = refused */
	struct rk_user_series *series;
};

struct rk_user_metrics {
	const struct rk_config *config; /* borrowed; outlives the registry */
	struct rk_user_family **families; /* in order of their first definition */
	uint32_t family_count;
	struct rk_user_target *targets; /* by number of the instrument */
	uint32_t target_count;
	uint64_t refused_instruments, refused_samples, short_of_memory;
};

/**
 * Context: exporter or tools.
 */
void rk_metrics_user_finish(struct rk_user_metrics *user);

/**
 * Take the definition of a counter, gauge or histogram / one value for it.
 *
 * Context: the feeding thread.
 */
void rk_metrics_user_define(struct rk_user_metrics *user, const struct rk_op *op);
void rk_metrics_user_sample(struct rk_user_metrics *user, const struct rk_op_sample *sample);

/**
 * Visit every series, families contiguous.
 *
 * Context: the feeding thread.
 */
void rk_metrics_user_visit(const struct rk_user_metrics *user,
			   void (*visit)(const struct rk_metric_point *point, void *data),
			   void *data);

/**
 * Sets of label values that share the series other.
 *
 * Context: the feeding thread.
 */
uint64_t rk_metrics_user_folded(const struct rk_user_metrics *user);

#endif
