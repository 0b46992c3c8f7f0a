/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/corr_index.h - 32-bit key -> 32-bit index, open addressing.
 *
 * Keys are correlation ids (and thread ids): handed out in rising order, so the key itself is
 * the hash. Neighbouring calls then lie in neighbouring slots and the join touches one cache
 * line for several of them. Chains are ordered by home (Robin Hood), so removal shifts back as
 * far as the next key that is at home and no further: 100,000 calls in flight, an unbroken run
 * of slots, cost what ten do. There are no tombstones to clean.
 */
#ifndef RK_PIPELINE_JOIN_CORR_INDEX_H
#define RK_PIPELINE_JOIN_CORR_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#define RK_CORR_NONE UINT32_MAX

struct rk_corr_slot {
	uint32_t key;
	uint32_t index; /* RK_CORR_NONE = free */
};

struct rk_corr_index {
	struct rk_corr_slot *slots;
	uint32_t mask;
	uint32_t count;
};

/**
 * Context: exporter. Return: 0, -ENOMEM.
 */
int rk_corr_index_init(struct rk_corr_index *map);
void rk_corr_index_finish(struct rk_corr_index *map);

/**
 * Context: exporter. Return: the index, or RK_CORR_NONE.
 */
uint32_t rk_corr_index_get(const struct rk_corr_index *map, uint32_t key);

/**
 * Set the index of @key, new or not. Doubles the table at 3/4.
 *
 * Context: exporter. Return: 0, -ENOMEM.
 */
int rk_corr_index_put(struct rk_corr_index *map, uint32_t key, uint32_t index);

/**
 * Context: exporter. Removing what is not there is allowed.
 */
void rk_corr_index_remove(struct rk_corr_index *map, uint32_t key);

#endif
