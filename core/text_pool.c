/* SPDX-License-Identifier: Apache-2.0
 *
 * core/text_pool.c - places in sets of a few, chosen by a hash of what lies in them.
 *
 * A reference is the version of the place, which counts up by two with every string, above the
 * number of the place + 1.
 */
#include "core/text_pool.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define WAYS	    8u	 /* places a string may lie in */
#define SMALL_SETS  128u /* 1,024 strings of 496 bytes: requests that are under way at a time */
#define LARGE_SETS  16u	 /* 128 of 8.7 KiB */
#define PLACE_BITS  16
#define SMALL_WORDS (RK_TEXT_POOL_SMALL / 8)
#define LARGE_WORDS (RK_TEXT_POOL_LARGE / 8)

struct place {
	_Atomic uint64_t version; /* odd while it is written */
	_Atomic uint64_t hash;
	_Atomic uint64_t used; /* turn of the last use */
	_Atomic uint64_t length;
	_Atomic uint64_t words[]; /* atomic, because they are read meanwhile */
};

struct shelf {
	uint32_t sets, first; /* number of its first place */
	size_t words, offset;
};

static const struct shelf small = { SMALL_SETS, 0, SMALL_WORDS, 0 };
static const struct shelf large = {
	LARGE_SETS,
	SMALL_SETS *WAYS,
	LARGE_WORDS,
	SMALL_SETS *WAYS *(sizeof(struct place) + SMALL_WORDS * 8),
};
#define POOL_BYTES (large.offset + LARGE_SETS * WAYS * (sizeof(struct place) + LARGE_WORDS * 8))

static uint8_t *_Atomic pool;
static _Atomic uint64_t turn;
static _Atomic uint64_t lost;

static uint8_t *map_pool(void)
{
	uint8_t *seen = atomic_load(&pool);
	int saved_errno = errno;
	uint8_t *made;

	if (seen)
		return seen;
	made = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	errno = saved_errno;
	if (made == MAP_FAILED)
		return NULL;
	if (atomic_compare_exchange_strong(&pool, &seen, made))
		return made;
	munmap(made, POOL_BYTES);
	return seen;
}

static const struct shelf *shelf_of(uint32_t number)
{
	return number < large.first ? &small : &large;
}

static struct place *place_at(uint8_t *base, uint32_t number)
{
	const struct shelf *shelf = shelf_of(number);
	size_t bytes = sizeof(struct place) + shelf->words * 8;

	return (struct place *)(void *)(base + shelf->offset + (number - shelf->first) * bytes);
}

static uint64_t hash_of(const uint8_t *bytes, size_t length)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 1099511628211u;
	return hash ^ hash >> 32;
}

/* Copy the whole words of @place. Return: false when it was written meanwhile. */
static bool read_place(struct place *place, uint64_t version, void *out, size_t size,
		       size_t *length)
{
	uint8_t *to = out;
	size_t left;

	if (atomic_load_explicit(&place->version, memory_order_acquire) != version)
		return false;
	*length = left = atomic_load_explicit(&place->length, memory_order_acquire);
	if (left > size)
		return atomic_load_explicit(&place->version, memory_order_relaxed) == version;
	for (size_t i = 0; left; i++) {
		/* Acquire pairs with the release in write_place(): who sees a new word sees below
		 * that the version is another. */
		uint64_t word = atomic_load_explicit(&place->words[i], memory_order_acquire);
		size_t step = left < 8 ? left : 8;

		memcpy(to, &word, step);
		to += step;
		left -= step;
	}
	return atomic_load_explicit(&place->version, memory_order_relaxed) == version;
}

static bool is_equal(struct place *place, uint64_t version, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i += 8) {
		size_t step = length - i < 8 ? length - i : 8;
		uint64_t word = atomic_load_explicit(&place->words[i / 8], memory_order_acquire);

		if (memcmp(&word, bytes + i, step) != 0)
			return false;
	}
	return atomic_load_explicit(&place->version, memory_order_relaxed) == version;
}

/* The caller has made the version odd. Release: see read_place(). */
static void write_place(struct place *place, uint64_t hash, const uint8_t *bytes, size_t length)
{
	atomic_store_explicit(&place->hash, hash, memory_order_release);
	atomic_store_explicit(&place->length, length, memory_order_release);
	for (size_t i = 0; i < length; i += 8) {
		uint64_t word = 0;

		memcpy(&word, bytes + i, length - i < 8 ? length - i : 8);
		atomic_store_explicit(&place->words[i / 8], word, memory_order_release);
	}
}

static uint64_t next_turn(void)
{
	return atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed) + 1;
}

static uint64_t reference_of(uint32_t number, uint64_t version)
{
	return version << PLACE_BITS | (number + 1);
}

static uint64_t find(uint8_t *base, uint32_t first, uint64_t hash, const uint8_t *bytes,
		     size_t length)
{
	for (uint32_t number = first; number < first + WAYS; number++) {
		struct place *place = place_at(base, number);
		uint64_t version = atomic_load_explicit(&place->version, memory_order_acquire);

		if (!version || version & 1 ||
		    atomic_load_explicit(&place->hash, memory_order_acquire) != hash ||
		    atomic_load_explicit(&place->length, memory_order_acquire) != length ||
		    !is_equal(place, version, bytes, length))
			continue;
		atomic_store_explicit(&place->used, next_turn(), memory_order_relaxed);
		return reference_of(number, version);
	}
	return 0;
}

/* The place in the set that was used longest ago and is not being written. */
static uint32_t find_oldest(uint8_t *base, uint32_t first, uint64_t *version)
{
	uint64_t oldest = UINT64_MAX;
	uint32_t found = 0;

	*version = 1;
	for (uint32_t number = first; number < first + WAYS; number++) {
		struct place *place = place_at(base, number);
		uint64_t used = atomic_load_explicit(&place->used, memory_order_relaxed);
		uint64_t seen = atomic_load_explicit(&place->version, memory_order_relaxed);

		if (seen & 1 || used >= oldest)
			continue;
		oldest = used;
		*version = seen;
		found = number;
	}
	return found;
}

static uint64_t refuse(void)
{
	atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
	return 0;
}

uint64_t rk_text_pool_put(const void *bytes, size_t length)
{
	const struct shelf *shelf = length <= RK_TEXT_POOL_SMALL ? &small : &large;
	uint8_t *base = length ? map_pool() : NULL;
	uint64_t hash, version, reference;
	uint32_t first;

	if (!length)
		return 0;
	if (!base || length > RK_TEXT_POOL_LARGE)
		return refuse();
	hash = hash_of(bytes, length);
	first = shelf->first + (uint32_t)(hash % shelf->sets) * WAYS;
	reference = find(base, first, hash, bytes, length);
	for (uint32_t tries = 0; !reference && tries < WAYS; tries++) {
		uint32_t number = find_oldest(base, first, &version);
		struct place *place = place_at(base, number);

		if (version & 1 ||
		    !atomic_compare_exchange_strong(&place->version, &version, version + 1))
			continue; /* another thread is faster: the next one */
		write_place(place, hash, bytes, length);
		atomic_store_explicit(&place->used, next_turn(), memory_order_relaxed);
		/* Release pairs with the acquire in read_place(): the words are written. */
		atomic_store_explicit(&place->version, version + 2, memory_order_release);
		reference = reference_of(number, version + 2);
	}
	return reference ? reference : refuse();
}

size_t rk_text_pool_get(uint64_t reference, void *out, size_t size)
{
	uint32_t number = (uint32_t)(reference & ((1u << PLACE_BITS) - 1));
	uint8_t *base = atomic_load(&pool);
	struct place *place;
	size_t length = 0;

	if (!reference)
		return 0;
	if (!base || !number || number > (SMALL_SETS + LARGE_SETS) * WAYS)
		return (size_t)refuse();
	place = place_at(base, number - 1);
	if (!read_place(place, reference >> PLACE_BITS, out, size, &length))
		return (size_t)refuse();
	atomic_store_explicit(&place->used, next_turn(), memory_order_relaxed);
	return length <= size ? length : 0;
}

uint64_t rk_text_pool_lost(void)
{
	return atomic_load_explicit(&lost, memory_order_relaxed);
}
