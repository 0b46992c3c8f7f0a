/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/api_span_feed.c - what is said of a span: its begin, its end and what belongs to
 * it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/api_record.h"
#include "pipeline/span/api_span_state.h"

#define BEGIN_TEXTS 4u /* name, domain, tracestate, baggage */

/* What @op says, as a part of @entry. Return: NULL when there is no room for it. */
static struct rk_span_part *part_create(struct rk_api_spans *spans, struct rk_api_span_entry *entry,
					const struct rk_op *op, const uint8_t *text, uint32_t bytes,
					uint32_t placed)
{
	struct rk_span_part *part = NULL;

	if (rk_api_spans_make_room(spans, entry, rk_span_memory(sizeof(*part) + bytes)))
		part = rk_span_part_create(text, bytes, placed);
	if (!part) {
		spans->stats.lost++;
		return NULL;
	}
	part->at = op->host_start;
	part->unix_ns = op->host_start + (uint64_t)spans->wall_offset;
	rk_api_spans_charge(spans, entry, rk_span_part_size(part));
	return part;
}

/* The later word on a key counts, in whatever order they come. */
static void replace(struct rk_api_spans *spans, struct rk_api_span_entry *entry,
		    struct rk_span_part **at, struct rk_span_part *part)
{
	struct rk_span_part *old = *at;

	if (old->at > part->at) {
		rk_api_spans_charge(spans, entry, 0 - rk_span_part_size(part));
		free(part);
		return;
	}
	part->next = old->next;
	*at = part;
	if (entry->attributes.last == old)
		entry->attributes.last = part;
	rk_api_spans_charge(spans, entry, 0 - rk_span_part_size(old));
	free(old);
}

static void add_attribute(struct rk_api_spans *spans, struct rk_api_span_entry *entry,
			  const struct rk_op *op, const uint8_t *text, uint32_t bytes)
{
	const char *key = (const char *)text + 1; /* behind the letter of the type */
	struct rk_span_part **at = &entry->attributes.first;
	struct rk_span_part *part;

	while (*at && strcmp(rk_span_part_key(*at), key) != 0)
		at = &(*at)->next;
	if (!*at && entry->attributes.count >= spans->setup.attributes_max) {
		entry->attributes.dropped++;
		return;
	}
	part = part_create(spans, entry, op, text, bytes, 0);
	if (!part)
		entry->attributes.dropped++;
	else if (*at)
		replace(spans, entry, at, part);
	else
		rk_span_parts_push(&entry->attributes, part);
}

static void add_attributes(struct rk_api_spans *spans, struct rk_api_span_entry *entry,
			   const struct rk_op *op, struct rk_fields_reader reader)
{
	const uint8_t *from = reader.at;
	struct rk_field field;

	for (; rk_fields_next(&reader, &field); from = reader.at) {
		if (field.type != RK_FIELD_PLACED && *field.key)
			add_attribute(spans, entry, op, from, (uint32_t)(reader.at - from));
	}
}

static void add_part(struct rk_api_spans *spans, struct rk_api_span_entry *entry,
		     struct rk_span_parts *parts, const struct rk_op *op, uint64_t limit)
{
	struct rk_span_part *part = NULL;

	if (parts->count < limit)
		part = part_create(spans, entry, op, op->text, op->text_bytes, 1);
	if (!part) {
		parts->dropped++;
		return;
	}
	memcpy(part->trace_id, op->said.trace_id, sizeof(part->trace_id));
	memcpy(part->span_id, op->said.span_id, sizeof(part->span_id));
	part->trace_flags = op->said.trace_flags;
	rk_span_parts_push(parts, part);
}

/* The bytes of @op's leading texts. */
static uint32_t skip_texts(const struct rk_op *op, uint32_t count, struct rk_fields_reader *reader)
{
	rk_fields_reader_init(reader, op->text, op->text_bytes);
	while (count--)
		rk_fields_next_placed(reader);
	return op->text_bytes ? (uint32_t)(reader->at - op->text) : 0;
}

static void set_texts(struct rk_api_span_entry *entry, bool is_kernel)
{
	struct rk_api_span *span = &entry->span;
	struct rk_fields_reader reader;

	rk_fields_reader_init(&reader, entry->begin->data, entry->begin->text_bytes);
	span->name = rk_fields_next_placed(&reader);
	span->domain = rk_fields_next_placed(&reader);
	span->tracestate = rk_fields_next_placed(&reader);
	span->baggage = rk_fields_next_placed(&reader);
	span->kernel_id = is_kernel ? span->name : "";
}

static void begin(struct rk_api_spans *spans, struct rk_api_span_entry *entry,
		  const struct rk_op *op, bool is_admitted)
{
	struct rk_api_span *span = &entry->span;
	struct rk_fields_reader reader;
	uint32_t bytes;

	if (entry->begin)
		return;
	bytes = skip_texts(op, BEGIN_TEXTS, &reader);
	entry->begin = part_create(spans, entry, op, op->text, bytes, BEGIN_TEXTS);
	if (!entry->begin)
		return; /* the rest will be a stray */
	set_texts(entry, op->said.flags & RK_API_KERNEL);
	if (!span->error)
		span->error = "";
	memcpy(span->trace_id, op->said.trace_id, sizeof(span->trace_id));
	memcpy(span->span_id, op->said.span_id, sizeof(span->span_id));
	memcpy(span->parent_id, op->said.parent_id, sizeof(span->parent_id));
	span->start_unix_ns = entry->begin->unix_ns;
	span->tid = op->tid;
	span->trace_flags = op->said.trace_flags;
	span->is_remote = op->said.flags & RK_API_REMOTE;
	span->is_admitted = is_admitted;
	span->said.kind = (uint8_t)op->said.what;
	span->said.is_kernel = op->said.flags & RK_API_KERNEL;
	span->said.is_range = op->said.flags & RK_API_NVTX;
	rk_api_spans_index(spans, entry);
	rk_api_spans_enter_range(spans, entry);
	add_attributes(spans, entry, op, reader);
	rk_api_spans_inherit(spans, entry);
	rk_api_spans_move(spans, entry);
}

static void end(struct rk_api_spans *spans, struct rk_api_span_entry *entry, const struct rk_op *op)
{
	struct rk_api_span *span = &entry->span;
	struct rk_fields_reader reader;

	if (entry->end)
		return;
	entry->end = part_create(spans, entry, op, op->text, skip_texts(op, 1, &reader), 1);
	if (!entry->end)
		return; /* it will be unfinished */
	rk_fields_reader_init(&reader, entry->end->data, entry->end->text_bytes);
	span->end_unix_ns = entry->end->unix_ns;
	span->said.status = op->said.what <= RK_SPAN_ERROR ? (uint8_t)op->said.what : RK_SPAN_UNSET;
	span->said.message = rk_fields_next_placed(&reader);
	rk_api_spans_move(spans, entry);
}

void rk_api_spans_feed(struct rk_api_spans *spans, const struct rk_op *op, int64_t wall_offset,
		       bool is_admitted)
{
	struct rk_fields_reader reader;
	struct rk_api_span_entry *entry;

	spans->wall_offset = wall_offset;
	if (op->host_start > spans->now)
		spans->now = op->host_start;
	entry = op->said.number ? rk_api_spans_get(spans, op->said.number) : NULL;
	if (!entry) {
		spans->stats.lost++;
		return;
	}
	switch (op->kind) {
	case RK_OP_SPAN_BEGIN:
		begin(spans, entry, op, is_admitted);
		break;
	case RK_OP_SPAN_END:
		end(spans, entry, op);
		break;
	case RK_OP_ATTRIBUTE:
		rk_fields_reader_init(&reader, op->text, op->text_bytes);
		add_attributes(spans, entry, op, reader);
		break;
	case RK_OP_SPAN_EVENT:
		add_part(spans, entry, &entry->events, op, spans->setup.events_max);
		break;
	case RK_OP_LINK:
		add_part(spans, entry, &entry->links, op, spans->setup.links_max);
		break;
	default:
		break;
	}
}
