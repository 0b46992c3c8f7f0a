/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_gpu_time.c - the states of a GPU: by hand, and against an oracle that
 * looks at every instant by itself.
 */
#include "op_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fields.h"
#include "core/intern.h"
#include "pipeline/use/gpu_time.h"
#include "pipeline/use/overhead_text.h"

#define US 1000ull
#define MS 1000000ull

static struct rk_gpu_time gpu_time;

static void tell(enum rk_op_kind kind, uint64_t now)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = (uint8_t)kind;
	op.start = op.end = now;
	rk_gpu_time_feed(&gpu_time, &op);
}

/* The recording begins at 1 ms. */
static void begin(void)
{
	rk_gpu_time_finish(&gpu_time);
	rk_gpu_time_init(&gpu_time, NULL, NULL);
	tell(RK_OP_CLOCK, MS);
}

static struct rk_op work(enum rk_op_kind kind, uint64_t call, uint64_t start, uint64_t end)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = (uint8_t)kind;
	op.flags = RK_OP_F_ASYNC;
	op.exec = 1;
	op.host_start = call;
	op.host_end = call + 2 * US;
	op.start = start;
	op.end = end;
	return op;
}

static void feed(enum rk_op_kind kind, uint64_t call, uint64_t start, uint64_t end)
{
	struct rk_op op = work(kind, call, start, end);

	rk_gpu_time_feed(&gpu_time, &op);
}

static void feed_sync(uint64_t start, uint64_t end)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_SYNC;
	op.host_start = start;
	op.host_end = end;
	op.sync.scope = RK_SYNC_STREAM;
	rk_gpu_time_feed(&gpu_time, &op);
}

static uint64_t total(const struct rk_gpu_split *split)
{
	uint64_t sum = 0;

	for (int state = 0; state < RK_GPU_STATE_COUNT; state++)
		sum += split->ns[state];
	return sum;
}

/* End at 101 ms: what device 0 did, in the order of the states. */
static void expect(uint64_t busy, uint64_t copying, uint64_t launch_bound, uint64_t waiting,
		   uint64_t none, uint64_t unknown)
{
	struct rk_gpu_split split;

	tell(RK_OP_END, 101 * MS);
	assert_true(rk_gpu_time_get(&gpu_time, 0, &split));
	assert_int_equal(split.ns[RK_GPU_BUSY], busy);
	assert_int_equal(split.ns[RK_GPU_COPYING], copying);
	assert_int_equal(split.ns[RK_GPU_LAUNCH_BOUND], launch_bound);
	assert_int_equal(split.ns[RK_GPU_WAITING], waiting);
	assert_int_equal(split.ns[RK_GPU_NONE], none);
	assert_int_equal(split.ns[RK_GPU_UNKNOWN], unknown);
	assert_int_equal(total(&split), 100 * MS);
}

static void test_overlapping_kernels_are_a_union(void **state)
{
	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 41 * MS);
	feed(RK_OP_KERNEL, MS, 21 * MS, 61 * MS);
	expect(60 * MS, 0, 0, 0, 40 * MS, 0);
}

static void test_a_copy_is_not_idle_and_not_busy(void **state)
{
	(void)state;
	begin();
	/* Beside a kernel a copy counts for nothing, alone it counts. */
	feed(RK_OP_MEMCPY, MS, MS, 51 * MS);
	feed(RK_OP_KERNEL, MS, 11 * MS, 21 * MS);
	feed(RK_OP_MEMSET, MS, 41 * MS, 61 * MS);
	feed(RK_OP_KERNEL, MS, 56 * MS, 58 * MS);
	expect(12 * MS, 48 * MS, 0, 0, 40 * MS, 0);
}

static void test_late_launch_is_launch_bound(void **state)
{
	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 11 * MS);
	/* Same execution, called 0.5 ms after the GPU ran dry, begins 10 us after the call. */
	feed(RK_OP_KERNEL, 11500 * US, 11512 * US, 101 * MS);
	expect(10 * MS + 89488 * US, 0, 512 * US, 0, 0, 0);
}

static void test_long_absence_is_no_work(void **state)
{
	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 11 * MS);
	/* 20 ms of other work: the last one before the call is its preparation. */
	feed(RK_OP_KERNEL, 31 * MS, 31 * MS + 5 * US, 101 * MS);
	expect(80 * MS - 5 * US, 0, MS + 5 * US, 0, 19 * MS, 0);
}

static void test_after_a_synchronisation_nothing_is_prepared(void **state)
{
	struct rk_op next = work(RK_OP_KERNEL, 12 * MS, 12 * MS + 5 * US, 101 * MS);

	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 11 * MS);
	/* It returns 100 us after the kernel: another execution begins 900 us later. */
	feed_sync(2 * MS, 11100 * US);
	next.exec = 2;
	rk_gpu_time_feed(&gpu_time, &next);
	expect(99 * MS - 5 * US, 0, 5 * US, 100 * US, 900 * US, 0);
}

static void test_submitted_work_waits(void **state)
{
	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 11 * MS);
	/* Called while the first one ran, begun 30 ms later: for an event of another device. */
	feed(RK_OP_KERNEL, 5 * MS, 41 * MS, 101 * MS);
	expect(70 * MS, 0, 0, 30 * MS, 0, 0);
	/* Called when it was idle: all but the way to the GPU is waiting. */
	begin();
	feed(RK_OP_KERNEL, MS, MS, 11 * MS);
	feed(RK_OP_KERNEL, 11 * MS, 41 * MS, 101 * MS);
	expect(70 * MS, 0, 22 * US, 30 * MS - 22 * US, 0, 0);
}

static void test_blocking_copy_keeps_the_host(void **state)
{
	struct rk_op copy = work(RK_OP_MEMCPY, 11 * MS, 11 * MS, 21 * MS);

	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 11 * MS);
	copy.flags = 0;
	copy.host_end = 23 * MS; /* 2 ms after the GPU was done */
	rk_gpu_time_feed(&gpu_time, &copy);
	expect(10 * MS, 10 * MS, 0, 2 * MS, 78 * MS, 0);
}

static void test_open_work_was_waited_for(void **state)
{
	struct rk_op open = work(RK_OP_KERNEL, 31 * MS, 0, 0);

	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 11 * MS);
	open.flags |= RK_OP_F_OPEN;
	rk_gpu_time_feed(&gpu_time, &open);
	expect(10 * MS, 0, 0, 70 * MS - 2 * US, 20 * MS + 2 * US, 0);
}

static void test_missing_times_are_unknown(void **state)
{
	struct rk_op host = work(RK_OP_KERNEL, 21 * MS, 21 * MS, 21 * MS + 2 * US);
	struct rk_gpu_split split;

	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 11 * MS);
	/* Another tool takes CUPTI, and gives it back. */
	host.flags |= RK_OP_F_HOST_TIME;
	host.exec = 2;
	rk_gpu_time_feed(&gpu_time, &host);
	feed(RK_OP_KERNEL, 51 * MS, 51 * MS, 101 * MS);
	expect(60 * MS, 0, 0, 0, 10 * MS, 30 * MS);
	/* Host time alone says nothing about a GPU. */
	begin();
	rk_gpu_time_feed(&gpu_time, &host);
	tell(RK_OP_END, 101 * MS);
	assert_false(rk_gpu_time_get(&gpu_time, 0, &split));
	assert_int_equal(rk_gpu_time_get_all(&gpu_time, &split), 0);
}

/* Work without a time between two kernels that are one period: the later one is known again. */
static void test_missing_times_within_other_work(void **state)
{
	struct rk_op host = work(RK_OP_KERNEL, 11 * MS, 11 * MS, 11 * MS + 2 * US);

	(void)state;
	host.flags |= RK_OP_F_HOST_TIME;
	begin();
	feed(RK_OP_KERNEL, MS, MS, MS + 2 * US);
	for (uint64_t at = MS; at < 21 * MS; at += US)
		feed(RK_OP_KERNEL, at, at, at + 2 * US);
	rk_gpu_time_feed(&gpu_time, &host);
	expect(20 * MS + US, 0, 0, 0, 80 * MS - US, 0);
	/* After the last of them begins, nothing is known. */
	host.host_start = 21 * MS;
	host.host_end = 21 * MS;
	begin();
	for (uint64_t at = MS; at < 21 * MS; at += US)
		feed(RK_OP_KERNEL, at, at, at + 2 * US);
	rk_gpu_time_feed(&gpu_time, &host);
	expect(20 * MS + US, 0, 0, 0, 0, 80 * MS - US);
}

static void test_orphan_says_nothing_of_the_host(void **state)
{
	struct rk_op orphan = work(RK_OP_KERNEL, 0, 31 * MS, 101 * MS);

	(void)state;
	begin();
	orphan.host_end = 0;
	orphan.exec = 0;
	rk_gpu_time_feed(&gpu_time, &orphan);
	expect(70 * MS, 0, 0, 0, 0, 30 * MS);
}

static void test_devices_are_apart(void **state)
{
	struct rk_op other = work(RK_OP_KERNEL, MS, MS, 51 * MS);
	struct rk_gpu_split split;

	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, 61 * MS, 101 * MS);
	other.device = 3;
	rk_gpu_time_feed(&gpu_time, &other);
	tell(RK_OP_END, 101 * MS);
	assert_true(rk_gpu_time_get(&gpu_time, 3, &split));
	assert_int_equal(split.ns[RK_GPU_BUSY], 50 * MS);
	assert_int_equal(total(&split), 100 * MS);
	assert_false(rk_gpu_time_get(&gpu_time, 1, &split));
	assert_int_equal(rk_gpu_time_get_all(&gpu_time, &split), 2);
	assert_int_equal(split.ns[RK_GPU_BUSY], 90 * MS);
	assert_int_equal(total(&split), 200 * MS);
}

/* A kernel that took 30 s comes after many short ones of another stream and after ticks. */
static void test_long_kernel_is_waited_for(void **state)
{
	struct rk_op flight = work(RK_OP_IN_FLIGHT, 2 * MS, 0, 0);
	struct rk_gpu_split split;

	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 2 * MS);
	flight.correlation = 77;
	flight.kind = RK_OP_IN_FLIGHT;
	rk_gpu_time_feed(&gpu_time, &flight);
	for (uint64_t second = 1; second < 30; second++) {
		feed(RK_OP_KERNEL, second * 1000 * MS, second * 1000 * MS, second * 1001 * MS);
		tell(RK_OP_TICK, second * 1001 * MS);
	}
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(total(&split), MS); /* nothing behind it is certain */
	flight = work(RK_OP_KERNEL, 2 * MS, 2 * MS, 30002 * MS);
	flight.correlation = 77;
	rk_gpu_time_feed(&gpu_time, &flight);
	assert_int_equal(gpu_time.in_flight, 0);
	tell(RK_OP_TICK, 40000 * MS);
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(split.ns[RK_GPU_BUSY], 30001 * MS);
	assert_int_equal(total(&split), 37999 * MS);
	assert_int_equal(split.late_ns, 0);
}

static void test_idle_time_is_told_while_it_lasts(void **state)
{
	struct rk_gpu_split split;

	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 2 * MS);
	tell(RK_OP_TICK, 3602000 * MS);
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(split.ns[RK_GPU_NONE], 3599998 * MS);
	/* A record of then comes too late: it is told, and the sums only rise. */
	feed(RK_OP_KERNEL, MS, 3 * MS, 7 * MS);
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(split.late_ns, 4 * MS);
	assert_int_equal(split.ns[RK_GPU_BUSY], MS);
}

static void test_memory_is_bounded(void **state)
{
	struct rk_gpu_split split;
	uint64_t count = 100000;

	(void)state;
	begin();
	/* Two streams whose records come a thousand at a time, without a tick. */
	for (uint64_t i = 0; i < count; i++) {
		uint64_t of_stream = i / 2000 * 1000 + i % 1000, second = i / 1000 % 2;
		uint64_t start = 2 * MS + of_stream * 10 * US + second * 5 * US;

		feed(RK_OP_KERNEL, start - US, start, start + 3 * US);
	}
	tell(RK_OP_END, 2 * MS + count / 2 * 10 * US);
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(split.ns[RK_GPU_BUSY], count * 3 * US);
	assert_int_equal(split.late_ns, 0);
	assert_int_equal(total(&split), MS + count / 2 * 10 * US);
}

static void tell_recording(const char *word, uint64_t now)
{
	uint8_t text[32];
	struct rk_fields_writer writer;
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_RECORDING;
	op.start = op.end = now;
	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_fields_put_placed(&writer, word);
	op.text = text;
	op.text_bytes = (uint32_t)writer.used;
	rk_gpu_time_feed(&gpu_time, &op);
}

static void tell_step(enum rk_governor_step before, enum rk_governor_step step)
{
	const struct rk_overhead_step said = { step, before, 0.03, 0.02 };
	struct rk_fields_writer writer;
	uint8_t text[256];
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_SETTINGS;
	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_overhead_text_pack(&said, &writer);
	op.text = text;
	op.text_bytes = (uint32_t)writer.used;
	rk_gpu_time_feed(&gpu_time, &op);
}

/* Copies are left out in the second of three parts: who is not busy may be copying. */
static void test_without_copies_idle_is_unknown(void **state)
{
	struct rk_gpu_split split;

	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 11 * MS);
	tell_step(RK_STEP_FULL, RK_STEP_KERNELS_ONLY);
	tell_recording("stopped", 21 * MS);
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(split.ns[RK_GPU_NONE], 10 * MS);
	tell_recording("started", 31 * MS);
	feed(RK_OP_KERNEL, 33 * MS, 34 * MS, 38 * MS);
	tell_step(RK_STEP_KERNELS_ONLY, RK_STEP_FULL);
	tell_recording("stopped", 41 * MS);
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(split.ns[RK_GPU_NONE], 10 * MS);
	assert_int_equal(split.ns[RK_GPU_BUSY], 14 * MS);
	assert_int_equal(split.ns[RK_GPU_UNKNOWN], 6 * MS);
	tell_recording("started", 51 * MS);
	feed(RK_OP_KERNEL, 51 * MS, 51 * MS, 52 * MS);
	tell(RK_OP_END, 61 * MS);
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(split.ns[RK_GPU_NONE], 19 * MS);
	assert_int_equal(split.ns[RK_GPU_UNKNOWN], 6 * MS);
	assert_int_equal(total(&split), 40 * MS);
}

/* What is submitted meanwhile, is known by nobody; what is told of it late, too. */
static void test_a_rest_is_no_time(void **state)
{
	struct rk_op open = work(RK_OP_KERNEL, 40 * MS, 0, 0), other;
	struct rk_gpu_split split;

	(void)state;
	begin();
	feed(RK_OP_KERNEL, MS, MS, 11 * MS);
	tell_recording("stopped", 21 * MS);
	tell(RK_OP_TICK, 21 * MS);
	open.flags |= RK_OP_F_OPEN;
	rk_gpu_time_feed(&gpu_time, &open);
	feed(RK_OP_KERNEL, 15 * MS, 16 * MS, 17 * MS);
	feed(RK_OP_KERNEL, 15 * MS, 16 * MS, 6000 * MS);
	tell(RK_OP_TICK, 9000 * MS); /* long enough to be summed up */
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(total(&split), 20 * MS);
	assert_int_equal(split.late_ns, MS + 5 * MS);
	tell_recording("started", 10021 * MS);
	feed(RK_OP_KERNEL, 10030 * MS, 10031 * MS, 10041 * MS);
	other = work(RK_OP_KERNEL, 10041 * MS, 10051 * MS, 10101 * MS);
	other.device = 1;
	rk_gpu_time_feed(&gpu_time, &other);
	tell_recording("stopped", 10101 * MS);
	tell(RK_OP_END, 20000 * MS);
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(split.ns[RK_GPU_BUSY], 20 * MS);
	assert_int_equal(split.ns[RK_GPU_UNKNOWN], 0);
	assert_int_equal(total(&split), 100 * MS);
	/* The device of which nothing was heard before did nothing then. */
	rk_gpu_time_get(&gpu_time, 1, &split);
	assert_int_equal(split.ns[RK_GPU_BUSY], 50 * MS);
	assert_int_equal(total(&split), 100 * MS);
}

/* Parts without any work, and words that change nothing. */
static void test_parts_without_work(void **state)
{
	struct rk_gpu_split split;

	(void)state;
	begin();
	tell_recording("started", 11 * MS);
	tell_recording("stopped", 21 * MS);
	tell_recording("stopped", 31 * MS);
	tell_recording("started", 1021 * MS);
	tell_recording("started", 1031 * MS);
	tell_recording("stopped", 1061 * MS);
	tell_recording("started", 2061 * MS);
	feed(RK_OP_KERNEL, 2071 * MS, 2071 * MS, 2091 * MS);
	tell(RK_OP_END, 2101 * MS);
	rk_gpu_time_get(&gpu_time, 0, &split);
	assert_int_equal(split.ns[RK_GPU_BUSY], 20 * MS);
	assert_int_equal(total(&split), 100 * MS);
	assert_int_equal(rk_gpu_time_get_all(&gpu_time, &split), 1);
}

static void test_states_have_the_names_of_the_contract(void **state)
{
	(void)state;
	assert_string_equal(rk_gpu_time_state_name(RK_GPU_BUSY), "busy");
	assert_string_equal(rk_gpu_time_state_name(RK_GPU_COPYING), "copying");
	assert_string_equal(rk_gpu_time_state_name(RK_GPU_LAUNCH_BOUND), "launch_bound");
	assert_string_equal(rk_gpu_time_state_name(RK_GPU_WAITING), "waiting");
	assert_string_equal(rk_gpu_time_state_name(RK_GPU_NONE), "none");
}

/* Random timelines on a grid of 10 us, and what every cell of it is by the definition. */
#define CELL  (10 * US)
#define CELLS 4000u
#define OPS   160u

static uint32_t random_state;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % limit;
}

static struct rk_op random_op(void)
{
	uint32_t call = 1 + random_below(CELLS - 700), what = random_below(10);
	struct rk_op op = work(what < 5 ? RK_OP_KERNEL :
			       what < 7 ? RK_OP_MEMCPY :
					  RK_OP_SYNC,
			       call * CELL, 0, 0);

	op.host_end = op.host_start + random_below(30) * CELL;
	if (op.kind == RK_OP_SYNC) {
		op.sync.scope = random_below(6);
		return op;
	}
	op.exec = random_below(2) ? 1 : 1 + random_below(20); /* half can be taken together */
	op.start = op.host_start + random_below(random_below(4) ? 4 : 400) * CELL;
	op.end = op.start + random_below(random_below(8) ? 40 : 200) * CELL;
	if (!random_below(4))
		op.flags = 0;
	if (!random_below(12)) {
		op.flags |= RK_OP_F_ORPHAN;
		op.exec = op.host_start = op.host_end = 0;
	}
	return op;
}

static bool is_work(const struct rk_op *op)
{
	return op->kind != RK_OP_SYNC;
}

static bool covers(uint64_t start, uint64_t end, uint64_t at)
{
	return start <= at && at < end;
}

static bool is_waited_for(const struct rk_op *ops, uint64_t at)
{
	for (uint32_t i = 0; i < OPS; i++) {
		const struct rk_op *op = &ops[i];
		bool is_sync = !is_work(op) && (op->sync.scope <= RK_SYNC_EVENT ||
						op->sync.scope == RK_SYNC_MEMORY);
		bool blocks = op->kind == RK_OP_MEMCPY && !(op->flags & RK_OP_F_ASYNC);

		if (is_sync && covers(op->host_start, op->host_end, at))
			return true;
		if (blocks && covers(op->end, op->host_end, at))
			return true;
	}
	return false;
}

static enum rk_gpu_state oracle_idle(const struct rk_op *ops, const struct rk_op *next, uint64_t at)
{
	bool is_known = false;
	uint64_t arrived;

	if (!next)
		return is_waited_for(ops, at) ? RK_GPU_WAITING : RK_GPU_NONE;
	if (!next->host_start)
		return is_waited_for(ops, at) ? RK_GPU_WAITING : RK_GPU_UNKNOWN;
	arrived = next->host_end + RK_GPU_LATENCY_NS;
	if (at >= next->host_start)
		return at < arrived ? RK_GPU_LAUNCH_BOUND : RK_GPU_WAITING;
	if (is_waited_for(ops, at))
		return RK_GPU_WAITING;
	for (uint32_t i = 0; i < OPS; i++)
		is_known = is_known || (is_work(&ops[i]) && ops[i].exec == next->exec &&
					ops[i].start < next->start);
	return is_known && at + RK_GPU_PREPARE_NS >= next->host_start ? RK_GPU_LAUNCH_BOUND :
									RK_GPU_NONE;
}

static enum rk_gpu_state oracle(const struct rk_op *ops, uint64_t at)
{
	const struct rk_op *next = NULL;
	bool copies = false;

	for (uint32_t i = 0; i < OPS; i++) {
		const struct rk_op *op = &ops[i];

		if (!is_work(op))
			continue;
		if (covers(op->start, op->end, at) && op->kind == RK_OP_KERNEL)
			return RK_GPU_BUSY;
		copies = copies || covers(op->start, op->end, at);
		if (op->start > at && (!next || op->start < next->start))
			next = op;
	}
	return copies ? RK_GPU_COPYING : oracle_idle(ops, next, at);
}

/* Before this nothing depends on an op that comes later. */
static uint64_t settled(const struct rk_op *ops, uint32_t from)
{
	uint64_t until = CELLS * CELL;

	for (; from < OPS; from++) {
		uint64_t start = ops[from].host_start ? ops[from].host_start : MS;

		if (start < until)
			until = start;
	}
	return until > RK_GPU_PREPARE_NS + CELL ? until - RK_GPU_PREPARE_NS - CELL : 0;
}

static int by_end(const void *a, const void *b)
{
	const struct rk_op *x = a, *y = b;
	uint64_t left = x->end > x->host_end ? x->end : x->host_end;
	uint64_t right = y->end > y->host_end ? y->end : y->host_end;

	return left < right ? -1 : left > right;
}

/* Starts are unique: of two at the same instant the oracle would not know which came first. */
static void make_unique(struct rk_op *ops)
{
	for (uint32_t i = 0; i < OPS; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (is_work(&ops[i]) && is_work(&ops[j]) && ops[i].start == ops[j].start)
				ops[i].kind = RK_OP_SYNC;
		}
		if (!is_work(&ops[i]))
			ops[i].start = ops[i].end = 0;
	}
}

/* The same once more, so much later, after a rest. Executions do not go on over it. */
static void feed_later(struct rk_op *ops, uint64_t later)
{
	tell_recording("stopped", CELLS * CELL);
	for (uint32_t i = 0; i < OPS; i++) {
		struct rk_op op = ops[i];

		op.exec += op.exec ? 1000 : 0;
		op.start += op.start ? later : 0;
		op.end += op.end ? later : 0;
		op.host_start += op.host_start ? later : 0;
		op.host_end += op.host_end ? later : 0;
		if (i == 0)
			tell_recording("started", later + CELL);
		rk_gpu_time_feed(&gpu_time, &op);
	}
	tell_recording("stopped", later + CELLS * CELL);
	tell(RK_OP_TICK, 2 * later);
}

static void check_random_parts(void)
{
	struct rk_gpu_split once, twice;
	struct rk_op ops[OPS];

	for (uint32_t i = 0; i < OPS; i++)
		ops[i] = random_op();
	make_unique(ops);
	for (int parts = 1; parts <= 2; parts++) {
		rk_gpu_time_finish(&gpu_time);
		rk_gpu_time_init(&gpu_time, NULL, NULL);
		tell(RK_OP_CLOCK, CELL);
		for (uint32_t i = 0; i < OPS; i++)
			rk_gpu_time_feed(&gpu_time, &ops[i]);
		if (parts == 2)
			feed_later(ops, 100 * RK_GPU_TIME_HORIZON_NS);
		else
			gpu_time.last = CELLS * CELL;
		rk_gpu_time_end(&gpu_time);
		rk_gpu_time_get(&gpu_time, 0, parts == 1 ? &once : &twice);
	}
	for (int s = 0; s < RK_GPU_STATE_COUNT; s++)
		assert_int_equal(twice.ns[s], 2 * once.ns[s]);
	assert_int_equal(twice.late_ns, 0);
}

static void check_random(bool with_ticks)
{
	uint64_t expected[RK_GPU_STATE_COUNT] = { 0 };
	struct rk_op ops[OPS];
	struct rk_gpu_split split;

	for (uint32_t i = 0; i < OPS; i++)
		ops[i] = random_op();
	make_unique(ops);
	if (with_ticks)
		qsort(ops, OPS, sizeof(ops[0]), by_end);
	rk_gpu_time_finish(&gpu_time);
	rk_gpu_time_init(&gpu_time, NULL, NULL);
	tell(RK_OP_CLOCK, CELL);
	for (uint32_t i = 0; i < OPS; i++) {
		rk_gpu_time_feed(&gpu_time, &ops[i]);
		if (with_ticks)
			rk_gpu_time_feed(&gpu_time,
					 &(struct rk_op){ .kind = RK_OP_TICK,
							  .end = settled(ops, i + 1) +
								 RK_GPU_TIME_HORIZON_NS });
	}
	for (uint64_t at = CELL; at < CELLS * CELL; at += CELL)
		expected[oracle(ops, at)] += CELL;
	gpu_time.last = CELLS * CELL; /* the ticks above were in the future */
	rk_gpu_time_end(&gpu_time);
	assert_true(rk_gpu_time_get(&gpu_time, 0, &split));
	assert_memory_equal(split.ns, expected, sizeof(expected));
	assert_int_equal(total(&split), (CELLS - 1) * CELL);
	assert_int_equal(split.late_ns, 0);
}

static void test_random_timelines(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 60; seed++) {
		random_state = seed;
		check_random(seed % 2);
		check_random_parts();
	}
}

struct gaps {
	uint64_t ns, ended;
	uint32_t count;
};

static void note_gap(const struct rk_gpu_gap *gap, void *data)
{
	struct gaps *gaps = data;
	uint64_t sum = 0;

	for (int state = 0; state < RK_GPU_STATE_COUNT; state++)
		sum += gap->ns[state];
	assert_int_equal(sum, gap->end - gap->start);
	gaps->ns += sum;
	gaps->count++;
	if (gap->ended_by)
		gaps->ended = gap->ended_by->start;
}

/* A tick in the middle of an idle period does not cut it in two. */
static void test_gaps_are_told_whole(void **state)
{
	struct gaps gaps = { 0 };

	(void)state;
	rk_gpu_time_finish(&gpu_time);
	rk_gpu_time_init(&gpu_time, note_gap, &gaps);
	tell(RK_OP_CLOCK, MS);
	feed(RK_OP_KERNEL, MS, 2 * MS, 3 * MS);
	tell(RK_OP_TICK, 4000 * MS);
	feed(RK_OP_KERNEL, 3500 * MS, 3501 * MS, 3502 * MS);
	tell(RK_OP_END, 4001 * MS);
	assert_int_equal(gaps.count, 3);
	assert_int_equal(gaps.ns, 3998 * MS);
	assert_int_equal(gaps.ended, 3501 * MS);
}

static int teardown(void **state)
{
	(void)state;
	rk_gpu_time_finish(&gpu_time);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlapping_kernels_are_a_union),
		cmocka_unit_test(test_a_copy_is_not_idle_and_not_busy),
		cmocka_unit_test(test_late_launch_is_launch_bound),
		cmocka_unit_test(test_long_absence_is_no_work),
		cmocka_unit_test(test_after_a_synchronisation_nothing_is_prepared),
		cmocka_unit_test(test_submitted_work_waits),
		cmocka_unit_test(test_blocking_copy_keeps_the_host),
		cmocka_unit_test(test_open_work_was_waited_for),
		cmocka_unit_test(test_missing_times_are_unknown),
		cmocka_unit_test(test_missing_times_within_other_work),
		cmocka_unit_test(test_orphan_says_nothing_of_the_host),
		cmocka_unit_test(test_devices_are_apart),
		cmocka_unit_test(test_long_kernel_is_waited_for),
		cmocka_unit_test(test_idle_time_is_told_while_it_lasts),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_a_rest_is_no_time),
		cmocka_unit_test(test_without_copies_idle_is_unknown),
		cmocka_unit_test(test_parts_without_work),
		cmocka_unit_test(test_states_have_the_names_of_the_contract),
		cmocka_unit_test(test_random_timelines),
		cmocka_unit_test(test_gaps_are_told_whole),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
