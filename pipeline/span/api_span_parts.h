/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/api_span_parts.h - attributes, events and links of a span under way.
 *
 * Each is a piece of memory of its own, so that the table can count what it holds; when the span
 * is over they are put together in the form that sinks read.
 */
#ifndef RK_PIPELINE_SPAN_API_SPAN_PARTS_H
#define RK_PIPELINE_SPAN_API_SPAN_PARTS_H

#include "core/fields.h"
#include "core/op.h"
#include "pipeline/span/span.h"

struct rk_span_part {
	struct rk_span_part *next;
	uint64_t at, unix_ns; /* when it was said: ns of the clock, and UNIX */
	uint8_t trace_id[16], span_id[8]; /* of a link, as the flags */
	uint8_t trace_flags;
	uint32_t text_bytes; /* of the texts by place, in front */
	uint32_t bytes;
	uint32_t room_bytes; /* of data */
	uint8_t data[]; /* packed; no key twice */
};

struct rk_span_parts {
	struct rk_span_part *first, *last;
	uint32_t count, dropped;
};

/* Memory for one span after another. All zero = none yet. */
struct rk_span_parts_scratch {
	uint8_t *fields;
	struct rk_span_event *events;
	struct rk_span_link *links;
	size_t field_bytes, event_count, link_count; /* there is room for */
};

/**
 * A part with the fields of @text that reader stands at, those of a key that comes again left out.
 *
 * @placed: texts by place that lead.
 * Context: the feeding thread. Ownership: the caller, free(). Return: NULL without memory.
 */
struct rk_span_part *rk_span_part_create(const uint8_t *text, uint32_t bytes, uint32_t placed);

/**
 * The key of an attribute's part.
 *
 * Context: any. Ownership: part of @part.
 */
const char *rk_span_part_key(const struct rk_span_part *part);

/**
 * What the allocator takes for @bytes: glibc puts 8 in front of each piece and rounds up to 16.
 *
 * Context: any.
 */
static inline size_t rk_span_memory(size_t bytes)
{
	return (bytes + 8 + 15) & ~(size_t)15;
}

/**
 * Bytes that @part takes.
 *
 * Context: any.
 */
static inline size_t rk_span_part_size(const struct rk_span_part *part)
{
	return rk_span_memory(sizeof(*part) + part->room_bytes);
}

/**
 * Append; free all.
 *
 * Context: the feeding thread. Ownership: @parts takes @part.
 */
void rk_span_parts_push(struct rk_span_parts *parts, struct rk_span_part *part);
void rk_span_parts_clear(struct rk_span_parts *parts);

/**
 * Fill the lists of @said; what memory is short for is counted as dropped in it.
 *
 * Context: the feeding thread. Ownership: borrowed from @scratch and the parts.
 */
void rk_span_parts_pack(struct rk_span_parts_scratch *scratch,
			const struct rk_span_parts *attributes, const struct rk_span_parts *events,
			const struct rk_span_parts *links, struct rk_span_api *said);

/**
 * Free the memory; the scratch is empty then.
 *
 * Context: the feeding thread.
 */
void rk_span_parts_scratch_finish(struct rk_span_parts_scratch *scratch);

#endif
