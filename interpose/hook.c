/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/hook.c - the paths of a hook that are taken rarely.
 */
#include "interpose/hook.h"

#include <errno.h>

#include "interpose/api_v1.h"
#include "interpose/ask.h"
#include "interpose/injection.h"
#include "interpose/nvtx_range.h"
#include "interpose/stack.h"

_Atomic uint32_t rk_hook_open_captures;
_Atomic bool rk_hook_kernels_only;
static _Atomic uint64_t kernels_only_since; /* ticks */

void rk_hook_set_kernels_only(bool on)
{
	atomic_store(&kernels_only_since, rk_clock_ticks());
	atomic_store(&rk_hook_kernels_only, on);
}

/* CUPTI told the thread an id where it keeps the GPU's record: then the call's is kept, too. */
static bool is_counted_only(const struct rk_record *rec)
{
	if (rk_ledger_work(rec->kind) >= 0)
		return rec->correlation == 0;
	return rec->kind == RK_REC_SYNC ||
	       (rec->kind == RK_REC_EVENT &&
		(rec->event.life == RK_LIFE_RECORD || rec->event.life == RK_LIFE_WAIT));
}

/*
 * What failed is always told, and so is what later records cannot be understood without. A copy
 * that began before kernels were all that counts has its GPU record.
 */
static bool is_withheld(const struct rk_record *rec, uint32_t gate)
{
	if (rec->result != CUDA_SUCCESS || rec->flags & RK_REC_CAPTURED)
		return false;
	if (gate && gate != rk_thread_epoch() && is_counted_only(rec))
		return true;
	return (rec->kind == RK_REC_MEMCPY || rec->kind == RK_REC_MEMSET) &&
	       atomic_load_explicit(&rk_hook_kernels_only, memory_order_relaxed) &&
	       rec->start >= atomic_load(&kernels_only_since);
}

/* The ring was taken away from the thread for the length of the call: see injection.c. */
static const struct rk_record *put_back_ring(const struct rk_record *rec, struct rk_record *copy)
{
	if (rk_injection_call.start == 0)
		return rec;
	rk_thread_self.ring = rk_injection_call.ring;
	*copy = *rec;
	copy->start = rk_injection_call.start;
	return copy;
}

/* What the thread took for its context when the call began may be from before a rest. */
static const struct rk_record *correct_context(const struct rk_record *rec, struct rk_record *copy)
{
	if (rec->kind == RK_REC_CONTEXT)
		return rec;
	*copy = *rec;
	copy->context = rk_thread_self.context;
	return copy;
}

static void push_one(struct rk_ring *ring, const struct rk_record *rec)
{
	struct rk_record *slot = rk_ring_reserve(ring);

	rk_hook_count(ring, rec, slot != NULL);
	if (!slot)
		return;
	*slot = *rec;
	if (rk_ring_commit(ring))
		rk_thread_wake();
}

/* @is_counted: as of rk_stack_push(). */
static void push(const struct rk_record *rec, uint32_t gate, bool is_counted)
{
	bool is_session_new = rk_thread_self.epoch != rk_thread_epoch();
	int saved_errno = errno;
	struct rk_record copy;
	struct rk_ring *ring;

	/* Closed meanwhile: the process is exiting, or this is a child forked during the call. What
	 * began before a rest is told all the same. */
	if (gate == 0 && !rk_thread_epoch())
		return;
	rec = put_back_ring(rec, &copy);
	rk_nvtx_range_settle();
	rk_api_v1_tell_context();
	ring = rk_thread_ring_slow();
	if (is_session_new)
		rec = correct_context(rec, &copy);
	if (is_withheld(rec, gate))
		rk_thread_withhold(ring, rec);
	else if (!ring)
		rk_thread_push_overflow(rec);
	else if (!rk_stack_push(ring, rec, is_counted))
		push_one(ring, rec);
	rk_nvtx_range_recheck();
	errno = saved_errno;
}

void rk_hook_push_slow(const struct rk_record *rec, uint32_t gate)
{
	push(rec, gate, false);
}

void rk_hook_push_due(const struct rk_record *rec, uint32_t gate)
{
	push(rec, gate, true);
}

uint8_t rk_hook_ask_captured(uint64_t stream, uint8_t flags)
{
	/* A call that waited for its work cannot have been captured. */
	if (!(flags & RK_REC_ASYNC))
		return 0;
	return rk_ask_capture((CUstream)stream, flags & RK_REC_PER_THREAD_STREAM) ==
			       RK_ASK_NOT_CAPTURING ?
		       0 :
		       RK_REC_CAPTURED;
}
