/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics_state.h - the inside of the registry.
 *
 *   metrics.c          ops update it
 *   metrics_visit.c    series come out of it
 *   prometheus_text.c  renders them
 */
#ifndef RK_PIPELINE_METRICS_STATE_H
#define RK_PIPELINE_METRICS_STATE_H

#include "pipeline/handle_map.h"
#include "pipeline/histogram.h"
#include "pipeline/metrics.h"

enum rk_metric_id {
#define RK_METRIC(id, name, type, unit, runtime, help, ...) RK_METRIC_ID_##id,
#include "pipeline/metrics.def"
#undef RK_METRIC
	RK_METRIC_ID_COUNT
};

enum rk_metric_source { RK_SERIES_GPU, RK_SERIES_HOST };

/* Executions and durations of one kernel on one device. Strings are ids. */
struct rk_kernel_series {
	uint32_t kernel_id, domain;
	uint32_t device;
	uint32_t source; /* enum rk_metric_source */
	uint64_t ok, failed;
	struct rk_histogram duration;
};

struct rk_transfer_series {
	const char *kind;
	uint32_t device;
	uint64_t bytes;
	struct rk_histogram duration;
};

struct rk_error_series {
	uint32_t api, domain;
	uint32_t result;
	uint64_t count;
};

struct rk_memory_series {
	uint32_t device;
	uint32_t pool;
	int64_t bytes;
};

/* Elements never move: they are allocated one by one, the array holds pointers. */
struct rk_series_list {
	void **items;
	uint32_t count, capacity;
};

#define RK_OUTCOMES 4
/* Kernels found without the index: a training step has some hundred. */
#define RK_KERNEL_CACHE 256

struct rk_kernel_cache {
	uint64_t key; /* 0 = free */
	struct rk_kernel_series *series;
};

struct rk_metrics {
	const struct rk_config *config; /* borrowed; outlives the registry */
	struct rk_histogram_scale bounds, exponential;
	struct rk_series_list kernels, transfers, errors, memory;
	struct rk_handle_map kernel_index, transfer_index, error_index, memory_index;
	struct rk_handle_map ranked; /* kernel_id -> tag: has series of its own, or folded */
	struct rk_kernel_cache recent[RK_KERNEL_CACHE];
	uint32_t own, folded;		    /* kernels */
	uint32_t other, all, unknown;	    /* strings */
	uint64_t dropped[RK_LOSS_COUNT];    /* as the newest tick said */
	double dropped_wire[RK_LOSS_COUNT]; /* added by sinks */
	uint64_t short_of_memory;
	uint64_t active[RK_ACTIVE_DEVICES];
	bool has_device[RK_ACTIVE_DEVICES];
	double own_values[RK_METRIC_ID_COUNT];
	double outcomes[RK_OUTCOMES];
};

extern const char *const rk_metric_outcomes[RK_OUTCOMES];

/**
 * Context: exporter or tools. Return: 0, -ENOMEM.
 */
int rk_metrics_create(struct rk_metrics **out, const struct rk_config *config);
void rk_metrics_destroy(struct rk_metrics *metrics);

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

#endif
