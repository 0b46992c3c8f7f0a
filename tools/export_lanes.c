/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_lanes.c - lanes in an array, those of a key in a chain.
 */
#include "tools/export_lanes.h"

#include <stdlib.h>

#include "pipeline/join/handle_map.h"

#define KEYS_MAX  1000000u
#define RANKS_MAX 64u /* of a key; a slice that finds none goes to the last */

struct rk_export_lanes {
	struct rk_export_lane *lanes;
	uint32_t count, room;
	struct rk_handle_map first; /* key -> tag: place + 1 */
};

struct rk_export_lanes *rk_export_lanes_create(void)
{
	struct rk_export_lanes *lanes = calloc(1, sizeof(*lanes));

	if (lanes)
		rk_handle_map_init(&lanes->first, KEYS_MAX);
	return lanes;
}

void rk_export_lanes_destroy(struct rk_export_lanes *lanes)
{
	if (!lanes)
		return;
	rk_handle_map_finish(&lanes->first);
	free(lanes->lanes);
	free(lanes);
}

static struct rk_export_lane *add(struct rk_export_lanes *lanes, uint64_t key, uint32_t rank)
{
	if (lanes->count == lanes->room) {
		uint32_t room = lanes->room ? 2 * lanes->room : 64;
		struct rk_export_lane *grown = realloc(lanes->lanes, room * sizeof(*grown));

		if (!grown)
			return NULL;
		lanes->lanes = grown;
		lanes->room = room;
	}
	lanes->lanes[lanes->count] =
		(struct rk_export_lane){ .key = key, .number = lanes->count + 1, .rank = rank };
	return &lanes->lanes[lanes->count++];
}

/* The first lane that is free at @start_ns, else a new one behind @place. */
static struct rk_export_lane *find(struct rk_export_lanes *lanes, uint32_t place, uint64_t start_ns)
{
	struct rk_export_lane *lane, *fresh;

	for (;;) {
		lane = &lanes->lanes[place];
		if (lane->end_ns <= start_ns || lane->rank == RANKS_MAX - 1)
			return lane;
		if (!lane->next)
			break;
		place = lane->next - 1;
	}
	fresh = add(lanes, lane->key, lane->rank + 1);
	if (fresh)
		lanes->lanes[place].next = lanes->count;
	return fresh;
}

struct rk_export_lane *rk_export_lanes_take(struct rk_export_lanes *lanes, uint64_t key,
					    uint64_t start_ns, uint64_t end_ns)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&lanes->first, key);
	struct rk_export_lane *lane;

	if (!slot)
		return NULL;
	if (slot->tag) {
		lane = find(lanes, slot->tag - 1, start_ns);
	} else {
		lane = add(lanes, key, 0);
		slot->tag = lane ? lanes->count : 0;
	}
	if (lane && end_ns > lane->end_ns)
		lane->end_ns = end_ns;
	return lane;
}

struct rk_export_lane *rk_export_lanes_get(struct rk_export_lanes *lanes, uint32_t place)
{
	return place < lanes->count ? &lanes->lanes[place] : NULL;
}
