/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_said.c - what the program measured itself, from its definitions and
 * samples.
 */
#include "pipeline/metrics/metrics_said.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_record.h"
#include "core/fields.h"
#include "core/intern.h"

#define NS_PER_S     1e9
#define SECONDS_MAX  1e9 /* what an execution may have taken: 31 years */
#define BYTES_MAX    9e15

/* The definition of @number, a place for it if need be; NULL: no such number, or no memory. */
static struct rk_said_instrument *instrument_at(struct rk_metrics *metrics, uint32_t number)
{
	if (!number || number > RK_INSTRUMENTS_MAX)
		return NULL;
	if (!metrics->said)
		metrics->said = calloc(RK_INSTRUMENTS_MAX, sizeof(*metrics->said));
	metrics->short_of_memory += !metrics->said;
	return metrics->said ? &metrics->said[number - 1] : NULL;
}

static void define_queue(struct rk_metrics *metrics, struct rk_said_instrument *instrument)
{
	uint64_t key = ((uint64_t)instrument->name << 32 | instrument->domain) + 1;
	struct rk_queue_series *series = rk_metrics_series_get(metrics, &metrics->queues, key, 0);

	if (!series)
		return;
	series->kernel_id = instrument->name;
	series->domain = instrument->domain;
	instrument->value = &series->depth;
}

void rk_metrics_said_define(struct rk_metrics *metrics, const struct rk_op *op)
{
	struct rk_said_instrument *instrument = instrument_at(metrics, op->instrument.number);
	struct rk_fields_reader reader;
	const char *name, *domain;

	if (!instrument)
		return;
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	name = rk_fields_next_placed(&reader);
	rk_fields_next_placed(&reader); /* unit */
	rk_fields_next_placed(&reader); /* help */
	domain = rk_fields_next_placed(&reader);
	*instrument = (struct rk_said_instrument){ .type = op->instrument.type, .is_known = true };
	if (instrument->type <= RK_INSTRUMENT_HISTOGRAM) {
		rk_metrics_user_define(&metrics->user, op);
		return;
	}
	instrument->name = rk_intern(name);
	instrument->domain = *domain ? rk_intern(domain) : metrics->unknown;
	if (instrument->type == RK_INSTRUMENT_QUEUE)
		define_queue(metrics, instrument);
	else if (instrument->type == RK_INSTRUMENT_BREAKER)
		instrument->value = rk_metrics_breaker_value(metrics, name);
}

/* Return: whether the sample is one. */
static bool feed_execution(struct rk_metrics *metrics, const struct rk_said_instrument *instrument,
			   const struct rk_op_sample *sample)
{
	struct rk_kernel_series *series;

	if (!(sample->value >= 0 && sample->value <= SECONDS_MAX))
		return false;
	series = rk_metrics_recorded_get(metrics, instrument->name, instrument->domain);
	if (!series)
		return true;
	series->ok += sample->what != RK_SAMPLE_ERROR;
	series->failed += sample->what == RK_SAMPLE_ERROR;
	rk_histogram_add(&series->duration, &metrics->bounds, &metrics->exponential,
			 (uint64_t)(sample->value * NS_PER_S + 0.5));
	return true;
}

static bool feed_memory(struct rk_metrics *metrics, const struct rk_op_sample *sample)
{
	if (!(fabs(sample->value) <= BYTES_MAX))
		return false;
	metrics->has_user_memory = true;
	metrics->user_memory += (int64_t)sample->value;
	return true;
}

static bool feed_value(double *value, const struct rk_op_sample *sample)
{
	if (!value || !isfinite(sample->value))
		return false;
	*value = sample->what == RK_SAMPLE_ADD ? *value + sample->value : sample->value;
	return true;
}

void rk_metrics_said_sample(struct rk_metrics *metrics, const struct rk_op *op)
{
	const struct rk_op_sample *sample = &op->sample;
	uint32_t number = sample->number;
	const struct rk_said_instrument *instrument = NULL;
	bool is_taken = false;

	if (metrics->said && number && number <= RK_INSTRUMENTS_MAX)
		instrument = &metrics->said[number - 1];
	if (instrument && instrument->is_known) {
		switch (instrument->type) {
		case RK_INSTRUMENT_EXECUTION:
			is_taken = feed_execution(metrics, instrument, sample);
			break;
		case RK_INSTRUMENT_MEMORY:
			is_taken = feed_memory(metrics, sample);
			break;
		case RK_INSTRUMENT_QUEUE:
		case RK_INSTRUMENT_BREAKER:
			is_taken = feed_value(instrument->value, sample);
			break;
		default: /* counts by itself what it refuses */
			rk_metrics_user_sample(&metrics->user, sample);
			return;
		}
	}
	metrics->user.refused_samples += !is_taken;
}
