/* SPDX-License-Identifier: Apache-2.0
 *
 * core/intern.c - an insert-only hash table without locks.
 *
 *   buckets[hash]  ->  id  ->  entry { next id, hash, length, bytes }
 *
 * A new entry is written completely and then linked by one compare-and-swap on its bucket. A
 * thread that loses the race looks through what was linked meanwhile and, when it finds its
 * string there, forgets its own entry: an id may stay unused, but a string never has two.
 */
#include "core/intern.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "core/race_check.h"

#define BUCKETS	      (1u << 14) /* chains stay short up to some 10,000 names */
#define CHUNK_ENTRIES 1024u
#define CHUNKS	      256u /* 262,144 strings at most */
#define ARENA_BYTES   (256u << 10)
#define BYTES_MAX     (16u << 20) /* of strings, unless told otherwise */

static const char limit_text[] = "(limit)";

struct entry {
	uint64_t hash;
	const char *bytes;
	uint32_t length;
	uint32_t next; /* id, 0 = end of the chain */
};

struct arena {
	_Atomic uint32_t used;
	char bytes[];
};

struct rk_intern {
	_Atomic uint32_t count;	   /* ids handed out */
	_Atomic uint32_t limit_id; /* id of limit_text, 0 = not needed yet */
	_Atomic uint64_t refused;
	_Atomic uint64_t bytes_used, bytes_most;
	struct arena *_Atomic arena;
	struct entry *_Atomic chunks[CHUNKS];
	_Atomic uint32_t buckets[BUCKETS];
};

static struct rk_intern *_Atomic current;

static void *map_pages(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

struct rk_intern *rk_intern_table(void)
{
	struct rk_intern *table = atomic_load(&current);
	struct rk_intern *expected = NULL;

	if (table)
		return table;
	table = map_pages(sizeof(*table));
	if (!table)
		return atomic_load(&current);
	atomic_store(&table->bytes_most, BYTES_MAX);
	if (!atomic_compare_exchange_strong(&current, &expected, table)) {
		munmap(table, sizeof(*table));
		return expected;
	}
	return table;
}

void rk_intern_set_bound(size_t bytes)
{
	struct rk_intern *table = rk_intern_table();

	if (table)
		atomic_store(&table->bytes_most, bytes);
}

void rk_intern_attach(struct rk_intern *table)
{
	atomic_store(&current, table);
}

/* FNV-1a over 8 bytes at a time where possible; quality matters little at this size. */
static uint64_t hash_bytes(const char *bytes, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325u ^ length;
	uint64_t word;

	for (; length >= 8; length -= 8, bytes += 8) {
		memcpy(&word, bytes, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	for (; length; length--, bytes++)
		hash = (hash ^ (unsigned char)*bytes) * 0x100000001b3u;
	return hash ^ (hash >> 32);
}

static struct entry *entry_at(const struct rk_intern *table, uint32_t id)
{
	uint32_t index = id - 1;
	struct entry *chunk;

	if (id == 0 || index / CHUNK_ENTRIES >= CHUNKS)
		return NULL;
	chunk = atomic_load(&table->chunks[index / CHUNK_ENTRIES]);
	return chunk ? &chunk[index % CHUNK_ENTRIES] : NULL;
}

/* Ids of the chain from @id up to, not including, @stop. */
static uint32_t find_in_chain(const struct rk_intern *table, uint32_t id, uint32_t stop,
			      const struct entry *wanted)
{
	while (id != stop) {
		const struct entry *entry = entry_at(table, id);

		if (!entry)
			return 0;
		if (entry->hash == wanted->hash && entry->length == wanted->length &&
		    memcmp(entry->bytes, wanted->bytes, wanted->length) == 0)
			return id;
		id = entry->next;
	}
	return 0;
}

static char *take_bytes(struct rk_intern *table, size_t size)
{
	if (atomic_fetch_add(&table->bytes_used, size) + size > atomic_load(&table->bytes_most)) {
		atomic_fetch_sub(&table->bytes_used, size);
		return NULL;
	}
	if (size > ARENA_BYTES / 4)
		return map_pages(size);
	for (;;) {
		struct arena *arena = atomic_load(&table->arena);
		struct arena *fresh;

		if (arena) {
			uint32_t at = atomic_fetch_add(&arena->used, (uint32_t)size);

			if (at + size <= ARENA_BYTES - sizeof(*arena))
				return arena->bytes + at;
		}
		fresh = map_pages(ARENA_BYTES);
		if (!fresh)
			return NULL;
		/* Who loses adds to the winner's arena in the next round. */
		if (!atomic_compare_exchange_strong(&table->arena, &arena, fresh))
			munmap(fresh, ARENA_BYTES);
	}
}

static struct entry *add_entry(struct rk_intern *table, uint32_t *id)
{
	uint32_t index = atomic_fetch_add(&table->count, 1);
	struct entry *_Atomic *chunk;
	struct entry *expected = NULL;
	struct entry *fresh;

	if (index / CHUNK_ENTRIES >= CHUNKS) {
		atomic_fetch_sub(&table->count, 1);
		return NULL;
	}
	chunk = &table->chunks[index / CHUNK_ENTRIES];
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

static uint32_t insert(struct rk_intern *table, const struct entry *wanted)
{
	_Atomic uint32_t *bucket = &table->buckets[wanted->hash % BUCKETS];
	uint32_t head = atomic_load(bucket);
	uint32_t seen = 0;
	uint32_t id = find_in_chain(table, head, seen, wanted);
	struct entry *entry;
	char *bytes;

	if (id)
		return id;
	bytes = take_bytes(table, (size_t)wanted->length + 1);
	entry = bytes ? add_entry(table, &id) : NULL;
	if (!entry)
		return 0;
	memcpy(bytes, wanted->bytes, wanted->length);
	bytes[wanted->length] = '\0';
	*entry = (struct entry){ .hash = wanted->hash, .bytes = bytes, .length = wanted->length };
	for (;;) {
		uint32_t other;

		seen = head;
		entry->next = head;
		if (atomic_compare_exchange_strong(bucket, &head, id))
			return id;
		other = find_in_chain(table, head, seen, wanted);
		if (other)
			return other;
	}
}

/* The stand-in for every string that the bounds refuse; itself outside the bounds. */
static uint32_t refuse(struct rk_intern *table)
{
	uint32_t id = atomic_load(&table->limit_id);
	uint32_t expected = 0;
	struct entry *entry;

	atomic_fetch_add(&table->refused, 1);
	if (id)
		return id;
	entry = add_entry(table, &id);
	if (!entry)
		return 0;
	*entry = (struct entry){ .bytes = limit_text, .length = sizeof(limit_text) - 1 };
	if (!atomic_compare_exchange_strong(&table->limit_id, &expected, id))
		return expected;
	return id;
}

uint32_t rk_intern_bytes(const char *bytes, size_t length)
{
	struct rk_intern *table = rk_intern_table();
	struct entry wanted;
	uint32_t id;

	if (!table || !bytes || length == 0)
		return 0;
	if (length > atomic_load(&table->bytes_most))
		return refuse(table);
	wanted = (struct entry){
		.hash = hash_bytes(bytes, length),
		.bytes = bytes,
		.length = (uint32_t)length,
	};
	rk_race_check_pause();
	id = insert(table, &wanted);
	rk_race_check_resume();
	return id ? id : refuse(table);
}

uint32_t rk_intern(const char *string)
{
	return string ? rk_intern_bytes(string, strlen(string)) : 0;
}

const char *rk_intern_get(uint32_t id)
{
	const struct rk_intern *table = atomic_load(&current);
	const struct entry *entry = table ? entry_at(table, id) : NULL;

	return entry && entry->bytes ? entry->bytes : "";
}

uint32_t rk_intern_count(void)
{
	const struct rk_intern *table = atomic_load(&current);

	return table ? atomic_load(&table->count) : 0;
}

uint64_t rk_intern_refused(void)
{
	const struct rk_intern *table = atomic_load(&current);

	return table ? atomic_load(&table->refused) : 0;
}
