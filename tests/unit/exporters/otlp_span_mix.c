/* SPDX-License-Identifier: Apache-2.0
 */
#include "otlp_span_mix.h"

#include <stdio.h>
#include <string.h>

#include "core/activity.h"
#include "core/intern.h"

static const char *text(const char *front, unsigned number, const char *back)
{
	char bytes[256];

	snprintf(bytes, sizeof(bytes), "%s%u%s", front, number, back);
	return rk_intern_get(rk_intern(bytes));
}

static uint64_t random_bits(struct mix *mix)
{
	mix->state ^= mix->state << 13;
	mix->state ^= mix->state >> 7;
	mix->state ^= mix->state << 17;
	return mix->state;
}

static struct rk_span *base(struct mix *mix, unsigned index)
{
	struct rk_span *span = &mix->spans[index];

	*span = (struct rk_span){
		.trace_id = { 1, 2, 3 },
		.parent_id = { 4, 5, 6 },
		.name = "gpu_execute",
		.kernel_id = text("foo::transpose", 0, ""),
		.domain = "unknown",
		.tracestate = "",
		.error = "",
		.tid = 4242,
		.shape = RK_SPAN_STAGE,
		.trace_flags = 3,
	};
	return span;
}

static void init_kernel(struct mix *mix, unsigned index, unsigned number)
{
	struct rk_span *span = base(mix, index);
	struct rk_op *op = &mix->ops[index];

	*op = (struct rk_op){
		.kind = RK_OP_KERNEL,
		.device = 1,
		.stream = 13,
		.api = rk_intern("cuLaunchKernel"),
		.name = rk_intern(text("_ZN3foo10transpose", number, "ILi32EfEEvPT0_PKS2_")),
		.kernel = { .grid = { 1024 + number, 1, 1 },
			    .block = { 256, 1, 1 },
			    .registers = 32,
			    .static_shared_bytes = 4096 },
	};
	span->op = op;
	span->shape = RK_SPAN_LEAF;
	span->name = span->kernel_id = text("foo::transpose", number, "");
	span->demangled = text("void foo::transpose", number, "<32, float>(float*, float const*)");
}

static void init_copy(struct mix *mix, unsigned index, enum rk_op_kind kind)
{
	struct rk_span *span = base(mix, index);
	struct rk_op *op = &mix->ops[index];

	*op = (struct rk_op){
		.kind = (uint8_t)kind,
		.device = 1,
		.stream = 13,
		.api = rk_intern("cuMemcpyHtoDAsync_v2"),
		.copy = { .bytes = 1 << 20, .copy_kind = kind == RK_OP_MEMCPY ? RK_COPY_HTOD : 0 },
	};
	span->op = op;
	span->shape = RK_SPAN_LEAF;
	span->name = kind == RK_OP_MEMCPY ? "memcpy HtoD" : "memset";
	span->kernel_id = "";
}

void mix_init(struct mix *mix)
{
	unsigned index = 0;

	memset(mix, 0, sizeof(*mix));
	mix->state = 88172645463325252u;
	mix->now_ns = 1700000000000000000u;
	mix->correlation = 100000;
	for (unsigned i = 0; i < MIX_KERNELS; i++)
		init_kernel(mix, index++, i % 16);
	for (unsigned i = 0; i < MIX_COPIES; i++)
		init_copy(mix, index++, RK_OP_MEMCPY);
	init_copy(mix, index++, RK_OP_MEMSET);
	base(mix, index++)->name = "prepare_input";
	base(mix, index++)->name = "gpu_execute";
	base(mix, index++)->name = "collect_output";
	base(mix, index)->name = "kernel:foo::transpose0";
	mix->spans[index].shape = RK_SPAN_ROOT;
	memset(mix->spans[index].parent_id, 0, 8);
}

void mix_next(struct mix *mix)
{
	for (unsigned i = 0; i < MIX_SPANS; i++) {
		struct rk_span *span = &mix->spans[i];
		uint64_t bits = random_bits(mix);

		memcpy(span->span_id, &bits, sizeof(bits));
		mix->now_ns += 2000 + bits % 1000;
		span->start_unix_ns = mix->now_ns;
		span->end_unix_ns = mix->now_ns + 10000 + bits % 5000;
		span->queue_ns = bits % 30000;
		span->ops = MIX_KERNELS + MIX_COPIES + 1;
		span->kernels = MIX_KERNELS;
		span->gpu_ns = 400000 + bits % 9999;
		if (span->op)
			mix->ops[i].correlation = ++mix->correlation;
	}
}
