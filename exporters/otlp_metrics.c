/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_metrics.c - rounds: series in, requests out, state moved on by outcomes.
 *
 *   point of the registry -> series (or the overflow of its family) -> value or difference
 *     -> bytes of a data point -> [points of the family] -> [metrics of the request] -> emit
 */
#include "exporters/otlp_metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "exporters/otlp_envelope.h"
#include "exporters/otlp_metrics_point.h"
#include "exporters/otlp_metrics_series.h"

/* A Metric around its points: name, unit, lengths; the help comes on top. */
#define METRIC_BYTES 256

struct family_count {
	const struct rk_metric_family *family;
	uint32_t series; /* without the overflow */
};

struct rk_otlp_metrics {
	struct rk_otlp_metrics_setup setup;
	struct rk_otlp_envelope envelope;
	struct rk_otlp_series_table table;
	struct family_count *families;
	uint32_t family_count;
	uint64_t last_ns; /* time of the newest round; before that the start */
	uint32_t last_ticket;
	uint32_t *open; /* tickets that are not settled */
	uint32_t open_count, open_capacity;
	uint64_t left_out;
	/* of a round, kept to be used again */
	struct rk_otlp_bytes one, points, labels;
	struct rk_otlp_value scratch, overflow;
};

struct round {
	struct rk_otlp_metrics *metrics;
	rk_otlp_metrics_emit_fn emit;
	void *data;
	uint64_t now_ns, first_seen_ns;
	int err;
	ptrdiff_t requests;
	struct rk_otlp_bytes items; /* the request being made; its front is left free */
	uint32_t ticket, point_count;
	const struct rk_metric_family *family; /* whose points are being collected */
	struct family_count *count;
	bool is_delta, is_exponential, has_overflow;
	struct rk_histogram_view overflow_view;
};

int rk_otlp_metrics_create(struct rk_otlp_metrics **out, const struct rk_otlp_metrics_setup *setup)
{
	struct rk_otlp_metrics *metrics = calloc(1, sizeof(*metrics));

	*out = NULL;
	if (!metrics)
		return -ENOMEM;
	metrics->setup = *setup;
	metrics->setup.resource = NULL; /* not kept */
	if (!setup->request_bytes)
		metrics->setup.request_bytes = RK_OTLP_METRICS_REQUEST_BYTES;
	metrics->last_ns = setup->start_unix_ns;
	if (rk_otlp_envelope_init(&metrics->envelope, setup->resource)) {
		rk_otlp_metrics_destroy(metrics);
		return -ENOMEM;
	}
	*out = metrics;
	return 0;
}

void rk_otlp_metrics_destroy(struct rk_otlp_metrics *metrics)
{
	if (!metrics)
		return;
	rk_otlp_envelope_finish(&metrics->envelope);
	rk_otlp_series_finish(&metrics->table);
	rk_otlp_value_finish(&metrics->scratch);
	rk_otlp_value_finish(&metrics->overflow);
	free(metrics->families);
	free(metrics->open);
	free(metrics->one.bytes);
	free(metrics->points.bytes);
	free(metrics->labels.bytes);
	free(metrics);
}

/* Bytes of items that fit into one request. */
static size_t room(const struct rk_otlp_metrics *metrics)
{
	size_t around = rk_otlp_envelope_front(&metrics->envelope) +
			rk_otlp_envelope_back(&metrics->envelope);

	return around < metrics->setup.request_bytes ? metrics->setup.request_bytes - around : 0;
}

/* What the request would weigh if it ended here. */
static size_t weight(const struct round *round)
{
	size_t items = round->items.used;

	if (items)
		items -= rk_otlp_envelope_front(&round->metrics->envelope);
	return items + round->metrics->points.used + strlen(round->family->help) + METRIC_BYTES;
}

static int end_metric(struct round *round)
{
	struct rk_otlp_bytes *points = &round->metrics->points;
	size_t front = rk_otlp_envelope_front(&round->metrics->envelope);

	if (!points->used)
		return 0;
	if (!round->items.used) {
		if (rk_otlp_bytes_reserve(&round->items, front))
			return -ENOMEM;
		round->items.used = front;
	}
	if (rk_otlp_metric_append(&round->items, round->family, round->is_exponential,
				  round->is_delta, points))
		return -ENOMEM;
	points->used = 0;
	return 0;
}

static int open_ticket(struct rk_otlp_metrics *metrics, uint32_t ticket)
{
	uint32_t capacity = metrics->open_capacity ? metrics->open_capacity * 2 : 8;
	uint32_t *grown;

	if (metrics->open_count == metrics->open_capacity) {
		grown = realloc(metrics->open, capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		metrics->open = grown;
		metrics->open_capacity = capacity;
	}
	metrics->open[metrics->open_count++] = ticket;
	return 0;
}

static void begin_request(struct round *round)
{
	struct rk_otlp_metrics *metrics = round->metrics;

	if (!++metrics->last_ticket)
		metrics->last_ticket = 1;
	round->ticket = metrics->last_ticket;
	round->point_count = 0;
	round->items = (struct rk_otlp_bytes){ NULL, 0, 0 };
}

static int end_request(struct round *round)
{
	const struct rk_otlp_envelope *envelope = &round->metrics->envelope;
	size_t front = rk_otlp_envelope_front(envelope);
	struct rk_otlp_metrics_request request = { .points = round->point_count,
						   .ticket = round->ticket };
	uint8_t *first, *bytes;

	if (end_metric(round))
		return -ENOMEM;
	if (!round->items.used)
		return 0;
	if (rk_otlp_bytes_reserve(&round->items, rk_otlp_envelope_back(envelope)) ||
	    open_ticket(round->metrics, round->ticket))
		return -ENOMEM;
	bytes = round->items.bytes;
	first = rk_otlp_envelope_close(envelope, bytes + front, round->items.used - front,
				       &request.length);
	memmove(bytes, first, request.length);
	/* It may wait in a queue: give back what doubling took too much. */
	request.bytes = realloc(bytes, request.length);
	if (!request.bytes)
		request.bytes = bytes;
	round->requests++;
	begin_request(round);
	round->emit(&request, round->data);
	return 0;
}

/*
 * Add one data point, to the next request where this one is full.
 * Return: 0; -ENOMEM; -EMSGSIZE: it fits into none, and has been counted.
 */
static int put_point(struct round *round, const struct rk_otlp_point *point)
{
	struct rk_otlp_metrics *metrics = round->metrics;
	struct rk_otlp_bytes *one = &metrics->one, *points = &metrics->points;

	one->used = 0;
	if (rk_otlp_point_append(one, point))
		return -ENOMEM;
	if (weight(round) + one->used > room(metrics) && end_request(round))
		return -ENOMEM;
	if (weight(round) + one->used > room(metrics)) {
		metrics->left_out++;
		return -EMSGSIZE;
	}
	if (rk_otlp_bytes_reserve(points, one->used))
		return -ENOMEM;
	memcpy(points->bytes + points->used, one->bytes, one->used);
	points->used += one->used;
	round->point_count++;
	return 0;
}

/* The value of @series as a data point: as it is, or what is new in it. */
static int put_series(struct round *round, struct rk_otlp_series *series,
		      const struct rk_otlp_value *value, const struct rk_histogram_view *view)
{
	struct rk_otlp_value *scratch = &round->metrics->scratch;
	struct rk_otlp_value borrowed = *value;
	bool is_gauge = round->family->type == RK_METRIC_GAUGE;
	struct rk_otlp_point point = {
		.family = round->family,
		.labels = series->labels,
		.start_ns = round->is_delta ? series->reached_ns : series->start_ns,
		.time_ns = round->now_ns,
		.is_exponential = round->is_exponential,
		.value = &borrowed,
		.view = view,
		.has_exemplars = view != &round->overflow_view,
	};
	int err = 0;

	if (is_gauge)
		point.start_ns = 0;
	if (round->is_delta)
		err = rk_otlp_value_subtract(scratch, value, &series->reached);
	else if (round->is_exponential)
		err = rk_otlp_value_copy(scratch, value);
	if (round->is_delta || round->is_exponential)
		point.value = scratch;
	if (!err)
		err = put_point(round, &point);
	if (err || !round->is_delta)
		return err;
	series->ticket = round->ticket;
	series->sent_ns = round->now_ns;
	return rk_otlp_value_copy(&series->sent, value);
}

static struct rk_otlp_series *add_series(struct round *round, const char *labels, size_t bytes)
{
	struct rk_otlp_series *series =
		rk_otlp_series_add(&round->metrics->table, round->family, labels, bytes);

	if (series)
		series->start_ns = series->reached_ns = round->first_seen_ns;
	return series;
}

static int put_overflow(struct round *round)
{
	struct rk_otlp_series *series =
		rk_otlp_series_find(&round->metrics->table, round->family, NULL, 0);

	if (!series)
		series = add_series(round, NULL, 0);
	if (!series)
		return -ENOMEM;
	return put_series(round, series, &round->metrics->overflow, &round->overflow_view);
}

static int end_family(struct round *round)
{
	int err = 0;

	if (!round->family)
		return 0;
	if (round->has_overflow)
		err = put_overflow(round);
	if (err == -EMSGSIZE)
		err = 0;
	return err ? err : end_metric(round);
}

static struct family_count *count_of(struct rk_otlp_metrics *metrics,
				     const struct rk_metric_family *family)
{
	struct family_count *grown;

	for (uint32_t i = 0; i < metrics->family_count; i++) {
		if (metrics->families[i].family == family)
			return &metrics->families[i];
	}
	grown = realloc(metrics->families, (metrics->family_count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	metrics->families = grown;
	grown[metrics->family_count] = (struct family_count){ family, 0 };
	return &grown[metrics->family_count++];
}

static int begin_family(struct round *round, const struct rk_metric_family *family)
{
	const struct rk_config *config = round->metrics->setup.config;
	bool is_histogram = family->type == RK_METRIC_HISTOGRAM;

	round->family = family;
	round->has_overflow = false;
	rk_otlp_value_finish(&round->metrics->overflow);
	round->is_exponential = is_histogram && !family->explicit_only &&
				config->metrics_histogram == RK_HISTOGRAM_EXPONENTIAL;
	/* What describes the tracer is looked at when asked, not counted call by call: to
	 * lowmemory that is an asynchronous counter, which stays cumulative. */
	round->is_delta = family->type != RK_METRIC_GAUGE &&
			  (config->metrics_temporality == RK_TEMPORALITY_DELTA ||
			   (config->metrics_temporality == RK_TEMPORALITY_LOW_MEMORY &&
			    (is_histogram || !family->runtime)));
	round->count = count_of(round->metrics, family);
	return round->count ? 0 : -ENOMEM;
}

/* The registry has a bound of its own. What it folds says "other" wherever that loses something
 * that can be summed: everywhere but in source and status. */
static bool is_folded(const struct rk_metric_point *point)
{
	bool is_folded = false;

	for (int i = 0; i < RK_LABELS_MAX && point->family->labels[i]; i++) {
		const char *label = point->family->labels[i], *value = point->values[i];

		if (strcmp(label, "source") == 0 || strcmp(label, "status") == 0)
			continue;
		if (!value || strcmp(value, "other") != 0)
			return false;
		is_folded = true;
	}
	return is_folded;
}

/* Collects the label values, valid as UTF-8. */
static int collect_labels(struct rk_otlp_metrics *metrics, const struct rk_metric_point *point)
{
	struct rk_otlp_bytes *labels = &metrics->labels;

	labels->used = 0;
	for (int i = 0; i < RK_LABELS_MAX && point->family->labels[i]; i++) {
		const char *value = point->values[i] ? point->values[i] : "";
		size_t length = strlen(value);
		char *copy;

		if (rk_otlp_bytes_reserve(labels, length + 1))
			return -ENOMEM;
		copy = (char *)labels->bytes + labels->used;
		memcpy(copy, value, length + 1);
		rk_utf8_repair(copy, length);
		labels->used += length + 1;
	}
	return labels->bytes ? 0 : rk_otlp_bytes_reserve(labels, 1);
}

/* The series of @point; NULL: it belongs to the overflow, or (err) there was no memory. */
static struct rk_otlp_series *series_of(struct round *round, const struct rk_metric_point *point,
					int *err)
{
	struct rk_otlp_metrics *metrics = round->metrics;
	struct rk_otlp_series *series;
	const char *labels;

	*err = collect_labels(metrics, point);
	if (*err || is_folded(point))
		return NULL;
	labels = (const char *)metrics->labels.bytes;
	series = rk_otlp_series_find(&metrics->table, round->family, labels, metrics->labels.used);
	if (series || round->count->series + 1 >= metrics->setup.config->metrics_max_series)
		return series;
	series = add_series(round, labels, metrics->labels.used);
	round->count->series += series != NULL;
	*err = series ? 0 : -ENOMEM;
	return series;
}

static int take_point(struct round *round, const struct rk_metric_point *point)
{
	struct rk_otlp_series *series;
	struct rk_otlp_value value;
	int err = 0;

	if (point->family != round->family) {
		err = end_family(round);
		if (!err)
			err = begin_family(round, point->family);
	}
	if (err)
		return err;
	rk_otlp_value_borrow(&value, point, round->is_exponential);
	series = series_of(round, point, &err);
	if (series)
		return put_series(round, series, &value, &point->histogram);
	if (err)
		return err;
	round->has_overflow = true;
	round->overflow_view = point->histogram;
	return rk_otlp_value_add(&round->metrics->overflow, &value);
}

static void visit_point(const struct rk_metric_point *point, void *data)
{
	struct round *round = data;
	int err;

	if (round->err)
		return;
	err = take_point(round, point);
	if (err != -EMSGSIZE)
		round->err = err;
}

ptrdiff_t rk_otlp_metrics_collect(struct rk_otlp_metrics *metrics, uint64_t now_unix_ns,
				  rk_otlp_metrics_emit_fn emit, void *data)
{
	struct round round = { .metrics = metrics, .emit = emit, .data = data };

	if (metrics->open_count)
		return -EBUSY;
	round.first_seen_ns = metrics->last_ns;
	round.now_ns = now_unix_ns > metrics->last_ns ? now_unix_ns : metrics->last_ns + 1;
	metrics->points.used = 0;
	begin_request(&round);
	metrics->setup.visit(metrics->setup.registry,
			     metrics->setup.config->metrics_include_runtime, visit_point, &round);
	if (!round.err)
		round.err = end_family(&round);
	if (!round.err)
		round.err = end_request(&round);
	metrics->last_ns = round.now_ns;
	if (round.err) {
		/* Of what was not emitted nothing has moved. */
		rk_otlp_series_settle(&metrics->table, round.ticket, RK_OTLP_RETRY);
		free(round.items.bytes);
		return round.err;
	}
	return round.requests;
}

void rk_otlp_metrics_settle(struct rk_otlp_metrics *metrics, uint32_t ticket,
			    enum rk_otlp_verdict verdict)
{
	for (uint32_t i = 0; i < metrics->open_count; i++) {
		if (metrics->open[i] != ticket)
			continue;
		metrics->open[i] = metrics->open[--metrics->open_count];
		rk_otlp_series_settle(&metrics->table, ticket, verdict);
		return;
	}
}

bool rk_otlp_metrics_is_settled(const struct rk_otlp_metrics *metrics)
{
	return !metrics->open_count;
}

uint64_t rk_otlp_metrics_left_out(const struct rk_otlp_metrics *metrics)
{
	return metrics->left_out;
}
