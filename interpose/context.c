/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/context.c - hooks of contexts: made, destroyed, made current, waited for.
 *
 * Records carry a small number for the current context. It is given at the first sight of a
 * context and told once, by a record that names context and device; a destroyed context's
 * number is not used again, because the driver may use its handle again.
 */
#include <stddef.h>

#include "interpose/ask.h"
#include "interpose/hook.h"

#define CONTEXTS_MAX 1024 /* later ones have number 0: unknown */
#define GONE	     1ull /* no handle has this value */

static _Atomic uint64_t contexts[CONTEXTS_MAX];

/* Number of @context, a new one if it has none. *@is_new: it was given just now. */
static uint16_t number_of(CUcontext context, bool *is_new)
{
	*is_new = false;
	if (!context)
		return 0;
	for (uint16_t i = 0; i < CONTEXTS_MAX; i++) {
		uint64_t seen = atomic_load_explicit(&contexts[i], memory_order_relaxed);

		if (seen == 0 &&
		    atomic_compare_exchange_strong(&contexts[i], &seen, (uint64_t)context)) {
			*is_new = true;
			return (uint16_t)(i + 1);
		}
		if (seen == (uint64_t)context)
			return (uint16_t)(i + 1);
	}
	return 0;
}

static void forget(CUcontext context)
{
	for (size_t i = 0; i < CONTEXTS_MAX; i++) {
		uint64_t expected = (uint64_t)context;

		if (atomic_compare_exchange_strong(&contexts[i], &expected, GONE))
			return;
	}
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

static void destroyed(struct rk_hook *hook, CUresult result, CUcontext context)
{
	bool ignored;

	fill_context(hook, RK_LIFE_DESTROY, context, -1);
	if (result != CUDA_SUCCESS)
		return;
	forget(context);
	rk_thread_self.context = number_of(rk_ask_context(), &ignored);
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
	created(&hook, result, pctx, dev, false))
RK_HOOK(cuCtxFromGreenCtx, (CUcontext * pContext, CUgreenCtx hCtx), (pContext, hCtx),
	created(&hook, result, pContext, -1, false))

RK_HOOK(cuCtxDestroy, (CUcontext ctx), (ctx), destroyed(&hook, result, ctx))
RK_HOOK(cuCtxDestroy_v2, (CUcontext ctx), (ctx), destroyed(&hook, result, ctx))

RK_HOOK(cuCtxSetCurrent, (CUcontext ctx), (ctx), switched(&hook, result, ctx))
RK_HOOK(cuCtxPushCurrent, (CUcontext ctx), (ctx), switched(&hook, result, ctx))
RK_HOOK(cuCtxPushCurrent_v2, (CUcontext ctx), (ctx), switched(&hook, result, ctx))
RK_HOOK(cuCtxPopCurrent, (CUcontext * pctx), (pctx), switched(&hook, result, rk_ask_context()))
RK_HOOK(cuCtxPopCurrent_v2, (CUcontext * pctx), (pctx), switched(&hook, result, rk_ask_context()))

/* The handle of a primary context lives on with its device: known only when they fail. */
RK_HOOK(cuDevicePrimaryCtxRelease, (CUdevice dev), (dev), (void)hook)
RK_HOOK(cuDevicePrimaryCtxRelease_v2, (CUdevice dev), (dev), (void)hook)
RK_HOOK(cuDevicePrimaryCtxReset, (CUdevice dev), (dev), (void)hook)
RK_HOOK(cuDevicePrimaryCtxReset_v2, (CUdevice dev), (dev), (void)hook)

static inline void fill_sync(struct rk_hook *hook, CUcontext context)
{
	hook->rec.kind = RK_REC_SYNC;
	hook->rec.sync.object = (uint64_t)context; /* 0 = the current one */
	hook->rec.sync.scope = RK_SYNC_CONTEXT;
}

RK_HOOK(cuCtxSynchronize, (void), (), fill_sync(&hook, NULL))
RK_HOOK(cuCtxSynchronize_v2, (CUcontext ctx), (ctx), fill_sync(&hook, ctx))
