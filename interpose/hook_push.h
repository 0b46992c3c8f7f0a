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

/* What kind of call it is, is known where the hook is compiled: half of this folds away. */
#define RK_HOOK_INLINE static inline __attribute__((always_inline))

/**
 * Count and keep a record that the fast path has no room or no ring for.
 *
 * Context: app. Preserves errno.
 */
void rk_hook_push_slow(const struct rk_record *rec, uint32_t gate);

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
	int work = rk_record_work(rec->kind);

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

RK_HOOK_INLINE void rk_hook_push(const struct rk_record *rec)
{
	struct rk_thread *self = &rk_thread_self;
	uint32_t gate = rk_thread_gate();
	struct rk_ring *ring = self->ring;
	struct rk_record *slot;

	if (__builtin_expect(gate == 0 || self->epoch != gate || !ring, 0)) {
		rk_hook_push_slow(rec, gate);
		return;
	}
	slot = rk_ring_reserve(ring);
	rk_hook_count(ring, rec, slot != NULL);
	if (!slot)
		return;
	*slot = *rec;
	if (__builtin_expect(rk_ring_commit(ring), 0))
		rk_thread_wake();
}

#endif
