/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_state.h - the inside of the registry.
 *
 *   metrics.c          ops update it
 *   metrics_said.c     what the program says of itself, in families of ours
 *   metrics_user.c     in families of its own
 *   metrics_baggage.c  labels that come from contexts
 *   metrics_domain.c   the domain of calls that failed
 *   metrics_own.c      what is not known from ops: losses on wires, breakers
 *   metrics_visit.c    series come out of it
 *   target_info.c      the labels of the one series that no op updates
 *   prometheus_text.c  renders them
 */
#ifndef RK_PIPELINE_METRICS_METRICS_STATE_H
#define RK_PIPELINE_METRICS_METRICS_STATE_H

#include "core/instrument.h"
#include "pipeline/alert/slo.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/metrics/histogram.h"
#include "pipeline/metrics/metrics.h"
#include "pipeline/metrics/metrics_baggage.h"
#include "pipeline/metrics/metrics_domain.h"
#include "pipeline/metrics/metrics_feed.h"
#include "pipeline/metrics/metrics_series.h"
#include "pipeline/metrics/metrics_user.h"
#include "pipeline/metrics/series_list.h"
#include "pipeline/use/gpu_time.h"
#include "pipeline/use/memory_use.h"
#include "pipeline/use/overhead_text.h"

enum rk_metric_id {
#define RK_METRIC(id, name, type, unit, runtime, help, ...) RK_METRIC_ID_##id,
#include "pipeline/metrics/metrics.def"
#undef RK_METRIC
	RK_METRIC_ID_COUNT
};

/* Breakers that are told apart; the rest share "other". */
#define RK_BREAKER_NAMES 64

/* The same of channels of alerts; families: sent, failed. */
#define RK_CHANNEL_NAMES   32
#define RK_NOTICE_FAMILIES 2

struct rk_named_value {
	uint32_t name; /* string */
	double value;
};

#define RK_OUTCOMES  4
#define RK_SIGNALS   3 /* traces, metrics, logs, as in net_stats.h */
#define RK_DECISIONS 4
/* Kernels found by the name of the op alone: a training step has some hundred. */
#define RK_KERNEL_CACHE 256

struct rk_kernel_cache {
	struct rk_kernel_series *series; /* NULL = free */
	uint32_t name, device, source, baggage; /* of the op and of its execution */
	uint32_t domain; /* string; 0 = unknown */
};

/* A definition of the program, by its number. */
struct rk_said_instrument {
	uint32_t name, domain; /* strings */
	double *value;	       /* of the queue or the breaker; NULL = there is none */
	uint8_t type;	       /* enum rk_instrument_type */
	bool is_known;
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
	struct rk_series_list kernels, transfers, errors, queues;
	struct rk_memory_use *memory;
	struct rk_metrics_baggage baggage;
	struct rk_metrics_domains domains;
	struct rk_gpu_time gpu_time;
	struct rk_metric_family kernel_families[2]; /* with its labels: executions, duration */
	struct rk_handle_map labelled; /* kernel, domain, device, source -> tag: a number of it */
	struct rk_user_metrics user;
	struct rk_said_instrument *said; /* RK_INSTRUMENTS_MAX; NULL until there is one */
	int64_t user_memory;
	bool has_user_memory;
	struct rk_handle_map ranked; /* kernel_id -> tag: has series of its own, or folded */
	struct rk_kernel_cache recent[RK_KERNEL_CACHE];
	const struct rk_kernel_rule *recent_rules; /* by which they got their names */
	struct rk_fed_kernel fed;
	uint32_t own, folded;		    /* kernels */
	uint32_t other, all, unknown;	    /* strings */
	struct rk_ledger ledger;	    /* as the newest tick said */
	struct rk_overhead_told overhead;
	double overhead_parts[RK_OVERHEAD_PARTS]; /* seconds: hooks, CUPTI, threads of the tracer */
	double dropped_wire[RK_LOSS_COUNT]; /* added by sinks */
	uint64_t short_of_memory;
	uint64_t active[RK_ACTIVE_DEVICES];
	bool has_device[RK_ACTIVE_DEVICES];
	double own_values[RK_METRIC_ID_COUNT];
	double outcomes[RK_SIGNALS][RK_OUTCOMES];
	double queued[RK_SIGNALS];
	double decisions[RK_DECISIONS];
	struct rk_named_value breakers[RK_BREAKER_NAMES];
	uint32_t breaker_count;
	struct rk_named_value notices[RK_NOTICE_FAMILIES][RK_CHANNEL_NAMES];
	uint32_t notice_count[RK_NOTICE_FAMILIES];
	char *target_labels; /* a="b",c="d"; NULL = no target_info */
	const char *time_source; /* cupti, host, mixed; static; NULL = not said */
	const struct rk_slo *slo; /* borrowed; NULL = none */
	const struct rk_alert_engine *alerts; /* borrowed; NULL = none */
	/* of this process; live only */
	bool is_live;
	double start_unix_seconds; /* taken once: two readings differ by what the clocks do */
};

extern const char *const rk_metric_outcomes[RK_OUTCOMES];
extern const char *const rk_metric_signals[RK_SIGNALS];
extern const char *const rk_metric_decisions[RK_DECISIONS];

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
