/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/stack.h - whose call stack is taken, and taking it.
 *
 * libunwind is opened when stacks are asked for, for our eyes only: it has a weak backtrace() that
 * must not take the place of the program's. A launch that is not due pays for counting down, and
 * nothing else; the one that is due leaves the fast path of the hook. Addresses are all that is
 * taken here: names are for who reads them.
 */
#ifndef RK_INTERPOSE_STACK_H
#define RK_INTERPOSE_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/record.h"
#include "core/ring.h"
#include "core/thread.h"

extern bool rk_stack_is_on __attribute__((visibility("hidden"))); /* immutable after start */

/**
 * Open libunwind if @config asks for stacks, and have it read what it reads once. Said once when
 * that fails; nothing else happens then.
 *
 * Context: the start path.
 */
void rk_stack_start(const struct rk_config *config);

/**
 * Take no stacks, count those that are due / take them again. / Measure the time that they take.
 *
 * Context: any / the start path.
 */
void rk_stack_pause(bool on);
void rk_stack_measure(bool on);

/**
 * Whether the hook of @rec, whose kind is known where it is compiled, is to take the slow path
 * for a stack. Counts a launch, copy or memset. Wrong once in 2^32 calls while nothing is sampled,
 * which the slow path finds out.
 *
 * Context: app.
 */
static inline __attribute__((always_inline)) bool rk_stack_may_be_due(struct rk_thread *self,
								      const struct rk_record *rec)
{
	if (rec->kind == RK_REC_LAUNCH || rec->kind == RK_REC_GRAPH_LAUNCH ||
	    rec->kind == RK_REC_MEMCPY || rec->kind == RK_REC_MEMSET || rec->kind == RK_REC_FREE) {
		if (__builtin_expect(--self->stack_countdown == 0, 0))
			return true;
	} else if (rec->kind == RK_REC_ALLOC) {
		return rk_stack_is_on;
	}
	return __builtin_expect(rec->result != 0, 0) && rk_stack_is_on;
}

/**
 * Put @rec into @ring, its stack before it, if that is due and there is room for both. @counted:
 * rk_stack_may_be_due() has seen the call.
 *
 * Context: app, the slow path of a hook; the calling thread owns @ring. Does not allocate or lock
 * of its own; libunwind does once for every place that calls CUDA. Preserves errno.
 * Return: false when nothing was done.
 */
bool rk_stack_push(struct rk_ring *ring, const struct rk_record *rec, bool counted);

#endif
