/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_order.c - events, the waits for them, and the ops they come from.
 */
#include "pipeline/join/join_order.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/join/join_op.h"

#define EVENTS_MAX  16384u
#define STREAMS_MAX 16384u
#define WAITS	    1024u /* that have not come to their work; the oldest are forgotten */
#define TOLD	    8192u /* calls whose op is remembered, a power of two: by correlation id */
#define PLACE_NONE  0u

/* What an event stands for: all work on a stream until then. */
struct order_event {
	uint64_t recorded; /* ns: begin of the call */
	uint64_t stream;   /* key */
	uint32_t correlation; /* of the last work there; 0 = none */
	uint32_t tid;
};

struct order_wait {
	uint64_t stream; /* key of the stream that waits; 0 = free */
	uint64_t event, waited; /* handle, 0 = memory; ns, begin of the call */
	uint32_t waiting; /* correlation of the work that waits; 0 = not submitted yet */
	uint32_t on;	  /* correlation; 0 = looked up when it is needed */
};

struct order_told {
	uint64_t ordinal;
	uint32_t correlation;
};

struct rk_join_order {
	struct rk_handle_map events;  /* handle -> tag: place in .at + 1 */
	struct rk_handle_map streams; /* key -> tag: correlation of its last work, value: waits */
	struct order_event at[EVENTS_MAX];
	struct order_wait waits[WAITS];
	struct order_told told[TOLD];
	uint64_t on[WAITS]; /* ordinals of what the call in hand waited for */
	uint64_t waits_seen;
	uint32_t events_seen;
	uint32_t place_free; /* of a destroyed event: + 1; the next one in .correlation */
	struct rk_op op; /* under construction, beside that of the join */
};

/* A dependency on itself, so that whoever reads remembers from here on. */
static void announce(struct rk_join *join)
{
	struct rk_op *op = &join->order->op;

	memset(op, 0, sizeof(*op));
	op->kind = RK_OP_DEPENDENCY;
	op->dependency.ordinal = op->dependency.on = join->ordinal + 1;
	rk_join_emit(join, op);
}

/* The last work of every stream, as far as it still waits for its GPU record. */
static void look_back(struct rk_join *join)
{
	struct rk_handle_map *streams = &join->order->streams;
	struct rk_handle_slot *slot;

	for (int list = 0; list < RK_CALL_LIST_COUNT; list++) {
		struct rk_call *call = rk_call_table_first(&join->calls, (enum rk_call_list)list);

		for (; call; call = rk_call_table_next(&join->calls, call)) {
			slot = rk_handle_map_put(streams, rk_join_stream_key(call));
			if (!slot || call->host_start < slot->value)
				continue;
			slot->tag = call->correlation;
			slot->value = call->host_start;
		}
	}
	for (uint32_t i = 0; streams->slots && i <= streams->mask; i++)
		streams->slots[i].value = 0;
}

static bool create(struct rk_join *join)
{
	join->order = calloc(1, sizeof(*join->order));
	if (!join->order)
		return false;
	rk_handle_map_init(&join->order->events, EVENTS_MAX);
	rk_handle_map_init(&join->order->streams, STREAMS_MAX);
	look_back(join);
	announce(join);
	return true;
}

void rk_join_order_destroy(struct rk_join_order *order)
{
	if (!order)
		return;
	rk_handle_map_finish(&order->events);
	rk_handle_map_finish(&order->streams);
	free(order);
}

static uint64_t stream_key(uint32_t tid, const struct rk_record *record)
{
	struct rk_call call = { .stream = record->event.stream,
				.tid = tid,
				.flags = record->flags,
				.context = record->context };

	return rk_join_stream_key(&call);
}

static struct order_event *event_get(struct rk_join_order *order, uint64_t handle)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&order->events, handle);

	return slot && slot->tag ? &order->at[slot->tag - 1] : NULL;
}

static uint32_t place_take(struct rk_join_order *order)
{
	uint32_t place = order->place_free;

	if (place != PLACE_NONE) {
		order->place_free = order->at[place - 1].correlation;
		return place;
	}
	return order->events_seen < EVENTS_MAX ? ++order->events_seen : PLACE_NONE;
}

/* A program that makes events without end and destroys none has the first ones told. */
static struct order_event *event_put(struct rk_join_order *order, uint64_t handle)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&order->events, handle);

	if (!slot)
		return NULL;
	if (!slot->tag)
		slot->tag = place_take(order);
	return slot->tag ? &order->at[slot->tag - 1] : NULL;
}

static void note_record(struct rk_join_order *order, uint32_t tid, const struct rk_record *record)
{
	uint64_t key = stream_key(tid, record);
	const struct rk_handle_slot *stream = rk_handle_map_get(&order->streams, key);
	struct order_event *event = event_put(order, record->event.event);

	if (event)
		*event = (struct order_event){ .recorded = rk_clock_ns(record->start),
					       .stream = key,
					       .correlation = stream ? stream->tag : 0,
					       .tid = tid };
}

/* Whether @event, as it is now, is what was waited for at @waited on another stream. */
static bool is_meant(const struct order_event *event, uint64_t stream, uint64_t waited)
{
	return event && event->correlation && event->recorded <= waited && event->stream != stream;
}

/* In one thread the order of the calls is known. What another thread recorded may still lie in
 * its ring: that is looked up later. */
static void note_wait(struct rk_join_order *order, uint32_t tid, const struct rk_record *record)
{
	uint64_t key = stream_key(tid, record), waited = rk_clock_ns(record->start);
	const struct order_event *event = event_get(order, record->event.event);
	bool is_own = event && event->tid == tid;
	struct rk_handle_slot *stream;

	if (is_own && !is_meant(event, key, waited))
		return;
	stream = rk_handle_map_put(&order->streams, key);
	if (!stream)
		return;
	stream->value++;
	order->waits[order->waits_seen++ % WAITS] =
		(struct order_wait){ .stream = key,
				     .event = record->event.event,
				     .waited = waited,
				     .on = is_own ? event->correlation : 0 };
}

/* The event of this handle is gone, and its place free. Waits for it stay what they are. */
static void forget_event(struct rk_join_order *order, uint64_t handle)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&order->events, handle);
	const struct order_event *event = event_get(order, handle);

	if (!slot)
		return;
	for (uint32_t i = 0; event && i < WAITS && i < order->waits_seen; i++) {
		struct order_wait *wait = &order->waits[i];

		if (wait->stream && wait->event == handle && !wait->on &&
		    is_meant(event, wait->stream, wait->waited))
			wait->on = event->correlation;
	}
	if (event) {
		order->at[slot->tag - 1].correlation = order->place_free;
		order->place_free = slot->tag;
	}
	rk_handle_map_remove(&order->events, handle);
}

/* Nobody says who will change the memory: known is only from when on the stream waits. */
static void note_memory_wait(struct rk_join_order *order, uint32_t tid,
			     const struct rk_record *record)
{
	uint64_t key = stream_key(tid, record);
	struct rk_handle_slot *stream = rk_handle_map_put(&order->streams, key);

	if (!stream)
		return;
	stream->value++;
	order->waits[order->waits_seen++ % WAITS] =
		(struct order_wait){ .stream = key, .waited = rk_clock_ns(record->start) };
}

void rk_join_order_event(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	bool waits_for_memory = record->event.life == RK_LIFE_WAIT && !record->event.event;

	if (record->flags & RK_REC_CAPTURED)
		return;
	if (!join->order &&
	    ((record->event.life != RK_LIFE_RECORD && !waits_for_memory) || !create(join)))
		return;
	if (waits_for_memory)
		note_memory_wait(join->order, tid, record);
	else if (record->event.life == RK_LIFE_RECORD)
		note_record(join->order, tid, record);
	else if (record->event.life == RK_LIFE_WAIT)
		note_wait(join->order, tid, record);
	else
		forget_event(join->order, record->event.event);
}

void rk_join_order_submit(struct rk_join *join, struct rk_call *call)
{
	struct rk_join_order *order = join->order;
	uint64_t key = rk_join_stream_key(call);
	struct rk_handle_slot *stream = rk_handle_map_put(&order->streams, key);

	if (!stream)
		return;
	for (uint32_t i = 0; stream->value && i < WAITS; i++) {
		struct order_wait *wait = &order->waits[i];

		if (wait->stream != key || wait->waiting)
			continue;
		wait->waiting = call->correlation;
		call->flags |= RK_CALL_WAITS;
	}
	stream->value = 0;
	stream->tag = call->correlation;
}

/* The op that @wait is for. Return: 0 when it is not known, or not told yet. */
static uint64_t resolve(struct rk_join_order *order, const struct order_wait *wait)
{
	const struct order_event *event = event_get(order, wait->event);
	uint32_t on = wait->on;
	const struct order_told *told;

	if (!wait->event)
		return 0;
	if (!on && is_meant(event, wait->stream, wait->waited))
		on = event->correlation;
	told = &order->told[on % TOLD];
	return on && told->correlation == on ? told->ordinal : 0;
}

/* @since: when the first wait for memory began; 0 = none. */
static uint32_t take_waits(struct rk_join_order *order, uint32_t correlation, uint64_t *since)
{
	uint32_t count = 0;

	*since = 0;
	for (uint32_t i = 0; i < WAITS; i++) {
		struct order_wait *wait = &order->waits[i];

		if (!wait->stream || wait->waiting != correlation)
			continue;
		order->on[count] = resolve(order, wait);
		count += order->on[count] != 0;
		if (!wait->event && (!*since || wait->waited < *since))
			*since = wait->waited;
		wait->stream = 0;
	}
	return count;
}

/* The stream waited for memory until work began that was submitted behind the wait. */
static void tell_memory_wait(struct rk_join *join, const struct rk_call *call, uint64_t since,
			     const struct rk_op *work)
{
	struct rk_op *op = &join->order->op;

	if (!since || work->start <= since || (work->flags & RK_OP_F_INVALID_TIME))
		return;
	memset(op, 0, sizeof(*op));
	op->kind = RK_OP_SYNC;
	op->host_start = since;
	op->host_end = work->start;
	op->tid = call->tid;
	op->device = work->device;
	op->context = work->context;
	op->stream = work->stream;
	op->stream_handle = call->stream;
	op->sync.object = call->stream;
	op->sync.scope = RK_SYNC_MEMORY;
	rk_join_emit(join, op);
}

void rk_join_order_tell(struct rk_join *join, const struct rk_call *call, const struct rk_op *work)
{
	struct rk_join_order *order = join->order;
	uint64_t ordinal, since = 0;
	uint32_t count = 0;

	if ((call->flags & RK_CALL_WAITS) && !call->records)
		count = take_waits(order, call->correlation, &since);
	tell_memory_wait(join, call, since, work);
	ordinal = join->ordinal + count + 1;
	for (uint32_t i = 0; i < count; i++) {
		memset(&order->op, 0, sizeof(order->op));
		order->op.kind = RK_OP_DEPENDENCY;
		order->op.dependency.ordinal = ordinal;
		order->op.dependency.on = order->on[i];
		rk_join_emit(join, &order->op);
	}
	order->told[call->correlation % TOLD] = (struct order_told){ ordinal, call->correlation };
}

void rk_join_order_forget(struct rk_join *join, const struct rk_call *call)
{
	rk_handle_map_remove(&join->order->streams, rk_join_stream_key(call));
}
