/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/recorded_time.c - adds up the parts.
 */
#include "pipeline/use/recorded_time.h"

#include <string.h>

#include "core/fields.h"

static bool says(const struct rk_op *op, const char *word)
{
	struct rk_fields_reader reader;

	if (op->kind != RK_OP_RECORDING)
		return false;
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	return strcmp(rk_fields_next_placed(&reader), word) == 0;
}

bool rk_recorded_time_is_stop(const struct rk_op *op)
{
	return says(op, "stopped");
}

bool rk_recorded_time_is_start(const struct rk_op *op)
{
	return says(op, "started");
}

bool rk_recorded_time_is_hold(const struct rk_op *op)
{
	struct rk_fields_reader reader;

	if (!rk_recorded_time_is_stop(op))
		return false;
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	rk_fields_next_placed(&reader);
	return strcmp(rk_fields_next_placed(&reader), "overhead") == 0;
}

static bool has_moment(const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_CLOCK:
	case RK_OP_TICK:
	case RK_OP_END:
	case RK_OP_RECORDING:
		return op->start != 0;
	default:
		return false;
	}
}

void rk_recorded_time_feed(struct rk_recorded_time *time, const struct rk_op *op)
{
	if (!has_moment(op))
		return;
	if (!time->parts) {
		time->first_ns = time->since_ns = op->start;
		time->parts = 1;
	}
	if (op->start > time->last_ns)
		time->last_ns = op->start;
	if (says(op, "ended")) {
		time->is_complete = true;
	} else if (rk_recorded_time_is_stop(op) && time->since_ns) {
		time->recorded_ns += op->start - time->since_ns;
		time->since_ns = 0;
	} else if (rk_recorded_time_is_start(op) && !time->since_ns) {
		time->since_ns = op->start;
		time->parts++;
	}
}

uint64_t rk_recorded_time_sum(const struct rk_recorded_time *time)
{
	return time->recorded_ns + (time->since_ns ? time->last_ns - time->since_ns : 0);
}
