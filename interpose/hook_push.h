/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/hook_push.h - the last step of a hook: count the call, keep its record.
 */
#ifndef RK_INTERPOSE_HOOK_PUSH_H
#define RK_INTERPOSE_HOOK_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/record.h"
#include "core/ring.h"
#include "core/thread.h"
#include "interpose/api.h"
#include "interpose/stack.h"

/* What kind of call it is, is known where the hook is compiled: half of this folds away. */
#define RK_HOOK_INLINE static inline __attribute__((always_inline))

/**
 * Count and keep a record that the fast path has no room or no ring for.
 *
 * Context: app. Preserves errno.
 */
void rk_hook_push_slow(const struct rk_record *rec, uint32_t gate);

/* The same for one whose stack may be due: it has been counted down. Context: app. */
void rk_hook_push_due(const struct rk_record *rec, uint32_t gate);

/* Copies and memsets are counted, and not recorded: the budget of the tracer's cost says so. */
extern _Atomic bool rk_hook_kernels_only __attribute__((visibility("hidden")));

/**
 * Record kernels only, from calls on that begin now / everything.
 *
 * Context: any, while the gate is closed or counts.
 */
void rk_hook_set_kernels_only(bool on);

/**
 * Whether a successful call of this kind is of any interest.
 */
RK_HOOK_INLINE bool rk_hook_is_kept(const struct rk_record *rec)
{
	if (rec->kind == RK_REC_CALL)
		return rec->result != CUDA_SUCCESS;
	/* "Not ready" is an answer, and programs ask in a loop. */
	return rec->kind != RK_REC_SYNC || rec->result != CUDA_ERROR_NOT_READY;
}

RK_HOOK_INLINE void rk_hook_count(struct rk_ring *ring, const struct rk_record *rec, bool pushed)
{
	int work = rk_ledger_work(rec->kind);

	if (work < 0) {
		if (!pushed)
			rk_ring_count(&ring->lost_other);
		return;
	}
	rk_ring_count(&ring->calls[work]);
	if (rec->result != CUDA_SUCCESS)
		rk_ring_count(&ring->failed[work]);
	else if (rec->flags & RK_REC_CAPTURED)
		rk_ring_count(&ring->captured[work]);
	else if (!pushed)
		rk_ring_count(&ring->lost[work]);
}

/*
 * The slow path gets a copy: were the address of @rec to escape, the compiler would have to
 * build the record in memory, and reading it back in wider pieces than it was written in
 * stalls the processor for longer than everything else here takes.
 */
RK_HOOK_INLINE void rk_hook_push_copy(const struct rk_record *rec, uint32_t gate)
{
	struct rk_record copy = *rec;

	rk_hook_push_slow(&copy, gate);
}

RK_HOOK_INLINE void rk_hook_push_due_copy(const struct rk_record *rec, uint32_t gate)
{
	struct rk_record copy = *rec;

	rk_hook_push_due(&copy, gate);
}

/*
 * What rk_ring_reserve() and rk_ring_commit() do, in one go: between them everything would be
 * read twice. A gate of 0 is no thread's epoch once it has a ring.
 */
RK_HOOK_INLINE void rk_hook_push(const struct rk_record *rec)
{
	struct rk_thread *self = &rk_thread_self;
	uint32_t gate = rk_thread_gate();
	struct rk_ring *ring = self->ring;
	uint64_t head, used;

	if (__builtin_expect(self->epoch != gate || !ring, 0)) {
		rk_hook_push_copy(rec, gate);
		return;
	}
	/* Known where a hook is compiled: a launch does not ask. */
	if ((rec->kind == RK_REC_MEMCPY || rec->kind == RK_REC_MEMSET) &&
	    __builtin_expect(atomic_load_explicit(&rk_hook_kernels_only, memory_order_relaxed),
			     0)) {
		rk_hook_push_copy(rec, gate);
		return;
	}
	if (rk_stack_may_be_due(self, rec)) {
		rk_hook_push_due_copy(rec, gate);
		return;
	}
	/* Relaxed: the producer is the only writer of head. */
	head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	used = head - rk_ring_cached_tail(ring);
	if (__builtin_expect(used > ring->mask, 0)) {
		rk_hook_push_copy(rec, gate); /* looks at the true tail */
		return;
	}
	rk_hook_count(ring, rec, true);
	((struct rk_record *)ring->slots)[head & ring->mask] = *rec;
	/* Release pairs with the acquire in rk_ring_peek(): the slot is written. */
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
	if (__builtin_expect(used == ring->mask >> 1, 0))
		rk_thread_wake();
}

#endif
