/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/bench_lttng.c - one launch around an lttng-ust tracepoint, as a shared object.
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "tests/bench/bench_lttng_tp.h"

void bench_lttng_event(uint64_t function, const uint32_t *grid, const uint32_t *block);

__attribute__((visibility("default"))) void bench_lttng_event(uint64_t function,
							      const uint32_t *grid,
							      const uint32_t *block)
{
	lttng_ust_tracepoint(rk_bench, launch, function, 0, grid, block, 1, 0);
}
