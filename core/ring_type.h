/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ring_type.h - what a ring consists of, and who writes which part of it.
 *
 * Producer and consumer have cache lines of their own: neither waits for the other's writes.
 */
#ifndef RK_CORE_RING_TYPE_H
#define RK_CORE_RING_TYPE_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/ledger.h"

#define RK_CACHE_LINE 64

enum rk_ring_state {
	RK_RING_FREE,	 /* in the pool */
	RK_RING_ACTIVE,	 /* owned by a living thread */
	RK_RING_RETIRED, /* its thread ended; recycled once it is empty */
};

struct rk_ring {
	/* written by the producer only, but for rk_ring_forget_tail() */
	_Alignas(RK_CACHE_LINE) _Atomic uint64_t head;
	_Atomic uint64_t cached_tail;	       /* producer's last look at tail, or less */
	_Atomic uint64_t calls[RK_WORK_COUNT]; /* every call, before anything can drop */
	_Atomic uint64_t failed[RK_WORK_COUNT];
	_Atomic uint64_t captured[RK_WORK_COUNT];
	_Atomic uint64_t lost[RK_WORK_COUNT]; /* submitted, but the ring was full */
	_Atomic uint64_t lost_other;	      /* other records that found the ring full */

	/* written by the producer only, and only where the tracer's cost has a budget */
	_Alignas(RK_CACHE_LINE) _Atomic uint64_t withheld[RK_WORK_COUNT]; /* submitted, on purpose
									   * not recorded */
	_Atomic uint64_t withheld_other; /* waits and events */
	_Atomic uint64_t withheld_stacks;
	_Atomic uint64_t stack_ticks; /* spent on stacks */

	/* written by the consumer only */
	_Alignas(RK_CACHE_LINE) _Atomic uint64_t tail;

	/* immutable while the ring is active */
	_Alignas(RK_CACHE_LINE) uint8_t *slots;
	uint64_t mask; /* number of slots - 1; a power of two */
	uint32_t slot_bytes;
	uint32_t tid;
	char thread_name[16];
	_Atomic uint32_t state;	     /* enum rk_ring_state */
	_Atomic uint32_t generation; /* +1 each time a thread takes the ring */
};

#endif
