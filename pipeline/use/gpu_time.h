/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/gpu_time.h - what each GPU did, and why it did nothing, summing to recorded time.
 *
 * At every instant of the recording a device is in exactly one state:
 *
 *   busy          at least one kernel runs, on whatever stream
 *   copying       no kernel, but a copy or a memset
 *   launch_bound  nothing runs: the program is inside the call that submits what runs next, or
 *                 that work is on its way; the last RK_GPU_PREPARE_NS before the call count too
 *                 where it goes on with an execution, as nothing was waited for in between
 *   waiting       nothing runs although work was submitted, or while a thread of the program
 *                 waits for the device
 *   none          nothing runs, nothing is submitted, nobody waits
 *   unknown       the GPU times are missing (another tool had CUPTI, a time was unusable)
 *
 * The operation that ends an idle period tells what the period was. Operations come late and
 * out of order, so they are kept, bounded, until they are older than RK_GPU_TIME_HORIZON_NS or
 * what is still in flight; only then are they summed up. A pure function of the ops.
 *
 * Where recording stops and goes on, the time between is no time: each part ends with the stop,
 * and what comes of it later is late.
 */
#ifndef RK_PIPELINE_USE_GPU_TIME_H
#define RK_PIPELINE_USE_GPU_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"

#define RK_GPU_TIME_DEVICES 64u

/* GPU records are collected several times a second. */
#define RK_GPU_TIME_HORIZON_NS 2000000000ull
/* A program may take so long between two launches of one execution and still be launching:
 * more is no slow launch, but other work of the host. */
#define RK_GPU_PREPARE_NS 1000000ull
/* From the end of the call until the work begins, where nothing holds it back: several times
 * what drivers take, and far less than what is worth waiting for. */
#define RK_GPU_LATENCY_NS 20000ull

enum rk_gpu_state {
	RK_GPU_BUSY,
	RK_GPU_COPYING,
	RK_GPU_LAUNCH_BOUND,
	RK_GPU_WAITING,
	RK_GPU_NONE,
	RK_GPU_UNKNOWN,
	RK_GPU_STATE_COUNT
};

struct rk_gpu_split {
	uint64_t ns[RK_GPU_STATE_COUNT]; /* sums to the wall time that is accounted for */
	uint64_t late_ns; /* of work that came too late to be counted */
};

/* An operation on a device, as far as it matters here. */
struct rk_gpu_piece {
	uint64_t start, end;
	uint64_t host_start, host_end; /* of the call; 0 = unknown */
	uint64_t newest; /* start of the newest work that was taken into this one; 0 = none was */
	uint64_t exec;
	uint32_t tid;
	uint32_t name; /* string: mangled, of a kernel */
	uint8_t kind;  /* enum rk_op_kind; RK_OP_SYNC: a thread waits. RK_OP_NONE: no GPU time */
	uint8_t copy_kind;
};

struct rk_gpu_gap {
	uint64_t start, end;
	uint64_t ns[RK_GPU_STATE_COUNT];
	const struct rk_gpu_piece *ended_by; /* NULL: the end of the recording */
	uint32_t device;
};

/* An idle period is over. Borrowed until it returns. */
typedef void (*rk_gpu_gap_fn)(const struct rk_gpu_gap *gap, void *data);

struct rk_gpu_device;

struct rk_gpu_time {
	struct rk_gpu_device *devices[RK_GPU_TIME_DEVICES]; /* NULL: nothing was heard of it */
	uint64_t first, last; /* ns: of the recording so far */
	uint64_t part_first;  /* of the part under way; 0 = it is the first one */
	uint64_t parts_ns;    /* of the parts before it */
	uint64_t short_of_memory;
	uint32_t in_flight; /* launches that are open for long, of all devices */
	rk_gpu_gap_fn gap; /* may be NULL */
	void *data;
	bool is_summing; /* .first is settled */
	bool is_resting; /* nothing is recorded; .last is when it stopped, or later */
	bool has_ended;
	bool has_no_copies; /* of the part under way: copies are left out, so idle may be copying */
	bool next_has_no_copies;
};

/**
 * @gap: NULL = nobody is told of idle periods.
 *
 * Context: exporter or tools. Does not allocate; feeding does.
 */
void rk_gpu_time_init(struct rk_gpu_time *time, rk_gpu_gap_fn gap, void *data);
void rk_gpu_time_finish(struct rk_gpu_time *time);

/**
 * Take one op. RK_OP_TICK sums up what is old enough, RK_OP_END everything.
 *
 * Context: the feeding thread. May allocate; what there is no memory for is counted.
 */
void rk_gpu_time_feed(struct rk_gpu_time *time, const struct rk_op *op);

/**
 * The input has ended: sum up everything. Further ops change nothing.
 *
 * Context: the feeding thread.
 */
void rk_gpu_time_end(struct rk_gpu_time *time);

/**
 * What is accounted for of a device.
 *
 * Context: the feeding thread. Return: false when it had no work that has a GPU time.
 */
bool rk_gpu_time_get(const struct rk_gpu_time *time, uint32_t device, struct rk_gpu_split *split);

/**
 * All such devices together. Return: how many there are.
 *
 * Context: the feeding thread.
 */
uint32_t rk_gpu_time_get_all(const struct rk_gpu_time *time, struct rk_gpu_split *sum);

/**
 * Context: any. Return: a static string, as in the label `state`.
 */
const char *rk_gpu_time_state_name(enum rk_gpu_state state);

#endif
