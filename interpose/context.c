/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/context.c - hooks of contexts: made, destroyed, made current, waited for.
 *
 * Records carry a small number for the current context. It is given at the first sight of a
 * context and told once, by a record that names context and device. A destroyed context's
 * number is not used again before 30 others had its place, because the driver may use its
 * handle again at once.
 */
#include <stddef.h>

#include "interpose/ask.h"
#include "interpose/context.h"
#include "interpose/hook.h"

#define CONTEXTS_MAX 1024  /* at a time; later ones have number 0: unknown */
#define NUMBER_MAX   31744 /* 31 times that, and a stream is known by 15 bits of it */
#define NUMBER_BITS  16
#define DEVICES_MAX  64 /* whose primary contexts are known */

/* Handle, of at most 48 bits, and number; without a handle: free, and the number it had last.
 * 0 has never been used, and nothing behind it either. */
static _Atomic uint64_t contexts[CONTEXTS_MAX];
static _Atomic uint16_t primaries[DEVICES_MAX]; /* number of the context, 0 = unknown */

static uint16_t next_number(uint64_t before, size_t place)
{
	uint32_t next = (uint32_t)before + CONTEXTS_MAX;

	return before && next <= NUMBER_MAX ? (uint16_t)next : (uint16_t)(place + 1);
}

/* Where @context is, else where it can be; CONTEXTS_MAX: there is no place. */
static size_t find_place(CUcontext context, uint64_t *seen)
{
	size_t place = CONTEXTS_MAX;

	for (size_t i = 0; i < CONTEXTS_MAX; i++) {
		uint64_t entry = atomic_load_explicit(&contexts[i], memory_order_relaxed);

		if (entry >> NUMBER_BITS == (uint64_t)context) {
			*seen = entry;
			return i;
		}
		if (entry >> NUMBER_BITS == 0 && place == CONTEXTS_MAX) {
			*seen = entry;
			place = i;
		}
		if (!entry)
			break;
	}
	return place;
}

/* Number of @context, a new one if it has none. *@is_new: it was given just now. */
static uint16_t number_of(CUcontext context, bool *is_new)
{
	uint64_t seen = 0;
	size_t place;

	*is_new = false;
	while (context && (place = find_place(context, &seen)) < CONTEXTS_MAX) {
		uint16_t number = next_number(seen, place);

		if (seen >> NUMBER_BITS)
			return (uint16_t)seen;
		if (atomic_compare_exchange_strong(&contexts[place], &seen,
						   (uint64_t)context << NUMBER_BITS | number)) {
			*is_new = true;
			return number;
		}
	}
	return 0;
}

/* Return: the number it had, 0 = none. */
static uint16_t forget(CUcontext context)
{
	uint64_t seen = 0;
	size_t place = context ? find_place(context, &seen) : CONTEXTS_MAX;

	if (place == CONTEXTS_MAX || seen >> NUMBER_BITS == 0)
		return 0;
	atomic_compare_exchange_strong(&contexts[place], &seen, (uint16_t)seen);
	return (uint16_t)seen;
}

static void fill_context(struct rk_hook *hook, uint8_t life, CUcontext context, int32_t device)
{
	hook->rec.kind = RK_REC_CONTEXT;
	hook->rec.ctx.context = (uint64_t)context;
	hook->rec.ctx.device = device;
	hook->rec.ctx.life = life;
}

/*
 * The record of a creation carries the number of the context it is about. A primary context
 * that is only retained does not become current.
 */
static void created(struct rk_hook *hook, CUresult result, const CUcontext *out, int32_t device,
		    bool current)
{
	CUcontext context = result == CUDA_SUCCESS && out ? *out : NULL;
	uint16_t before = rk_thread_self.context;
	bool is_new;

	rk_thread_self.context = number_of(context, &is_new);
	fill_context(hook, RK_LIFE_CREATE, context, device);
	if (result == CUDA_SUCCESS && !current && !is_new)
		hook->rec.kind = RK_REC_CALL; /* retained again: nothing to tell */
	hook->rec.context = rk_thread_self.context;
	if (result != CUDA_SUCCESS || !current)
		rk_thread_self.context = before;
	if (result == CUDA_SUCCESS)
		rk_start_context_created();
}

/* @context is current now; its first sight is told like a creation. */
static void switched(struct rk_hook *hook, CUresult result, CUcontext context)
{
	bool is_new = false;

	if (result != CUDA_SUCCESS)
		return;
	rk_thread_self.context = number_of(context, &is_new);
	hook->rec.context = rk_thread_self.context;
	if (is_new)
		fill_context(hook, RK_LIFE_CREATE, context, rk_ask_device());
}

/*
 * A new session: the thread may have gone to another context while nothing was recorded. One that
 * has not been seen before is told.
 */
void rk_context_refresh(void)
{
	struct rk_hook hook = { .rec.api = RK_API_cuCtxSetCurrent };
	CUcontext context = rk_ask_context();
	bool is_new;

	rk_thread_self.context = number_of(context, &is_new);
	if (!is_new)
		return;
	hook.rec.context = rk_thread_self.context;
	hook.rec.start = hook.rec.end = rk_clock_ticks();
	fill_context(&hook, RK_LIFE_CREATE, context, rk_ask_device());
	rk_hook_push_slow(&hook.rec, rk_thread_epoch());
}

static void destroyed(struct rk_hook *hook, CUresult result, CUcontext context)
{
	bool ignored;

	fill_context(hook, RK_LIFE_DESTROY, context, -1);
	if (result != CUDA_SUCCESS)
		return;
	hook->rec.context = forget(context); /* what the record is about */
	rk_thread_self.context = number_of(rk_ask_context(), &ignored);
}

static void retained(struct rk_hook *hook, CUresult result, const CUcontext *out, CUdevice device)
{
	created(hook, result, out, device, false);
	if (result == CUDA_SUCCESS && device >= 0 && device < DEVICES_MAX)
		atomic_store_explicit(&primaries[device], hook->rec.context, memory_order_relaxed);
}

/*
 * Only the driver knows how often a primary context is retained. Its handle lives on with the
 * device, so it keeps its number.
 */
static void released(struct rk_hook *hook, CUresult result, CUdevice device)
{
	if (result != CUDA_SUCCESS || device < 0 || device >= DEVICES_MAX ||
	    rk_ask_primary_is_active(device))
		return;
	fill_context(hook, RK_LIFE_DESTROY, NULL, device);
	hook->rec.context = atomic_load_explicit(&primaries[device], memory_order_relaxed);
}

RK_HOOK(cuCtxCreate, (CUcontext * pctx, unsigned int flags, CUdevice dev), (pctx, flags, dev),
	created(&hook, result, pctx, dev, true))
RK_HOOK(cuCtxCreate_v2, (CUcontext * pctx, unsigned int flags, CUdevice dev), (pctx, flags, dev),
	created(&hook, result, pctx, dev, true))
RK_HOOK(cuCtxCreate_v3,
	(CUcontext * pctx, CUexecAffinityParam *paramsArray, int numParams, unsigned int flags,
	 CUdevice dev),
	(pctx, paramsArray, numParams, flags, dev), created(&hook, result, pctx, dev, true))
RK_HOOK(cuCtxCreate_v4,
	(CUcontext * pctx, CUctxCreateParams *ctxCreateParams, unsigned int flags, CUdevice dev),
	(pctx, ctxCreateParams, flags, dev), created(&hook, result, pctx, dev, true))
RK_HOOK(cuDevicePrimaryCtxRetain, (CUcontext * pctx, CUdevice dev), (pctx, dev),
	retained(&hook, result, pctx, dev))
RK_HOOK(cuCtxFromGreenCtx, (CUcontext * pContext, CUgreenCtx hCtx), (pContext, hCtx),
	created(&hook, result, pContext, -1, false))

RK_HOOK(cuCtxDestroy, (CUcontext ctx), (ctx), destroyed(&hook, result, ctx))
RK_HOOK(cuCtxDestroy_v2, (CUcontext ctx), (ctx), destroyed(&hook, result, ctx))

RK_HOOK(cuCtxSetCurrent, (CUcontext ctx), (ctx), switched(&hook, result, ctx))
RK_HOOK(cuCtxPushCurrent, (CUcontext ctx), (ctx), switched(&hook, result, ctx))
RK_HOOK(cuCtxPushCurrent_v2, (CUcontext ctx), (ctx), switched(&hook, result, ctx))
RK_HOOK(cuCtxPopCurrent, (CUcontext * pctx), (pctx), switched(&hook, result, rk_ask_context()))
RK_HOOK(cuCtxPopCurrent_v2, (CUcontext * pctx), (pctx), switched(&hook, result, rk_ask_context()))

RK_HOOK(cuDevicePrimaryCtxRelease, (CUdevice dev), (dev), released(&hook, result, dev))
RK_HOOK(cuDevicePrimaryCtxRelease_v2, (CUdevice dev), (dev), released(&hook, result, dev))
RK_HOOK(cuDevicePrimaryCtxReset, (CUdevice dev), (dev), released(&hook, result, dev))
RK_HOOK(cuDevicePrimaryCtxReset_v2, (CUdevice dev), (dev), released(&hook, result, dev))

static inline void fill_sync(struct rk_hook *hook, CUcontext context)
{
	hook->rec.kind = RK_REC_SYNC;
	hook->rec.sync.object = (uint64_t)context; /* 0 = the current one */
	hook->rec.sync.scope = RK_SYNC_CONTEXT;
}

RK_HOOK(cuCtxSynchronize, (void), (), fill_sync(&hook, NULL))
RK_HOOK(cuCtxSynchronize_v2, (CUcontext ctx), (ctx), fill_sync(&hook, ctx))
