/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/cupti_guest.c - the functions by which a tool takes CUPTI and leaves it.
 *
 * Each does the same: note who calls, let go, make the call, note what it gave or took, and take
 * CUPTI back when nothing is held any more. What the tool gets is what CUPTI gives it. Buffers
 * that it lent while we hold CUPTI, or we while it does, find their way back by their address.
 *
 * Calls of our own, and those that libcupti makes to itself, pass through.
 */
#pragma GCC visibility push(default)
#include <cupti.h>
#pragma GCC visibility pop

#include "interpose/cupti_guest.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/thread.h"
#include "interpose/cupti_tool.h"
#include "interpose/preload.h"

/* For a tool that has left: so long its last call may take, for GPU time without a gap. */
#define RETURN_WAIT_MS 100

static void *_Atomic real_functions[RK_GUEST_COUNT];

static const char *const names[RK_GUEST_COUNT] = {
	[RK_GUEST_SUBSCRIBE] = "cuptiSubscribe",
	[RK_GUEST_SUBSCRIBE_V2] = "cuptiSubscribe_v2",
	[RK_GUEST_UNSUBSCRIBE] = "cuptiUnsubscribe",
	[RK_GUEST_REGISTER_CALLBACKS] = "cuptiActivityRegisterCallbacks",
	[RK_GUEST_REGISTER_CLOCK] = "cuptiActivityRegisterTimestampCallback",
	[RK_GUEST_ENABLE] = "cuptiActivityEnable",
	[RK_GUEST_DISABLE] = "cuptiActivityDisable",
	[RK_GUEST_ENABLE_CONTEXT] = "cuptiActivityEnableContext",
	[RK_GUEST_DISABLE_CONTEXT] = "cuptiActivityDisableContext",
	[RK_GUEST_ENABLE_AND_DUMP] = "cuptiActivityEnableAndDump",
	[RK_GUEST_FINALIZE] = "cuptiFinalize",
};

static void *const wrappers[RK_GUEST_COUNT] = {
	[RK_GUEST_SUBSCRIBE] = (void *)cuptiSubscribe,
	[RK_GUEST_SUBSCRIBE_V2] = (void *)cuptiSubscribe_v2,
	[RK_GUEST_UNSUBSCRIBE] = (void *)cuptiUnsubscribe,
	[RK_GUEST_REGISTER_CALLBACKS] = (void *)cuptiActivityRegisterCallbacks,
	[RK_GUEST_REGISTER_CLOCK] = (void *)cuptiActivityRegisterTimestampCallback,
	[RK_GUEST_ENABLE] = (void *)cuptiActivityEnable,
	[RK_GUEST_DISABLE] = (void *)cuptiActivityDisable,
	[RK_GUEST_ENABLE_CONTEXT] = (void *)cuptiActivityEnableContext,
	[RK_GUEST_DISABLE_CONTEXT] = (void *)cuptiActivityDisableContext,
	[RK_GUEST_ENABLE_AND_DUMP] = (void *)cuptiActivityEnableAndDump,
	[RK_GUEST_FINALIZE] = (void *)cuptiFinalize,
};

int rk_cupti_guest_is_libcupti(const char *path)
{
	static const char stem[] = "libcupti";
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;

	/* "libcupti.so.13" and a repaired wheel's "libcupti-753c68a4.so.12" */
	return strncmp(file, stem, sizeof(stem) - 1) == 0 &&
	       (file[sizeof(stem) - 1] == '.' || file[sizeof(stem) - 1] == '-');
}

/* ---- libcupti's own functions ---- */

static void *find_real(const void *caller, enum rk_guest_function which)
{
	void *real = atomic_load(&real_functions[which]);

	if (real)
		return real;
	real = rk_cupti_tool_find(caller, names[which], wrappers[which]);
	/* libcupti's call to itself may be a jump, and then seem to be ours. */
	for (int i = 0; !real && i < RK_GUEST_COUNT; i++)
		if (atomic_load(&real_functions[i]))
			real = rk_cupti_tool_find(atomic_load(&real_functions[i]), names[which],
						  wrappers[which]);
	atomic_store(&real_functions[which], real);
	return real;
}

#define REAL(function, which) ((__typeof__(&function))find_real(__builtin_return_address(0), which))

void *rk_cupti_guest_wrap(enum rk_guest_function which, void *real)
{
	if (real != wrappers[which])
		atomic_store(&real_functions[which], real);
	return wrappers[which];
}

/* ---- buffers ---- */

static void CUPTIAPI on_tool_request(uint8_t **buffer, size_t *size, size_t *max_records)
{
	rk_cupti_tool_lend(buffer, size, max_records);
}

/* CUPTI calls it for the tool: what is ours comes to us, the rest to the tool as it would. */
static void CUPTIAPI on_tool_buffer(CUcontext context, uint32_t stream, uint8_t *buffer,
				    size_t size, size_t valid)
{
	if (!buffer || !rk_preload_take_buffer(context, stream, buffer, valid))
		rk_cupti_tool_give_back(context, stream, buffer, size, valid);
}

/* The tool goes on where it stopped, as if nobody had been here meanwhile. */
static void restore_functions(const void *caller)
{
	struct rk_tool_functions functions;
	__typeof__(&cuptiActivityRegisterCallbacks) set_buffers;
	__typeof__(&cuptiActivityRegisterTimestampCallback) set_clock;

	if (!rk_cupti_tool_take_displaced(&functions))
		return;
	set_buffers = (__typeof__(set_buffers))find_real(caller, RK_GUEST_REGISTER_CALLBACKS);
	set_clock = (__typeof__(set_clock))find_real(caller, RK_GUEST_REGISTER_CLOCK);
	if (functions.request && set_buffers)
		set_buffers(on_tool_request, on_tool_buffer);
	if (functions.clock && set_clock)
		set_clock(functions.clock);
}

/* ---- a tool's call ---- */

/* A call that libcupti makes to itself: where it is a jump, it seems to come from us. */
static bool is_inner_call(const void *caller)
{
	Dl_info of_caller, ours;

	if (!dladdr(caller, &of_caller) || !of_caller.dli_fname)
		return false;
	return rk_cupti_guest_is_libcupti(of_caller.dli_fname) ||
	       (dladdr((void *)rk_cupti_guest_wrap, &ours) &&
		ours.dli_fbase == of_caller.dli_fbase);
}

/* False: pass through. Otherwise CUPTI is the caller's until leave(). */
static bool enter(const void *caller)
{
	char name[64];

	if (rk_thread_self.depth > 0 || is_inner_call(caller))
		return false;
	rk_cupti_tool_enter(caller);
	rk_cupti_tool_name(name, sizeof(name));
	rk_preload_yield_cupti(name);
	restore_functions(caller);
	return true;
}

static void leave(uint32_t wait_ms)
{
	rk_cupti_tool_leave();
	if (rk_cupti_tool_holds())
		return;
	rk_cupti_tool_displace();
	rk_preload_return_cupti(wait_ms);
}

CUptiResult cuptiSubscribe(CUpti_SubscriberHandle *subscriber, CUpti_CallbackFunc callback,
			   void *userdata)
{
	__typeof__(&cuptiSubscribe) real = REAL(cuptiSubscribe, RK_GUEST_SUBSCRIBE);
	CUptiResult result;

	if (!real)
		return CUPTI_ERROR_NOT_INITIALIZED;
	if (!enter(__builtin_return_address(0)))
		return real(subscriber, callback, userdata);
	result = real(subscriber, callback, userdata);
	if (result == CUPTI_SUCCESS)
		rk_cupti_tool_add_subscriber(*subscriber);
	leave(RETURN_WAIT_MS);
	return result;
}

CUptiResult cuptiSubscribe_v2(CUpti_SubscriberHandle *subscriber, CUpti_CallbackFunc callback,
			      void *userdata, CUpti_SubscriberParams *pParams)
{
	__typeof__(&cuptiSubscribe_v2) real = REAL(cuptiSubscribe_v2, RK_GUEST_SUBSCRIBE_V2);
	CUptiResult result;

	if (!real)
		return CUPTI_ERROR_NOT_INITIALIZED;
	if (!enter(__builtin_return_address(0)))
		return real(subscriber, callback, userdata, pParams);
	result = real(subscriber, callback, userdata, pParams);
	if (result == CUPTI_SUCCESS)
		rk_cupti_tool_add_subscriber(*subscriber);
	leave(RETURN_WAIT_MS);
	return result;
}

CUptiResult cuptiUnsubscribe(CUpti_SubscriberHandle subscriber)
{
	__typeof__(&cuptiUnsubscribe) real = REAL(cuptiUnsubscribe, RK_GUEST_UNSUBSCRIBE);
	CUptiResult result;

	if (!real)
		return CUPTI_ERROR_NOT_INITIALIZED;
	if (!enter(__builtin_return_address(0)))
		return real(subscriber);
	result = real(subscriber);
	if (result == CUPTI_SUCCESS)
		rk_cupti_tool_remove_subscriber(subscriber);
	leave(RETURN_WAIT_MS);
	return result;
}

CUptiResult cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc funcBufferRequested,
					   CUpti_BuffersCallbackCompleteFunc funcBufferCompleted)
{
	__typeof__(&cuptiActivityRegisterCallbacks) real =
		REAL(cuptiActivityRegisterCallbacks, RK_GUEST_REGISTER_CALLBACKS);
	CUptiResult result;

	if (!real)
		return CUPTI_ERROR_NOT_INITIALIZED;
	if (!enter(__builtin_return_address(0)))
		return real(funcBufferRequested, funcBufferCompleted);
	if (funcBufferRequested && funcBufferCompleted)
		rk_cupti_tool_set_buffers(funcBufferRequested,
					  (rk_tool_complete_fn)funcBufferCompleted);
	result = real(funcBufferRequested ? on_tool_request : NULL,
		      funcBufferCompleted ? on_tool_buffer : NULL);
	leave(RETURN_WAIT_MS);
	return result;
}

CUptiResult cuptiActivityRegisterTimestampCallback(CUpti_TimestampCallbackFunc funcTimestamp)
{
	__typeof__(&cuptiActivityRegisterTimestampCallback) real =
		REAL(cuptiActivityRegisterTimestampCallback, RK_GUEST_REGISTER_CLOCK);
	CUptiResult result;

	if (!real)
		return CUPTI_ERROR_NOT_INITIALIZED;
	if (!enter(__builtin_return_address(0)))
		return real(funcTimestamp);
	result = real(funcTimestamp);
	if (result == CUPTI_SUCCESS)
		rk_cupti_tool_set_clock(funcTimestamp);
	leave(RETURN_WAIT_MS);
	return result;
}

/* The five that switch a kind of records differ in nothing else. */
#define KIND(function, which, params, args, context, enabled)                                      \
	CUptiResult function params                                                                \
	{                                                                                          \
		__typeof__(&function) real = REAL(function, which);                                \
		CUptiResult result;                                                                \
                                                                                                   \
		if (!real)                                                                         \
			return CUPTI_ERROR_NOT_INITIALIZED;                                        \
		if (!enter(__builtin_return_address(0)))                                           \
			return real args;                                                          \
		result = real args;                                                                \
		if (result == CUPTI_SUCCESS)                                                       \
			rk_cupti_tool_set_kind(context, kind, enabled);                            \
		leave(RETURN_WAIT_MS);                                                             \
		return result;                                                                     \
	}

KIND(cuptiActivityEnable, RK_GUEST_ENABLE, (CUpti_ActivityKind kind), (kind), NULL, true)
KIND(cuptiActivityDisable, RK_GUEST_DISABLE, (CUpti_ActivityKind kind), (kind), NULL, false)
KIND(cuptiActivityEnableAndDump, RK_GUEST_ENABLE_AND_DUMP, (CUpti_ActivityKind kind), (kind), NULL,
     true)
KIND(cuptiActivityEnableContext, RK_GUEST_ENABLE_CONTEXT,
     (CUcontext context, CUpti_ActivityKind kind), (context, kind), context, true)
KIND(cuptiActivityDisableContext, RK_GUEST_DISABLE_CONTEXT,
     (CUcontext context, CUpti_ActivityKind kind), (context, kind), context, false)

/* Called in one of CUPTI's own callbacks: we come back by ourselves, and later. */
CUptiResult cuptiFinalize(void)
{
	__typeof__(&cuptiFinalize) real = REAL(cuptiFinalize, RK_GUEST_FINALIZE);
	CUptiResult result;

	if (!real)
		return CUPTI_ERROR_NOT_INITIALIZED;
	if (!enter(__builtin_return_address(0)))
		return real();
	result = real();
	if (result == CUPTI_SUCCESS)
		rk_cupti_tool_clear();
	leave(0);
	return result;
}
