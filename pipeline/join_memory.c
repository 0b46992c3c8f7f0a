/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join_memory.c - whose memory an address is, and when it is gone.
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
 * A context that is destroyed is swept when all records from before have been taken.
 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "pipeline/join_state.h"

#define ALLOCATIONS_MAX (1u << 18) /* at a time */
#define MAPPINGS_MAX	(1u << 18)
#define STREAMS_MAX	(1u << 14)
#define HELD_MAX	256u /* frees that wait; looked through with each allocation */
#define SWEEPS_MAX	16u  /* contexts that were destroyed just now */
#define SWEEP_ROUNDS	2u   /* after the second everything from before has been taken */

/* Addresses, arrays, handles of physical memory, and addresses where some is mapped. */
enum space { SPACE_ADDRESS, SPACE_ARRAY, SPACE_HANDLE, SPACE_MAPPING };

struct allocation {
	uint64_t key;	     /* 0 = free */
	uint64_t start, end; /* ns; the call that took it */
	uint64_t bytes;
	uint32_t device;
	uint32_t handles, mappings; /* of physical memory */
	uint32_t next;		    /* free one + 1 */
	uint16_t context;
	uint8_t pool;
	uint8_t act; /* enum rk_memory_act: OWN, FOREIGN or PROMISE */
};

struct held {
	struct rk_record record;
	uint64_t key;
	uint32_t tid;
};

struct sweep {
	struct rk_record record;
	uint32_t tid, rounds;
};

struct rk_join_memory {
	struct rk_handle_map index;    /* key -> tag: place + 1 */
	struct rk_handle_map mappings; /* key -> value: key of the handle; tag, reserved: bytes */
	struct rk_handle_map streams;  /* handle -> tag: context */
	struct allocation *at;
	uint32_t count, capacity, first_free;
	uint32_t held_count, sweep_count;
	struct held held[HELD_MAX]; /* oldest first */
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
	rk_handle_map_init(&memory->mappings, MAPPINGS_MAX);
	rk_handle_map_init(&memory->streams, STREAMS_MAX);
	return memory;
}

void rk_join_forget_memory(struct rk_join *join)
{
	if (!join->memory)
		return;
	rk_handle_map_finish(&join->memory->index);
	rk_handle_map_finish(&join->memory->mappings);
	rk_handle_map_finish(&join->memory->streams);
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

	if (held->record.mem.act != RK_MEMORY_OWN)
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

/* What lies at @key was freed by a call that is missing, at @when at the latest. */
static void prove_freed(struct rk_join *join, struct allocation *allocation, uint64_t when)
{
	tell_free(join, 0, NULL, allocation, when);
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

/* Return: false when nothing is known to be mapped there. */
static bool unmap(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	struct rk_join_memory *memory = join->memory;
	uint64_t at = record->mem.ptr;
	uint64_t end = at + record->mem.bytes;
	struct rk_handle_slot *slot;
	bool found = false;

	while (at < end &&
	       (slot = rk_handle_map_get(&memory->mappings, key_in(SPACE_MAPPING, at)))) {
		struct allocation *allocation = find(memory, slot->value);
		uint64_t bytes = (uint64_t)slot->reserved << 32 | slot->tag;

		rk_handle_map_remove(&memory->mappings, key_in(SPACE_MAPPING, at));
		if (allocation && allocation->mappings) {
			allocation->mappings--;
			let_go(join, tid, record, allocation);
		}
		at += bytes;
		found = true;
		if (!bytes)
			break;
	}
	return found;
}

static void hold(struct rk_join *join, uint32_t tid, const struct rk_record *record, uint64_t key)
{
	struct rk_join_memory *memory = join->memory;

	if (memory->held_count == HELD_MAX) {
		tell_unknown_free(join, &memory->held[0]);
		memmove(&memory->held[0], &memory->held[1],
			--memory->held_count * sizeof(memory->held[0]));
	}
	memory->held[memory->held_count++] = (struct held){ *record, key, tid };
}

static void take_free(struct rk_join *join, uint32_t tid, const struct rk_record *record,
		      uint64_t key)
{
	struct allocation *allocation = find(join->memory, key);

	if (record->mem.act == RK_MEMORY_UNMAP) {
		if (!unmap(join, tid, record))
			hold(join, tid, record, key);
		return;
	}
	if (!allocation) {
		hold(join, tid, record, key);
		return;
	}
	if (rk_clock_ns(record->start) < allocation->end || allocation->act == RK_MEMORY_PROMISE)
		return; /* told already; or a graph takes it anew with its next launch */
	if (allocation->handles) {
		allocation->handles--;
		let_go(join, tid, record, allocation);
	} else {
		release(join, tid, record, allocation);
	}
}

/* Frees that were taken before what they free: one for each address that was taken. */
static void take_held(struct rk_join *join, uint64_t key, uint64_t end)
{
	struct rk_join_memory *memory = join->memory;

	for (uint32_t i = 0; i < memory->held_count; i++) {
		struct held held = memory->held[i];

		if (held.key != key || rk_clock_ns(held.record.start) < end)
			continue;
		memmove(&memory->held[i], &memory->held[i + 1],
			(--memory->held_count - i) * sizeof(held));
		take_free(join, held.tid, &held.record, key);
		return;
	}
}

static void map(struct rk_join *join, const struct rk_record *record, uint64_t key)
{
	struct allocation *allocation =
		find(join->memory, key_in(SPACE_HANDLE, record->mem.stream));
	struct rk_handle_slot *slot;

	if (!allocation)
		return;
	slot = rk_handle_map_put(&join->memory->mappings, key);
	if (!slot) {
		join->limited++;
		return;
	}
	slot->value = allocation->key;
	slot->tag = (uint32_t)record->mem.bytes;
	slot->reserved = (uint32_t)(record->mem.bytes >> 32);
	allocation->mappings++;
}

static void take_alloc(struct rk_join *join, uint32_t tid, const struct rk_record *record,
		       uint64_t key)
{
	uint64_t start = rk_clock_ns(record->start), end = rk_clock_ns(record->end);
	uint32_t device = memory_device(join, record);
	struct allocation *allocation = find(join->memory, key);
	bool is_told = record->mem.act != RK_MEMORY_FOREIGN;

	if (allocation && allocation->start >= end) {
		struct allocation gone = { .key = key,
					   .bytes = record->mem.bytes,
					   .device = device,
					   .pool = memory_pool(record),
					   .act = record->mem.act };

		if (is_told)
			tell_alloc(join, tid, record, device);
		tell_free(join, 0, NULL, &gone, allocation->start);
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
		if (allocation)
			allocation->handles++;
		break;
	case RK_MEMORY_MAP:
		map(join, record, key);
		take_held(join, key, rk_clock_ns(record->end));
		break;
	default:
		take_alloc(join, tid, record, key);
		take_held(join, key, rk_clock_ns(record->end));
		break;
	}
}

void rk_join_take_memory(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	uint64_t key = key_of(record);

	if (!key)
		return; /* freeing nothing is allowed */
	if (!memory_of(join)) {
		join->limited++;
		return;
	}
	if (record->kind == RK_REC_ALLOC)
		take_memory(join, tid, record, key);
	else
		take_free(join, tid, record, key);
}

void rk_join_tell_refused(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	struct rk_op *op = rk_join_start_host_op(join, tid, record, RK_OP_ALLOC);

	op->device = memory_device(join, record);
	op->flags = RK_OP_F_OPEN;
	op->memory.ptr = record->mem.bytes;
	op->memory.pool = memory_pool(record);
	rk_join_emit(join, op);
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

/*
 * What a context takes with it: all that was taken in it, but for physical memory, which has
 * handles of its own, and stream-ordered memory. That is a pool's, which is the device's; it
 * goes with the device's primary context.
 */
static bool goes_with(const struct allocation *allocation, const struct rk_record *context)
{
	if (!allocation->key || allocation->end > rk_clock_ns(context->start) ||
	    allocation->key >> 60 == SPACE_HANDLE)
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

void rk_join_forget_context_memory(struct rk_join *join, uint32_t tid,
				   const struct rk_record *record)
{
	struct rk_join_memory *memory = join->memory;

	if (!memory)
		return;
	if (memory->sweep_count == SWEEPS_MAX)
		sweep_oldest(join);
	memory->sweeps[memory->sweep_count++] = (struct sweep){ .record = *record, .tid = tid };
}

void rk_join_look_at_memory(struct rk_join *join, uint64_t now)
{
	struct rk_join_memory *memory = join->memory;
	uint64_t before = now > RK_JOIN_GRACE_NS ? now - RK_JOIN_GRACE_NS : 0;
	uint32_t old = 0;

	if (!memory)
		return;
	for (uint32_t i = 0; i < memory->sweep_count; i++)
		memory->sweeps[i].rounds++;
	while (memory->sweep_count && memory->sweeps[0].rounds >= SWEEP_ROUNDS)
		sweep_oldest(join);
	while (old < memory->held_count && rk_clock_ns(memory->held[old].record.end) < before)
		tell_unknown_free(join, &memory->held[old++]);
	memory->held_count -= old;
	memmove(&memory->held[0], &memory->held[old], memory->held_count * sizeof(memory->held[0]));
}

void rk_join_finish_memory(struct rk_join *join)
{
	if (!join->memory)
		return;
	while (join->memory->sweep_count)
		sweep_oldest(join);
	rk_join_look_at_memory(join, UINT64_MAX);
}
