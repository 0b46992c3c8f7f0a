/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/handle_map.c - insertion, growth and back-shift removal.
 */
#include "pipeline/join/handle_map.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64u

/* Addresses share their low bits; the high half of the product does not. */
static uint32_t home_of(uint64_t key, uint32_t mask)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 32) & mask;
}

void rk_handle_map_init(struct rk_handle_map *map, uint32_t limit)
{
	memset(map, 0, sizeof(*map));
	map->limit = limit;
}

void rk_handle_map_finish(struct rk_handle_map *map)
{
	free(map->slots);
	memset(map, 0, sizeof(*map));
}

/* The slot of @key, or the free one where it would go. */
static struct rk_handle_slot *slot_find(struct rk_handle_slot *slots, uint32_t mask, uint64_t key)
{
	uint32_t at = home_of(key, mask);

	while (slots[at].key && slots[at].key != key)
		at = (at + 1) & mask;
	return &slots[at];
}

struct rk_handle_slot *rk_handle_map_get(const struct rk_handle_map *map, uint64_t key)
{
	struct rk_handle_slot *slot;

	if (!map->slots || !key)
		return NULL;
	slot = slot_find(map->slots, map->mask, key);
	return slot->key ? slot : NULL;
}

static bool map_grow(struct rk_handle_map *map)
{
	uint32_t mask = map->slots ? map->mask * 2 + 1 : SLOTS_MIN - 1;
	struct rk_handle_slot *slots = calloc((size_t)mask + 1, sizeof(*slots));

	if (!slots)
		return false;
	for (uint32_t i = 0; map->slots && i <= map->mask; i++) {
		if (map->slots[i].key)
			*slot_find(slots, mask, map->slots[i].key) = map->slots[i];
	}
	free(map->slots);
	map->slots = slots;
	map->mask = mask;
	return true;
}

struct rk_handle_slot *rk_handle_map_put(struct rk_handle_map *map, uint64_t key)
{
	struct rk_handle_slot *slot = rk_handle_map_get(map, key);

	if (slot || !key)
		return slot;
	if (map->count >= map->limit)
		return NULL;
	if ((!map->slots || map->count >= map->mask - map->mask / 4) && !map_grow(map))
		return NULL;
	slot = slot_find(map->slots, map->mask, key);
	slot->key = key;
	map->count++;
	return slot;
}

void rk_handle_map_remove(struct rk_handle_map *map, uint64_t key)
{
	struct rk_handle_slot *slot = rk_handle_map_get(map, key);
	uint32_t hole;
	uint32_t at;

	if (!slot)
		return;
	map->count--;
	hole = (uint32_t)(slot - map->slots);
	for (at = (hole + 1) & map->mask; map->slots[at].key; at = (at + 1) & map->mask) {
		uint32_t home = home_of(map->slots[at].key, map->mask);

		/* May it move back? Only if its home is not between the hole and here. */
		if (((at - home) & map->mask) >= ((at - hole) & map->mask)) {
			map->slots[hole] = map->slots[at];
			hole = at;
		}
	}
	memset(&map->slots[hole], 0, sizeof(map->slots[hole]));
}
