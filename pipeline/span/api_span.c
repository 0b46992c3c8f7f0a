/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/api_span.c - the table of spans under way, by number and by id.
 */
#include "pipeline/span/api_span.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/join/cuda_result.h"
#include "pipeline/span/api_span_state.h"

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

static void enqueue(struct rk_api_spans *spans, struct rk_api_span_entry *entry,
		    enum rk_api_span_where where)
{
	struct rk_api_span_queue *queue = &spans->queues[where];

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

static void dequeue(struct rk_api_spans *spans, struct rk_api_span_entry *entry)
{
	struct rk_api_span_queue *queue = &spans->queues[entry->where];

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

static struct rk_api_span_entry *find(const struct rk_handle_map *map, uint64_t key)
{
	struct rk_handle_slot *slot = key ? rk_handle_map_get(map, key) : NULL;

	return slot ? (struct rk_api_span_entry *)(uintptr_t)slot->value : NULL;
}

void rk_api_spans_charge(struct rk_api_spans *spans, struct rk_api_span_entry *entry, size_t bytes)
{
	entry->bytes += bytes;
	spans->stats.bytes += bytes;
}

static void entry_destroy(struct rk_api_spans *spans, struct rk_api_span_entry *entry)
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
	for (int i = 0; i < RK_API_SPAN_WHERE_COUNT; i++) {
		while (spans->queues[i].first)
			entry_destroy(spans, spans->queues[i].first);
	}
	rk_handle_map_finish(&spans->by_number);
	rk_handle_map_finish(&spans->by_id);
	rk_span_parts_scratch_finish(&spans->scratch);
	free(spans);
}

struct rk_api_span_entry *rk_api_spans_find(const struct rk_api_spans *spans, uint64_t number)
{
	return find(&spans->by_number, number);
}

struct rk_api_span_entry *rk_api_spans_parent_of(const struct rk_api_spans *spans,
						 const struct rk_api_span_entry *entry)
{
	return entry->span.is_remote ? NULL : find(&spans->by_id, key_of(entry->span.parent_id));
}

static void inherit_from(struct rk_api_spans *spans, struct rk_api_span_entry *entry,
			 const struct rk_api_span *kernel)
{
	size_t id = strlen(kernel->kernel_id) + 1, domain = strlen(kernel->domain) + 1;

	entry->inherited = malloc(id + domain);
	if (!entry->inherited)
		return;
	memcpy(entry->inherited, kernel->kernel_id, id);
	memcpy(entry->inherited + id, kernel->domain, domain);
	rk_api_spans_charge(spans, entry, rk_span_memory(id + domain));
	entry->span.kernel_id = entry->inherited;
	if (!*entry->span.domain)
		entry->span.domain = entry->inherited + id;
}

/* A copy, because the kernel span may be over before the one within it is. */
void rk_api_spans_inherit(struct rk_api_spans *spans, struct rk_api_span_entry *entry)
{
	const struct rk_api_span_entry *around = rk_api_spans_parent_of(spans, entry);

	if (*entry->span.kernel_id)
		return;
	for (uint32_t i = 0; around && i < RK_API_SPAN_ANCESTORS_MAX; i++) {
		if (*around->span.kernel_id) {
			inherit_from(spans, entry, &around->span);
			return;
		}
		around = rk_api_spans_parent_of(spans, around);
	}
}

static void give(struct rk_api_spans *spans, struct rk_api_span_entry *entry)
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
	rk_api_spans_inherit(spans, entry);
	rk_api_spans_leave_range(spans, entry);
	rk_span_parts_pack(&spans->scratch, &entry->attributes, &entry->events, &entry->links,
			   &span->said);
	spans->setup.give(spans->setup.data, span);
	entry_destroy(spans, entry);
}

static void drop_stray(struct rk_api_spans *spans, struct rk_api_span_entry *entry)
{
	spans->stats.strays++;
	entry_destroy(spans, entry);
}

static struct rk_api_span_entry *oldest_but(const struct rk_api_span_queue *queue,
					    const struct rk_api_span_entry *but)
{
	return queue->first && queue->first == but ? but->next : queue->first;
}

/* Let the one go that can be missed best; never @but. Return: false when there is no other. */
static bool let_go(struct rk_api_spans *spans, const struct rk_api_span_entry *but)
{
	struct rk_api_span_entry *entry = oldest_but(&spans->queues[RK_API_SPAN_COMPLETE], but);

	if (entry) {
		spans->stats.early++;
		give(spans, entry);
		return true;
	}
	entry = oldest_but(&spans->queues[RK_API_SPAN_STRAY], but);
	if (entry) {
		drop_stray(spans, entry);
		return true;
	}
	entry = oldest_but(&spans->queues[RK_API_SPAN_OPEN], but);
	if (!entry)
		return false;
	give(spans, entry);
	return true;
}

/* Make room for @bytes of @entry. Return: false when it has all the room there is. */
bool rk_api_spans_make_room(struct rk_api_spans *spans, const struct rk_api_span_entry *entry,
			    size_t bytes)
{
	while (spans->stats.bytes + bytes > spans->setup.bytes_max) {
		if (!let_go(spans, entry))
			return false;
	}
	return true;
}

struct rk_api_span_entry *rk_api_spans_get(struct rk_api_spans *spans, uint64_t number)
{
	struct rk_api_span_entry *entry = find(&spans->by_number, number);
	struct rk_handle_slot *slot;

	if (entry)
		return entry;
	while (spans->stats.count >= spans->setup.count_max && let_go(spans, NULL))
		;
	entry = rk_api_spans_make_room(spans, NULL, rk_span_memory(sizeof(*entry))) ?
			calloc(1, sizeof(*entry)) :
			NULL;
	slot = entry ? rk_handle_map_put(&spans->by_number, number) : NULL;
	if (!slot) {
		free(entry);
		return NULL;
	}
	slot->value = (uintptr_t)entry;
	entry->span.number = number;
	spans->stats.count++;
	rk_api_spans_charge(spans, entry, rk_span_memory(sizeof(*entry)));
	enqueue(spans, entry, RK_API_SPAN_STRAY);
	return entry;
}

void rk_api_spans_index(struct rk_api_spans *spans, struct rk_api_span_entry *entry)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&spans->by_id, key_of(entry->span.span_id));

	if (slot)
		slot->value = (uintptr_t)entry;
}

void rk_api_spans_move(struct rk_api_spans *spans, struct rk_api_span_entry *entry)
{
	dequeue(spans, entry);
	enqueue(spans, entry,
		!entry->begin ? RK_API_SPAN_STRAY :
		entry->end    ? RK_API_SPAN_COMPLETE :
				RK_API_SPAN_OPEN);
}

/*
 * The oldest first; those that wait for what is within them stay where they are. What they wait
 * for is younger: it has gone, or will, so one way through the queue is enough.
 */
static void give_complete(struct rk_api_spans *spans)
{
	struct rk_api_span_entry *entry = spans->queues[RK_API_SPAN_COMPLETE].first, *next;

	for (; entry && spans->ticks - entry->tick >= RK_API_SPAN_TICKS; entry = next) {
		next = entry->next;
		if (!rk_api_spans_must_wait(spans, entry))
			give(spans, entry);
	}
}

void rk_api_spans_tick(struct rk_api_spans *spans, uint64_t now)
{
	struct rk_api_span_queue *stray = &spans->queues[RK_API_SPAN_STRAY];

	if (now > spans->now)
		spans->now = now;
	spans->ticks++;
	give_complete(spans);
	while (stray->first && spans->ticks - stray->first->tick >= RK_API_SPAN_STRAY_TICKS)
		drop_stray(spans, stray->first);
}

bool rk_api_spans_are_waiting(const struct rk_api_spans *spans)
{
	return spans->queues[RK_API_SPAN_COMPLETE].first;
}

/* @number and what is around it, one at a time. */
static struct rk_api_span_entry *next_around(const struct rk_api_spans *spans,
					     const struct rk_api_span_entry *entry)
{
	return !entry->begin || entry->span.said.is_kernel ? NULL :
							     rk_api_spans_parent_of(spans, entry);
}

void rk_api_spans_fail(struct rk_api_spans *spans, uint64_t number, uint32_t result,
		       uint32_t message)
{
	struct rk_api_span_entry *entry = find(&spans->by_number, number);

	for (uint32_t i = 0; entry && i < RK_API_SPAN_ANCESTORS_MAX; i++) {
		if (!entry->span.error || !*entry->span.error) {
			entry->span.error = rk_cuda_result_name(result);
			entry->span.error_message = rk_intern_get(message);
		}
		entry = next_around(spans, entry);
	}
}

void rk_api_spans_keep(struct rk_api_spans *spans, uint64_t number, enum rk_kept why)
{
	struct rk_api_span_entry *entry = find(&spans->by_number, number);

	for (uint32_t i = 0; entry && i < RK_API_SPAN_ANCESTORS_MAX; i++) {
		entry->span.kept = (uint8_t)why;
		entry = next_around(spans, entry);
	}
}

void rk_api_spans_finish(struct rk_api_spans *spans)
{
	while (spans->queues[RK_API_SPAN_COMPLETE].first)
		give(spans, spans->queues[RK_API_SPAN_COMPLETE].first);
	/* What is within a span is younger than it, and hands it what it has. */
	while (spans->queues[RK_API_SPAN_OPEN].last)
		give(spans, spans->queues[RK_API_SPAN_OPEN].last);
	while (spans->queues[RK_API_SPAN_STRAY].first)
		drop_stray(spans, spans->queues[RK_API_SPAN_STRAY].first);
}

void rk_api_spans_get_stats(const struct rk_api_spans *spans, struct rk_api_spans_stats *stats)
{
	*stats = spans->stats;
}
