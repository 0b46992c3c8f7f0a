/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/api_span.c - the table of spans under way, by number and by id.
 */
#include "pipeline/api_span.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_record.h"
#include "pipeline/api_span_parts.h"
#include "pipeline/cuda_result.h"
#include "pipeline/handle_map.h"

#define BEGIN_TEXTS 4u /* name, domain, tracestate, baggage */

enum where { STRAY, OPEN, COMPLETE, WHERE_COUNT };

struct entry {
	struct rk_api_span span;
	struct entry *prev, *next; /* in the same queue */
	struct rk_span_part *begin, *end; /* as they were said; NULL = not yet */
	struct rk_span_parts attributes, events, links;
	char *inherited; /* kernel_id and domain of the kernel span around it; may be NULL */
	uint64_t tick;	 /* it came to its queue at */
	size_t bytes;
	uint8_t where;
};

/* Oldest first. */
struct queue {
	struct entry *first, *last;
};

struct rk_api_spans {
	struct rk_api_spans_setup setup;
	struct queue queues[WHERE_COUNT];
	struct rk_handle_map by_number, by_id; /* value: the entry */
	struct rk_span_parts_scratch scratch;
	struct rk_api_spans_stats stats;
	uint64_t ticks, now; /* ns of the newest thing that came */
	int64_t wall_offset;
};

int rk_api_spans_create(struct rk_api_spans **out, const struct rk_api_spans_setup *setup)
{
	struct rk_api_spans *spans = calloc(1, sizeof(*spans));

	*out = spans;
	if (!spans)
		return -ENOMEM;
	spans->setup = *setup;
	if (!spans->setup.bytes_max)
		spans->setup.bytes_max = RK_API_SPANS_BYTES_MAX;
	if (!spans->setup.count_max)
		spans->setup.count_max = RK_API_SPANS_MAX;
	rk_handle_map_init(&spans->by_number, spans->setup.count_max);
	rk_handle_map_init(&spans->by_id, spans->setup.count_max);
	return 0;
}

static void enqueue(struct rk_api_spans *spans, struct entry *entry, enum where where)
{
	struct queue *queue = &spans->queues[where];

	entry->where = (uint8_t)where;
	entry->tick = spans->ticks;
	entry->next = NULL;
	entry->prev = queue->last;
	if (queue->last)
		queue->last->next = entry;
	else
		queue->first = entry;
	queue->last = entry;
}

static void dequeue(struct rk_api_spans *spans, struct entry *entry)
{
	struct queue *queue = &spans->queues[entry->where];

	if (entry->prev)
		entry->prev->next = entry->next;
	else
		queue->first = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	else
		queue->last = entry->prev;
}

/* Another key for each id, 0 for none. Ids that only count would meet in few places of the map. */
static uint64_t key_of(const uint8_t id[8])
{
	uint64_t key;

	memcpy(&key, id, sizeof(key));
	key ^= key >> 32;
	key *= 0x9e3779b97f4a7c15u;
	return key ^ key >> 32;
}

static struct entry *find(const struct rk_handle_map *map, uint64_t key)
{
	struct rk_handle_slot *slot = key ? rk_handle_map_get(map, key) : NULL;

	return slot ? (struct entry *)(uintptr_t)slot->value : NULL;
}

static void charge(struct rk_api_spans *spans, struct entry *entry, size_t bytes)
{
	entry->bytes += bytes;
	spans->stats.bytes += bytes;
}

static void entry_destroy(struct rk_api_spans *spans, struct entry *entry)
{
	if (find(&spans->by_id, key_of(entry->span.span_id)) == entry)
		rk_handle_map_remove(&spans->by_id, key_of(entry->span.span_id));
	rk_handle_map_remove(&spans->by_number, entry->span.number);
	dequeue(spans, entry);
	spans->stats.bytes -= entry->bytes;
	spans->stats.count--;
	rk_span_parts_clear(&entry->attributes);
	rk_span_parts_clear(&entry->events);
	rk_span_parts_clear(&entry->links);
	free(entry->begin);
	free(entry->end);
	free(entry->inherited);
	free(entry);
}

void rk_api_spans_destroy(struct rk_api_spans *spans)
{
	if (!spans)
		return;
	for (int i = 0; i < WHERE_COUNT; i++) {
		while (spans->queues[i].first)
			entry_destroy(spans, spans->queues[i].first);
	}
	rk_handle_map_finish(&spans->by_number);
	rk_handle_map_finish(&spans->by_id);
	rk_span_parts_scratch_finish(&spans->scratch);
	free(spans);
}

static struct entry *parent_of(const struct rk_api_spans *spans, const struct entry *entry)
{
	return entry->span.is_remote ? NULL : find(&spans->by_id, key_of(entry->span.parent_id));
}

static void inherit_from(struct rk_api_spans *spans, struct entry *entry,
			 const struct rk_api_span *kernel)
{
	size_t id = strlen(kernel->kernel_id) + 1, domain = strlen(kernel->domain) + 1;

	entry->inherited = malloc(id + domain);
	if (!entry->inherited)
		return;
	memcpy(entry->inherited, kernel->kernel_id, id);
	memcpy(entry->inherited + id, kernel->domain, domain);
	charge(spans, entry, id + domain);
	entry->span.kernel_id = entry->inherited;
	if (!*entry->span.domain)
		entry->span.domain = entry->inherited + id;
}

/* A copy, because the kernel span may be over before the one within it is. */
static void inherit(struct rk_api_spans *spans, struct entry *entry)
{
	const struct entry *around = parent_of(spans, entry);

	if (*entry->span.kernel_id)
		return;
	for (uint32_t i = 0; around && i < RK_API_SPAN_ANCESTORS_MAX; i++) {
		if (*around->span.kernel_id) {
			inherit_from(spans, entry, &around->span);
			return;
		}
		around = parent_of(spans, around);
	}
}

static void give(struct rk_api_spans *spans, struct entry *entry)
{
	struct rk_api_span *span = &entry->span;

	if (!entry->end) {
		uint64_t now = spans->now + (uint64_t)spans->wall_offset;

		spans->stats.unfinished++;
		span->said.is_unfinished = true;
		span->said.message = "";
		span->end_unix_ns = now;
	}
	if (span->end_unix_ns < span->start_unix_ns)
		span->end_unix_ns = span->start_unix_ns;
	inherit(spans, entry);
	rk_span_parts_pack(&spans->scratch, &entry->attributes, &entry->events, &entry->links,
			   &span->said);
	spans->setup.give(spans->setup.data, span);
	entry_destroy(spans, entry);
}

static void drop_stray(struct rk_api_spans *spans, struct entry *entry)
{
	spans->stats.strays++;
	entry_destroy(spans, entry);
}

static struct entry *oldest_but(const struct queue *queue, const struct entry *but)
{
	return queue->first && queue->first == but ? but->next : queue->first;
}

/* Let the one go that can be missed best; never @but. Return: false when there is no other. */
static bool let_go(struct rk_api_spans *spans, const struct entry *but)
{
	struct entry *entry = oldest_but(&spans->queues[COMPLETE], but);

	if (entry) {
		give(spans, entry);
		return true;
	}
	entry = oldest_but(&spans->queues[STRAY], but);
	if (entry) {
		drop_stray(spans, entry);
		return true;
	}
	entry = oldest_but(&spans->queues[OPEN], but);
	if (!entry)
		return false;
	give(spans, entry);
	return true;
}

/* Make room for @bytes of @entry. Return: false when it has all the room there is. */
static bool make_room(struct rk_api_spans *spans, const struct entry *entry, size_t bytes)
{
	while (spans->stats.bytes + bytes > spans->setup.bytes_max) {
		if (!let_go(spans, entry))
			return false;
	}
	return true;
}

static struct entry *entry_get(struct rk_api_spans *spans, uint64_t number)
{
	struct entry *entry = find(&spans->by_number, number);
	struct rk_handle_slot *slot;

	if (entry)
		return entry;
	while (spans->stats.count >= spans->setup.count_max && let_go(spans, NULL))
		;
	entry = make_room(spans, NULL, sizeof(*entry)) ? calloc(1, sizeof(*entry)) : NULL;
	slot = entry ? rk_handle_map_put(&spans->by_number, number) : NULL;
	if (!slot) {
		free(entry);
		return NULL;
	}
	slot->value = (uintptr_t)entry;
	entry->span.number = number;
	spans->stats.count++;
	charge(spans, entry, sizeof(*entry));
	enqueue(spans, entry, STRAY);
	return entry;
}

/* What @op says, as a part of @entry. Return: NULL when there is no room for it. */
static struct rk_span_part *part_create(struct rk_api_spans *spans, struct entry *entry,
					const struct rk_op *op, const uint8_t *text, uint32_t bytes,
					uint32_t placed)
{
	struct rk_span_part *part = NULL;

	if (make_room(spans, entry, sizeof(*part) + bytes))
		part = rk_span_part_create(text, bytes, placed);
	if (!part) {
		spans->stats.lost++;
		return NULL;
	}
	part->at = op->host_start;
	part->unix_ns = op->host_start + (uint64_t)spans->wall_offset;
	charge(spans, entry, rk_span_part_size(part));
	return part;
}

/* The later word on a key counts, in whatever order they come. */
static void replace(struct rk_api_spans *spans, struct entry *entry, struct rk_span_part **at,
		    struct rk_span_part *part)
{
	struct rk_span_part *old = *at;

	if (old->at > part->at) {
		charge(spans, entry, 0 - rk_span_part_size(part));
		free(part);
		return;
	}
	part->next = old->next;
	*at = part;
	if (entry->attributes.last == old)
		entry->attributes.last = part;
	charge(spans, entry, 0 - rk_span_part_size(old));
	free(old);
}

static void add_attribute(struct rk_api_spans *spans, struct entry *entry, const struct rk_op *op,
			  const uint8_t *text, uint32_t bytes)
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

static void add_attributes(struct rk_api_spans *spans, struct entry *entry, const struct rk_op *op,
			   struct rk_fields_reader reader)
{
	const uint8_t *from = reader.at;
	struct rk_field field;

	for (; rk_fields_next(&reader, &field); from = reader.at) {
		if (field.type != RK_FIELD_PLACED && *field.key)
			add_attribute(spans, entry, op, from, (uint32_t)(reader.at - from));
	}
}

static void add_part(struct rk_api_spans *spans, struct entry *entry, struct rk_span_parts *parts,
		     const struct rk_op *op, uint64_t limit)
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

static void move(struct rk_api_spans *spans, struct entry *entry)
{
	dequeue(spans, entry);
	enqueue(spans, entry, !entry->begin ? STRAY : entry->end ? COMPLETE : OPEN);
}

/* The bytes of @op's leading texts. */
static uint32_t skip_texts(const struct rk_op *op, uint32_t count, struct rk_fields_reader *reader)
{
	rk_fields_reader_init(reader, op->text, op->text_bytes);
	while (count--)
		rk_fields_next_placed(reader);
	return op->text_bytes ? (uint32_t)(reader->at - op->text) : 0;
}

static void set_texts(struct entry *entry, bool is_kernel)
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

static void begin(struct rk_api_spans *spans, struct entry *entry, const struct rk_op *op,
		  bool is_admitted)
{
	struct rk_api_span *span = &entry->span;
	struct rk_fields_reader reader;
	struct rk_handle_slot *slot;
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
	slot = rk_handle_map_put(&spans->by_id, key_of(span->span_id));
	if (slot)
		slot->value = (uintptr_t)entry;
	add_attributes(spans, entry, op, reader);
	inherit(spans, entry);
	move(spans, entry);
}

static void end(struct rk_api_spans *spans, struct entry *entry, const struct rk_op *op)
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
	move(spans, entry);
}

void rk_api_spans_feed(struct rk_api_spans *spans, const struct rk_op *op, int64_t wall_offset,
		       bool is_admitted)
{
	struct rk_fields_reader reader;
	struct entry *entry;

	spans->wall_offset = wall_offset;
	if (op->host_start > spans->now)
		spans->now = op->host_start;
	entry = op->said.number ? entry_get(spans, op->said.number) : NULL;
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

void rk_api_spans_tick(struct rk_api_spans *spans, uint64_t now)
{
	struct queue *complete = &spans->queues[COMPLETE], *stray = &spans->queues[STRAY];

	if (now > spans->now)
		spans->now = now;
	spans->ticks++;
	while (complete->first && spans->ticks - complete->first->tick >= RK_API_SPAN_TICKS)
		give(spans, complete->first);
	while (stray->first && spans->ticks - stray->first->tick >= RK_API_SPAN_STRAY_TICKS)
		drop_stray(spans, stray->first);
}

bool rk_api_spans_are_waiting(const struct rk_api_spans *spans)
{
	return spans->queues[COMPLETE].first;
}

/* @number and what is around it, one at a time. */
static struct entry *next_around(const struct rk_api_spans *spans, const struct entry *entry)
{
	return !entry->begin || entry->span.said.is_kernel ? NULL : parent_of(spans, entry);
}

void rk_api_spans_fail(struct rk_api_spans *spans, uint64_t number, uint32_t result, uint32_t api)
{
	struct entry *entry = find(&spans->by_number, number);

	for (uint32_t i = 0; entry && i < RK_API_SPAN_ANCESTORS_MAX; i++) {
		if (!entry->span.error || !*entry->span.error) {
			entry->span.error = rk_cuda_result_name(result);
			entry->span.error_message = rk_cuda_result_message(result, api);
		}
		entry = next_around(spans, entry);
	}
}

void rk_api_spans_keep(struct rk_api_spans *spans, uint64_t number, enum rk_kept why)
{
	struct entry *entry = find(&spans->by_number, number);

	for (uint32_t i = 0; entry && i < RK_API_SPAN_ANCESTORS_MAX; i++) {
		entry->span.kept = (uint8_t)why;
		entry = next_around(spans, entry);
	}
}

void rk_api_spans_finish(struct rk_api_spans *spans)
{
	while (spans->queues[COMPLETE].first)
		give(spans, spans->queues[COMPLETE].first);
	while (spans->queues[OPEN].first)
		give(spans, spans->queues[OPEN].first);
	while (spans->queues[STRAY].first)
		drop_stray(spans, spans->queues[STRAY].first);
}

void rk_api_spans_get_stats(const struct rk_api_spans *spans, struct rk_api_spans_stats *stats)
{
	*stats = spans->stats;
}
