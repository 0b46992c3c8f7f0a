/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ring_run.h - several slots of a ring that the consumer sees at once or not at all.
 */
#ifndef RK_CORE_RING_RUN_H
#define RK_CORE_RING_RUN_H

#include "core/ring.h"

/**
 * Whether there is room for @count more slots. Nothing is counted.
 *
 * Context: app thread, the ring's producer only. Does not allocate, lock, log, block or
 *          touch errno.
 */
static inline bool rk_ring_run_fits(struct rk_ring *ring, uint64_t count)
{
	/* Relaxed: the producer is the only writer of head. */
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint64_t room = ring->mask + 1;

	return head - rk_ring_cached_tail(ring) + count <= room ||
	       head - rk_ring_look(ring) + count <= room;
}

/**
 * The @i-th of the slots that rk_ring_run_fits() promised.
 *
 * Context: as above.
 */
static inline void *rk_ring_run_slot(struct rk_ring *ring, uint64_t i)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	return ring->slots + ((head + i) & ring->mask) * ring->slot_bytes;
}

/**
 * Publish the first @count of them.
 *
 * Context: as above. Return: true when the ring has just become half full: wake the drain
 * thread once.
 */
static inline bool rk_ring_run_commit(struct rk_ring *ring, uint64_t count)
{
	uint64_t before = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint64_t tail = rk_ring_cached_tail(ring), half = (ring->mask >> 1) + 1;

	/* Release pairs with the acquire in rk_ring_peek(): the slots are written. */
	atomic_store_explicit(&ring->head, before + count, memory_order_release);
	return before - tail < half && before + count - tail >= half;
}

#endif
