/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/api.h - the wrapped driver functions as enum, names, real functions and wrappers.
 *
 * Everything here is made from cuda_api.def. A slot of rk_real is never NULL: it begins as a
 * stub that looks the function up at the first call and otherwise answers with a CUDA error,
 * so a hook may run before any constructor of ours and in a process without a driver.
 */
#ifndef RK_INTERPOSE_API_H
#define RK_INTERPOSE_API_H

/* Declares every version of every function and maps none of the names. */
#ifndef __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL
#endif
#pragma GCC visibility push(default)
#include <cuda.h>

/**
 * Of cudaProfiler.h, which the toolkit's wheels do not carry.
 *
 * Context: app.
 */
CUresult CUDAAPI cuProfilerStart(void);
CUresult CUDAAPI cuProfilerStop(void);
#pragma GCC visibility pop

#include <stdint.h>

enum rk_api {
#define RK_API(name, ret, params, args, family) RK_API_##name,
#include "interpose/cuda_api.def"
#undef RK_API
	RK_API_COUNT
};

enum rk_family {
	RK_FAMILY_INIT,
	RK_FAMILY_LOOKUP,
	RK_FAMILY_LAUNCH,
	RK_FAMILY_GRAPH,
	RK_FAMILY_COPY,
	RK_FAMILY_MEMSET,
	RK_FAMILY_MEMORY,
	RK_FAMILY_STREAM,
	RK_FAMILY_EVENT,
	RK_FAMILY_CONTEXT,
	RK_FAMILY_CAPTURE,
	RK_FAMILY_NAMES,
	RK_FAMILY_WATCH,
	RK_FAMILY_PROFILER,
};

/* Atomic: a slot is filled by whichever thread calls the function first. */
struct rk_real {
#define RK_API(name, ret, params, args, family) ret(*_Atomic name) params;
#include "interpose/cuda_api.def"
#undef RK_API
};

extern struct rk_real rk_real __attribute__((visibility("hidden")));
extern const char *const rk_api_names[RK_API_COUNT];
extern const uint8_t rk_api_families[RK_API_COUNT]; /* enum rk_family */

/**
 * Our own function of that name, whatever other library exports one.
 *
 * Context: any.
 */
void *rk_api_wrapper(enum rk_api api);

/**
 * Fill every slot whose function can be found now, so that no hook has to look it up later.
 *
 * Context: the start path. Takes the loader's lock.
 */
void rk_api_resolve_all(void);

#endif
