/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_join.c - pairs, orphans, open calls, executions.
 */
#include "op_log.h"

#include <string.h>

#include "core/intern.h"

#define S 1000000000ull

static void host(struct rk_join *join, uint32_t tid, struct rk_record record)
{
	rk_join_host(join, tid, &record);
}

static void gpu(struct rk_join *join, struct rk_activity activity)
{
	rk_join_activity(join, &activity);
}

static struct rk_ledger ledger_of(const struct rk_join *join)
{
	struct rk_ledger ledger;

	memset(&ledger, 0, sizeof(ledger));
	rk_join_get_ledger(join, &ledger);
	return ledger;
}

static void test_pair_in_both_orders(void **state)
{
	struct op_log log;

	(void)state;
	for (int activity_first = 0; activity_first < 2; activity_first++) {
		struct rk_join *join = make_join(&log, 0);
		const struct rk_op *op;

		if (activity_first)
			gpu(join, make_activity(RK_ACT_KERNEL, 5, 150, 250));
		host(join, 77, make_launch(5, 100, 0xf));
		if (!activity_first)
			gpu(join, make_activity(RK_ACT_KERNEL, 5, 150, 250));
		assert_int_equal(log.count, 1);
		op = op_log_get(&log, RK_OP_KERNEL, 0);
		assert_int_equal(op->start, 150);
		assert_int_equal(op->end, 250);
		assert_int_equal(op->host_start, 100);
		assert_int_equal(op->host_end, 110);
		assert_int_equal(op->tid, 77);
		assert_int_equal(op->stream, 13);
		assert_int_equal(op->stream_handle, 0x1000);
		assert_int_equal(op->exec, 1);
		assert_int_equal(op->ordinal, 1);
		assert_int_equal(op->flags, RK_OP_F_FIRST | RK_OP_F_ASYNC);
		assert_string_equal(rk_intern_get(op->api), "cuLaunchKernel");
		rk_join_destroy(join);
		op_log_finish(&log);
	}
}

static void test_orphan_after_grace(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	rk_join_tick(join, 10 * S);
	gpu(join, make_activity(RK_ACT_KERNEL, 5, 150, 250));
	rk_join_tick(join, 11 * S);
	assert_int_equal(log.count, 0);
	rk_join_tick(join, 12 * S + 1);
	assert_int_equal(log.count, 1);
	assert_true(log.ops[0].flags & RK_OP_F_ORPHAN);
	assert_int_equal(log.ops[0].exec, 0);
	assert_int_equal(ledger_of(join).gpu_orphan, 1);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_open_at_the_end(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	uint64_t active[RK_ACTIVE_DEVICES];

	(void)state;
	host(join, 1, make_launch(5, 100, 0xf));
	rk_join_get_active(join, active);
	assert_int_equal(active[0], 1);
	assert_int_equal(ledger_of(join).open[RK_WORK_LAUNCH], 1);
	rk_join_finish(join);
	assert_int_equal(op_log_count(&log, RK_OP_KERNEL), 1);
	assert_true(op_log_get(&log, RK_OP_KERNEL, 0)->flags & RK_OP_F_OPEN);
	assert_int_equal(op_log_get(&log, RK_OP_KERNEL, 0)->end, 0);
	assert_int_equal(op_log_get(&log, RK_OP_EXEC_CLOSE, 0)->close.reason, RK_CLOSE_END);
	assert_int_equal(ledger_of(join).open[RK_WORK_LAUNCH], 1);
	rk_join_get_active(join, active);
	assert_int_equal(active[0], 0);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static struct rk_activity device_launch(uint32_t correlation, uint64_t start, uint64_t end)
{
	struct rk_activity activity = make_activity(RK_ACT_KERNEL, correlation, start, end);

	activity.flags |= RK_ACT_DEVICE_LAUNCH;
	activity.stream = 99;
	return activity;
}

/* Kernels that a kernel launched: of its call, but never the call's own record. */
static void test_launches_on_the_device(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	const struct rk_op *op;
	struct rk_ledger ledger;

	(void)state;
	gpu(join, device_launch(5, 150, 160)); /* before its call is drained */
	host(join, 77, make_launch(5, 100, 0xf));
	gpu(join, device_launch(5, 160, 170));
	ledger = ledger_of(join);
	assert_int_equal(op_log_count(&log, RK_OP_KERNEL), 2);
	assert_int_equal(ledger.joined[RK_WORK_LAUNCH], 0);
	assert_int_equal(ledger.open[RK_WORK_LAUNCH], 1);
	op = op_log_get(&log, RK_OP_KERNEL, 1);
	assert_int_equal(op->flags, RK_OP_F_ASYNC);
	assert_int_equal(op->start, 160);
	assert_int_equal(op->exec, 1);
	assert_int_equal(op->tid, 77);
	assert_int_equal(op->host_start, 100);
	assert_int_equal(op->stream, 99);
	gpu(join, make_activity(RK_ACT_KERNEL, 5, 150, 250));
	op = op_log_get(&log, RK_OP_KERNEL, 2);
	assert_true(op->flags & RK_OP_F_FIRST);
	assert_int_equal(op->exec, 1);
	gpu(join, device_launch(6, 300, 310)); /* of no call at all */
	gpu(join, device_launch(0, 300, 310));
	op = op_log_get(&log, RK_OP_KERNEL, 3);
	assert_int_equal(op->flags, RK_OP_F_ORPHAN);
	rk_join_finish(join);
	ledger = ledger_of(join);
	assert_int_equal(ledger.joined[RK_WORK_LAUNCH], 1);
	assert_int_equal(ledger.open[RK_WORK_LAUNCH], 0);
	assert_int_equal(ledger.gpu_kernels, 5);
	assert_int_equal(ledger.gpu_joined, 3);
	assert_int_equal(ledger.gpu_orphan, 2);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_graph_by_nodes(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	const struct rk_op *graph;

	(void)state;
	host(join, 1, make_graph(9, 100));
	host(join, 1, make_sync(RK_SYNC_CONTEXT, 200, 0));
	for (uint64_t i = 0; i < 3; i++) {
		struct rk_activity node = make_activity(RK_ACT_KERNEL, 9, 210 + i, 211 + i);

		node.graph = 4;
		node.graph_node = 40 + i;
		gpu(join, node);
	}
	gpu(join, make_flushed(299));
	assert_int_equal(op_log_count(&log, RK_OP_GRAPH), 0);
	gpu(join, make_flushed(300));
	assert_int_equal(op_log_count(&log, RK_OP_KERNEL), 3);
	graph = op_log_get(&log, RK_OP_GRAPH, 0);
	assert_int_equal(graph->graph.nodes, 3);
	assert_int_equal(graph->graph.graph, 4);
	assert_int_equal(graph->start, 210);
	assert_int_equal(graph->end, 213);
	assert_true(graph->flags & RK_OP_F_FIRST);
	assert_false(op_log_get(&log, RK_OP_KERNEL, 0)->flags & RK_OP_F_FIRST);
	assert_int_equal(ledger_of(join).joined[RK_WORK_GRAPH_LAUNCH], 1);
	assert_int_equal(ledger_of(join).gpu_joined, 3);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_copy_of_several_records(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	host(join, 1, make_copy(API_COPY_IN, 3, 100, 3000));
	for (uint64_t i = 0; i < 3; i++)
		gpu(join, make_activity(RK_ACT_MEMCPY, 3, 100 + i, 101 + i));
	assert_int_equal(op_log_count(&log, RK_OP_MEMCPY), 3);
	assert_true(log.ops[0].flags & RK_OP_F_FIRST);
	assert_false(log.ops[1].flags & RK_OP_F_FIRST);
	gpu(join, make_flushed(1 * S));
	assert_int_equal(ledger_of(join).joined[RK_WORK_MEMCPY], 1);
	/* A record that comes after the call was retired is nobody's. */
	gpu(join, make_activity(RK_ACT_MEMCPY, 3, 100, 101));
	rk_join_finish(join);
	assert_int_equal(ledger_of(join).gpu_orphan, 1);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_copy_without_gpu_record(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	const struct rk_op *op;

	(void)state;
	host(join, 1, make_copy(API_COPY_IN, 3, 100, 4096));	/* blocking: done when it returns */
	host(join, 1, make_copy(API_COPY_IN_ASYNC, 4, 200, 0)); /* nothing to do */
	host(join, 1, make_copy(API_COPY, 5, 300, 64));		/* host to host */
	host(join, 1, make_copy(API_COPY_IN_ASYNC, 6, 400, 64)); /* really under way */
	gpu(join, make_flushed(1 * S));
	assert_int_equal(op_log_count(&log, RK_OP_MEMCPY), 1);
	op = op_log_get(&log, RK_OP_MEMCPY, 0);
	assert_int_equal(op->correlation, 3);
	assert_true(op->flags & RK_OP_F_HOST_TIME);
	assert_int_equal(op->start, 100);
	gpu(join, make_flushed(3 * S));
	assert_int_equal(op_log_count(&log, RK_OP_MEMCPY), 2);
	rk_join_finish(join);
	assert_int_equal(op_log_count(&log, RK_OP_MEMCPY), 4);
	assert_int_equal(ledger_of(join).joined[RK_WORK_MEMCPY], 3);
	assert_int_equal(ledger_of(join).open[RK_WORK_MEMCPY], 1);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_correlation_reuse(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	host(join, 1, make_launch(5, 100, 0xa));
	host(join, 1, make_launch(5, 50 * S, 0xb)); /* the first one never got a record */
	assert_true(op_log_get(&log, RK_OP_KERNEL, 0)->flags & RK_OP_F_OPEN);
	gpu(join, make_activity(RK_ACT_KERNEL, 5, 150, 250)); /* much too early: not its record */
	gpu(join, make_activity(RK_ACT_KERNEL, 5, 50 * S + 100, 50 * S + 200));
	rk_join_finish(join);
	assert_int_equal(op_log_count(&log, RK_OP_KERNEL), 3);
	assert_int_equal(op_log_get(&log, RK_OP_KERNEL, 1)->host_start, 50 * S);
	assert_true(op_log_get(&log, RK_OP_KERNEL, 2)->flags & RK_OP_F_ORPHAN);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_host_time(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_record name = { .kind = RK_REC_NAME };
	const struct rk_op *op;

	(void)state;
	rk_join_set_gpu_time(join, false);
	rk_join_tick(join, 10 * S);
	name.name.handle = 0xf;
	name.name.name = rk_intern("_Z3subPf");
	host(join, 1, name);
	host(join, 1, make_launch(0, 10 * S, 0xf));
	op = op_log_get(&log, RK_OP_KERNEL, 0);
	assert_true(op->flags & RK_OP_F_HOST_TIME);
	assert_int_equal(op->start, 10 * S);
	assert_int_equal(op->end, 10 * S + 10);
	assert_int_equal(op->kernel.grid[0], 7);
	assert_int_equal(op->kernel.block[0], 32);
	assert_string_equal(rk_intern_get(op->name), "_Z3subPf");
	assert_int_not_equal(op->stream, 0);
	assert_int_equal(ledger_of(join).joined[RK_WORK_LAUNCH], 1);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_gpu_time_goes_away(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	rk_join_tick(join, 1 * S);
	host(join, 1, make_launch(5, 1 * S, 0xf));
	host(join, 1, make_launch(6, 1 * S, 0xf));
	rk_join_set_gpu_time(join, false);
	gpu(join, make_activity(RK_ACT_KERNEL, 5, 1 * S + 5, 1 * S + 9)); /* of the last flush */
	assert_int_equal(op_log_count(&log, RK_OP_KERNEL), 1);
	rk_join_tick(join, 4 * S);
	assert_int_equal(op_log_count(&log, RK_OP_KERNEL), 2);
	assert_true(op_log_get(&log, RK_OP_KERNEL, 1)->flags & RK_OP_F_HOST_TIME);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_errors(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_record failed = make_launch(8, 300, 0xf);
	struct rk_record query = make_sync(RK_SYNC_STREAM_QUERY, 310, 0x1000);

	(void)state;
	host(join, 1, make_launch(7, 200, 0xf));
	failed.result = 2;
	host(join, 1, failed);
	query.result = 600;
	host(join, 1, query); /* "not ready" is no failure and no synchronisation */
	assert_int_equal(log.count, 1);
	assert_int_equal(log.ops[0].kind, RK_OP_ERROR);
	assert_int_equal(log.ops[0].result, 2);
	assert_int_equal(log.ops[0].exec, 1);
	query.result = 700;
	query.sync.scope = RK_SYNC_CONTEXT;
	host(join, 1, query);
	assert_int_equal(op_log_count(&log, RK_OP_ERROR), 2);
	assert_int_equal(op_log_count(&log, RK_OP_EXEC_CLOSE), 1);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_executions_close(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	const struct rk_op *close;

	(void)state;
	host(join, 1, make_launch(1, 100, 0xf));
	host(join, 1, make_launch(2, 110, 0xf));
	host(join, 1, make_sync(RK_SYNC_EVENT, 120, 0x5));
	close = op_log_get(&log, RK_OP_EXEC_CLOSE, 0);
	assert_int_equal(close->exec, 1);
	assert_int_equal(close->close.ops, 2);
	assert_int_equal(close->close.reason, RK_CLOSE_SYNC);
	host(join, 1, make_launch(3, 300, 0xf));
	host(join, 1, make_sync(RK_SYNC_EVENT_QUERY, 320, 0x5));
	assert_int_equal(op_log_get(&log, RK_OP_EXEC_CLOSE, 1)->close.reason, RK_CLOSE_QUERY);
	host(join, 1, make_launch(4, 400, 0xf));
	host(join, 1, make_copy(API_COPY_OUT, 5, 420, 8)); /* blocking readback */
	close = op_log_get(&log, RK_OP_EXEC_CLOSE, 2);
	assert_int_equal(close->exec, 3);
	assert_int_equal(close->close.ops, 2);
	host(join, 1, make_launch(6, 500, 0xf));
	host(join, 1, make_launch(7, 500 + 2 * S, 0xf)); /* more than a second later */
	assert_int_equal(op_log_get(&log, RK_OP_EXEC_CLOSE, 3)->close.reason, RK_CLOSE_AGE);
	rk_join_thread_exit(join, 1);
	assert_int_equal(op_log_get(&log, RK_OP_EXEC_CLOSE, 4)->close.reason, RK_CLOSE_THREAD_EXIT);
	for (uint32_t i = 0; i < 10001; i++)
		host(join, 2, make_launch(100 + i, 5 * S + i, 0xf));
	close = op_log_get(&log, RK_OP_EXEC_CLOSE, 5);
	assert_int_equal(close->close.reason, RK_CLOSE_COUNT);
	assert_int_equal(close->close.ops, 10000);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static const struct rk_op *newest_sync(const struct op_log *log)
{
	return op_log_get(log, RK_OP_SYNC, op_log_count(log, RK_OP_SYNC) - 1);
}

/* Whoever waits for more than a second waits for an execution that is closed already. */
static void test_a_long_wait_belongs_to_its_execution(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	host(join, 1, make_launch(1, 100, 0xf));
	rk_join_tick(join, 2 * S);
	assert_int_equal(op_log_get(&log, RK_OP_EXEC_CLOSE, 0)->close.reason, RK_CLOSE_AGE);
	host(join, 1, make_sync(RK_SYNC_STREAM_QUERY, 3 * S, 0x1000)); /* not a wait, but an end */
	assert_int_equal(newest_sync(&log)->exec, 0);
	host(join, 1, make_sync(RK_SYNC_CONTEXT, 3 * S, 0));
	assert_int_equal(newest_sync(&log)->exec, 0);
	host(join, 1, make_launch(2, 4 * S, 0xf));
	rk_join_tick(join, 6 * S);
	host(join, 1, make_sync(RK_SYNC_CONTEXT, 5 * S, 0));
	assert_int_equal(newest_sync(&log)->exec, 2);
	assert_int_equal(newest_sync(&log)->flags, RK_OP_F_LATE);
	host(join, 1, make_sync(RK_SYNC_CONTEXT, 6 * S, 0));
	assert_int_equal(newest_sync(&log)->exec, 0);
	assert_int_equal(newest_sync(&log)->flags, 0);
	host(join, 1, make_launch(3, 7 * S, 0xf)); /* the first one after it is in time */
	host(join, 1, make_sync(RK_SYNC_CONTEXT, 7 * S + 100, 0));
	assert_int_equal(newest_sync(&log)->exec, 3);
	assert_int_equal(newest_sync(&log)->flags, 0);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_covering_sync_elsewhere(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	const struct rk_op *close;

	(void)state;
	host(join, 1, make_launch(1, 100, 0xf));
	host(join, 2, make_launch(2, 100, 0xf));
	host(join, 2, make_sync(RK_SYNC_CONTEXT, 200, 0)); /* thread 1 submitted before it */
	assert_int_equal(op_log_count(&log, RK_OP_EXEC_CLOSE), 1);
	host(join, 1, make_launch(3, 400, 0xf)); /* its next record applies the mark */
	close = op_log_get(&log, RK_OP_EXEC_CLOSE, 1);
	assert_int_equal(close->exec, 1);
	assert_int_equal(close->close.ops, 1);
	assert_int_equal(close->close.reason, RK_CLOSE_SYNC);
	/* An idle thread: one round later. */
	host(join, 2, make_sync(RK_SYNC_CONTEXT, 500, 0));
	rk_join_tick(join, 600);
	assert_int_equal(op_log_count(&log, RK_OP_EXEC_CLOSE), 2);
	rk_join_tick(join, 700);
	assert_int_equal(op_log_count(&log, RK_OP_EXEC_CLOSE), 3);
	/* Work that began before the mark and ended after it is not covered. */
	host(join, 1, make_launch(4, 795, 0xf));
	host(join, 2, make_sync(RK_SYNC_CONTEXT, 800, 0));
	host(join, 1, make_launch(5, 900, 0xf));
	assert_int_equal(op_log_count(&log, RK_OP_EXEC_CLOSE), 3);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_captured_is_not_launched(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_record captured = make_launch(5, 100, 0xf);

	(void)state;
	captured.flags |= RK_REC_CAPTURED;
	host(join, 1, captured);
	rk_join_finish(join);
	assert_int_equal(log.count, 0);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_invalid_time(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_activity activity = make_activity(RK_ACT_KERNEL, 5, 0, 0);

	(void)state;
	activity.flags = RK_ACT_INVALID_TIME;
	host(join, 1, make_launch(5, 100, 0xf));
	gpu(join, activity);
	assert_true(log.ops[0].flags & RK_OP_F_INVALID_TIME);
	assert_int_equal(ledger_of(join).gpu_invalid, 1);
	assert_int_equal(ledger_of(join).gpu_joined, 0);
	assert_int_equal(ledger_of(join).joined[RK_WORK_LAUNCH], 1);
	assert_int_equal(ledger_of(join).dropped[RK_LOSS_INVALID_TIME], 1);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_dropped_records_make_calls_lost(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_activity dropped = make_activity(RK_ACT_DROPPED, 0, 0, 0);
	struct rk_ledger ledger;

	(void)state;
	host(join, 1, make_launch(1, 100, 0xf));
	host(join, 1, make_launch(2, 110, 0xf));
	host(join, 1, make_sync(RK_SYNC_CONTEXT, 200, 0));
	host(join, 1, make_launch(3, 400, 0xf)); /* nobody waited for this one */
	dropped.bytes = 2;
	dropped.value = RK_LOSS_CUPTI_DROPPED;
	gpu(join, dropped);
	rk_join_finish(join);
	ledger = ledger_of(join);
	assert_int_equal(ledger.lost[RK_WORK_LAUNCH], 2);
	assert_int_equal(ledger.open[RK_WORK_LAUNCH], 1);
	assert_int_equal(ledger.dropped[RK_LOSS_CUPTI_DROPPED], 2);
	assert_int_equal(ledger.gpu_dropped, 2);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_stream_numbers_are_learned(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	host(join, 1, make_launch(1, 100, 0xf));
	gpu(join, make_activity(RK_ACT_KERNEL, 1, 120, 130));
	host(join, 1, make_launch(2, 140, 0xf));
	rk_join_finish(join);
	assert_int_equal(op_log_get(&log, RK_OP_KERNEL, 1)->stream, 13);
	rk_join_destroy(join);
	op_log_finish(&log);
}

/* The driver stages a pageable copy: one call, several operations of the GPU. */
static void test_pageable_copy_in_parts(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	uint64_t bytes = 0, blocked = 0;

	(void)state;
	host(join, 7, make_copy(API_COPY_IN, 5, 100, 3000));
	for (uint64_t i = 0; i < 3; i++) {
		struct rk_activity part =
			make_activity(RK_ACT_MEMCPY, 5, 1000 + 100 * i, 1050 + 100 * i);

		part.bytes = 1000;
		gpu(join, part);
	}
	rk_join_finish(join);
	assert_int_equal(op_log_count(&log, RK_OP_MEMCPY), 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct rk_op *op = op_log_get(&log, RK_OP_MEMCPY, i);

		bytes += op->copy.bytes;
		blocked += op->flags & RK_OP_F_FIRST ? op->host_end - op->host_start : 0;
		assert_false(op->flags & RK_OP_F_ORPHAN);
	}
	assert_int_equal(bytes, 3000);
	assert_int_equal(blocked, 10); /* of the call, once */
	assert_int_equal(ledger_of(join).joined[RK_WORK_MEMCPY], 1);
	assert_int_equal(ledger_of(join).gpu_joined, 3);
	assert_int_equal(ledger_of(join).gpu_orphan, 0);
	rk_join_destroy(join);
	op_log_finish(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair_in_both_orders),
		cmocka_unit_test(test_orphan_after_grace),
		cmocka_unit_test(test_pageable_copy_in_parts),
		cmocka_unit_test(test_open_at_the_end),
		cmocka_unit_test(test_launches_on_the_device),
		cmocka_unit_test(test_graph_by_nodes),
		cmocka_unit_test(test_copy_of_several_records),
		cmocka_unit_test(test_copy_without_gpu_record),
		cmocka_unit_test(test_correlation_reuse),
		cmocka_unit_test(test_host_time),
		cmocka_unit_test(test_gpu_time_goes_away),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_executions_close),
		cmocka_unit_test(test_a_long_wait_belongs_to_its_execution),
		cmocka_unit_test(test_covering_sync_elsewhere),
		cmocka_unit_test(test_captured_is_not_launched),
		cmocka_unit_test(test_invalid_time),
		cmocka_unit_test(test_dropped_records_make_calls_lost),
		cmocka_unit_test(test_stream_numbers_are_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
