/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_context.c - a table of spans by their id.
 */
#include "pipeline/log/log_context.h"

#include <stdlib.h>
#include <string.h>

#include "core/api_record.h"
#include "core/fields.h"
#include "core/intern.h"

/* Spans that are open at the same time are far fewer; ids are random, so any bits will do. */
#define SETS 128u
#define WAYS 8u

static const char kernel_prefix[] = "kernel:";

struct slot {
	struct rk_log_origin origin;
	uint64_t noted; /* 1, 2, 3...; 0 = free */
	bool is_over;
};

struct rk_log_contexts {
	const char *keys;
	struct rk_log_origin process;
	uint64_t noted;
	struct slot slots[SETS][WAYS];
};

static void select_baggage(struct rk_log_origin *origin, const char *baggage, const char *keys)
{
	origin->baggage_count = 0;
	if (*keys && *baggage)
		origin->baggage_count =
			rk_baggage_select(baggage, keys, origin->baggage, RK_LOG_BAGGAGE_MAX);
}

struct rk_log_contexts *rk_log_contexts_create(const char *keys, const char *baggage)
{
	struct rk_log_contexts *contexts = calloc(1, sizeof(*contexts));

	if (!contexts)
		return NULL;
	contexts->keys = keys;
	contexts->process.kernel_id = "";
	select_baggage(&contexts->process, baggage ? baggage : "", keys);
	return contexts;
}

void rk_log_contexts_destroy(struct rk_log_contexts *contexts)
{
	free(contexts);
}

static struct slot *set_of(const struct rk_log_contexts *contexts, const uint8_t span_id[8])
{
	return ((struct rk_log_contexts *)contexts)->slots[span_id[7] % SETS];
}

static struct slot *find(const struct rk_log_contexts *contexts, const uint8_t span_id[8])
{
	struct slot *set = set_of(contexts, span_id);

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].noted && memcmp(set[i].origin.span_id, span_id, 8) == 0)
			return &set[i];
	}
	return NULL;
}

/* Where a new span goes: who is free, else over, else the oldest makes room. */
static struct slot *take(struct rk_log_contexts *contexts, const uint8_t span_id[8])
{
	struct slot *set = set_of(contexts, span_id), *best = find(contexts, span_id);

	for (size_t i = 0; !best && i < WAYS; i++)
		best = set[i].noted ? NULL : &set[i];
	if (best)
		return best;
	best = set;
	for (size_t i = 1; i < WAYS; i++) {
		if (set[i].is_over != best->is_over ? set[i].is_over : set[i].noted < best->noted)
			best = &set[i];
	}
	return best;
}

const struct rk_log_origin *rk_log_contexts_find(const struct rk_log_contexts *contexts,
						 const uint8_t span_id[8])
{
	const struct slot *slot = find(contexts, span_id);

	return slot ? &slot->origin : &contexts->process;
}

/* "kernel:<id>" is an execution of that kernel; other spans are part of what their parent is. */
static const char *kernel_of(const struct rk_log_contexts *contexts, const struct rk_op *op,
			     const char *name)
{
	if (op->said.flags & RK_API_KERNEL) {
		size_t prefix = sizeof(kernel_prefix) - 1;

		if (strncmp(name, kernel_prefix, prefix) == 0)
			name += prefix;
		return rk_intern_get(rk_intern(name));
	}
	return rk_log_contexts_find(contexts, op->said.parent_id)->kernel_id;
}

/* What is known of it stays while there is room: a line may have been said before. */
static void end_span(struct rk_log_contexts *contexts, const uint8_t span_id[8])
{
	struct slot *slot = find(contexts, span_id);

	if (slot)
		slot->is_over = true;
}

static void begin_span(struct rk_log_contexts *contexts, const struct rk_op *op)
{
	bool is_span = op->kind == RK_OP_SPAN_BEGIN;
	struct rk_log_origin origin = { .kernel_id = "" };
	struct rk_fields_reader reader;
	const char *name = "";

	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	if (is_span) {
		name = rk_fields_next_placed(&reader);
		rk_fields_next_placed(&reader); /* domain */
	}
	rk_fields_next_placed(&reader); /* tracestate */
	memcpy(origin.span_id, op->said.span_id, sizeof(origin.span_id));
	select_baggage(&origin, rk_fields_next_placed(&reader), contexts->keys);
	if (is_span)
		origin.kernel_id = kernel_of(contexts, op, name);
	*take(contexts, origin.span_id) =
		(struct slot){ .origin = origin, .noted = ++contexts->noted };
}

void rk_log_contexts_note(struct rk_log_contexts *contexts, const struct rk_op *op)
{
	static const uint8_t none[8];

	if (memcmp(op->said.span_id, none, sizeof(none)) == 0)
		return;
	if (op->kind == RK_OP_SPAN_END)
		end_span(contexts, op->said.span_id);
	else if (op->kind == RK_OP_SPAN_BEGIN)
		begin_span(contexts, op);
	/* The context of a span of ours was told when that began. */
	else if (op->kind == RK_OP_CONTEXT && !(op->said.flags & RK_API_SPAN))
		begin_span(contexts, op);
}
