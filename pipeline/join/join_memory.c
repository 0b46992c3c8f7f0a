/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_memory.c - whose memory an address is, and when it is gone.
 *
 * Every ALLOC that is told is followed by at most one FREE of the same bytes, whatever happens:
 * the threads' records come in no order among each other, some may be lost, and a context takes
 * its memory with it. What orders them is that an address is known only when the call that took
 * it has returned, and free for others only after the call that gives it back was made:
 *
 *   - a FREE that began before the allocation here returned is of an earlier one, told already
 *   - a FREE of nothing known waits, its ALLOC may still lie in another ring
 *   - an ALLOC where something lies already proves that one freed: its FREE was lost, or comes
 *
 * A context that is destroyed is swept at once, and again when all records from before have been
 * taken.
 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "pipeline/join/join_op.h"

#define ALLOCATIONS_MAX (1u << 18) /* at a time */
#define STREAMS_MAX	(1u << 14)
#define HELD_MAX	(1u << 14) /* frees that wait */
#define TAKEN_MAX (1u << 16) /* in a round; more are taken in pieces */
#define SWEEPS_MAX	16u  /* contexts that were destroyed just now */
#define SWEEP_ROUNDS	2u   /* after the second everything from before has been taken */

/* Addresses, arrays, handles of physical memory, and addresses where some is mapped. */
enum space { SPACE_ADDRESS, SPACE_ARRAY, SPACE_HANDLE, SPACE_MAPPING };

struct allocation {
	uint64_t key;	     /* 0 = free */
	uint64_t start, end; /* ns; the call that took it */
	uint64_t owner;	     /* of a mapping: key of the handle */
	uint64_t bytes;
	uint32_t device;
	uint32_t handles, mappings; /* of physical memory */
	uint32_t next;		    /* free one + 1 */
	uint16_t context;
	uint8_t pool;
	uint8_t act; /* enum rk_memory_act: OWN, FOREIGN or PROMISE */
};

/* A FREE that waits for its ALLOC; key 0: a place that is free. */
struct held {
	struct rk_record record;
	uint64_t key;
	uint32_t tid;
	uint32_t next;	 /* of the same key, or free: place + 1 */
	bool maybe_gone; /* a context went at the time, maybe with what is freed here */
};

struct sweep {
	struct rk_record record;
	uint32_t tid, rounds;
};

/* A record that is put in the order of the calls of all threads before it is taken. */
struct taken {
	struct rk_record record;
	uint32_t tid, stack;
};

struct rk_join_memory {
	struct taken *taken;
	uint32_t taken_count, taken_capacity;
	uint64_t round_ns; /* when the round before began: what was called until then is here */
	struct rk_handle_map index;    /* key -> tag: place + 1 */
	struct rk_handle_map early;    /* key -> value: ns; newest FREE taken before its ALLOC */
	struct rk_handle_map streams;  /* handle -> tag: context */
	struct rk_handle_map waiting;  /* key -> tag: place of the first in held + 1 */
	struct rk_handle_map owed;     /* key -> value: frees told whose records may yet come */
	struct allocation *at;
	uint32_t count, capacity, first_free;
	struct held *held;
	uint32_t held_count, held_capacity, held_free; /* places; first free one + 1 */
	uint32_t held_live, sweep_count;
	struct sweep sweeps[SWEEPS_MAX];
};

static struct rk_join_memory *memory_of(struct rk_join *join)
{
	struct rk_join_memory *memory = join->memory;

	if (memory)
		return memory;
	memory = calloc(1, sizeof(*memory));
	join->memory = memory;
	if (!memory)
		return NULL;
	rk_handle_map_init(&memory->index, ALLOCATIONS_MAX);
	rk_handle_map_init(&memory->early, HELD_MAX);
	rk_handle_map_init(&memory->streams, STREAMS_MAX);
	rk_handle_map_init(&memory->waiting, HELD_MAX);
	rk_handle_map_init(&memory->owed, HELD_MAX);
	return memory;
}

void rk_join_forget_memory(struct rk_join *join)
{
	if (!join->memory)
		return;
	rk_handle_map_finish(&join->memory->index);
	rk_handle_map_finish(&join->memory->early);
	rk_handle_map_finish(&join->memory->streams);
	rk_handle_map_finish(&join->memory->waiting);
	rk_handle_map_finish(&join->memory->owed);
	free(join->memory->held);
	free(join->memory->taken);
	free(join->memory->at);
	free(join->memory);
	join->memory = NULL;
}

static uint64_t key_in(enum space space, uint64_t handle)
{
	return handle ? handle ^ (uint64_t)space << 60 : 0;
}

static uint64_t key_of(const struct rk_record *record)
{
	if (record->mem.act == RK_MEMORY_MAP || record->mem.act == RK_MEMORY_UNMAP)
		return key_in(SPACE_MAPPING, record->mem.ptr);
	if (record->mem.pool == RK_POOL_ARRAY)
		return key_in(SPACE_ARRAY, record->mem.ptr);
	return key_in(record->mem.pool == RK_POOL_VMM ? SPACE_HANDLE : SPACE_ADDRESS,
		      record->mem.ptr);
}

static struct allocation *find(struct rk_join_memory *memory, uint64_t key)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&memory->index, key);

	return slot ? &memory->at[slot->tag - 1] : NULL;
}

static bool grow(struct rk_join_memory *memory)
{
	uint32_t capacity = memory->capacity ? memory->capacity * 2 : 256;
	struct allocation *grown = realloc(memory->at, capacity * sizeof(*grown));

	if (!grown)
		return false;
	memory->at = grown;
	memory->capacity = capacity;
	return true;
}

/* Return: NULL at the bound or without memory. */
static struct allocation *add(struct rk_join_memory *memory, uint64_t key)
{
	struct rk_handle_slot *slot;
	uint32_t place = memory->first_free;

	if (!place && memory->count == memory->capacity && !grow(memory))
		return NULL;
	slot = rk_handle_map_put(&memory->index, key);
	if (!slot)
		return NULL;
	if (place)
		memory->first_free = memory->at[place - 1].next;
	else
		place = ++memory->count;
	slot->tag = place;
	memory->at[place - 1] = (struct allocation){ .key = key };
	return &memory->at[place - 1];
}

static void drop(struct rk_join_memory *memory, struct allocation *allocation)
{
	rk_handle_map_remove(&memory->index, allocation->key);
	allocation->key = 0;
	allocation->next = memory->first_free;
	memory->first_free = (uint32_t)(allocation - memory->at) + 1;
}

/* It is gone, by @record; NULL: by a call that nobody knows, at @when. */
static void tell_free(struct rk_join *join, uint32_t tid, const struct rk_record *record,
		      const struct allocation *allocation, uint64_t when)
{
	struct rk_op *op;

	if (allocation->act != RK_MEMORY_OWN)
		return;
	op = record ? rk_join_start_host_op(join, tid, record, RK_OP_FREE) :
		      rk_join_start_op(join, RK_OP_FREE);
	if (!record)
		op->host_start = op->host_end = when;
	else if (record->kind == RK_REC_FREE)
		op->stream_handle = record->mem.stream;
	op->device = allocation->device;
	op->memory.ptr = allocation->key & ~(7ull << 60);
	op->memory.bytes = allocation->bytes;
	op->memory.pool = allocation->pool;
	rk_join_emit(join, op);
}

static void tell_unknown_free(struct rk_join *join, const struct held *held)
{
	struct rk_op *op;

	if (held->record.mem.act != RK_MEMORY_OWN || held->maybe_gone)
		return;
	op = rk_join_start_host_op(join, held->tid, &held->record, RK_OP_FREE);
	op->memory.ptr = held->record.mem.ptr;
	op->memory.pool = held->record.mem.pool;
	op->stream_handle = held->record.mem.stream;
	rk_join_emit(join, op);
}

/* Pinned, whoever made it: what lies in the host's memory is none of a device's. */
static uint8_t memory_pool(const struct rk_record *record)
{
	return record->mem.place == RK_MEMORY_HOST ? RK_POOL_PINNED : record->mem.pool;
}

/* A stream's memory lies on the stream's device, wherever the call was made. */
static uint32_t memory_device(const struct rk_join *join, const struct rk_record *record)
{
	const struct rk_handle_slot *stream = NULL;

	if (record->mem.place && record->mem.place != RK_MEMORY_HOST)
		return record->mem.place - 1u;
	if (join->memory && record->mem.pool == RK_POOL_ASYNC && record->mem.stream)
		stream = rk_handle_map_get(&join->memory->streams, record->mem.stream);
	return rk_join_device_of(join, stream ? (uint16_t)stream->tag : record->context);
}

static void tell_alloc(struct rk_join *join, uint32_t tid, const struct rk_record *record,
		       uint32_t device)
{
	bool is_promise = record->mem.act == RK_MEMORY_PROMISE;
	struct rk_op *op = rk_join_start_host_op(join, tid, record, RK_OP_ALLOC);

	op->device = device;
	op->flags = is_promise ? RK_OP_F_OPEN : 0;
	op->memory.ptr = is_promise ? record->mem.bytes : record->mem.ptr;
	op->memory.bytes = is_promise ? 0 : record->mem.bytes;
	op->memory.pool = memory_pool(record);
	op->stream_handle = record->mem.pool == RK_POOL_ASYNC ? record->mem.stream : 0;
	rk_join_emit(join, op);
}

/* The record of the call that freed it may still come. */
static void owe(struct rk_join_memory *memory, uint64_t key)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&memory->owed, key);

	if (slot)
		slot->value++;
}

/* Whether a FREE is one that was told already. */
static bool is_owed(struct rk_join_memory *memory, uint64_t key)
{
	struct rk_handle_slot *slot = rk_handle_map_get(&memory->owed, key);

	if (!slot)
		return false;
	if (--slot->value == 0)
		rk_handle_map_remove(&memory->owed, key);
	return true;
}

/* What lies there was freed by a call that is missing, at @when at the latest. */
static void prove_freed(struct rk_join *join, struct allocation *allocation, uint64_t when)
{
	tell_free(join, 0, NULL, allocation, when);
	owe(join->memory, allocation->key);
	drop(join->memory, allocation);
}

static void release(struct rk_join *join, uint32_t tid, const struct rk_record *record,
		    struct allocation *allocation)
{
	tell_free(join, tid, record, allocation, 0);
	drop(join->memory, allocation);
}

/* One handle, or one mapping, fewer. */
static void let_go(struct rk_join *join, uint32_t tid, const struct rk_record *record,
		   struct allocation *allocation)
{
	if (!allocation->handles && !allocation->mappings)
		release(join, tid, record, allocation);
}

/* The physical memory behind it loses one mapping. */
static void drop_mapping(struct rk_join *join, uint32_t tid, const struct rk_record *record,
			 struct allocation *mapping)
{
	struct allocation *owner = find(join->memory, mapping->owner);
	uint64_t start = mapping->start;

	drop(join->memory, mapping);
	if (!owner || owner->start > start || !owner->mappings)
		return;
	owner->mappings--;
	let_go(join, tid, record, owner);
}

/* Return: false when what is mapped there was mapped later, or is not known. */
static bool unmap(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	uint64_t at = record->mem.ptr, end = at + record->mem.bytes;
	uint64_t start = rk_clock_ns(record->start);
	struct allocation *mapping;
	bool found = false;

	while (at < end && (mapping = find(join->memory, key_in(SPACE_MAPPING, at))) &&
	       start >= mapping->end) {
		at += mapping->bytes ? mapping->bytes : end;
		drop_mapping(join, tid, record, mapping);
		found = true;
	}
	return found;
}

/* Return: a place + 1; 0 at the bound or without memory. */
static uint32_t new_held(struct rk_join_memory *memory)
{
	uint32_t capacity = memory->held_capacity ? memory->held_capacity * 2 : 64;
	uint32_t place = memory->held_free;
	struct held *grown;

	if (place) {
		memory->held_free = memory->held[place - 1].next;
		return place;
	}
	if (memory->held_count == HELD_MAX)
		return 0;
	if (memory->held_count == memory->held_capacity) {
		grown = realloc(memory->held, capacity * sizeof(*grown));
		if (!grown)
			return 0;
		memory->held = grown;
		memory->held_capacity = capacity;
	}
	return ++memory->held_count;
}

/* Behind those of the same address. */
static void hold(struct rk_join *join, uint32_t tid, const struct rk_record *record, uint64_t key)
{
	struct rk_join_memory *memory = join->memory;
	struct held held = { .record = *record, .key = key, .tid = tid };
	uint32_t place = new_held(memory);
	struct rk_handle_slot *slot = place ? rk_handle_map_put(&memory->waiting, key) : NULL;
	uint32_t *link = slot ? &slot->tag : NULL;

	for (uint32_t i = 0; i < memory->sweep_count; i++)
		held.maybe_gone |= record->start < memory->sweeps[i].record.start;
	if (!link) {
		tell_unknown_free(join, &held);
		return;
	}
	while (*link)
		link = &memory->held[*link - 1].next;
	*link = place;
	memory->held[place - 1] = held;
	memory->held_live++;
}

/* Out of the chain at @link, and out of the map with the last one. */
static struct held take_out(struct rk_join_memory *memory, uint32_t *link)
{
	uint32_t place = *link;
	struct held held = memory->held[place - 1];
	const struct rk_handle_slot *slot;

	*link = held.next;
	memory->held[place - 1].key = 0;
	memory->held[place - 1].next = memory->held_free;
	memory->held_free = place;
	memory->held_live--;
	slot = rk_handle_map_get(&memory->waiting, held.key);
	if (slot && !slot->tag)
		rk_handle_map_remove(&memory->waiting, held.key);
	return held;
}

/* The first that waits for @key and was called in [@from, @to). Return: false if there is none. */
static bool find_held(struct rk_join_memory *memory, uint64_t key, uint64_t from, uint64_t to,
		      struct held *out)
{
	struct rk_handle_slot *slot = rk_handle_map_get(&memory->waiting, key);
	uint32_t *link = slot ? &slot->tag : NULL;

	for (; link && *link; link = &memory->held[*link - 1].next) {
		uint64_t start = rk_clock_ns(memory->held[*link - 1].record.start);

		if (start < from || start >= to)
			continue;
		*out = take_out(memory, link);
		return true;
	}
	return false;
}

/* What lies there loses a handle, and goes with the last one. */
static void let_go_of(struct rk_join *join, uint32_t tid, const struct rk_record *record,
		      uint64_t key)
{
	struct allocation *allocation = find(join->memory, key);

	if (!allocation)
		return;
	if (record->mem.act == RK_MEMORY_UNMAP) {
		drop_mapping(join, tid, record, allocation);
		return;
	}
	if (allocation->act == RK_MEMORY_PROMISE)
		return; /* a graph takes it anew with its next launch */
	if (allocation->handles) {
		allocation->handles--;
		let_go(join, tid, record, allocation);
	} else {
		release(join, tid, record, allocation);
	}
}

static void take_free(struct rk_join *join, uint32_t tid, const struct rk_record *record,
		      uint64_t key)
{
	struct allocation *allocation = find(join->memory, key);

	if (record->mem.act == RK_MEMORY_UNMAP) {
		if (!unmap(join, tid, record) && !is_owed(join->memory, key))
			hold(join, tid, record, key);
		return;
	}
	if (!allocation || rk_clock_ns(record->start) < allocation->end) {
		/* of an earlier one there, which was told already or comes yet */
		if (!is_owed(join->memory, key))
			hold(join, tid, record, key);
		return;
	}
	let_go_of(join, tid, record, key);
}

/*
 * A FREE that was taken before what it frees. The one that is of an allocation may have gone to
 * one before it, whose own has then come late: the two change places.
 */
static void take_held(struct rk_join *join, uint64_t key, uint64_t start, uint64_t end)
{
	struct rk_join_memory *memory = join->memory;
	struct rk_handle_slot *early;
	struct held held;

	if (!memory->held_live)
		return;
	if (find_held(memory, key, end, UINT64_MAX, &held)) {
		early = rk_handle_map_put(&memory->early, key);
		if (early)
			early->value = rk_clock_ns(held.record.start);
		take_free(join, held.tid, &held.record, key);
		return;
	}
	early = rk_handle_map_get(&memory->early, key);
	if (!early || early->value < end || !find_held(memory, key, 0, start, &held))
		return;
	let_go_of(join, held.tid, &held.record, key);
}

static void map(struct rk_join *join, const struct rk_record *record, uint64_t key)
{
	struct rk_join_memory *memory = join->memory;
	uint64_t start = rk_clock_ns(record->start), end = rk_clock_ns(record->end);
	uint64_t owner_key = key_in(SPACE_HANDLE, record->mem.stream);
	struct allocation *mapping = find(memory, key);
	struct allocation *owner;
	struct held held;

	if (mapping && mapping->start >= end) { /* and undone since */
		if (!find_held(memory, key, end, mapping->start, &held))
			owe(memory, key);
		return;
	}
	if (mapping) {
		owe(memory, key);
		drop_mapping(join, 0, NULL, mapping);
	}
	mapping = add(memory, key);
	if (!mapping) {
		join->limited++;
		return;
	}
	mapping->start = start;
	mapping->end = end;
	mapping->bytes = record->mem.bytes;
	mapping->act = RK_MEMORY_MAP;
	mapping->owner = owner_key;
	owner = find(memory, owner_key);
	if (owner && owner->start <= start)
		owner->mappings++;
}

/*
 * An allocation whose address is another one's by now: taken and given back. Without the address,
 * so that nobody takes it for the other one.
 */
static void tell_past(struct rk_join *join, uint32_t tid, const struct rk_record *record,
		      const struct allocation *now_there)
{
	uint64_t end = rk_clock_ns(record->end);
	struct rk_record past = *record;
	struct allocation gone = { .bytes = record->mem.bytes,
				   .device = memory_device(join, record),
				   .pool = memory_pool(record),
				   .act = record->mem.act };
	struct held held;

	past.mem.ptr = 0;
	if (record->mem.act != RK_MEMORY_FOREIGN)
		tell_alloc(join, tid, &past, gone.device);
	if (find_held(join->memory, now_there->key, end, now_there->start, &held)) {
		tell_free(join, held.tid, &held.record, &gone, 0);
		return;
	}
	tell_free(join, 0, NULL, &gone, now_there->start);
	owe(join->memory, now_there->key);
}

static void take_alloc(struct rk_join *join, uint32_t tid, const struct rk_record *record,
		       uint64_t key)
{
	uint64_t start = rk_clock_ns(record->start), end = rk_clock_ns(record->end);
	uint32_t device = memory_device(join, record);
	struct allocation *allocation = find(join->memory, key);
	bool is_told = record->mem.act != RK_MEMORY_FOREIGN;

	if (allocation && allocation->start >= end) {
		tell_past(join, tid, record, allocation);
		return;
	}
	if (allocation)
		prove_freed(join, allocation, start);
	allocation = add(join->memory, key);
	if (!allocation) {
		join->limited++; /* without it, live bytes are too few, but never drift */
		return;
	}
	allocation->start = start;
	allocation->end = end;
	allocation->bytes = record->mem.bytes;
	allocation->device = device;
	allocation->context = record->context;
	allocation->handles = record->mem.pool == RK_POOL_VMM;
	allocation->pool = memory_pool(record);
	allocation->act = record->mem.act;
	if (is_told)
		tell_alloc(join, tid, record, device);
}

static void take_memory(struct rk_join *join, uint32_t tid, const struct rk_record *record,
			uint64_t key)
{
	struct allocation *allocation;

	switch (record->mem.act) {
	case RK_MEMORY_RETAIN:
		allocation = find(join->memory, key);
		if (allocation && rk_clock_ns(record->start) >= allocation->start)
			allocation->handles++;
		break;
	case RK_MEMORY_MAP:
		map(join, record, key);
		take_held(join, key, rk_clock_ns(record->start), rk_clock_ns(record->end));
		break;
	default:
		take_alloc(join, tid, record, key);
		take_held(join, key, rk_clock_ns(record->start), rk_clock_ns(record->end));
		break;
	}
}

/*
 * What a context takes with it: all that was taken in it, but for physical memory, which has
 * handles of its own, and stream-ordered memory. That is a pool's, which is the device's; it
 * goes with the device's primary context.
 */
static bool goes_with(const struct allocation *allocation, const struct rk_record *context)
{
	if (!allocation->key || allocation->end > rk_clock_ns(context->start) ||
	    allocation->key >> 60 >= SPACE_HANDLE)
		return false;
	if (allocation->pool == RK_POOL_ASYNC || allocation->act == RK_MEMORY_PROMISE)
		return context->ctx.device >= 0 &&
		       allocation->device == (uint32_t)context->ctx.device;
	return context->context && allocation->context == context->context;
}

static void sweep(struct rk_join *join, const struct sweep *sweep)
{
	for (uint32_t i = 0; i < join->memory->count; i++) {
		if (goes_with(&join->memory->at[i], &sweep->record))
			release(join, sweep->tid, &sweep->record, &join->memory->at[i]);
	}
}

static void sweep_oldest(struct rk_join *join)
{
	struct rk_join_memory *memory = join->memory;
	struct sweep oldest = memory->sweeps[0];

	memmove(&memory->sweeps[0], &memory->sweeps[1],
		--memory->sweep_count * sizeof(memory->sweeps[0]));
	sweep(join, &oldest);
}

static void take_context(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	struct sweep now = { .record = *record, .tid = tid };
	struct rk_join_memory *memory = join->memory;

	sweep(join, &now);
	if (memory->sweep_count == SWEEPS_MAX)
		sweep_oldest(join);
	memory->sweeps[memory->sweep_count++] = now;
}

/* Told when everything from before has been taken, so that who holds what is right. */
static void tell_refused(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	struct rk_op *op = rk_join_start_host_op(join, tid, record, RK_OP_ALLOC);

	op->device = memory_device(join, record);
	op->flags = RK_OP_F_OPEN;
	op->memory.ptr = record->mem.bytes;
	op->memory.pool = memory_pool(record);
	rk_join_emit(join, op);
}

static void take_one(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	uint64_t key = key_of(record);

	if (record->result)
		tell_refused(join, tid, record);
	else if (record->kind == RK_REC_CONTEXT)
		take_context(join, tid, record);
	else if (!key)
		return; /* freeing nothing is allowed */
	else if (record->kind == RK_REC_ALLOC)
		take_memory(join, tid, record, key);
	else
		take_free(join, tid, record, key);
}

/* An address is known when its call has returned, and free when the call that frees it begins. */
static uint64_t moment_of(const struct taken *taken)
{
	return taken->record.kind == RK_REC_ALLOC ? taken->record.end : taken->record.start;
}

static int compare_moments(const void *a, const void *b)
{
	uint64_t x = moment_of(a), y = moment_of(b);

	return x < y ? -1 : x > y;
}

static bool is_sorted(const struct rk_join_memory *memory)
{
	for (uint32_t i = 1; i < memory->taken_count; i++) {
		if (moment_of(&memory->taken[i]) < moment_of(&memory->taken[i - 1]))
			return false;
	}
	return true;
}

/* What was called before @before, in that order; the rest waits. */
static void take_before(struct rk_join *join, uint64_t before)
{
	struct rk_join_memory *memory = join->memory;
	uint32_t stack = join->stack, done = 0;

	if (!memory->taken_count)
		return;
	if (!is_sorted(memory))
		qsort(memory->taken, memory->taken_count, sizeof(*memory->taken), compare_moments);
	for (; done < memory->taken_count; done++) {
		const struct taken *taken = &memory->taken[done];

		if (rk_clock_ns(moment_of(taken)) >= before)
			break;
		join->stack = taken->stack;
		take_one(join, taken->tid, &taken->record);
	}
	memory->taken_count -= done;
	memmove(memory->taken, memory->taken + done, memory->taken_count * sizeof(*memory->taken));
	join->stack = stack;
}

static void take_all(struct rk_join *join)
{
	take_before(join, UINT64_MAX);
}

static bool grow_taken(struct rk_join_memory *memory)
{
	uint32_t capacity = memory->taken_capacity ? memory->taken_capacity * 2 : 64;
	struct taken *grown = realloc(memory->taken, capacity * sizeof(*grown));

	if (!grown)
		return false;
	memory->taken = grown;
	memory->taken_capacity = capacity;
	return true;
}

void rk_join_take_memory(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	struct rk_join_memory *memory = memory_of(join);

	if (memory && memory->taken_count == TAKEN_MAX)
		take_all(join);
	if (!memory || (memory->taken_count == memory->taken_capacity && !grow_taken(memory))) {
		join->limited++;
		return;
	}
	memory->taken[memory->taken_count++] = (struct taken){ *record, tid, join->stack };
}

void rk_join_note_memory_stream(struct rk_join *join, const struct rk_record *record)
{
	struct rk_join_memory *memory = memory_of(join);
	struct rk_handle_slot *slot;

	if (!memory)
		return;
	rk_handle_map_remove(&memory->streams, record->stream.stream);
	if (record->stream.life != RK_LIFE_CREATE)
		return;
	slot = rk_handle_map_put(&memory->streams, record->stream.stream);
	if (slot)
		slot->tag = record->context;
}

void rk_join_forget_context_memory(struct rk_join *join, uint32_t tid,
				   const struct rk_record *record)
{
	if (join->memory)
		rk_join_take_memory(join, tid, record);
}

/* What waits for @key since before @before waits in vain. */
static void give_up(struct rk_join *join, uint64_t key, uint64_t before)
{
	struct held held;

	while (find_held(join->memory, key, 0, before, &held))
		tell_unknown_free(join, &held);
}

void rk_join_look_at_memory(struct rk_join *join, uint64_t now)
{
	struct rk_join_memory *memory = join->memory;
	uint64_t before = now > RK_JOIN_GRACE_NS ? now - RK_JOIN_GRACE_NS : 0;

	if (!memory)
		return;
	take_before(join, memory->round_ns);
	memory->round_ns = now;
	for (uint32_t i = 0; i < memory->sweep_count; i++)
		memory->sweeps[i].rounds++;
	while (memory->sweep_count && memory->sweeps[0].rounds >= SWEEP_ROUNDS)
		sweep_oldest(join);
	for (uint32_t i = 0; memory->held_live && i < memory->held_count; i++) {
		if (memory->held[i].key && rk_clock_ns(memory->held[i].record.end) < before)
			give_up(join, memory->held[i].key, before);
	}
}

void rk_join_finish_memory(struct rk_join *join)
{
	if (!join->memory)
		return;
	take_all(join);
	while (join->memory->sweep_count)
		sweep_oldest(join);
	rk_join_look_at_memory(join, UINT64_MAX);
}
