/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/bench_lttng_tp.h - the payload of one launch record as an lttng-ust tracepoint.
 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER rk_bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "tests/bench/bench_lttng_tp.h"

#if !defined(BENCH_LTTNG_TP_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_LTTNG_TP_H

#include <lttng/tracepoint.h>
#include <stdint.h>

LTTNG_UST_TRACEPOINT_EVENT(
	rk_bench, launch,
	LTTNG_UST_TP_ARGS(uint64_t, function, uint64_t, stream, const uint32_t *, grid,
			  const uint32_t *, block, uint32_t, correlation, uint32_t, result),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(uint64_t, function, function) lttng_ust_field_integer(
			uint64_t, stream, stream) lttng_ust_field_integer(uint32_t, grid_x, grid[0])
			lttng_ust_field_integer(uint16_t, grid_y, grid[1]) lttng_ust_field_integer(
				uint16_t, grid_z,
				grid[2]) lttng_ust_field_integer(uint16_t, block_x, block[0])
				lttng_ust_field_integer(uint16_t, block_y,
							block[1]) lttng_ust_field_integer(uint16_t,
											  block_z,
											  block[2])
					lttng_ust_field_integer(uint32_t, correlation, correlation)
						lttng_ust_field_integer(uint32_t, context, 1)
							lttng_ust_field_integer(uint32_t, result,
										result)))

#endif

#include <lttng/tracepoint-event.h>
