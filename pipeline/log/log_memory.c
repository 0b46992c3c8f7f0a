/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_memory.c - the call, what was asked for and the top holders become a line.
 */
#include "pipeline/log/log_memory.h"

#include <stdio.h>

#include "core/intern.h"
#include "pipeline/join/cuda_result.h"
#include "pipeline/live/event_source.h"
#include "pipeline/metrics/metrics_state.h"
#include "pipeline/use/memory_text.h"

#define OUT_OF_MEMORY 2 /* CUresult */
#define EVERY_NS      1000000000ull
#define FIELDS_MOST   8u
#define HOLDERS_MAX   2048u
#define MESSAGE_MAX   (HOLDERS_MAX + 256u)

struct told {
	struct rk_log_field fields[FIELDS_MOST];
	size_t count;
};

static void put_number(struct told *told, const char *key, uint64_t value)
{
	told->fields[told->count++] = (struct rk_log_field){ .key = key,
							     .value = RK_LOG_VALUE_INTEGER,
							     .integer = (int64_t)value };
}

static void put_text(struct told *told, const char *key, const char *text)
{
	told->fields[told->count++] = (struct rk_log_field){ .key = key, .text = text };
}

static void put_memory(struct told *told, const struct rk_memory_use *use, const struct rk_op *op)
{
	const struct rk_memory_space *space;
	struct rk_memory_refusal refusal;

	rk_memory_use_refusal(use, &refusal);
	if (refusal.ordinal && refusal.ordinal == op->ordinal) {
		put_number(told, "requested_bytes", refusal.bytes);
		put_text(told, "pool", rk_metrics_pool_name(refusal.pool));
	} else {
		refusal = (struct rk_memory_refusal){ .device = op->device };
	}
	space = rk_memory_use_space_of(use, refusal.device, refusal.pool);
	put_number(told, "held_bytes",
		   space && space->live_bytes > 0 ? (uint64_t)space->live_bytes : 0);
	put_number(told, "device", refusal.device);
}

static void tell(struct rk_event_source *source, const struct rk_op *op)
{
	char holders[HOLDERS_MAX], message[MESSAGE_MAX];
	struct told told = { .count = 0 };
	struct rk_log_event event = {
		.unix_ns = op->host_end + (uint64_t)source->wall_offset_ns,
		.level = RK_LOG_ERROR,
		.name = "rustkernel.out_of_memory",
		.message = message,
		.duration_ms = -1,
		.fields = told.fields,
	};

	rk_memory_text_refused(source->memory, source->stacks, op, holders, sizeof(holders));
	snprintf(message, sizeof(message), "%s failed, out of memory: %s", rk_intern_get(op->api),
		 holders);
	put_text(&told, "api", rk_intern_get(op->api));
	put_text(&told, "error.type", rk_cuda_result_name(op->result));
	put_memory(&told, source->memory, op);
	if (source->refusals_untold)
		put_number(&told, "untold", source->refusals_untold);
	event.field_count = told.count;
	rk_event_source_tell(source, &event);
}

/* An allocation is told as one, when it is known who held what; everything else as an error. */
static bool is_refusal(const struct rk_op *op)
{
	bool is_open = op->flags & RK_OP_F_OPEN;

	return op->result == OUT_OF_MEMORY && (op->kind == RK_OP_ALLOC ? is_open : !is_open);
}

void rk_log_memory_note(struct rk_event_source *source, const struct rk_op *op)
{
	if (!is_refusal(op) || !source->memory)
		return;
	if (source->refusal_ns && op->host_end < source->refusal_ns + EVERY_NS) {
		source->refusals_untold++;
		return;
	}
	tell(source, op);
	source->refusal_ns = op->host_end;
	source->refusals_untold = 0;
}
