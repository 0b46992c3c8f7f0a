/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/page/make_storm.c - a trace file as a training job leaves it: many kernels, no two of one
 * length.
 *
 * usage: make_storm FILE KERNELS [BYTES]     BYTES: the first kernel has so long a name
 *
 * Two threads launch twelve kernels in turn into four streams of two GPUs; lengths differ by 8 %,
 * calls and gaps by hundreds of ns. Each kernel is launched from a stack of its own. What is the
 * same every time would show nothing of how small a page is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "trace/trace_writer.h"

#define STREAMS 4u
#define NAMES	12u

static const char *const kernel_names[NAMES] = {
	"_Z9layernormPKfPfi",
	"_Z4gemmILi128ELi64EEvPKfS1_Pf",
	"_Z8biasGeluPfPKfi",
	"_Z4gemmILi64ELi64EEvPKfS1_Pf",
	"_Z7softmaxPKfPfi",
	"_Z14flashAttentionILi64EEvPKfS1_S1_Pf",
	"_Z7dropoutPfji",
	"_Z8residualPKfPfi",
	"_Z9transposeILi32EEvPKfPfii",
	"_Z6reducePKfPfi",
	"_Z4adamPfS_S_S_fi",
	"_Z12crossEntropyPKfPKiPfi",
};

struct storm {
	uint64_t random;
	uint64_t host[2];      /* by thread */
	uint64_t gpu[STREAMS]; /* until when each is busy */
	uint64_t ordinal;
	uint32_t long_name; /* string; 0 = there is none */
};

static uint64_t below(struct storm *storm, uint64_t bound)
{
	storm->random = storm->random * 6364136223846793005u + 1442695040888963407u;
	return (storm->random >> 33) % bound;
}

static struct rk_op next_kernel(struct storm *storm, uint64_t i)
{
	uint32_t stream = (uint32_t)(i % STREAMS), thread = stream / 2,
		 name = (uint32_t)(i / STREAMS % NAMES);
	uint64_t length = 4000 + 2600 * name;
	struct rk_op op = { .kind = RK_OP_KERNEL,
			    .flags = RK_OP_F_FIRST | RK_OP_F_ASYNC,
			    .ordinal = ++storm->ordinal,
			    .device = thread,
			    .stream = 7 + stream,
			    .tid = 100 + thread,
			    .correlation = (uint32_t)i + 1,
			    .api = rk_intern("cuLaunchKernel"),
			    .stack = name + 1,
			    .name = rk_intern(kernel_names[name]) };

	if (!name && storm->long_name)
		op.name = storm->long_name;
	op.host_start = storm->host[thread] + 400 + below(storm, 700);
	op.host_end = op.host_start + 1800 + below(storm, 900);
	storm->host[thread] = op.host_end;
	op.start = storm->gpu[stream] + 800 + below(storm, 500);
	if (op.start < op.host_end + 2500)
		op.start = op.host_end + 2500 + below(storm, 1500);
	op.end = op.start + length + below(storm, length / 12);
	storm->gpu[stream] = op.end;
	op.kernel.grid[0] = 64 * (name + 1);
	op.kernel.grid[1] = op.kernel.grid[2] = 1;
	op.kernel.block[0] = 256;
	op.kernel.block[1] = op.kernel.block[2] = 1;
	op.kernel.registers = 32 + 8 * name;
	return op;
}

/* The outer frames are common to all. */
static int add_stack(struct rk_trace_writer *writer, struct storm *storm, uint32_t name)
{
	const uint64_t frames[] = { 0x400500 + name * 16, 0x400300 + name / 4 * 16, 0x400100 };
	struct rk_op op = { .kind = RK_OP_STACK,
			    .stack = name + 1,
			    .ordinal = ++storm->ordinal,
			    .host_start = storm->host[0] };

	op.text = (const uint8_t *)frames;
	op.text_bytes = sizeof(frames);
	return rk_trace_writer_add(writer, &op);
}

static uint32_t make_long_name(size_t bytes)
{
	static const char markup[] = "</script>&";
	char *text = malloc(bytes + 1);
	uint32_t string;

	if (!text)
		return 0;
	memset(text, 'n', bytes);
	if (bytes > sizeof(markup))
		memcpy(text, markup, sizeof(markup) - 1);
	text[bytes] = '\0';
	string = rk_intern(text);
	free(text);
	return string;
}

static int fill(struct rk_trace_writer *writer, uint64_t kernels, size_t long_bytes)
{
	struct storm storm = { .random = 1, .host = { 1000000, 1000000 } };
	struct rk_op end = { .kind = RK_OP_END };
	int err = 0;

	storm.long_name = long_bytes ? make_long_name(long_bytes) : 0;
	for (uint32_t name = 0; name < NAMES && !err; name++)
		err = add_stack(writer, &storm, name);
	for (uint64_t i = 0; i < kernels && !err; i++) {
		struct rk_op op = next_kernel(&storm, i);

		err = rk_trace_writer_add(writer, &op);
		end.start = end.end = op.end;
	}
	end.ordinal = ++storm.ordinal;
	return err ? err : rk_trace_writer_add(writer, &end);
}

int main(int argc, char **argv)
{
	const struct rk_trace_meta meta = { .executable = "/opt/train",
					    .host = "node1",
					    .pid = 4242,
					    .version = "0.1.0",
					    .command_line = "",
					    .gpu_time_source = "cupti",
					    .host_time_reason = "",
					    .traceparent = "",
					    .tracestate = "",
					    .baggage = "",
					    .resource = "",
					    .sampling = "",
					    .start_ns = 1000000,
					    .start_wall_ns = 1700000000000000000 };
	const struct rk_trace_options options = { .level = 1 };
	struct rk_trace_writer *writer;
	int err;

	if (argc != 3 && argc != 4)
		return 64;
	if (rk_trace_writer_open(&writer, argv[1], &meta, &options))
		return 73;
	err = fill(writer, strtoull(argv[2], NULL, 10), argc > 3 ? strtoull(argv[3], NULL, 10) : 0);
	rk_trace_writer_close(writer);
	return err ? 73 : 0;
}
