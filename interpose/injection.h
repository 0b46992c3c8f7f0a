/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/injection.h - the second way in: CUDA_INJECTION64_PATH.
 *
 * The driver opens the library named there inside cuInit(). That is too late to interpose, so
 * host records come from CUPTI's driver-API callbacks and go through the same push.
 */
#ifndef RK_INTERPOSE_INJECTION_H
#define RK_INTERPOSE_INJECTION_H

#include <stdint.h>

#include "core/ring.h"

/* Set while a callback stands in for a call: its start, and the thread's ring. */
struct rk_injection_call {
	struct rk_ring *ring;
	uint64_t start; /* 0 = no callback is being turned into a record */
};

extern __thread struct rk_injection_call rk_injection_call
	__attribute__((tls_model("initial-exec")));

/* The shape of a callback, as CUPTI's side of the house declares it. */
typedef void (*rk_injection_fn)(uint32_t cbid, const char *function, const void *params,
				uint32_t result, uint32_t correlation, uint64_t start_ticks);

/**
 * Hand @set the function that turns a callback into a record.
 *
 * Context: the start path, before CUPTI is started.
 */
void rk_injection_prepare(void (*set)(rk_injection_fn fn));

#endif
