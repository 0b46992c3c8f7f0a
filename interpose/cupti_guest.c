/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/cupti_guest.c - the functions by which a tool takes CUPTI and leaves it.
 *
 * A tool that registers buffers without subscribing never says that it has left: it keeps
 * CUPTI. Our own calls do not come here; should one of a thread of ours, it passes through.
 */
#pragma GCC visibility push(default)
#include <cupti.h>
#pragma GCC visibility pop

#include "interpose/cupti_guest.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

#include "core/thread.h"
#include "interpose/preload.h"

static void *_Atomic real_functions[RK_GUEST_COUNT];
static _Atomic int subscribers;
static _Atomic bool has_buffers;

/* libcupti's function: as it was looked up, else the next in the global scope. */
static void *find_real(enum rk_guest_function which, const char *name)
{
	void *real = atomic_load(&real_functions[which]);

	if (!real) {
		real = dlsym(RTLD_NEXT, name);
		atomic_store(&real_functions[which], real);
	}
	return real;
}

static bool is_ours(void)
{
	return rk_thread_self.depth > 0;
}

static void after_subscribe(CUptiResult result)
{
	if (result == CUPTI_SUCCESS)
		atomic_fetch_add(&subscribers, 1);
	else if (atomic_load(&subscribers) == 0 && !atomic_load(&has_buffers))
		rk_preload_return_cupti();
}

CUptiResult cuptiSubscribe(CUpti_SubscriberHandle *subscriber, CUpti_CallbackFunc callback,
			   void *userdata)
{
	__typeof__(&cuptiSubscribe) real =
		(__typeof__(&cuptiSubscribe))find_real(RK_GUEST_SUBSCRIBE, "cuptiSubscribe");
	CUptiResult result;

	if (!real)
		return CUPTI_ERROR_NOT_INITIALIZED;
	if (is_ours())
		return real(subscriber, callback, userdata);
	rk_preload_yield_cupti();
	result = real(subscriber, callback, userdata);
	after_subscribe(result);
	return result;
}

CUptiResult cuptiSubscribe_v2(CUpti_SubscriberHandle *subscriber, CUpti_CallbackFunc callback,
			      void *userdata, CUpti_SubscriberParams *pParams)
{
	__typeof__(&cuptiSubscribe_v2) real = (__typeof__(&cuptiSubscribe_v2))find_real(
		RK_GUEST_SUBSCRIBE_V2, "cuptiSubscribe_v2");
	CUptiResult result;

	if (!real)
		return CUPTI_ERROR_NOT_INITIALIZED;
	if (is_ours())
		return real(subscriber, callback, userdata, pParams);
	rk_preload_yield_cupti();
	result = real(subscriber, callback, userdata, pParams);
	after_subscribe(result);
	return result;
}

CUptiResult cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc funcBufferRequested,
					   CUpti_BuffersCallbackCompleteFunc funcBufferCompleted)
{
	__typeof__(&cuptiActivityRegisterCallbacks) real =
		(__typeof__(&cuptiActivityRegisterCallbacks))find_real(
			RK_GUEST_REGISTER_CALLBACKS, "cuptiActivityRegisterCallbacks");
	CUptiResult result;

	if (!real)
		return CUPTI_ERROR_NOT_INITIALIZED;
	if (is_ours())
		return real(funcBufferRequested, funcBufferCompleted);
	rk_preload_yield_cupti();
	atomic_store(&has_buffers, true);
	result = real(funcBufferRequested, funcBufferCompleted);
	if (result != CUPTI_SUCCESS) {
		atomic_store(&has_buffers, false);
		if (atomic_load(&subscribers) == 0)
			rk_preload_return_cupti();
	}
	return result;
}

CUptiResult cuptiUnsubscribe(CUpti_SubscriberHandle subscriber)
{
	__typeof__(&cuptiUnsubscribe) real =
		(__typeof__(&cuptiUnsubscribe))find_real(RK_GUEST_UNSUBSCRIBE, "cuptiUnsubscribe");
	CUptiResult result;

	if (!real)
		return CUPTI_ERROR_NOT_INITIALIZED;
	if (is_ours())
		return real(subscriber);
	result = real(subscriber);
	if (result == CUPTI_SUCCESS && atomic_fetch_sub(&subscribers, 1) == 1) {
		atomic_store(&has_buffers, false);
		rk_preload_return_cupti();
	}
	return result;
}

void *rk_cupti_guest_wrap(enum rk_guest_function which, void *real)
{
	static void *const wrappers[RK_GUEST_COUNT] = {
		[RK_GUEST_SUBSCRIBE] = (void *)cuptiSubscribe,
		[RK_GUEST_SUBSCRIBE_V2] = (void *)cuptiSubscribe_v2,
		[RK_GUEST_UNSUBSCRIBE] = (void *)cuptiUnsubscribe,
		[RK_GUEST_REGISTER_CALLBACKS] = (void *)cuptiActivityRegisterCallbacks,
	};

	if (real != wrappers[which])
		atomic_store(&real_functions[which], real);
	return wrappers[which];
}

bool rk_cupti_guest_has_buffers(void)
{
	return atomic_load(&has_buffers);
}
