/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/origin.c - a context as it was said becomes an origin, in one piece of memory.
 */
#include "pipeline/join/origin.h"

#include <stdlib.h>
#include <string.h>

#include "core/api_record.h"
#include "core/fields.h"

/* What an origin is made of, before it is known how much room it takes. */
struct draft {
	struct rk_origin origin;
	struct rk_sampler_fate fate;
	struct rk_baggage_entry entries[RK_BAGGAGE_MEMBERS_MAX];
	char text[RK_BAGGAGE_BYTES_MAX]; /* of the entries */
	struct rk_baggage_room room;
};

static bool is_zero(const uint8_t *id, size_t length)
{
	while (length--) {
		if (*id++)
			return false;
	}
	return true;
}

static void draft_parent(struct draft *draft, const struct rk_op *op,
			 const struct rk_sampling *sampling, const char *tracestate)
{
	struct rk_origin *origin = &draft->origin;
	bool is_span = op->said.flags & RK_API_SPAN;

	origin->has_parent = true;
	origin->is_remote = op->said.flags & RK_API_REMOTE;
	memcpy(origin->parent.trace_id, op->said.trace_id, sizeof(origin->parent.trace_id));
	memcpy(origin->parent.span_id, op->said.span_id, sizeof(origin->parent.span_id));
	origin->parent.flags =
		op->said.trace_flags & (RK_TRACE_FLAG_SAMPLED | RK_TRACE_FLAG_RANDOM);
	origin->span = is_span ? op->said.number : 0;
	/* A span of the program is one of ours: its flag is our decision, made already. */
	rk_sampler_follow(sampling, &origin->parent, tracestate,
			  is_span || sampling->parent_decides, &draft->fate);
	origin->is_sampled = draft->fate.is_sampled;
}

static void draft_baggage(struct draft *draft, const char *baggage, const char *keys)
{
	struct rk_origin *origin = &draft->origin;

	draft->room = (struct rk_baggage_room){ .bytes = draft->text, .size = sizeof(draft->text) };
	origin->baggage = NULL;
	origin->baggage_count = rk_baggage_copy(baggage, keys, draft->entries,
						RK_BAGGAGE_MEMBERS_MAX, &draft->room);
	origin->is_borrowed = origin->baggage_count > 0;
}

/* Copy @text to *@at, which moves behind it. */
static const char *put(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = *at;

	memcpy(copy, text, size);
	*at += size;
	return copy;
}

static struct rk_origin *finish(const struct draft *draft, bool owns_states, bool owns_baggage)
{
	const struct rk_sampler_fate *fate = &draft->fate;
	uint32_t count = owns_baggage ? draft->origin.baggage_count : 0;
	size_t entries = count * sizeof(struct rk_baggage_entry);
	size_t states =
		owns_states ? strlen(fate->known) + strlen(fate->unknown) + strlen(fate->next) + 3 :
			      0;
	struct rk_origin *origin =
		malloc(sizeof(*origin) + entries + states + (count ? draft->room.used : 0));
	struct rk_baggage_entry *baggage;
	char *at;

	if (!origin)
		return NULL;
	*origin = draft->origin;
	baggage = (struct rk_baggage_entry *)(origin + 1);
	at = (char *)(baggage + count);
	for (uint32_t i = 0; i < count; i++) {
		baggage[i].key = at + (draft->entries[i].key - draft->text);
		baggage[i].value = at + (draft->entries[i].value - draft->text);
	}
	if (count) {
		origin->baggage = baggage;
		memcpy(at, draft->text, draft->room.used);
		at += draft->room.used;
	}
	if (owns_states) {
		origin->known = put(&at, fate->known);
		origin->unknown = put(&at, fate->unknown);
		origin->next = put(&at, fate->next);
	}
	return origin;
}

struct rk_origin *rk_origin_create(const struct rk_op *op, const struct rk_sampling *sampling,
				   const char *baggage_keys, const struct rk_origin *process)
{
	struct draft draft;
	struct rk_fields_reader reader;
	const char *tracestate, *baggage;
	bool has_parent = !is_zero(op->said.trace_id, sizeof(op->said.trace_id)) &&
			  !is_zero(op->said.span_id, sizeof(op->said.span_id));
	bool has_baggage;

	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	tracestate = rk_fields_next_placed(&reader);
	baggage = rk_fields_next_placed(&reader);
	/* Where the context is a caller's, what the environment says of another is not its own. */
	has_baggage = has_parent || *baggage;
	draft.origin = *process;
	if (has_parent)
		draft_parent(&draft, op, sampling, tracestate);
	if (has_baggage)
		draft_baggage(&draft, baggage, baggage_keys);
	return finish(&draft, has_parent, has_baggage);
}
