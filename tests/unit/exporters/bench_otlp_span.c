/* SPDX-License-Identifier: Apache-2.0
 *
 * Time to encode a typical kernel span, beside a memcpy of the same bytes, interleaved.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/intern.h"
#include "exporters/otlp_span.h"

#define ROUNDS 5
#define SPANS  200000

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int main(void)
{
	static uint8_t buffer[4096], copy[4096];
	struct rk_op op = {
		.kind = RK_OP_KERNEL,
		.device = 1,
		.stream = 13,
		.correlation = 123456,
		.api = rk_intern("cuLaunchKernel"),
		.name = rk_intern("_ZN3foo9transposeILi32EfEEvPT0_PKS2_"),
		.kernel = { .grid = { 1024, 1, 1 }, .block = { 256, 1, 1 }, .registers = 32 },
	};
	struct rk_span span = {
		.trace_id = { 1 },
		.span_id = { 2 },
		.parent_id = { 3 },
		.start_unix_ns = 1700000000000000000u,
		.end_unix_ns = 1700000000000010000u,
		.name = "foo::transpose",
		.kernel_id = "foo::transpose",
		.demangled = "void foo::transpose<32, float>(float*, float const*)",
		.domain = "unknown",
		.tracestate = "",
		.error = "",
		.op = &op,
		.tid = 4242,
		.shape = RK_SPAN_LEAF,
	};
	double best[2] = { 1e9, 1e9 };
	size_t length = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = now_ns(), took;

		for (int i = 0; i < SPANS; i++) {
			op.correlation++;
			length = rk_otlp_span_encode(buffer, &span);
		}
		took = now_ns() - start;
		if ((double)took / SPANS < best[0])
			best[0] = (double)took / SPANS;
		start = now_ns();
		for (int i = 0; i < SPANS; i++) {
			memcpy(copy, buffer, length);
			__asm__ volatile("" : : "r"(copy) : "memory");
		}
		took = now_ns() - start;
		if ((double)took / SPANS < best[1])
			best[1] = (double)took / SPANS;
	}
	printf("encode %.1f ns/span, memcpy %.1f ns/span, %zu bytes/span\n", best[0], best[1],
	       length);
	return 0;
}
