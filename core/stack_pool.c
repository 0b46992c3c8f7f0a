/* SPDX-License-Identifier: Apache-2.0
 *
 * core/stack_pool.c - an insert-only hash table without locks.
 *
 *   buckets[hash]  ->  id  ->  entry { hash, frames, count, next id }
 *
 * As in the table of strings a new entry is written completely and then linked by one
 * compare-and-swap on its bucket; who loses that race looks through what was linked meanwhile.
 * So a number may stay unused, but no stack has two.
 */
#include "core/stack_pool.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define BUCKETS	      (1u << 14)
#define CHUNK_ENTRIES 1024u
#define CHUNKS	      (RK_STACK_IDS_MAX / CHUNK_ENTRIES)
#define ARENA_FRAMES  (32u << 10) /* 256 KiB */
#define FRAMES_MAX    (1u << 20)  /* 8 MiB: the bound on memory, beside that on numbers */

struct entry {
	uint64_t hash;
	const uint64_t *frames;
	uint32_t count;
	uint32_t next; /* id, 0 = end of the chain */
};

struct arena {
	_Atomic uint64_t used; /* frames */
	uint64_t frames[ARENA_FRAMES - 1];
};

static struct {
	_Atomic uint32_t count; /* numbers handed out */
	_Atomic uint64_t refused;
	_Atomic uint64_t frames_used;
	struct arena *_Atomic arena;
	struct entry *_Atomic chunks[CHUNKS];
	_Atomic uint32_t buckets[BUCKETS];
} pool;

static void *map_pages(size_t bytes)
{
	int saved_errno = errno;
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	errno = saved_errno;
	return memory == MAP_FAILED ? NULL : memory;
}

/* Pairs of addresses are multiplied side by side: a chain of multiplications takes as long as the
 * comparison that it saves. What the constants add keeps equal addresses from cancelling out. */
static uint64_t hash_frames(const uint64_t *frames, uint32_t count)
{
	uint64_t hash = count;
	uint32_t i;

	for (i = 0; i + 1 < count; i += 2)
		hash += (frames[i] + 0x05a3c6d1u * (i + 1ull)) *
			(frames[i + 1] + 0x04e37799u * (i + 1ull));
	if (i < count)
		hash += frames[i] * 0x9e3779b97f4a7c15u;
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	return hash ^ hash >> 32;
}

static struct entry *entry_at(uint32_t id)
{
	uint32_t index = id - 1;
	struct entry *chunk;

	if (id == 0 || id > RK_STACK_IDS_MAX)
		return NULL;
	/* Acquire pairs with the exchange in add_entry(): the chunk is zeroed memory. */
	chunk = atomic_load_explicit(&pool.chunks[index / CHUNK_ENTRIES], memory_order_acquire);
	return chunk ? &chunk[index % CHUNK_ENTRIES] : NULL;
}

/* Looks through the chain from @id up to, not including, @stop. */
static uint32_t find_in_chain(uint32_t id, uint32_t stop, const struct entry *wanted)
{
	while (id != stop) {
		const struct entry *entry = entry_at(id);

		if (!entry)
			return 0;
		if (entry->hash == wanted->hash && entry->count == wanted->count &&
		    memcmp(entry->frames, wanted->frames, wanted->count * sizeof(uint64_t)) == 0)
			return id;
		id = entry->next;
	}
	return 0;
}

static uint64_t *take_frames(uint32_t count)
{
	if (atomic_fetch_add(&pool.frames_used, count) + count > FRAMES_MAX) {
		atomic_fetch_sub(&pool.frames_used, count);
		return NULL;
	}
	for (;;) {
		struct arena *arena = atomic_load(&pool.arena);
		struct arena *fresh;

		if (arena) {
			uint64_t at = atomic_fetch_add(&arena->used, count);

			if (at + count <= ARENA_FRAMES - 1)
				return arena->frames + at;
		}
		fresh = map_pages(sizeof(*fresh));
		if (!fresh)
			return NULL;
		/* Who loses adds to the winner's arena in the next round. */
		if (!atomic_compare_exchange_strong(&pool.arena, &arena, fresh))
			munmap(fresh, sizeof(*fresh));
	}
}

static struct entry *add_entry(uint32_t *id)
{
	uint32_t index = atomic_fetch_add(&pool.count, 1);
	struct entry *_Atomic *chunk;
	struct entry *expected = NULL;
	struct entry *fresh;

	if (index >= RK_STACK_IDS_MAX) {
		atomic_fetch_sub(&pool.count, 1);
		return NULL;
	}
	chunk = &pool.chunks[index / CHUNK_ENTRIES];
	if (!atomic_load(chunk)) {
		fresh = map_pages(CHUNK_ENTRIES * sizeof(*fresh));
		if (!fresh)
			return NULL;
		if (!atomic_compare_exchange_strong(chunk, &expected, fresh))
			munmap(fresh, CHUNK_ENTRIES * sizeof(*fresh));
	}
	*id = index + 1;
	return &atomic_load(chunk)[index % CHUNK_ENTRIES];
}

static uint32_t insert(_Atomic uint32_t *bucket, uint32_t head, const struct entry *wanted)
{
	struct entry *entry = NULL;
	uint32_t id = 0, seen, other;
	uint64_t *frames = take_frames(wanted->count);

	if (frames)
		entry = add_entry(&id);
	if (!entry)
		return 0;
	memcpy(frames, wanted->frames, wanted->count * sizeof(*frames));
	*entry = (struct entry){ .hash = wanted->hash, .frames = frames, .count = wanted->count };
	for (;;) {
		seen = head;
		entry->next = head;
		/* Release pairs with the acquire in rk_stack_pool_put(): the entry is written. */
		if (atomic_compare_exchange_strong(bucket, &head, id))
			return id;
		other = find_in_chain(head, seen, wanted);
		if (other)
			return other;
	}
}

uint32_t rk_stack_pool_put(const uint64_t *frames, uint32_t count)
{
	const struct entry wanted = { .hash = hash_frames(frames, count),
				      .frames = frames,
				      .count = count };
	_Atomic uint32_t *bucket = &pool.buckets[wanted.hash % BUCKETS];
	uint32_t head = atomic_load_explicit(bucket, memory_order_acquire);
	uint32_t id = find_in_chain(head, 0, &wanted);

	if (!id)
		id = insert(bucket, head, &wanted);
	if (!id)
		atomic_fetch_add(&pool.refused, 1);
	return id;
}

uint32_t rk_stack_pool_get(uint32_t id, const uint64_t **frames)
{
	const struct entry *entry = entry_at(id);

	if (!entry || !entry->frames)
		return 0;
	*frames = entry->frames;
	return entry->count;
}

uint64_t rk_stack_pool_refused(void)
{
	return atomic_load_explicit(&pool.refused, memory_order_relaxed);
}
