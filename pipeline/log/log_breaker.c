/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_breaker.c - the last state of each breaker.
 */
#include "pipeline/log/log_breaker.h"

#include <stdio.h>

#include "core/fields.h"
#include "core/instrument.h"

enum state { CLOSED, HALF_OPEN, OPEN, STATE_COUNT };

static const char *const state_names[STATE_COUNT] = { "closed", "half-open", "open" };

static void define(struct rk_log_breakers *breakers, const struct rk_op *op)
{
	struct rk_log_breaker *breaker;
	struct rk_fields_reader reader;

	if (op->instrument.type != RK_INSTRUMENT_BREAKER || breakers->count == RK_LOG_BREAKERS_MAX)
		return;
	breaker = &breakers->rows[breakers->count++];
	breaker->number = op->instrument.number;
	breaker->state = CLOSED;
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	snprintf(breaker->name, sizeof(breaker->name), "%s", rk_fields_next_placed(&reader));
}

static struct rk_log_breaker *find(struct rk_log_breakers *breakers, uint32_t number)
{
	for (uint32_t i = 0; i < breakers->count; i++) {
		if (breakers->rows[i].number == number)
			return &breakers->rows[i];
	}
	return NULL;
}

static bool change(struct rk_log_breakers *breakers, const struct rk_op *op,
		   struct rk_log_event *event)
{
	struct rk_log_breaker *breaker = find(breakers, op->sample.number);
	double value = op->sample.value;
	uint8_t state;

	if (!breaker || !(value >= CLOSED && value < STATE_COUNT))
		return false;
	state = (uint8_t)value;
	if (state == breaker->state)
		return false;
	breaker->state = state;
	snprintf(breakers->message, sizeof(breakers->message), "circuit breaker %s is %s",
		 breaker->name, state_names[state]);
	breakers->fields[0] =
		(struct rk_log_field){ .key = "circuit_breaker", .text = breaker->name };
	breakers->fields[1] = (struct rk_log_field){ .key = "state", .text = state_names[state] };
	*event = (struct rk_log_event){
		.level = state == OPEN ? RK_LOG_WARN : RK_LOG_INFO,
		.name = "rustkernel.circuit_breaker",
		.message = breakers->message,
		.duration_ms = -1,
		.fields = breakers->fields,
		.field_count = 2,
	};
	return true;
}

bool rk_log_breakers_note(struct rk_log_breakers *breakers, const struct rk_op *op,
			  struct rk_log_event *event)
{
	if (op->kind == RK_OP_INSTRUMENT)
		define(breakers, op);
	else if (op->kind == RK_OP_SAMPLE)
		return change(breakers, op, event);
	return false;
}
