/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_join_missing.c - calls of kinds that CUPTI gives no records of.
 *
 * What certainly gets no record is told at once, by the call's own time; what may get one waits,
 * and at the end is told by the call's time as well. Everything else is open without its record.
 */
#include "op_log.h"

#include <string.h>

#include "core/gpu_facts.h"

enum { LAUNCH, COPY_IN, COPY_PEER, COPY_DEVICE, COPY_ANY, SET, GRAPH, NAMES };

static const char *const names[NAMES] = {
	[LAUNCH] = "cuLaunchKernel",  [COPY_IN] = "cuMemcpyHtoD_v2",
	[COPY_PEER] = "cuMemcpyPeer", [COPY_DEVICE] = "cuMemcpyDtoDAsync_v2",
	[COPY_ANY] = "cuMemcpyAsync", [SET] = "cuMemsetD8Async",
	[GRAPH] = "cuGraphLaunch",
};

/* What all bits mean of which kind: told at once where all of .needs are missing; by its own time
 * at the end where one of .hopes is. */
static const struct {
	uint32_t needs, hopes;
	enum rk_op_kind kind;
} rules[NAMES] = {
	[LAUNCH] = { RK_GPU_NO_KERNELS, RK_GPU_NO_KERNELS, RK_OP_KERNEL },
	[COPY_IN] = { RK_GPU_NO_COPIES, RK_GPU_NO_COPIES, RK_OP_MEMCPY },
	[COPY_PEER] = { RK_GPU_NO_PEER_COPIES, RK_GPU_NO_PEER_COPIES, RK_OP_MEMCPY },
	/* Whether it crosses devices is not known. */
	[COPY_DEVICE] = { RK_GPU_NO_COPIES | RK_GPU_NO_PEER_COPIES,
			  RK_GPU_NO_COPIES | RK_GPU_NO_PEER_COPIES, RK_OP_MEMCPY },
	[COPY_ANY] = { RK_GPU_NO_COPIES | RK_GPU_NO_PEER_COPIES,
		       RK_GPU_NO_COPIES | RK_GPU_NO_PEER_COPIES, RK_OP_MEMCPY },
	[SET] = { RK_GPU_NO_MEMSETS, RK_GPU_NO_MEMSETS, RK_OP_MEMSET },
	/* It may hold work of any kind, or none: a record is always possible. */
	[GRAPH] = { UINT32_MAX, RK_GPU_NO_RECORDS, RK_OP_GRAPH },
};

struct fixture {
	struct op_log log;
	struct rk_join *join;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct rk_join_setup setup = {
		.api_names = names, .api_count = NAMES, .emit = op_log_take, .data = &f.log
	};

	memset(&f, 0, sizeof(f));
	if (rk_join_create(&f.join, &setup))
		return -1;
	rk_join_set_gpu_time(f.join, true);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rk_join_destroy(f->join);
	op_log_finish(&f->log);
	return 0;
}

static void submit(struct fixture *f, unsigned api, uint32_t correlation)
{
	uint64_t start = 1000 * correlation;
	struct rk_record record = api == LAUNCH ? make_launch(correlation, start, 0xf) :
				  api == GRAPH	? make_graph(correlation, start) :
				  api == SET	? make_copy(API_SET_ASYNC, correlation, start, 64) :
						  make_copy(API_COPY, correlation, start, 64);

	record.api = (uint16_t)api;
	record.flags = RK_REC_ASYNC;
	rk_join_host(f->join, 1, &record);
}

/* Told by the call's own time, as done. */
static void assert_by_host(const struct rk_op *op, uint32_t correlation)
{
	assert_int_equal(op->correlation, correlation);
	assert_int_equal(op->flags & (RK_OP_F_HOST_TIME | RK_OP_F_OPEN), RK_OP_F_HOST_TIME);
	assert_int_equal(op->start, 1000 * correlation);
	assert_int_equal(op->end, op->host_end);
	assert_true(op->end > op->start);
}

static void assert_open(const struct rk_op *op)
{
	assert_int_equal(op->flags & (RK_OP_F_HOST_TIME | RK_OP_F_OPEN), RK_OP_F_OPEN);
	assert_int_equal(op->start | op->end, 0);
}

static void try_one(unsigned api, uint32_t missing)
{
	enum rk_op_kind kind = rules[api].kind;
	struct fixture *f;

	assert_int_equal(set_up((void **)&f), 0);
	rk_join_set_missing(f->join, missing);
	submit(f, api, 1);
	if ((missing & rules[api].needs) == rules[api].needs) {
		assert_int_equal(op_log_count(&f->log, kind), 1);
		assert_by_host(op_log_get(&f->log, kind, 0), 1);
	} else {
		assert_int_equal(op_log_count(&f->log, kind), 0);
	}
	rk_join_finish(f->join);
	assert_int_equal(op_log_count(&f->log, kind), 1);
	if (missing & rules[api].hopes)
		assert_by_host(op_log_get(&f->log, kind, 0), 1);
	else
		assert_open(op_log_get(&f->log, kind, 0));
	tear_down((void **)&f);
}

/* Each kind of call with each set of kinds of records that are missing. */
static void test_every_set(void **state)
{
	(void)state;
	for (unsigned api = 0; api < NAMES; api++) {
		for (uint32_t missing = 0; missing <= RK_GPU_NO_RECORDS; missing++)
			try_one(api, missing);
	}
}

/* Refused while calls wait: those that now get no record are told, the others go on waiting. */
static void test_refused_later(void **state)
{
	struct fixture *f = *state;
	struct rk_activity copied = make_activity(RK_ACT_MEMCPY, 2, 2500, 2600);
	struct rk_ledger ledger;

	submit(f, LAUNCH, 1);
	submit(f, COPY_IN, 2);
	submit(f, LAUNCH, 3);
	submit(f, GRAPH, 4);
	rk_join_set_missing(f->join, RK_GPU_NO_KERNELS);
	assert_int_equal(f->log.count, 2);
	assert_by_host(op_log_get(&f->log, RK_OP_KERNEL, 0), 1);
	assert_by_host(op_log_get(&f->log, RK_OP_KERNEL, 1), 3);
	rk_join_activity(f->join, &copied);
	assert_int_equal(op_log_get(&f->log, RK_OP_MEMCPY, 0)->start, 2500);
	assert_int_equal(op_log_get(&f->log, RK_OP_MEMCPY, 0)->flags & RK_OP_F_HOST_TIME, 0);
	rk_join_finish(f->join);
	assert_by_host(op_log_get(&f->log, RK_OP_GRAPH, 0), 4);
	memset(&ledger, 0, sizeof(ledger));
	rk_join_get_ledger(f->join, &ledger);
	assert_int_equal(ledger.joined[RK_WORK_LAUNCH], 2);
	assert_int_equal(ledger.joined[RK_WORK_MEMCPY], 1);
	assert_int_equal(ledger.joined[RK_WORK_GRAPH_LAUNCH], 1);
	assert_int_equal(ledger.open[RK_WORK_LAUNCH] + ledger.open[RK_WORK_GRAPH_LAUNCH], 0);
}

/* A graph of which a record has come is told by it, whatever else it may lack. */
static void test_graph_with_a_record(void **state)
{
	struct fixture *f = *state;
	struct rk_activity kernel = make_activity(RK_ACT_KERNEL, 1, 5000, 6000);

	submit(f, GRAPH, 1);
	rk_join_activity(f->join, &kernel);
	rk_join_set_missing(f->join, RK_GPU_NO_COPIES);
	assert_int_equal(op_log_count(&f->log, RK_OP_GRAPH), 0);
	rk_join_finish(f->join);
	assert_int_equal(op_log_count(&f->log, RK_OP_GRAPH), 1);
	assert_int_equal(op_log_get(&f->log, RK_OP_GRAPH, 0)->start, 5000);
	assert_int_equal(op_log_get(&f->log, RK_OP_GRAPH, 0)->end, 6000);
	assert_int_equal(
		op_log_get(&f->log, RK_OP_GRAPH, 0)->flags & (RK_OP_F_HOST_TIME | RK_OP_F_OPEN), 0);
}

/* A copy may have several records: one that has some was told by them. */
static void test_copy_with_a_record(void **state)
{
	struct fixture *f = *state;
	struct rk_activity copied = make_activity(RK_ACT_MEMCPY, 1, 1500, 1600);

	submit(f, COPY_IN, 1);
	rk_join_activity(f->join, &copied);
	rk_join_set_missing(f->join, RK_GPU_NO_COPIES);
	rk_join_finish(f->join);
	assert_int_equal(op_log_count(&f->log, RK_OP_MEMCPY), 1);
	assert_int_equal(op_log_get(&f->log, RK_OP_MEMCPY, 0)->flags & RK_OP_F_HOST_TIME, 0);
}

/* Records come again: calls wait for them as before. */
static void test_given_again(void **state)
{
	struct fixture *f = *state;
	struct rk_activity kernel = make_activity(RK_ACT_KERNEL, 2, 2500, 2600);

	rk_join_set_missing(f->join, RK_GPU_NO_RECORDS);
	submit(f, LAUNCH, 1);
	rk_join_set_missing(f->join, 0);
	submit(f, LAUNCH, 2);
	submit(f, LAUNCH, 3);
	assert_int_equal(f->log.count, 1);
	rk_join_activity(f->join, &kernel);
	assert_int_equal(op_log_get(&f->log, RK_OP_KERNEL, 1)->start, 2500);
	rk_join_finish(f->join);
	assert_open(op_log_get(&f->log, RK_OP_KERNEL, 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_set), TEST(test_refused_later),
		TEST(test_graph_with_a_record),	  TEST(test_copy_with_a_record),
		TEST(test_given_again),
	};

	return cmocka_run_group_tests_name("join_missing", tests, NULL, NULL);
}
