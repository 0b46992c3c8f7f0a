/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/injection.c - callbacks of CUPTI as if they were calls of the hooks.
 *
 * A callback comes when the driver function has returned. It calls that function's wrapper
 * with the parameters CUPTI gives; the wrapper records as always, and what it takes for the
 * real function only returns the result that is already there. So there is one place per
 * function that knows what its record looks like.
 */
#define __CUDA_API_VERSION_INTERNAL
#pragma GCC visibility push(default)
#include <cuda.h>

int InitializeInjection(void);
#pragma GCC visibility pop

#include "interpose/injection.h"

#include <generated_cuda_meta.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/thread.h"
#include "interpose/hook.h"
#include "interpose/lookup.h"
#include "interpose/start.h"

__thread struct rk_injection_call rk_injection_call __attribute__((tls_model("initial-exec")));

static __thread struct {
	CUresult result;
	uint32_t correlation;
	bool is_active;
} call __attribute__((tls_model("initial-exec")));

static CUresult take_result(void)
{
	rk_thread_self.correlation = call.correlation;
	return call.result;
}

/* Should hooks be reached all the same, they must reach the driver. */
#define RK_API(name, ret, params, args, family)                                                    \
	static ret(*_Atomic real_##name) params;                                                   \
	static ret injected_##name params                                                          \
	{                                                                                          \
		return call.is_active ? take_result() : real_##name args;                          \
	}
#include "interpose/cuda_api.def"
#undef RK_API

static void replace_real_functions(void)
{
#define RK_API(name, ret, params, args, family)                                                    \
	atomic_store(&real_##name, atomic_load(&rk_real.name));                                    \
	atomic_store(&rk_real.name, injected_##name);
#include "interpose/cuda_api.def"
#undef RK_API
}

/* The wrapper of @api, with CUPTI's parameters. */
static void call_wrapper(enum rk_api api, const void *params)
{
	switch ((int)api) {
#include "interpose/cuda_injection.inc"
	default:
		break;
	}
}

static void on_call(uint32_t cbid, const char *function, const void *params, uint32_t result,
		    uint32_t correlation, uint64_t start_ticks)
{
	int api = function ? rk_lookup_find(function) : -1;

	(void)cbid;
	if (api < 0 || api >= RK_API_COUNT || rk_thread_self.depth > 0 || call.is_active)
		return;
	if (!rk_thread_gate_is_open() && !rk_start_now())
		return;
	call.result = (CUresult)result;
	call.correlation = correlation;
	call.is_active = true;
	/* Without its ring the wrapper takes the slow path, which sets the true start. */
	rk_injection_call.start = start_ticks ? start_ticks : 1;
	rk_injection_call.ring = rk_thread_self.ring;
	rk_thread_self.ring = NULL;
	call_wrapper((enum rk_api)api, params);
	if (!rk_thread_self.ring)
		rk_thread_self.ring = rk_injection_call.ring;
	rk_injection_call.start = 0;
	call.is_active = false;
}

void rk_injection_prepare(void (*set)(rk_injection_fn fn))
{
	replace_real_functions();
	/* Captures are not called back for: every submission asks. */
	atomic_fetch_add(&rk_hook_open_captures, 1);
	set(on_call);
}

/* Called by the driver inside cuInit(). With the hooks in place there is nothing to do. */
int InitializeInjection(void)
{
	if (rk_start_prepare())
		rk_start_arm();
	return 1;
}
