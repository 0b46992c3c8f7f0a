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

	if (head - ring->cached_tail + count > ring->mask + 1)
		/* Acquire pairs with the release in rk_ring_release(): the slots were read. */
		ring->cached_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	return head - ring->cached_tail + count <= ring->mask + 1;
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
	uint64_t half = (ring->mask >> 1) + 1;

	/* Release pairs with the acquire in rk_ring_peek(): the slots are written. */
	atomic_store_explicit(&ring->head, before + count, memory_order_release);
	return before - ring->cached_tail < half && before + count - ring->cached_tail >= half;
}

#endif
