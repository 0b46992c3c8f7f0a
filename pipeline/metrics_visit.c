/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics_visit.c - the series, families in table order, oldest series first.
 */
#include <stdio.h>

#include "core/intern.h"
#include "pipeline/cuda_result.h"
#include "pipeline/metrics_state.h"

#define NS_PER_S 1e9

static const char *const source_names[] = { "gpu", "host" };

struct visit {
	const struct rk_metrics *metrics;
	void (*fn)(const struct rk_metric_point *point, void *data);
	void *data;
	struct rk_metric_point point;
	char device[16];
};

static void give(struct visit *v, enum rk_metric_id id, double value)
{
	v->point.family = rk_metrics_row(id);
	v->point.value = value;
	v->fn(&v->point, v->data);
}

/* The last bucket takes what is longer than its bound; none lies behind it. */
static uint32_t exponential_bucket(const struct visit *v, uint64_t value)
{
	uint32_t at = rk_histogram_bucket(&v->metrics->exponential, value);

	return at < RK_HISTOGRAM_EXP_COUNT ? at : RK_HISTOGRAM_EXP_COUNT - 1;
}

static void give_histogram(struct visit *v, enum rk_metric_id id, const struct rk_histogram *h)
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
		.exponential = h->exponential + first,
		.exponential_first = RK_HISTOGRAM_EXP_FIRST + (int)first,
		.exponential_count = exponential_bucket(v, h->max) - first + 1,
		.scale = RK_HISTOGRAM_EXP_SCALE,
	};
	give(v, id, 0);
}

static const char *device_label(struct visit *v, uint32_t device)
{
	snprintf(v->device, sizeof(v->device), "%u", device);
	return v->device;
}

static void kernel_labels(struct visit *v, const struct rk_kernel_series *series)
{
	v->point.values[0] = rk_intern_get(series->kernel_id);
	v->point.values[1] = rk_intern_get(series->domain);
	v->point.values[2] = device_label(v, series->device);
	v->point.values[3] = source_names[series->source];
}

static void visit_kernels(struct visit *v)
{
	const struct rk_series_list *list = &v->metrics->kernels;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct rk_kernel_series *series = list->items[i];

		kernel_labels(v, series);
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

		kernel_labels(v, series);
		if (series->duration.count)
			give_histogram(v, RK_METRIC_ID_DURATION, &series->duration);
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
	for (uint32_t i = 0; i < metrics->memory.count; i++) {
		const struct rk_memory_series *series = metrics->memory.items[i];

		v->point.values[0] = device_label(v, series->device);
		v->point.values[1] = rk_metrics_pool_name(series->pool);
		give(v, RK_METRIC_ID_MEMORY, (double)series->bytes);
	}
}

static void visit_errors(struct visit *v)
{
	const struct rk_series_list *list = &v->metrics->errors;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct rk_error_series *series = list->items[i];

		v->point.values[0] = rk_intern_get(series->api);
		v->point.values[1] = rk_cuda_result_name(series->result);
		v->point.values[2] = rk_intern_get(series->domain);
		give(v, RK_METRIC_ID_ERRORS, (double)series->count);
	}
}

static void visit_transfers(struct visit *v)
{
	const struct rk_series_list *list = &v->metrics->transfers;

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < list->count; i++) {
			const struct rk_transfer_series *series = list->items[i];

			v->point.values[0] = series->kind;
			v->point.values[1] = device_label(v, series->device);
			if (!pass)
				give(v, RK_METRIC_ID_TRANSFER_BYTES, (double)series->bytes);
			else if (series->duration.count)
				give_histogram(v, RK_METRIC_ID_TRANSFER_DURATION,
					       &series->duration);
		}
	}
}

static void visit_dropped(struct visit *v)
{
	for (int i = 0; i < RK_LOSS_COUNT; i++) {
		double value = (double)v->metrics->dropped[i] + v->metrics->dropped_wire[i];

		if (i == RK_LOSS_LIMIT)
			value += (double)v->metrics->short_of_memory;
		v->point.values[0] = rk_loss_name((enum rk_loss)i);
		give(v, RK_METRIC_ID_DROPPED, value);
	}
}

static void visit_own(struct visit *v)
{
	for (int i = 0; i < RK_METRIC_ID_COUNT; i++) {
		if (!rk_metrics_row((enum rk_metric_id)i)->runtime)
			continue;
		if (i != RK_METRIC_ID_TRACER_SPANS) {
			give(v, (enum rk_metric_id)i, v->metrics->own_values[i]);
			continue;
		}
		for (int o = 0; o < RK_OUTCOMES; o++) {
			v->point.values[0] = rk_metric_outcomes[o];
			give(v, RK_METRIC_ID_TRACER_SPANS, v->metrics->outcomes[o]);
		}
	}
}

void rk_metrics_visit(const struct rk_metrics *metrics, bool include_runtime,
		      void (*visit)(const struct rk_metric_point *point, void *data), void *data)
{
	struct visit v = { .metrics = metrics, .fn = visit, .data = data };

	visit_kernels(&v);
	visit_gauges(&v);
	visit_errors(&v);
	visit_transfers(&v);
	visit_dropped(&v);
	if (include_runtime)
		visit_own(&v);
}
