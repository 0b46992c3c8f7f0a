/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_drain_names.c - threads and GPUs have names before they have ops.
 */
#include "op_log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/intern.h"
#include "core/thread.h"
#include "pipeline/live/drain.h"

static _Atomic int step;
static uint32_t worker_tid;

static void push_launch(void)
{
	struct rk_ring *ring = rk_thread_ring_slow();
	struct rk_record *slot;

	assert_non_null(ring);
	slot = rk_ring_reserve(ring);
	assert_non_null(slot);
	*slot = make_launch(0, 0, 0xf);
	slot->start = slot->end = rk_clock_ticks();
	rk_ring_commit(ring);
}

static void wait_for_step(int wanted)
{
	for (int i = 0; i < 5000 && atomic_load(&step) != wanted; i++)
		usleep(1000);
}

/* Launches, is renamed, launches again; each when the test says so. */
static void *work(void *data)
{
	(void)data;
	worker_tid = (uint32_t)syscall(SYS_gettid);
	prctl(PR_SET_NAME, "before");
	push_launch();
	prctl(PR_SET_NAME, "load\t\xc3\xa4\xff");
	atomic_store(&step, 1);
	wait_for_step(2);
	push_launch();
	atomic_store(&step, 3);
	wait_for_step(4);
	prctl(PR_SET_NAME, "after");
	push_launch();
	atomic_store(&step, 5);
	wait_for_step(6);
	push_launch();
	atomic_store(&step, 7);
	wait_for_step(8);
	return NULL;
}

static const char *name_of(const struct op_log *log, uint32_t n)
{
	return rk_intern_get(op_log_get(log, RK_OP_THREAD, n)->name);
}

static void threads_are_named_when_seen_and_again_when_renamed(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_drain drain;
	pthread_t thread;

	(void)state;
	rk_join_set_gpu_time(join, false);
	rk_drain_init(&drain, join, NULL);
	assert_int_equal(pthread_create(&thread, NULL, work, NULL), 0);
	wait_for_step(1);
	assert_int_equal(rk_drain_round(&drain), 1);
	/* The name it had at its first call, ahead of its op: a file might be forbidden by now. */
	assert_int_equal(op_log_count(&log, RK_OP_THREAD), 1);
	assert_string_equal(name_of(&log, 0), "before");
	assert_int_equal(op_log_get(&log, RK_OP_THREAD, 0)->tid, worker_tid);
	assert_int_equal(log.ops[0].kind, RK_OP_THREAD);
	assert_int_equal(log.ops[1].kind, RK_OP_KERNEL);
	/* Soon the one that it has since, as text; its third not at every round, but later. */
	usleep(110000);
	atomic_store(&step, 2);
	wait_for_step(3);
	assert_int_equal(rk_drain_round(&drain), 1);
	assert_int_equal(op_log_count(&log, RK_OP_THREAD), 2);
	assert_string_equal(name_of(&log, 1), "load?\xc3\xa4?");
	atomic_store(&step, 4);
	wait_for_step(5);
	assert_int_equal(rk_drain_round(&drain), 1);
	assert_int_equal(op_log_count(&log, RK_OP_THREAD), 2);
	usleep(1050000);
	atomic_store(&step, 6);
	wait_for_step(7);
	assert_int_equal(rk_drain_round(&drain), 1);
	assert_int_equal(op_log_count(&log, RK_OP_THREAD), 3);
	assert_string_equal(name_of(&log, 2), "after");
	assert_int_equal(log.ops[log.count - 1].kind, RK_OP_KERNEL);
	atomic_store(&step, 8);
	pthread_join(thread, NULL);
	rk_drain_finish(&drain);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void *launch_once(void *data)
{
	(void)data;
	prctl(PR_SET_NAME, "short");
	push_launch();
	return NULL;
}

static void a_thread_that_has_ended_has_the_name_it_came_with(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_drain drain;
	pthread_t thread;

	(void)state;
	rk_join_set_gpu_time(join, false);
	rk_drain_init(&drain, join, NULL);
	assert_int_equal(pthread_create(&thread, NULL, launch_once, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(rk_drain_round(&drain), 1);
	assert_int_equal(op_log_count(&log, RK_OP_THREAD), 1);
	assert_string_equal(name_of(&log, 0), "short");
	rk_drain_finish(&drain);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void names_are_told_once(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	rk_join_thread_name(join, 7, "");
	assert_false(rk_join_has_thread_name(join, 7));
	rk_join_thread_name(join, 7, "a");
	rk_join_thread_name(join, 7, "a");
	rk_join_thread_name(join, 8, "a");
	assert_true(rk_join_has_thread_name(join, 7));
	assert_int_equal(log.count, 2);
	rk_join_thread_exit(join, 7); /* the number may come back for another thread */
	assert_false(rk_join_has_thread_name(join, 7));
	rk_join_thread_name(join, 7, "a");
	assert_int_equal(log.count, 3);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void gpus_are_told_in_order(void **state)
{
	struct rk_gpu_inventory gpus = { .count = 40, .described = 40 };
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	const struct rk_op *op;

	(void)state;
	snprintf(gpus.at[1].name, sizeof(gpus.at[1].name), "one");
	gpus.at[1].uuid[15] = 9;
	gpus.at[1].memory_bytes = 5;
	gpus.at[1].major = 8;
	gpus.at[1].minor = 6;
	rk_join_tell_gpus(join, &gpus, 100);
	assert_int_equal(log.count, RK_GPU_MAX);
	op = op_log_get(&log, RK_OP_DEVICE, 1);
	assert_int_equal(op->device, 1);
	assert_int_equal(op->ordinal, 2);
	assert_int_equal(op->start, 100);
	assert_string_equal(rk_intern_get(op->name), "one");
	assert_int_equal(op->device_info.uuid[15], 9);
	assert_int_equal(op->device_info.memory_bytes, 5);
	assert_int_equal(op->device_info.major * 10 + op->device_info.minor, 86);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static int setup_all(void **state)
{
	int err;

	(void)state;
	rk_clock_mark();
	rk_clock_init();
	err = rk_thread_init(64u << 10, 16);
	if (!err)
		rk_thread_open_gate();
	return err;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_are_named_when_seen_and_again_when_renamed),
		cmocka_unit_test(a_thread_that_has_ended_has_the_name_it_came_with),
		cmocka_unit_test(names_are_told_once),
		cmocka_unit_test(gpus_are_told_in_order),
	};

	return cmocka_run_group_tests(tests, setup_all, NULL);
}
