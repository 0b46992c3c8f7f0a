/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/hook.h - what every hook does before and after the real call.
 *
 * Stage 1 of the data path: [call -> record] -> ring. A hook is: enter, real call, fill,
 * leave. Enter says no when the call is to pass through untouched: nothing is being recorded,
 * or the call comes from inside another hook, from the tracer itself or from a tool the driver
 * calls back. Leave counts the call before anything can drop, and puts the record into the
 * thread's ring. Everything is inline, because a launch must not cost more than a few clock
 * reads; the record lies on the stack until then, because in a child that is forked during the
 * real call the ring is not there any more.
 */
#ifndef RK_INTERPOSE_HOOK_H
#define RK_INTERPOSE_HOOK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/record.h"
#include "core/thread.h"
#include "interpose/api.h"
#include "interpose/hook_push.h"
#include "interpose/start.h"

struct rk_hook {
	struct rk_record rec;
};

/* Stream captures that are open in this process, or were when a stream was destroyed. */
extern _Atomic uint32_t rk_hook_open_captures __attribute__((visibility("hidden")));

/**
 * Begin a hook.
 *
 * Context: app. Preserves errno. The first GPU call of the process starts tracing here.
 * Return: false when the real function is to be called and nothing else done.
 */
RK_HOOK_INLINE bool rk_hook_enter(struct rk_hook *hook, enum rk_api api)
{
	struct rk_thread *self = &rk_thread_self;

	if (__builtin_expect(!rk_thread_gate_is_open(), 0) &&
	    !(rk_start_outlasts_rest(api) && rk_thread_epoch()) &&
	    (!atomic_load_explicit(&rk_start_is_possible, memory_order_relaxed) ||
	     !rk_start_on_call(api)))
		return false;
	if (self->depth > 0)
		return false;
	if (rk_start_creates_context(api) && atomic_load(&rk_start_gpu_is_due))
		rk_start_gpu();
	self->depth = 1;
	self->correlation = 0;
	hook->rec.api = (uint16_t)api;
	hook->rec.kind = RK_REC_CALL;
	hook->rec.flags = 0;
	hook->rec.context = self->context;
	hook->rec.start = rk_clock_ticks();
	return true;
}

/**
 * Whether a submission to @stream went into a capture; called only while one is open.
 *
 * Context: app. Preserves errno. Return: RK_REC_CAPTURED or 0.
 */
uint8_t rk_hook_ask_captured(uint64_t stream, uint8_t flags);

/**
 * End a hook: complete the record and keep it.
 *
 * Context: app. Preserves errno.
 * Return: @result.
 */
RK_HOOK_INLINE CUresult rk_hook_leave(struct rk_hook *hook, CUresult result)
{
	struct rk_thread *self = &rk_thread_self;

	hook->rec.end = rk_clock_ticks();
	hook->rec.correlation = self->correlation;
	hook->rec.result = (uint16_t)result;
	if (rk_hook_is_kept(&hook->rec))
		rk_hook_push(&hook->rec);
	self->depth = 0;
	return result;
}

/* Work of @kind went to @stream: was it captured rather than launched? */
RK_HOOK_INLINE void rk_hook_submit(struct rk_hook *hook, uint8_t kind, uint64_t stream,
				   uint8_t flags)
{
	hook->rec.kind = kind;
	hook->rec.flags = flags;
	/* Acquire pairs with the capture hooks: a capture this thread knows of is counted. */
	if (__builtin_expect(
		    atomic_load_explicit(&rk_hook_open_captures, memory_order_acquire) != 0, 0))
		hook->rec.flags |= rk_hook_ask_captured(stream, flags);
}

/*
 * The whole hook for a function whose record is filled by one expression: the form above,
 * once, for the many functions that differ in nothing else.
 */
#define RK_HOOK(name, params, args, ...)                                                           \
	CUresult name params                                                                       \
	{                                                                                          \
		struct rk_hook hook;                                                               \
                                                                                                   \
		if (!rk_hook_enter(&hook, RK_API_##name))                                          \
			return rk_real.name args;                                                  \
                                                                                                   \
		CUresult result = rk_real.name args;                                               \
                                                                                                   \
		__VA_ARGS__;                                                                       \
		return rk_hook_leave(&hook, result);                                               \
	}

#endif
