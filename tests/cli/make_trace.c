/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/cli/make_trace.c - a small trace file with known contents, for the tests of rktrace.
 *
 * usage: make_trace FILE clean|killed|host|early|script
 *
 *   clean   two GPUs, 5 launches of two kernels, one copy each way, one memset, one allocation
 *   killed  the same without an end
 *   host    no GPU times: all durations are the calls'
 *   early   clean, but recording began in the middle: the program went on meanwhile
 *   script  what standard input says, see make_trace_script.c
 */
#include <stdio.h>
#include <string.h>

#include "core/activity.h"
#include "core/intern.h"
#include "core/record.h"
#include "make_trace_script.h"
#include "trace/trace_writer.h"

static uint64_t now = 1000000000;
static bool host_time;

static struct rk_op op_at(enum rk_op_kind kind, uint64_t ns)
{
	struct rk_op op = {
		.exec = 1,
		.kind = (uint8_t)kind,
		.tid = 42,
		.stream = 7,
		.flags = RK_OP_F_FIRST,
		.host_start = now,
		.host_end = now + 2000,
		.start = now + 5000,
		.end = now + 5000 + ns,
	};

	if (host_time) {
		op.flags = RK_OP_F_HOST_TIME;
		op.start = op.host_start;
		op.end = op.host_end;
	}
	now += ns + 10000;
	return op;
}

static struct rk_op kernel(const char *name, uint64_t ns)
{
	struct rk_op op = op_at(RK_OP_KERNEL, ns);

	op.name = rk_intern(name);
	op.api = rk_intern("cuLaunchKernel");
	for (int i = 0; i < 3; i++)
		op.kernel.grid[i] = op.kernel.block[i] = 1;
	return op;
}

static struct rk_op copy(enum rk_op_kind kind, enum rk_copy_kind direction, uint64_t bytes)
{
	struct rk_op op = op_at(kind, 3000);

	op.api = rk_intern(kind == RK_OP_MEMSET ? "cuMemsetD8Async" : "cuMemcpyAsync");
	op.copy.copy_kind = (uint8_t)direction;
	op.copy.bytes = bytes;
	return op;
}

static struct rk_op gpu(uint32_t device, const char *name)
{
	struct rk_op op = {
		.kind = RK_OP_DEVICE,
		.device = device,
		.start = now,
		.end = now,
		.name = rk_intern(name),
		.device_info = { .memory_bytes = 80ull << 30, .major = 9, .minor = 0 },
	};

	for (int i = 0; i < 16; i++)
		op.device_info.uuid[i] = (uint8_t)(17 * i + (int)device);
	return op;
}

static struct rk_op tick(enum rk_op_kind kind)
{
	struct rk_op op = { .kind = (uint8_t)kind, .start = now, .end = now };
	struct rk_ledger *l = &op.tick.ledger;

	l->calls[RK_WORK_LAUNCH] = 6;
	l->failed[RK_WORK_LAUNCH] = 1;
	l->joined[RK_WORK_LAUNCH] = 5;
	l->calls[RK_WORK_MEMCPY] = l->joined[RK_WORK_MEMCPY] = 2;
	l->calls[RK_WORK_MEMSET] = l->joined[RK_WORK_MEMSET] = 1;
	if (!host_time) {
		l->gpu_kernels = 5;
		l->gpu_memcpys = 2;
		l->gpu_memsets = 1;
		l->gpu_joined = 8;
	}
	l->dropped[RK_LOSS_RING_FULL] = 3;
	return op;
}

static int fill(struct rk_trace_writer *writer, bool killed)
{
	struct rk_op ops[] = {
		{ .kind = RK_OP_CLOCK, .clock.wall_offset_ns = 1700000000000000000 },
		gpu(0, "NVIDIA H100 80GB HBM3"),
		gpu(1, "NVIDIA H100 80GB HBM3 MIG 1g.10gb"),
		{ .kind = RK_OP_ALLOC,
		  .host_start = now,
		  .host_end = now + 1000,
		  .memory = { .ptr = 4096, .bytes = 1 << 20, .pool = RK_POOL_DEVICE } },
		copy(RK_OP_MEMCPY, RK_COPY_HTOD, 1 << 20),
		copy(RK_OP_MEMSET, RK_COPY_UNKNOWN, 4096),
		kernel("_Z4axpyfPfS_", 100000),
		kernel("_Z4axpyfPfS_", 200000),
		kernel("_Z4axpyfPfS_", 300000),
		kernel("_ZN3foo9transposeILi32EfEEvPT0_PKS2_", 50000),
		kernel("_ZN3foo9transposeILi32EfEEvPT0_PKS2_", 50000),
		copy(RK_OP_MEMCPY, RK_COPY_DTOH, 4096),
		tick(RK_OP_TICK),
		tick(RK_OP_END),
	};
	size_t count = sizeof(ops) / sizeof(ops[0]) - killed;
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		ops[i].ordinal = i + 1;
		if (ops[i].tid)
			ops[i].correlation = (uint32_t)ops[i].ordinal;
		err = rk_trace_writer_add(writer, &ops[i]);
	}
	return err ? err : rk_trace_writer_seal(writer);
}

int main(int argc, char **argv)
{
	const struct rk_trace_options options = { .max_bytes = 1 << 30, .level = 1 };
	struct rk_trace_meta meta = {
		.seed = 1,
		.start_wall_ns = 1700000001000000000,
		.start_ns = 1000000000,
		.pid = 4711,
		.cupti_version = 130000,
		.cuda_version = 13000,
		.loss_bound_ns = 1000000000,
		.executable = "app",
		.host = "box",
		.version = "0.1.0",
		.command_line = "",
		.gpu_time_source = "cupti",
		.host_time_reason = "",
		.traceparent = "",
		.tracestate = "",
		.baggage = "",
		.resource = "service.name=app",
	};
	struct rk_trace_writer *writer;
	int err;

	if (argc != 3)
		return 64;
	host_time = strcmp(argv[2], "host") == 0;
	if (host_time) {
		meta.gpu_time_source = "host";
		meta.host_time_reason = "no libcupti";
	}
	if (strcmp(argv[2], "early") == 0) {
		meta.start_ns += 400000;
		meta.start_wall_ns += 400000;
	}
	err = rk_trace_writer_open(&writer, argv[1], &meta, &options);
	if (!err && strcmp(argv[2], "script") == 0)
		err = script_run(writer, stdin, meta.start_ns);
	else if (!err)
		err = fill(writer, strcmp(argv[2], "killed") == 0);
	/* A killed program closes nothing: the index is not there. */
	if (!err && strcmp(argv[2], "killed") != 0)
		err = rk_trace_writer_close(writer);
	if (err)
		fprintf(stderr, "make_trace: %s: error %d\n", argv[1], err);
	return err ? 1 : 0;
}
