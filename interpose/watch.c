/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/watch.c - the driver functions that are of interest only when they fail.
 *
 * A program asks them by the thousand, so there is nothing before the call, and after one that
 * succeeded nothing but the test for that.
 */
#include "interpose/hook.h"

/* Keep a record of the failed call, as any other hook would. Preserves errno. */
static __attribute__((noinline, cold)) CUresult watch_failed(enum rk_api api, CUresult result)
{
	struct rk_thread *self = &rk_thread_self;
	struct rk_hook hook;

	/* Closed: nothing is recorded, and no question starts that. Within a hook, or on a thread
	 * of the tracer: not the program's call. */
	if (!rk_thread_gate_is_open() || self->depth > 0)
		return result;
	self->depth = 1;
	self->correlation = 0;
	hook.rec.api = (uint16_t)api;
	hook.rec.kind = RK_REC_CALL;
	hook.rec.flags = 0;
	hook.rec.context = self->context;
	hook.rec.start = rk_clock_ticks();
	return rk_hook_leave(&hook, result);
}

#define WATCH(name, ret, params, args)                                                             \
	__attribute__((visibility("default"))) ret name params;                                    \
	ret name params                                                                            \
	{                                                                                          \
		ret result = rk_real.name args;                                                    \
                                                                                                   \
		return __builtin_expect(result != CUDA_SUCCESS, 0) ?                               \
			       watch_failed(RK_API_##name, result) :                               \
			       result;                                                             \
	}

#define RK_API(name, ret, params, args, family) WATCH(name, ret, params, args)
#include "interpose/cuda_watch.def"
#undef RK_API
