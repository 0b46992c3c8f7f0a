/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_thread.c - rings per thread, dead threads, the overflow ring, fork.
 */
#include "core/thread.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RING_BYTES (64u << 10)
#define MAX_RINGS  4u

static pthread_key_t late_key;
static _Atomic uint32_t late_seen_null;

static int setup(void **state)
{
	(void)state;
	if (rk_thread_init(RING_BYTES, MAX_RINGS) != 0)
		return -1;
	rk_thread_open_gate();
	return 0;
}

static void *take_ring(void *data)
{
	struct rk_ring *ring = rk_thread_ring_slow();

	if (ring)
		rk_ring_count(&ring->calls[RK_WORK_LAUNCH]);
	*(struct rk_ring **)data = ring;
	return NULL;
}

static void test_thread_exit_retires_and_recycle_reuses(void **state)
{
	struct rk_ring *first, *second;
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, take_ring, &first);
	pthread_join(thread, NULL);
	assert_non_null(first);
	assert_int_equal(atomic_load(&first->state), RK_RING_RETIRED);
	assert_int_equal(atomic_load(&first->calls[RK_WORK_LAUNCH]), 1);
	rk_thread_ring_recycle(first);
	assert_int_equal(atomic_load(&first->calls[RK_WORK_LAUNCH]), 0);
	pthread_create(&thread, NULL, take_ring, &second);
	pthread_join(thread, NULL);
	assert_ptr_equal(first, second);
	assert_int_equal(atomic_load(&second->generation), 2);
	rk_thread_ring_recycle(second);
}

static void *hold_ring(void *data)
{
	pthread_barrier_t *barrier = data;
	struct rk_ring *ring = rk_thread_ring_slow();

	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	return ring;
}

static void test_more_threads_than_rings(void **state)
{
	pthread_t threads[MAX_RINGS + 2];
	pthread_barrier_t barrier;
	uint32_t got = 0;
	void *ring;

	(void)state;
	pthread_barrier_init(&barrier, NULL, MAX_RINGS + 3);
	for (uint32_t i = 0; i < MAX_RINGS + 2; i++)
		pthread_create(&threads[i], NULL, hold_ring, &barrier);
	pthread_barrier_wait(&barrier);
	assert_true(rk_thread_ring_count() <= MAX_RINGS + 1);
	pthread_barrier_wait(&barrier);
	for (uint32_t i = 0; i < MAX_RINGS + 2; i++) {
		pthread_join(threads[i], &ring);
		got += ring != NULL;
		if (ring)
			rk_thread_ring_recycle(ring);
	}
	assert_int_equal(got, MAX_RINGS);
	pthread_barrier_destroy(&barrier);
}

static void handle_late(void *value)
{
	(void)value;
	if (rk_thread_self.state == RK_THREAD_DEAD && !rk_thread_ring_slow())
		late_seen_null = 1;
	else
		pthread_setspecific(late_key, value); /* again, after the others */
}

static void *die_late(void *data)
{
	pthread_setspecific(late_key, data);
	return rk_thread_ring_slow();
}

static void test_dead_thread_gets_no_ring(void **state)
{
	pthread_t thread;
	void *ring;

	(void)state;
	pthread_key_create(&late_key, handle_late);
	pthread_create(&thread, NULL, die_late, &late_key);
	pthread_join(thread, &ring);
	assert_non_null(ring);
	assert_int_equal(late_seen_null, 1);
	rk_thread_ring_recycle(ring);
	pthread_key_delete(late_key);
}

static void test_overflow_counts_everything(void **state)
{
	struct rk_record launch = { .kind = RK_REC_LAUNCH };
	struct rk_record failed = { .kind = RK_REC_LAUNCH, .result = 1 };
	struct rk_record captured = { .kind = RK_REC_MEMCPY, .flags = RK_REC_CAPTURED };
	struct rk_ring *ring = rk_thread_ring_at(0);
	uint64_t pushed = 0;

	(void)state;
	assert_non_null(ring);
	pushed += rk_thread_push_overflow(&failed);
	pushed += rk_thread_push_overflow(&captured);
	for (uint32_t i = 0; i < 2 * (RING_BYTES / 64); i++)
		pushed += rk_thread_push_overflow(&launch);
	assert_int_equal(pushed, RING_BYTES / 64);
	assert_int_equal(atomic_load(&ring->calls[RK_WORK_LAUNCH]), 2 * (RING_BYTES / 64) + 1);
	assert_int_equal(atomic_load(&ring->failed[RK_WORK_LAUNCH]), 1);
	assert_int_equal(atomic_load(&ring->captured[RK_WORK_MEMCPY]), 1);
	assert_int_equal(atomic_load(&ring->lost[RK_WORK_LAUNCH]), RING_BYTES / 64 + 2);
	assert_true(((const struct rk_record *)rk_ring_at(ring, 0))->flags & RK_REC_OVERFLOW);
}

/* Runs in the child; an exit code says which expectation failed. */
static int look_around_in_child(struct rk_ring *inherited)
{
	struct rk_ring *fresh;

	if (rk_thread_gate() != 0)
		return 1;
	if (rk_thread_ring_slow())
		return 2;
	if (rk_thread_init(RING_BYTES, MAX_RINGS) != 0)
		return 3;
	rk_thread_open_gate();
	if (rk_thread_gate() == rk_thread_self.epoch)
		return 4;
	fresh = rk_thread_ring_slow();
	if (!fresh)
		return 5;
	if (fresh == inherited && rk_ring_peek(fresh) != 0)
		return 6;
	return rk_ring_reserve(fresh) ? 0 : 7;
}

static void test_forked_child_is_closed_and_can_start_anew(void **state)
{
	struct rk_ring *ring = rk_thread_ring_slow();
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(ring);
	assert_int_not_equal(rk_thread_gate(), 0);
	pid = fork();
	if (pid == 0)
		_exit(look_around_in_child(ring));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_not_equal(rk_thread_gate(), 0);
}

static void *wake_soon(void *data)
{
	(void)data;
	usleep(20000);
	rk_thread_wake();
	return NULL;
}

static void test_wait_ends_by_wake(void **state)
{
	pthread_t thread;
	struct timespec before, after;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &before);
	pthread_create(&thread, NULL, wake_soon, NULL);
	rk_thread_wait(10000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	pthread_join(thread, NULL);
	assert_true(after.tv_sec - before.tv_sec < 5);
}

static void test_wake_before_the_wait_counts(void **state)
{
	struct timespec before, after;

	(void)state;
	rk_thread_wait(0);
	rk_thread_wake();
	clock_gettime(CLOCK_MONOTONIC, &before);
	rk_thread_wait(10000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_exit_retires_and_recycle_reuses),
		cmocka_unit_test(test_more_threads_than_rings),
		cmocka_unit_test(test_dead_thread_gets_no_ring),
		cmocka_unit_test(test_overflow_counts_everything),
		cmocka_unit_test(test_forked_child_is_closed_and_can_start_anew),
		cmocka_unit_test(test_wait_ends_by_wake),
		cmocka_unit_test(test_wake_before_the_wait_counts),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
