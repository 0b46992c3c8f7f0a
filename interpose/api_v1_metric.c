/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api_v1_metric.c - what the program measures, its breakers, and what we say of SLOs.
 */
#include <math.h>
#include <string.h>

#include "core/breaker.h"
#include "core/instrument.h"
#include "core/slo_board.h"
#include "core/thread.h"
#include "interpose/api_v1.h"
#include "interpose/start.h"

#define NAME_MAX_BYTES	255u  /* as OpenTelemetry has it */
#define LABELS_MAX	16u
#define LABEL_BYTES_MAX 1024u /* of a series, packed */

static_assert((int)RK_METRIC_COUNTER == (int)RK_INSTRUMENT_COUNTER &&
		      (int)RK_METRIC_GAUGE == (int)RK_INSTRUMENT_GAUGE &&
		      (int)RK_METRIC_HISTOGRAM == (int)RK_INSTRUMENT_HISTOGRAM &&
		      (int)RK_METRIC_EXECUTION == (int)RK_INSTRUMENT_EXECUTION &&
		      (int)RK_METRIC_MEMORY == (int)RK_INSTRUMENT_MEMORY &&
		      (int)RK_METRIC_QUEUE == (int)RK_INSTRUMENT_QUEUE,
	      "the header's numbers are ours");
static_assert((int)RK_RECORD_VALUE == (int)RK_SAMPLE_VALUE &&
		      (int)RK_RECORD_ADD == (int)RK_SAMPLE_ADD &&
		      (int)RK_RECORD_ERROR == (int)RK_SAMPLE_ERROR,
	      "the header's numbers are ours");
static_assert((int)RK_CIRCUIT_HALF_OPEN == (int)RK_BREAKER_HALF_OPEN &&
		      (int)RK_CIRCUIT_OPEN == (int)RK_BREAKER_OPEN,
	      "the header's numbers are ours");
static_assert((int)RK_VERDICT_NO_DATA == (int)RK_SLO_NO_DATA &&
		      (int)RK_VERDICT_MET == (int)RK_SLO_MET &&
		      (int)RK_VERDICT_AT_RISK == (int)RK_SLO_AT_RISK &&
		      (int)RK_VERDICT_VIOLATED == (int)RK_SLO_VIOLATED,
	      "the header's numbers are ours");

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of a metric; rustkernel_ is where our own are. */
static bool is_metric_name(const char *name)
{
	size_t length = strnlen(name, NAME_MAX_BYTES + 1);

	if (!is_letter(name[0]) || length > NAME_MAX_BYTES ||
	    strncmp(name, "rustkernel_", strlen("rustkernel_")) == 0)
		return false;
	for (size_t i = 1; i < length; i++) {
		if (!is_letter(name[i]) && !is_digit(name[i]) && !strchr(".:/-", name[i]))
			return false;
	}
	return true;
}

static bool put_label(struct rk_fields_writer *writer, const struct rk_label *label)
{
	struct rk_field field = { .key = label->key, .type = RK_FIELD_TEXT, .text = label->value };

	if (!label->key || !*label->key)
		return false;
	rk_fields_put(writer, &field);
	return !writer->is_cut;
}

/* Return: false when a label is not allowed. */
static bool pack_labels(struct rk_fields_writer *writer, const struct rk_metric_options *options)
{
	if (options->label_count > LABELS_MAX || (options->label_count && !options->labels))
		return false;
	for (size_t i = 0; i < options->label_count; i++) {
		if (!put_label(writer, &options->labels[i]))
			return false;
	}
	return true;
}

/* Return: false when they do not rise. */
static bool copy_bounds(struct rk_instrument *out, const struct rk_metric_options *options)
{
	if (options->bound_count > RK_INSTRUMENT_BOUNDS ||
	    (options->bound_count && !options->bounds))
		return false;
	for (size_t i = 0; i < options->bound_count; i++) {
		out->bounds[i] = options->bounds[i];
		if (!isfinite(out->bounds[i]) || (i && !(out->bounds[i] > out->bounds[i - 1])))
			return false;
	}
	out->bound_count = (uint32_t)options->bound_count;
	return true;
}

static void take_options(struct rk_metric_options *out, const struct rk_metric_options *given)
{
	size_t size = given->size < sizeof(*out) ? given->size : sizeof(*out);

	memset(out, 0, sizeof(*out));
	memcpy(out, given, size);
}

static uint32_t define(uint32_t type, const struct rk_metric_options *options)
{
	uint8_t labels[LABEL_BYTES_MAX];
	struct rk_fields_writer writer;
	struct rk_instrument made = {
		.type = (enum rk_instrument_type)type,
		.name = options->name,
		.unit = options->unit,
		.help = options->help,
		.domain = options->domain,
	};
	bool is_metric = type <= RK_METRIC_HISTOGRAM;

	if (!options->name || !*options->name || (is_metric && !is_metric_name(options->name)))
		return 0;
	rk_fields_writer_init(&writer, labels, sizeof(labels));
	if (!pack_labels(&writer, options) || !copy_bounds(&made, options))
		return 0;
	made.labels = labels;
	made.label_bytes = (uint32_t)writer.used;
	return rk_instrument_define(&made);
}

uint32_t rk_api_v1_metric_create(uint32_t type, const struct rk_metric_options *options)
{
	struct rk_metric_options whole;

	if (!options || type > RK_METRIC_QUEUE || rk_thread_self.depth > 0 ||
	    !rk_start_may_record())
		return 0;
	take_options(&whole, options);
	return define(type, &whole);
}

void rk_api_v1_metric_record(uint32_t number, uint32_t what, double value)
{
	struct rk_api_v1_call call;

	if (!number || what > RK_RECORD_ERROR || !isfinite(value) ||
	    !rk_api_v1_enter(&call, RK_REC_SAMPLE))
		return;
	call.record.number = number;
	call.record.what = (uint16_t)what;
	call.record.sample.value = value;
	if (rk_instrument_get(number))
		rk_api_v1_push(&call);
	rk_api_v1_leave(&call);
}

void rk_api_v1_circuit_breaker_set(const char *name, uint32_t state)
{
	struct rk_instrument breaker = { .type = RK_INSTRUMENT_BREAKER, .name = name };
	struct rk_api_v1_call call;

	if (!name || !*name || state > RK_CIRCUIT_OPEN || !rk_api_v1_enter(&call, RK_REC_SAMPLE))
		return;
	call.record.number = rk_instrument_define(&breaker);
	call.record.what = RK_SAMPLE_VALUE;
	call.record.sample.value = state;
	if (call.record.number)
		rk_api_v1_push(&call);
	rk_api_v1_leave(&call);
}

/* Worse first; of two as bad the one with less headroom. */
static bool is_worse(const struct rk_slo_notice *a, const struct rk_slo_result *b)
{
	if ((uint32_t)a->state != b->verdict)
		return (uint32_t)a->state > b->verdict;
	return a->headroom < b->headroom;
}

uint32_t rk_api_v1_slo_check(const char *name, struct rk_slo_result *out)
{
	struct rk_slo_notice notice;

	if (!out)
		return RK_VERDICT_NO_DATA;
	memset(out, 0, sizeof(*out));
	if (!name || !rk_thread_gate_is_open())
		return RK_VERDICT_NO_DATA;
	for (uint32_t i = 0; rk_slo_board_read(i, &notice); i++) {
		if (strcmp(notice.slo, name) != 0 || notice.state == RK_SLO_NO_DATA)
			continue;
		if (!out->targets++ || is_worse(&notice, out)) {
			out->verdict = notice.state;
			out->headroom = notice.headroom;
			out->budget_left = notice.budget_left;
			memcpy(out->target, notice.target, sizeof(out->target));
		}
	}
	return out->verdict;
}
