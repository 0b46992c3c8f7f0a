/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/handle_map.h - what is known about a handle or an address, bounded.
 *
 * Kernel handles -> names, streams -> ids, allocations -> sizes. 64-bit keys (0 is not a key),
 * open addressing with a multiplicative hash; beyond the bound new keys are refused and the
 * caller counts it.
 */
#ifndef RK_PIPELINE_JOIN_HANDLE_MAP_H
#define RK_PIPELINE_JOIN_HANDLE_MAP_H

#include <stdbool.h>
#include <stdint.h>

struct rk_handle_slot {
	uint64_t key; /* 0 = free */
	uint64_t value;
	uint32_t tag;
	uint32_t reserved;
};

struct rk_handle_map {
	struct rk_handle_slot *slots; /* NULL until the first put */
	uint32_t mask;
	uint32_t count;
	uint32_t limit; /* entries at most */
};

/**
 * Context: exporter or tools. Does not allocate.
 */
void rk_handle_map_init(struct rk_handle_map *map, uint32_t limit);
void rk_handle_map_finish(struct rk_handle_map *map);

/**
 * Context: as above. Ownership: borrowed until the next put or remove.
 * Return: NULL when @key is not there.
 */
struct rk_handle_slot *rk_handle_map_get(const struct rk_handle_map *map, uint64_t key);

/**
 * The slot of @key, made with value and tag 0 if it is new.
 *
 * Context: as above. Ownership: borrowed until the next put or remove.
 * Return: NULL at the bound, without memory, or for key 0.
 */
struct rk_handle_slot *rk_handle_map_put(struct rk_handle_map *map, uint64_t key);

/**
 * Context: as above. Removing what is not there is allowed.
 */
void rk_handle_map_remove(struct rk_handle_map *map, uint64_t key);

#endif
