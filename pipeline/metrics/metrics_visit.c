/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_visit.c - the series, families in table order, oldest series first.
 */
#include <math.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/alert/alert_engine.h"
#include "pipeline/join/cuda_result.h"
#include "pipeline/live/process_stats.h"
#include "pipeline/metrics/metrics_state.h"

#define NS_PER_S 1e9

static const char *const source_names[RK_SERIES_SOURCES] = { "gpu", "host", "api" };
static const char other[] = "other";

struct visit {
	const struct rk_metrics *metrics;
	void (*fn)(const struct rk_metric_point *point, void *data);
	void *data;
	struct rk_metric_point point;
	char device[16];
	struct rk_exemplar exemplars[RK_CONFIG_BOUNDS_MAX + 1];
};

/* The families of kernels may have labels that the table has not. */
static const struct rk_metric_family *family_of(const struct rk_metrics *metrics,
						enum rk_metric_id id)
{
	if (id == RK_METRIC_ID_EXECUTIONS || id == RK_METRIC_ID_DURATION)
		return &metrics->kernel_families[id == RK_METRIC_ID_DURATION];
	return rk_metrics_row(id);
}

static void give(struct visit *v, enum rk_metric_id id, double value)
{
	v->point.family = family_of(v->metrics, id);
	v->point.value = value;
	v->fn(&v->point, v->data);
}

/* The last bucket takes what is longer than its bound; none lies behind it. */
static uint32_t exponential_bucket(const struct visit *v, uint64_t value)
{
	uint32_t at = rk_histogram_bucket(&v->metrics->exponential, value);

	return at < RK_HISTOGRAM_EXP_COUNT ? at : RK_HISTOGRAM_EXP_COUNT - 1;
}

static const struct rk_exemplar *exemplars_of(struct visit *v, const struct rk_kept_exemplar *kept)
{
	for (uint32_t i = 0; i <= v->metrics->bounds.count; i++) {
		memcpy(v->exemplars[i].trace_id, kept[i].trace_id, sizeof(kept[i].trace_id));
		memcpy(v->exemplars[i].span_id, kept[i].span_id, sizeof(kept[i].span_id));
		v->exemplars[i].value = (double)kept[i].ns / NS_PER_S;
		v->exemplars[i].unix_ns = kept[i].unix_ns;
	}
	return v->exemplars;
}

static void give_histogram(struct visit *v, enum rk_metric_id id, const struct rk_histogram *h,
			   const struct rk_kept_exemplar *kept)
{
	const struct rk_bounds *bounds = &v->metrics->config->metrics_histogram_buckets;
	uint32_t first = exponential_bucket(v, h->min);

	v->point.histogram = (struct rk_histogram_view){
		.count = h->count,
		.sum = (double)h->sum / NS_PER_S,
		.min = (double)h->min / NS_PER_S,
		.max = (double)h->max / NS_PER_S,
		.bounds = bounds->at,
		.buckets = h->explicit_buckets,
		.bound_count = bounds->count,
		.exemplars = kept ? exemplars_of(v, kept) : NULL,
		.exponential = h->exponential + first,
		.exponential_first = RK_HISTOGRAM_EXP_FIRST + (int)first,
		.exponential_count = exponential_bucket(v, h->max) - first + 1,
		.scale = RK_HISTOGRAM_EXP_SCALE,
	};
	give(v, id, 0);
}

static const char *device_label(struct visit *v, uint32_t device)
{
	char *at = v->device + sizeof(v->device) - 1;

	do {
		*--at = (char)('0' + device % 10);
		device /= 10;
	} while (device);
	return at;
}

/* Labels of a kernel; those of the baggage stand at @behind and later. */
static void kernel_labels(struct visit *v, const struct rk_kernel_series *series, uint32_t behind)
{
	const struct rk_metrics_baggage *baggage = &v->metrics->baggage;
	bool is_other = series->series.is_other;

	v->point.values[0] = is_other ? other : rk_intern_get(series->kernel_id);
	v->point.values[1] = is_other ? other : rk_intern_get(series->domain);
	v->point.values[2] = is_other			      ? other :
			     series->device == RK_DEVICE_NONE ? "" :
								device_label(v, series->device);
	v->point.values[3] = source_names[series->source];
	for (uint32_t i = 0; i < baggage->count; i++)
		v->point.values[behind + i] =
			is_other ? other : rk_metrics_baggage_value(baggage, series->baggage, i);
}

static void visit_kernels(struct visit *v)
{
	const struct rk_series_list *list = &v->metrics->kernels;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct rk_kernel_series *series = list->items[i];

		kernel_labels(v, series, 5);
		if (series->ok) {
			v->point.values[4] = "ok";
			give(v, RK_METRIC_ID_EXECUTIONS, (double)series->ok);
		}
		if (series->failed) {
			v->point.values[4] = "error";
			give(v, RK_METRIC_ID_EXECUTIONS, (double)series->failed);
		}
	}
	for (uint32_t i = 0; i < list->count; i++) {
		const struct rk_kernel_series *series = list->items[i];

		kernel_labels(v, series, 4);
		if (series->duration.count)
			give_histogram(v, RK_METRIC_ID_DURATION, &series->duration,
				       series->exemplars);
	}
}

static void visit_queues(struct visit *v)
{
	const struct rk_series_list *list = &v->metrics->queues;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct rk_queue_series *series = list->items[i];
		bool is_other = series->series.is_other;

		v->point.values[0] = is_other ? other : rk_intern_get(series->kernel_id);
		v->point.values[1] = is_other ? other : rk_intern_get(series->domain);
		give(v, RK_METRIC_ID_QUEUE, series->depth);
	}
}

static void visit_gauges(struct visit *v)
{
	const struct rk_metrics *metrics = v->metrics;

	for (uint32_t i = 0; i < RK_ACTIVE_DEVICES; i++) {
		if (!metrics->has_device[i])
			continue;
		v->point.values[0] = device_label(v, i);
		give(v, RK_METRIC_ID_ACTIVE, (double)metrics->active[i]);
	}
}

/* Rows with labels of their own; those behind them are "other" together. */
static uint32_t memory_own(const struct rk_metrics *metrics)
{
	uint64_t most = metrics->config->metrics_max_series;

	return most && most < RK_SERIES_MAX ? (uint32_t)most - 1 : RK_SERIES_MAX - 1;
}

static double memory_value(const struct rk_memory_row *row, enum rk_metric_id id)
{
	switch (id) {
	case RK_METRIC_ID_MEMORY:
		return (double)row->live_bytes;
	case RK_METRIC_ID_MEMORY_PEAK:
		return (double)row->peak_bytes;
	case RK_METRIC_ID_ALLOCATIONS:
		return (double)row->allocs;
	default:
		return (double)row->failed;
	}
}

/* A peak of several together is not known: it is the sum of theirs. */
static void visit_memory_family(struct visit *v, enum rk_metric_id id)
{
	const struct rk_memory_row *row;
	uint32_t own = memory_own(v->metrics), seen = 0;
	double rest = 0;

	for (size_t i = 0; (row = rk_memory_use_row(v->metrics->memory, i)); i++) {
		if (row->is_registered)
			continue;
		if (seen++ >= own) {
			rest += memory_value(row, id);
			continue;
		}
		v->point.values[0] = device_label(v, row->device);
		v->point.values[1] = rk_metrics_pool_name(row->pool);
		give(v, id, memory_value(row, id));
	}
	if (seen <= own)
		return;
	v->point.values[0] = v->point.values[1] = other;
	give(v, id, rest);
}

static uint64_t memory_folded(const struct rk_metrics *metrics)
{
	const struct rk_memory_row *row;
	uint32_t own = memory_own(metrics), seen = 0;

	for (size_t i = 0; (row = rk_memory_use_row(metrics->memory, i)); i++)
		seen += !row->is_registered;
	return seen > own ? seen - own : 0;
}

static void visit_memory(struct visit *v)
{
	const struct rk_metrics *metrics = v->metrics;

	visit_memory_family(v, RK_METRIC_ID_MEMORY);
	if (metrics->has_user_memory) {
		v->point.values[0] = "";
		v->point.values[1] = rk_metrics_pool_name(RK_POOL_USER);
		give(v, RK_METRIC_ID_MEMORY, (double)metrics->user_memory);
	}
	visit_memory_family(v, RK_METRIC_ID_MEMORY_PEAK);
	visit_memory_family(v, RK_METRIC_ID_ALLOCATIONS);
	visit_memory_family(v, RK_METRIC_ID_ALLOCATION_FAILURES);
}

static void visit_errors(struct visit *v)
{
	const struct rk_series_list *list = &v->metrics->errors;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct rk_error_series *series = list->items[i];

		bool is_other = series->series.is_other;

		v->point.values[0] = is_other ? other : rk_intern_get(series->api);
		v->point.values[1] = is_other ? other : rk_cuda_result_name(series->result);
		v->point.values[2] = is_other ? other : rk_intern_get(series->domain);
		give(v, RK_METRIC_ID_ERRORS, (double)series->count);
	}
}

static void visit_transfers(struct visit *v)
{
	const struct rk_series_list *list = &v->metrics->transfers;

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < list->count; i++) {
			const struct rk_transfer_series *series = list->items[i];

			bool is_other = series->series.is_other;

			v->point.values[0] = is_other ? other : series->kind;
			v->point.values[1] = is_other ? other : device_label(v, series->device);
			if (!pass)
				give(v, RK_METRIC_ID_TRANSFER_BYTES, (double)series->bytes);
			else if (series->duration.count)
				give_histogram(v, RK_METRIC_ID_TRANSFER_DURATION, &series->duration,
					       NULL);
		}
	}
}

/* Nobody misses a state that is there only where something went wrong. */
static void visit_gpu_seconds(struct visit *v)
{
	struct rk_gpu_split split;

	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES; i++) {
		if (!rk_gpu_time_get(&v->metrics->gpu_time, i, &split))
			continue;
		v->point.values[0] = device_label(v, i);
		for (int state = 0; state < RK_GPU_STATE_COUNT; state++) {
			if (state == RK_GPU_UNKNOWN && !split.ns[state])
				continue;
			v->point.values[1] = rk_gpu_time_state_name((enum rk_gpu_state)state);
			give(v, RK_METRIC_ID_GPU_SECONDS, (double)split.ns[state] / NS_PER_S);
		}
	}
}

static void visit_dropped(struct visit *v)
{
	for (int i = 0; i < RK_LOSS_COUNT; i++) {
		double value = (double)v->metrics->ledger.dropped[i] + v->metrics->dropped_wire[i];

		if (i == RK_LOSS_LIMIT)
			value += (double)(v->metrics->short_of_memory +
					  v->metrics->gpu_time.short_of_memory +
					  v->metrics->user.short_of_memory);
		v->point.values[0] = rk_loss_name((enum rk_loss)i);
		give(v, RK_METRIC_ID_DROPPED, value);
	}
}

static void visit_breakers(struct visit *v)
{
	for (uint32_t i = 0; i < v->metrics->breaker_count; i++) {
		v->point.values[0] = rk_intern_get(v->metrics->breakers[i].name);
		give(v, RK_METRIC_ID_BREAKER, v->metrics->breakers[i].value);
	}
}

static void visit_notices(struct visit *v)
{
	for (int family = 0; family < RK_NOTICE_FAMILIES; family++) {
		for (uint32_t i = 0; i < v->metrics->notice_count[family]; i++) {
			const struct rk_named_value *row = &v->metrics->notices[family][i];

			v->point.values[0] = rk_intern_get(row->name);
			give(v, (enum rk_metric_id)(RK_METRIC_ID_NOTICES_SENT + family),
			     row->value);
		}
	}
}

/* Every rule has both, so that none of them begins or ends with an alert. */
static void visit_alerts(struct visit *v)
{
	struct rk_alert_count count;

	for (size_t i = 0; rk_alert_engine_count(v->metrics->alerts, i, &count); i++) {
		v->point.values[0] = count.rule;
		v->point.values[1] = rk_severity_name(count.severity);
		v->point.values[2] = rk_alert_state_name(RK_ALERT_PENDING);
		give(v, RK_METRIC_ID_ALERTS, (double)count.pending);
		v->point.values[2] = rk_alert_state_name(RK_ALERT_FIRING);
		give(v, RK_METRIC_ID_ALERTS, (double)count.firing);
	}
}

static double slo_value(const struct rk_slo_result *result, enum rk_metric_id id)
{
	switch (id) {
	case RK_METRIC_ID_SLO_STATE:
		return result->state;
	case RK_METRIC_ID_SLO_COMPLIANCE:
		return result->compliance;
	case RK_METRIC_ID_SLO_HEADROOM:
		return result->headroom;
	case RK_METRIC_ID_SLO_BUDGET:
		return result->budget_left;
	default:
		return result->burn[id - RK_METRIC_ID_SLO_BURN_5M];
	}
}

/* What cannot be told yet has no series: a gauge of 0 would be a bad one. */
static void visit_slos(struct visit *v)
{
	for (int id = RK_METRIC_ID_SLO_STATE; id <= RK_METRIC_ID_SLO_BURN_6H; id++) {
		struct rk_slo_result result;

		for (size_t i = 0; rk_slo_result_get(v->metrics->slo, i, &result); i++) {
			double value = slo_value(&result, (enum rk_metric_id)id);

			v->point.values[0] = result.slo;
			v->point.values[1] = result.target;
			if (!isnan(value))
				give(v, (enum rk_metric_id)id, value);
		}
	}
}

static uint64_t folded_series(const struct rk_metrics *metrics)
{
	return (uint64_t)metrics->kernels.folded + metrics->transfers.folded +
	       metrics->errors.folded + memory_folded(metrics) + metrics->queues.folded +
	       rk_metrics_user_folded(&metrics->user);
}

static void visit_labelled(struct visit *v, enum rk_metric_id id, const char *const *labels,
			   const double *values, int count)
{
	for (int i = 0; i < count; i++) {
		v->point.values[0] = labels[i];
		give(v, id, values[i]);
	}
}

static void visit_calls(struct visit *v)
{
	const struct rk_ledger *ledger = &v->metrics->ledger;
	const struct {
		const char *name;
		const uint64_t *by_work;
	} outcomes[] = {
		{ "made", ledger->calls },	  { "failed", ledger->failed },
		{ "captured", ledger->captured }, { "joined", ledger->joined },
		{ "lost", ledger->lost },	  { "withheld", ledger->withheld },
	};

	for (int work = 0; work < RK_WORK_COUNT; work++) {
		v->point.values[0] = rk_work_name((enum rk_work)work);
		for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
			v->point.values[1] = outcomes[i].name;
			give(v, RK_METRIC_ID_TRACER_CALLS, (double)outcomes[i].by_work[work]);
		}
	}
}

static void visit_open(struct visit *v)
{
	for (int work = 0; work < RK_WORK_COUNT; work++) {
		v->point.values[0] = rk_work_name((enum rk_work)work);
		give(v, RK_METRIC_ID_TRACER_OPEN, (double)v->metrics->ledger.open[work]);
	}
}

static void visit_steps(struct visit *v)
{
	static const char *const directions[] = { "down", "up" };
	const struct rk_overhead_told *told = &v->metrics->overhead;
	const double values[] = { told->down, told->up };

	visit_labelled(v, RK_METRIC_ID_TRACER_STEPS, directions, values, 2);
}

static void visit_overhead(struct visit *v)
{
	static const char *const parts[] = { "hooks", "cupti", "threads" };

	visit_labelled(v, RK_METRIC_ID_TRACER_OVERHEAD, parts, v->metrics->overhead_parts,
		       sizeof(parts) / sizeof(parts[0]));
}

static void visit_withheld(struct visit *v)
{
	const struct rk_ledger *l = &v->metrics->ledger;

	for (int work = 0; work < RK_WORK_COUNT; work++) {
		v->point.values[0] = rk_work_name((enum rk_work)work);
		give(v, RK_METRIC_ID_TRACER_WITHHELD, (double)l->withheld[work]);
	}
	v->point.values[0] = "wait"; /* "other" is what series are folded into */
	give(v, RK_METRIC_ID_TRACER_WITHHELD, (double)l->withheld_other);
	v->point.values[0] = "stack";
	give(v, RK_METRIC_ID_TRACER_WITHHELD, (double)l->withheld_stacks);
}

static void visit_records(struct visit *v)
{
	static const char *const outcomes[] = { "made", "joined", "orphan", "invalid_time",
						"dropped" };
	const struct rk_ledger *l = &v->metrics->ledger;
	const double values[] = {
		(double)(l->gpu_kernels + l->gpu_memcpys + l->gpu_memsets + l->gpu_graphs +
			 l->gpu_dropped),
		(double)l->gpu_joined,
		(double)l->gpu_orphan,
		(double)l->gpu_invalid,
		(double)l->gpu_dropped,
	};

	visit_labelled(v, RK_METRIC_ID_TRACER_RECORDS, outcomes, values,
		       sizeof(values) / sizeof(values[0]));
}

static void visit_own(struct visit *v)
{
	const struct rk_metrics *metrics = v->metrics;

	for (int i = RK_METRIC_ID_TRACER_CPU; i < RK_METRIC_ID_PROCESS_CPU; i++) {
		enum rk_metric_id id = (enum rk_metric_id)i;

		if (i >= RK_METRIC_ID_TRACER_SPANS && i <= RK_METRIC_ID_TRACER_LOG_RECORDS)
			visit_labelled(v, id, rk_metric_outcomes,
				       metrics->outcomes[i - RK_METRIC_ID_TRACER_SPANS],
				       RK_OUTCOMES);
		else if (id == RK_METRIC_ID_TRACER_QUEUED)
			visit_labelled(v, id, rk_metric_signals, metrics->queued, RK_SIGNALS);
		else if (id == RK_METRIC_ID_TRACER_DECISIONS)
			visit_labelled(v, id, rk_metric_decisions, metrics->decisions,
				       RK_DECISIONS);
		else if (id == RK_METRIC_ID_TRACER_CALLS)
			visit_calls(v);
		else if (id == RK_METRIC_ID_TRACER_OPEN)
			visit_open(v);
		else if (id == RK_METRIC_ID_TRACER_RECORDS)
			visit_records(v);
		else if (id == RK_METRIC_ID_TRACER_STEPS)
			visit_steps(v);
		else if (id == RK_METRIC_ID_TRACER_OVERHEAD)
			visit_overhead(v);
		else if (id == RK_METRIC_ID_TRACER_WITHHELD)
			visit_withheld(v);
		else if (id == RK_METRIC_ID_TRACER_FOLDED_SERIES)
			give(v, id, (double)folded_series(metrics));
		else if (id == RK_METRIC_ID_TRACER_REFUSED)
			give(v, id, (double)metrics->user.refused_instruments);
		else if (id == RK_METRIC_ID_TRACER_REFUSED_SAMPLES)
			give(v, id, (double)metrics->user.refused_samples);
		else
			give(v, id, metrics->own_values[i]);
	}
}

/* A replay has no process to speak of but the tool itself. */
static void visit_process(struct visit *v)
{
	struct rk_process_stats stats;

	if (!v->metrics->is_live)
		return;
	rk_process_stats_get(&stats);
	const struct {
		enum rk_metric_id id;
		double value;
	} rows[] = {
		{ RK_METRIC_ID_PROCESS_CPU, stats.cpu_seconds },
		{ RK_METRIC_ID_PROCESS_OPEN_FDS, stats.open_fds },
		{ RK_METRIC_ID_PROCESS_MAX_FDS, stats.max_fds },
		{ RK_METRIC_ID_PROCESS_VIRTUAL, stats.virtual_bytes },
		{ RK_METRIC_ID_PROCESS_RESIDENT, stats.resident_bytes },
		{ RK_METRIC_ID_PROCESS_START, v->metrics->start_unix_seconds },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].value >= 0)
			give(v, rows[i].id, rows[i].value);
	}
}

void rk_metrics_visit(const struct rk_metrics *metrics, bool include_runtime,
		      void (*visit)(const struct rk_metric_point *point, void *data), void *data)
{
	struct visit v = { .metrics = metrics, .fn = visit, .data = data };

	visit_kernels(&v);
	visit_gauges(&v);
	visit_memory(&v);
	visit_queues(&v);
	visit_errors(&v);
	visit_transfers(&v);
	visit_gpu_seconds(&v);
	visit_dropped(&v);
	visit_breakers(&v);
	visit_notices(&v);
	visit_alerts(&v);
	visit_slos(&v);
	if (include_runtime) {
		visit_own(&v);
		visit_process(&v);
	}
	rk_metrics_user_visit(&metrics->user, visit, data);
}
