/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/start.h - when tracing begins in a process, and that it begins once.
 *
 *                              first GPU call,
 *   WAITING --constructor--> IDLE --or something said--> STARTING --> STARTED --exit--> STOPPED
 *      |                                                    |            |
 *      +--kill switch, set-id--> INERT <------failed--------+<--forked---+
 *
 * cuInit() only arms. What the program says by the C API starts everything but CUPTI, which
 * waits for the first context as if nothing had been said. In a forked child the gate is closed
 * by itself: a child of a process that had started stays inert, a child of one that had not
 * begins like any other process.
 */
#ifndef RK_INTERPOSE_START_H
#define RK_INTERPOSE_START_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "interpose/api.h"

/* False before the constructor and in a process that will not record (again): a hook that
 * finds the gate closed looks no further. */
extern _Atomic bool rk_start_is_possible __attribute__((visibility("hidden")));

/**
 * Let the first GPU call start tracing / never start.
 *
 * Context: init.
 */
void rk_start_allow(void);
void rk_start_forbid(void);

/**
 * Note that cuInit() succeeded in this process.
 *
 * Context: app.
 */
void rk_start_arm(void);

/**
 * A hook found the gate closed: start if @api is a call that starts. Only the call that starts
 * waits for it, and those that come meanwhile, 5 s at most. Preserves errno.
 *
 * Context: app. Return: true when the gate is open now.
 */
bool rk_start_on_call(enum rk_api api);

/**
 * The program said something and the gate is closed: as above, whether there is a driver or not.
 *
 * Context: app. Return: true when the gate is open now.
 */
bool rk_start_on_said(void);

/**
 * Whether this process records or may still begin to, as far as is known.
 *
 * Context: app.
 */
bool rk_start_may_record(void);

/* Something was said before the first context: CUPTI is still to be started. */
extern _Atomic uint32_t rk_start_gpu_is_due __attribute__((visibility("hidden")));

/**
 * A context is about to be created and CUPTI is due: start it, or wait for who does, 5 s at
 * most. Preserves errno.
 *
 * Context: app.
 */
void rk_start_gpu(void);

/* Known where a hook is compiled. */
static inline __attribute__((always_inline)) bool rk_start_creates_context(enum rk_api api)
{
	return api == RK_API_cuCtxCreate || api == RK_API_cuCtxCreate_v2 ||
	       api == RK_API_cuCtxCreate_v3 || api == RK_API_cuCtxCreate_v4 ||
	       api == RK_API_cuDevicePrimaryCtxRetain || api == RK_API_cuCtxFromGreenCtx;
}

/* What must be known after a rest is told in it, too: names, and which contexts are gone. These
 * calls are rare. Known where a hook is compiled. */
static inline __attribute__((always_inline)) bool rk_start_outlasts_rest(enum rk_api api)
{
	return api == RK_API_cuModuleGetFunction || api == RK_API_cuLibraryGetKernel ||
	       api == RK_API_cuKernelGetFunction || api == RK_API_cuModuleUnload ||
	       api == RK_API_cuLibraryUnload || api == RK_API_cuCtxDestroy ||
	       api == RK_API_cuCtxDestroy_v2 || api == RK_API_cuModuleLoad ||
	       api == RK_API_cuModuleLoadData || api == RK_API_cuModuleLoadDataEx ||
	       api == RK_API_cuModuleLoadFatBinary || api == RK_API_cuLibraryLoadData ||
	       api == RK_API_cuLibraryLoadFromFile || api == RK_API_cuLibraryGetModule;
}

/**
 * The way in without hooks: prepare / start now.
 *
 * Context: inside InitializeInjection() / inside a callback of CUPTI on the program's thread.
 * Return: false when the process is not to be traced / is not being traced.
 */
bool rk_start_prepare(void);
bool rk_start_now(void);

/**
 * A context was created: the driver's own exit handlers are registered, ours may follow.
 *
 * Context: app; every time, only the first one counts.
 */
void rk_start_context_created(void);

/**
 * Whether the calling process is the one that started.
 *
 * Context: the start and exit paths.
 */
bool rk_start_is_own_process(void);

/**
 * Note that a cuInit() of the program came through our wrapper: no other way in is needed.
 *
 * Context: app.
 */
void rk_start_mark_interposed(void);

/**
 * Whether the process was entered by rk_start_prepare().
 *
 * Context: the start path.
 */
bool rk_start_is_injected(void);

#endif
