/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log_context.c - a table of spans by their id.
 */
#include "pipeline/log_context.h"

#include <stdlib.h>
#include <string.h>

#include "core/api_record.h"
#include "core/fields.h"
#include "core/intern.h"

/* Spans that are open at the same time are far fewer; ids are random, so any bits will do. */
#define SLOTS 1024u

static const char kernel_prefix[] = "kernel:";

struct rk_log_contexts {
	const char *keys;
	struct rk_log_origin process;
	struct rk_log_origin slots[SLOTS];
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

static size_t slot_of(const uint8_t span_id[8])
{
	return ((size_t)span_id[6] << 8 | span_id[7]) % SLOTS;
}

const struct rk_log_origin *rk_log_contexts_find(const struct rk_log_contexts *contexts,
						 const uint8_t span_id[8])
{
	static const uint8_t none[8];
	const struct rk_log_origin *origin = &contexts->slots[slot_of(span_id)];

	if (memcmp(span_id, none, 8) == 0 || memcmp(origin->span_id, span_id, 8) != 0)
		return &contexts->process;
	return origin;
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

void rk_log_contexts_note(struct rk_log_contexts *contexts, const struct rk_op *op)
{
	bool is_span = op->kind == RK_OP_SPAN_BEGIN;
	struct rk_log_origin origin = { .kernel_id = "" };
	struct rk_fields_reader reader;
	const char *name = "";

	/* The context of a span of ours was told when that began. */
	if (!is_span && (op->kind != RK_OP_CONTEXT || op->said.flags & RK_API_SPAN))
		return;
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
	contexts->slots[slot_of(origin.span_id)] = origin;
}
