/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span_cache.c - index and arena of the templates.
 *
 * Places in the arena are counted for ever and taken modulo its size, so that a place tells
 * whether it was written over since.
 */
#include "exporters/otlp_span_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_BYTES    (1u << 20) /* some 1,500 shapes with names of usual length */
#define TEMPLATE_BYTES (ARENA_BYTES / 16)
#define ALIGNMENT      16u
#define SETS	       512u
#define WAYS	       4u
#define NEWCOMERS      8u /* one of them is let in */
#define SLACK	       8u /* numbers are stored with a few bytes behind them */

static_assert(sizeof(struct rk_otlp_span_template) % 8 == 0, "words stay aligned in the arena");

struct way {
	uint64_t hash;
	uint64_t place; /* 0 = none */
};

struct rk_otlp_span_cache {
	uint64_t hash;	   /* of the key last looked for */
	uint64_t reserved; /* place of the template being made */
	uint64_t next;	   /* place; starts far enough from 0 for 0 to be forgotten */
	uint32_t newcomers;
	struct way index[SETS][WAYS];
	uint8_t arena[ARENA_BYTES] __attribute__((aligned(ALIGNMENT)));
};

/* Pairs of words are multiplied side by side, which takes the time of one multiplication.
 * The constants, which fit an address computation, keep equal words from cancelling out. */
static inline uint64_t hash_key(const struct rk_otlp_span_key *key)
{
	const uint64_t *w = key->words;
	uint64_t hash = 0;

#pragma GCC unroll 8
	for (size_t i = 0; i < RK_SPAN_KEY_WORDS; i += 2)
		hash += (w[i] + 0x05a3c6d1u * (i + 1)) * (w[i + 1] + 0x04e37799u * (i + 1));
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	return hash ^ hash >> 32;
}

static struct rk_otlp_span_template *at_place(struct rk_otlp_span_cache *cache, uint64_t place)
{
	return (struct rk_otlp_span_template *)(cache->arena + place % ARENA_BYTES);
}

/* What a template of @bytes takes in the arena. */
static size_t space(size_t bytes)
{
	size_t size = sizeof(struct rk_otlp_span_template) + bytes + SLACK;

	return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static bool is_remembered(const struct rk_otlp_span_cache *cache, uint64_t place)
{
	return cache->next - place <= ARENA_BYTES;
}

static inline bool is_equal(const struct rk_otlp_span_key *a, const struct rk_otlp_span_key *b)
{
	uint64_t difference = 0;

#pragma GCC unroll 16
	for (size_t i = 0; i < RK_SPAN_KEY_WORDS; i++)
		difference |= a->words[i] ^ b->words[i];
	return !difference;
}

int rk_otlp_span_cache_create(struct rk_otlp_span_cache **out)
{
	/* Mapped and not allocated: pages that are never used are never there. */
	struct rk_otlp_span_cache *cache = mmap(NULL, sizeof(*cache), PROT_READ | PROT_WRITE,
						MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*out = NULL;
	if (cache == MAP_FAILED)
		return -ENOMEM;
	cache->next = 2 * ARENA_BYTES;
	*out = cache;
	return 0;
}

void rk_otlp_span_cache_destroy(struct rk_otlp_span_cache *cache)
{
	if (cache)
		munmap(cache, sizeof(*cache));
}

const struct rk_otlp_span_template *rk_otlp_span_cache_find(struct rk_otlp_span_cache *cache,
							    const struct rk_otlp_span_key *key)
{
	uint64_t hash = hash_key(key);
	const struct way *set = cache->index[hash % SETS];

	cache->hash = hash;
	for (size_t i = 0; i < WAYS; i++) {
		const struct rk_otlp_span_template *template;

		if (set[i].hash != hash || !is_remembered(cache, set[i].place))
			continue;
		template = at_place(cache, set[i].place);
		if (is_equal(&template->key, key))
			return template;
	}
	return NULL;
}

/* A way that holds nothing any more; else any. */
static struct way *choose_way(struct rk_otlp_span_cache *cache, bool *is_taken)
{
	struct way *set = cache->index[cache->hash % SETS];

	*is_taken = false;
	for (size_t i = 0; i < WAYS; i++) {
		if (!is_remembered(cache, set[i].place))
			return &set[i];
	}
	*is_taken = true;
	return &set[cache->newcomers / NEWCOMERS % WAYS];
}

struct rk_otlp_span_template *rk_otlp_span_cache_reserve(struct rk_otlp_span_cache *cache,
							 size_t bound)
{
	size_t room = space(bound);
	uint64_t place = cache->next;
	bool is_taken, is_full;

	if (bound > TEMPLATE_BYTES)
		return NULL;
	if (place % ARENA_BYTES + room > ARENA_BYTES)
		place += ARENA_BYTES - place % ARENA_BYTES;
	choose_way(cache, &is_taken);
	is_full = place + room > 3 * ARENA_BYTES;
	if ((is_taken || is_full) && ++cache->newcomers % NEWCOMERS != 0)
		return NULL;
	/* What lies here is forgotten now, not when the new one is done. */
	cache->next = place + room;
	cache->reserved = place;
	return at_place(cache, place);
}

void rk_otlp_span_cache_commit(struct rk_otlp_span_cache *cache,
			       struct rk_otlp_span_template *template,
			       const struct rk_otlp_span_key *key)
{
	bool is_taken;
	struct way *way = choose_way(cache, &is_taken);

	template->key = *key;
	cache->next = cache->reserved + space(template->length);
	*way = (struct way){ .hash = cache->hash, .place = cache->reserved };
}
