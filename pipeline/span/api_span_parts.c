/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/api_span_parts.c - parts of spans, one by one and put together.
 */
#include "pipeline/span/api_span_parts.h"

#include <stdlib.h>
#include <string.h>

/* Whether @key comes again in what is left to read. */
static bool comes_again(struct rk_fields_reader reader, const char *key)
{
	struct rk_field field;

	while (rk_fields_next(&reader, &field)) {
		if (strcmp(field.key, key) == 0)
			return true;
	}
	return false;
}

/* Copy to @out the pairs that count. Return: bytes. */
static uint32_t copy_pairs(struct rk_fields_reader reader, uint8_t *out)
{
	const uint8_t *from = reader.at;
	struct rk_field field;
	uint32_t bytes = 0;

	for (; rk_fields_next(&reader, &field); from = reader.at) {
		if (field.type == RK_FIELD_PLACED || !*field.key || comes_again(reader, field.key))
			continue;
		memcpy(out + bytes, from, (size_t)(reader.at - from));
		bytes += (uint32_t)(reader.at - from);
	}
	return bytes;
}

struct rk_span_part *rk_span_part_create(const uint8_t *text, uint32_t bytes, uint32_t placed)
{
	struct rk_span_part *part = malloc(sizeof(*part) + bytes);
	struct rk_fields_reader reader;

	if (!part)
		return NULL;
	memset(part, 0, sizeof(*part));
	part->room_bytes = bytes;
	rk_fields_reader_init(&reader, text, bytes);
	while (placed--)
		rk_fields_next_placed(&reader);
	part->text_bytes = bytes ? (uint32_t)(reader.at - text) : 0;
	if (part->text_bytes)
		memcpy(part->data, text, part->text_bytes);
	part->bytes = part->text_bytes + copy_pairs(reader, part->data + part->text_bytes);
	return part;
}

const char *rk_span_part_key(const struct rk_span_part *part)
{
	return (const char *)part->data + 1; /* behind the letter of the type */
}

void rk_span_parts_push(struct rk_span_parts *parts, struct rk_span_part *part)
{
	part->next = NULL;
	if (parts->last)
		parts->last->next = part;
	else
		parts->first = part;
	parts->last = part;
	parts->count++;
}

void rk_span_parts_clear(struct rk_span_parts *parts)
{
	struct rk_span_part *part = parts->first;

	while (part) {
		struct rk_span_part *next = part->next;

		free(part);
		part = next;
	}
	memset(parts, 0, sizeof(*parts));
}

/* Room for @count things at *@memory. Return: false without memory. */
static bool reserve(void **memory, size_t *there, size_t count, size_t size)
{
	void *more;

	if (count <= *there)
		return true;
	more = realloc(*memory, count * size);
	if (!more)
		return false;
	*memory = more;
	*there = count;
	return true;
}

static void pack_attributes(struct rk_span_parts_scratch *scratch,
			    const struct rk_span_parts *attributes, struct rk_span_api *said)
{
	void *memory = scratch->fields;
	size_t bytes = 0;

	said->dropped_attributes = attributes->dropped;
	for (const struct rk_span_part *part = attributes->first; part; part = part->next)
		bytes += part->bytes;
	if (!reserve(&memory, &scratch->field_bytes, bytes, 1)) {
		said->dropped_attributes += attributes->count;
		return;
	}
	scratch->fields = memory;
	said->fields = memory;
	said->field_count = attributes->count;
	for (const struct rk_span_part *part = attributes->first; part; part = part->next) {
		memcpy(scratch->fields + said->field_bytes, part->data, part->bytes);
		said->field_bytes += part->bytes;
	}
}

static const char *leading_text(const struct rk_span_part *part)
{
	struct rk_fields_reader reader;

	rk_fields_reader_init(&reader, part->data, part->text_bytes);
	return rk_fields_next_placed(&reader);
}

static void pack_events(struct rk_span_parts_scratch *scratch, const struct rk_span_parts *events,
			struct rk_span_api *said)
{
	void *memory = scratch->events;

	said->dropped_events = events->dropped;
	if (!reserve(&memory, &scratch->event_count, events->count, sizeof(*scratch->events))) {
		said->dropped_events += events->count;
		return;
	}
	scratch->events = memory;
	said->events = memory;
	for (const struct rk_span_part *part = events->first; part; part = part->next)
		scratch->events[said->event_count++] = (struct rk_span_event){
			.unix_ns = part->unix_ns,
			.name = leading_text(part),
			.fields = part->data + part->text_bytes,
			.field_bytes = part->bytes - part->text_bytes,
		};
}

static void pack_links(struct rk_span_parts_scratch *scratch, const struct rk_span_parts *links,
		       struct rk_span_api *said)
{
	void *memory = scratch->links;

	said->dropped_links = links->dropped;
	if (!reserve(&memory, &scratch->link_count, links->count, sizeof(*scratch->links))) {
		said->dropped_links += links->count;
		return;
	}
	scratch->links = memory;
	said->links = memory;
	for (const struct rk_span_part *part = links->first; part; part = part->next) {
		struct rk_span_link *link = &scratch->links[said->link_count++];

		*link = (struct rk_span_link){
			.trace_flags = part->trace_flags,
			.tracestate = leading_text(part),
			.fields = part->data + part->text_bytes,
			.field_bytes = part->bytes - part->text_bytes,
		};
		memcpy(link->trace_id, part->trace_id, sizeof(link->trace_id));
		memcpy(link->span_id, part->span_id, sizeof(link->span_id));
	}
}

void rk_span_parts_pack(struct rk_span_parts_scratch *scratch,
			const struct rk_span_parts *attributes, const struct rk_span_parts *events,
			const struct rk_span_parts *links, struct rk_span_api *said)
{
	pack_attributes(scratch, attributes, said);
	pack_events(scratch, events, said);
	pack_links(scratch, links, said);
}

void rk_span_parts_scratch_finish(struct rk_span_parts_scratch *scratch)
{
	free(scratch->fields);
	free(scratch->events);
	free(scratch->links);
	memset(scratch, 0, sizeof(*scratch));
}
