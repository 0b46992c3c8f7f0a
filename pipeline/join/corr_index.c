/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/corr_index.c - insertion, growth and back-shift removal.
 */
#include "pipeline/join/corr_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 256u
#define LINE_BITS 3 /* slots of one cache line */
#define GOLDEN	  0x9e3779b97f4a7c15ull
#define TOP_BITS  24 /* more lines than a table ever has */

static struct rk_corr_slot *slots_create(uint32_t count)
{
	struct rk_corr_slot *slots = malloc(count * sizeof(*slots));

	if (slots)
		memset(slots, 0xff, count * sizeof(*slots)); /* every index RK_CORR_NONE */
	return slots;
}

int rk_corr_index_init(struct rk_corr_index *map)
{
	map->slots = slots_create(SLOTS_MIN);
	map->mask = SLOTS_MIN - 1;
	map->count = 0;
	return map->slots ? 0 : -ENOMEM;
}

void rk_corr_index_finish(struct rk_corr_index *map)
{
	free(map->slots);
	memset(map, 0, sizeof(*map));
}

/*
 * Ids rise, so that neighbours are looked up together: they share a line. Lines are scattered:
 * were they in a row as well, a run of old ids that still wait and one of new ids would come to
 * lie over each other, and every look-up would walk to the end of both.
 */
static uint32_t home_of(uint32_t key, uint32_t mask)
{
	uint64_t line = (uint64_t)(key >> LINE_BITS) * GOLDEN >> (64 - TOP_BITS);

	return ((uint32_t)line << LINE_BITS | (key & ((1u << LINE_BITS) - 1))) & mask;
}

/* How far the key in slot @at is from its home. */
static uint32_t distance(const struct rk_corr_slot *slots, uint32_t mask, uint32_t at)
{
	return (at - home_of(slots[at].key, mask)) & mask;
}

/* Who is further from home keeps the place: chains stay ordered by home. */
static void slots_insert(struct rk_corr_slot *slots, uint32_t mask, struct rk_corr_slot slot)
{
	uint32_t at = home_of(slot.key, mask);
	uint32_t away = 0;

	while (slots[at].index != RK_CORR_NONE) {
		uint32_t other = distance(slots, mask, at);

		if (other < away) {
			struct rk_corr_slot moved = slots[at];

			slots[at] = slot;
			slot = moved;
			away = other;
		}
		at = (at + 1) & mask;
		away++;
	}
	slots[at] = slot;
}

static int index_grow(struct rk_corr_index *map)
{
	uint32_t mask = map->mask * 2 + 1;
	struct rk_corr_slot *slots = slots_create(mask + 1);

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i <= map->mask; i++) {
		if (map->slots[i].index != RK_CORR_NONE)
			slots_insert(slots, mask, map->slots[i]);
	}
	free(map->slots);
	map->slots = slots;
	map->mask = mask;
	return 0;
}

static uint32_t find(const struct rk_corr_index *map, uint32_t key)
{
	uint32_t at = home_of(key, map->mask);

	for (uint32_t away = 0; map->slots[at].index != RK_CORR_NONE; away++) {
		if (map->slots[at].key == key)
			return at;
		if (distance(map->slots, map->mask, at) < away)
			break;
		at = (at + 1) & map->mask;
	}
	return RK_CORR_NONE;
}

uint32_t rk_corr_index_get(const struct rk_corr_index *map, uint32_t key)
{
	uint32_t at = find(map, key);

	return at == RK_CORR_NONE ? RK_CORR_NONE : map->slots[at].index;
}

int rk_corr_index_put(struct rk_corr_index *map, uint32_t key, uint32_t index)
{
	uint32_t at = find(map, key);
	int err;

	if (at != RK_CORR_NONE) {
		map->slots[at].index = index;
		return 0;
	}
	if (map->count >= map->mask - map->mask / 4) {
		err = index_grow(map);
		if (err)
			return err;
	}
	slots_insert(map->slots, map->mask, (struct rk_corr_slot){ .key = key, .index = index });
	map->count++;
	return 0;
}

void rk_corr_index_remove(struct rk_corr_index *map, uint32_t key)
{
	uint32_t at = find(map, key);
	uint32_t next;

	if (at == RK_CORR_NONE)
		return;
	map->count--;
	/* Ends at the first one that is at home: a long run of rising ids is not walked. */
	for (;; at = next) {
		next = (at + 1) & map->mask;
		if (map->slots[next].index == RK_CORR_NONE ||
		    !distance(map->slots, map->mask, next))
			break;
		map->slots[at] = map->slots[next];
	}
	map->slots[at].index = RK_CORR_NONE;
}
