/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ring.h - bounded single-producer/single-consumer queue of fixed-size slots.
 *
 * Stage 2 of the data path: call -> record -> [ring] -> drain. One ring per application
 * thread (64-byte records) and one for rk-cupti (activities); the thread rk-exporter is the
 * only consumer.
 *
 *      tail (consumer)                head (producer)
 *        v                              v
 *   | free | r | r | r | r | r | r | r | free | free |
 *
 * Why drop-newest: a producer must never overwrite a slot that the consumer is reading, and
 * must never wait for it. A full ring therefore counts the record as lost and returns.
 */
#ifndef RK_CORE_RING_H
#define RK_CORE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record.h"
#include "core/ring_type.h"

/**
 * Prepare @ring over @slots.
 *
 * @slots: @count * @slot_bytes bytes, cache-line aligned; @count is a power of two.
 * Context: any; before the ring is shared.
 */
void rk_ring_init(struct rk_ring *ring, void *slots, uint64_t count, uint32_t slot_bytes);

/* Relaxed: too small a value only makes the producer look at the true tail. */
static inline uint64_t rk_ring_cached_tail(const struct rk_ring *ring)
{
	return atomic_load_explicit(&ring->cached_tail, memory_order_relaxed);
}

/* The true tail, which the producer remembers. */
static inline uint64_t rk_ring_look(struct rk_ring *ring)
{
	/* Acquire pairs with the release in rk_ring_release(): the slots were read. */
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

	atomic_store_explicit(&ring->cached_tail, tail, memory_order_relaxed);
	return tail;
}

/**
 * Let the producer take its slow path at the next record, as if the ring were full: it looks at
 * the true tail there, and at whatever else is due. Costs its fast path nothing.
 *
 * Context: any thread of the process whose ring it is.
 */
static inline void rk_ring_forget_tail(struct rk_ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	atomic_store_explicit(&ring->cached_tail, head - ring->mask - 1, memory_order_relaxed);
}

/**
 * Room for one more slot, or NULL when the ring is full. Nothing is counted.
 *
 * Context: app thread, the ring's producer only. Does not allocate, lock, log, block or
 *          touch errno.
 */
static inline void *rk_ring_reserve(struct rk_ring *ring)
{
	/* Relaxed: the producer is the only writer of head. */
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head - rk_ring_cached_tail(ring) > ring->mask && head - rk_ring_look(ring) > ring->mask)
		return NULL;
	return ring->slots + (head & ring->mask) * ring->slot_bytes;
}

/**
 * Publish the slot that rk_ring_reserve() gave.
 *
 * Context: app thread, the ring's producer only.
 * Return: true when the ring has just become half full: wake the drain thread once.
 */
static inline bool rk_ring_commit(struct rk_ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed) + 1;

	/* Release pairs with the acquire in rk_ring_peek(): the slot is written. */
	atomic_store_explicit(&ring->head, head, memory_order_release);
	return head - rk_ring_cached_tail(ring) == (ring->mask >> 1) + 1;
}

/**
 * Number of committed slots that can be read.
 *
 * Context: exporter, the only consumer.
 */
static inline uint64_t rk_ring_peek(const struct rk_ring *ring)
{
	/* Acquire pairs with the release in rk_ring_commit(). */
	return atomic_load_explicit(&ring->head, memory_order_acquire) -
	       atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

/**
 * The @i-th unread slot, 0 <= @i < rk_ring_peek().
 *
 * Context: exporter. Ownership: borrowed until rk_ring_release() passes it.
 */
static inline const void *rk_ring_at(const struct rk_ring *ring, uint64_t i)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	return ring->slots + ((tail + i) & ring->mask) * ring->slot_bytes;
}

/**
 * Give @n read slots back to the producer.
 *
 * Context: exporter, the only consumer.
 */
static inline void rk_ring_release(struct rk_ring *ring, uint64_t n)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	/* Release pairs with the acquire in rk_ring_reserve(): reading is done. */
	atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
}

/**
 * Add @count / 1 to a counter that only the calling thread writes. No locked instruction.
 *
 * Context: app thread, the ring's producer only.
 */
static inline void rk_ring_add(_Atomic uint64_t *counter, uint64_t count)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + count,
			      memory_order_relaxed);
}

static inline void rk_ring_count(_Atomic uint64_t *counter)
{
	rk_ring_add(counter, 1);
}

#endif
