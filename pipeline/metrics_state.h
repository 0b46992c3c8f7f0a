/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics_state.h - the inside of the registry.
 *
 *   metrics.c          ops update it
 *   metrics_own.c      what is not known from ops: losses on wires, breakers
 *   metrics_visit.c    series come out of it
 *   target_info.c      the labels of the one series that no op updates
 *   prometheus_text.c  renders them
 */
#ifndef RK_PIPELINE_METRICS_STATE_H
#define RK_PIPELINE_METRICS_STATE_H

#include "pipeline/handle_map.h"
#include "pipeline/histogram.h"
#include "pipeline/metrics.h"
#include "pipeline/metrics_series.h"
#include "pipeline/series_list.h"
#include "pipeline/slo.h"

enum rk_metric_id {
#define RK_METRIC(id, name, type, unit, runtime, help, ...) RK_METRIC_ID_##id,
#include "pipeline/metrics.def"
#undef RK_METRIC
	RK_METRIC_ID_COUNT
};

/* Breakers that are told apart; the rest share "other". */
#define RK_BREAKER_NAMES 64

struct rk_named_value {
	uint32_t name; /* string */
	double value;
};

#define RK_OUTCOMES 4
/* Kernels found without the index: a training step has some hundred. */
#define RK_KERNEL_CACHE 256

struct rk_kernel_cache {
	uint64_t key; /* 0 = free */
	struct rk_kernel_series *series;
};

/* The kernel that was fed last: its span, and with it an exemplar, mostly comes at once. */
struct rk_fed_kernel {
	uint64_t ordinal, end; /* of the op; 0 = none with a duration */
	struct rk_kernel_series *series;
	uint32_t bucket;
};

struct rk_metrics {
	const struct rk_config *config; /* borrowed; outlives the registry */
	struct rk_histogram_scale bounds, exponential;
	struct rk_series_list kernels, transfers, errors, memory;
	struct rk_handle_map ranked; /* kernel_id -> tag: has series of its own, or folded */
	struct rk_kernel_cache recent[RK_KERNEL_CACHE];
	struct rk_fed_kernel fed;
	uint32_t own, folded;		    /* kernels */
	uint32_t other, all, unknown;	    /* strings */
	uint64_t dropped[RK_LOSS_COUNT];    /* as the newest tick said */
	double dropped_wire[RK_LOSS_COUNT]; /* added by sinks */
	uint64_t short_of_memory;
	uint64_t active[RK_ACTIVE_DEVICES];
	bool has_device[RK_ACTIVE_DEVICES];
	double own_values[RK_METRIC_ID_COUNT];
	double outcomes[RK_OUTCOMES];
	struct rk_named_value breakers[RK_BREAKER_NAMES];
	uint32_t breaker_count;
	char *target_labels; /* a="b",c="d"; NULL = no target_info */
	const struct rk_slo *slo; /* borrowed; NULL = none */
	/* of this process; live only */
	bool is_live;
	double start_unix_seconds; /* taken once: two readings differ by what the clocks do */
};

extern const char *const rk_metric_outcomes[RK_OUTCOMES];

/**
 * Context: exporter or tools. Return: 0, -ENOMEM.
 */
int rk_metrics_create(struct rk_metrics **out, const struct rk_config *config);
void rk_metrics_destroy(struct rk_metrics *metrics);

/**
 * The registry is fed by the process it is about: process_* are among its families.
 *
 * Context: exporter.
 */
void rk_metrics_set_live(struct rk_metrics *metrics);

/**
 * Verdicts become series; @slo may be NULL.
 *
 * Context: exporter or tools. Ownership: the caller keeps @slo; it outlives the registry.
 */
void rk_metrics_set_slo(struct rk_metrics *metrics, const struct rk_slo *slo);

/**
 * Resource attributes as labels of target_info. @resource: as rk_resource_visit() reads it;
 * NULL, empty or bad = no target_info.
 *
 * Context: exporter or tools. Without memory there is no target_info.
 */
void rk_metrics_set_resource(struct rk_metrics *metrics, const char *resource);

/**
 * Update everything from one op.
 *
 * Context: the feeding thread.
 */
void rk_metrics_feed(struct rk_metrics *metrics, const struct rk_op *op);

/**
 * The row of the table with this number, without the layer of rk_metrics_family().
 *
 * Context: any.
 */
const struct rk_metric_family *rk_metrics_row(enum rk_metric_id id);

/**
 * Name of a memory pool, as in the label `pool`; of a kind of transfer, as in `kind`.
 *
 * Context: any. Return: static strings.
 */
const char *rk_metrics_pool_name(uint32_t pool);
const char *rk_metrics_transfer_name(const struct rk_op *op);

/**
 * Whether @op tells of a kernel that the driver refused to launch.
 *
 * Context: any.
 */
bool rk_metrics_is_failed_launch(const struct rk_op *op);

#endif
