/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/corr_index.c - insertion, growth and back-shift removal.
 */
#include "pipeline/corr_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 256u

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

static void slots_insert(struct rk_corr_slot *slots, uint32_t mask, struct rk_corr_slot slot)
{
	uint32_t at = slot.key & mask;

	while (slots[at].index != RK_CORR_NONE)
		at = (at + 1) & mask;
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

int rk_corr_index_put(struct rk_corr_index *map, uint32_t key, uint32_t index)
{
	uint32_t at = key & map->mask;
	int err;

	while (map->slots[at].index != RK_CORR_NONE) {
		if (map->slots[at].key == key) {
			map->slots[at].index = index;
			return 0;
		}
		at = (at + 1) & map->mask;
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
	uint32_t at = key & map->mask;
	uint32_t hole;

	while (map->slots[at].index != RK_CORR_NONE && map->slots[at].key != key)
		at = (at + 1) & map->mask;
	if (map->slots[at].index == RK_CORR_NONE)
		return;
	map->count--;
	hole = at;
	for (;;) {
		uint32_t home;

		at = (at + 1) & map->mask;
		if (map->slots[at].index == RK_CORR_NONE)
			break;
		home = map->slots[at].key & map->mask;
		/* May it move back? Only if its home is not between the hole and here. */
		if (((at - home) & map->mask) >= ((at - hole) & map->mask)) {
			map->slots[hole] = map->slots[at];
			hole = at;
		}
	}
	map->slots[hole].index = RK_CORR_NONE;
}
