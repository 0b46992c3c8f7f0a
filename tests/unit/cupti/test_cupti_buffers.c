/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/cupti/test_cupti_buffers.c - the pool from several threads at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cupti/cupti_buffers.h"

#define SIZE	65536
#define THREADS 4
#define ROUNDS	1000 /* times THREADS stays below RK_CUPTI_BUFFERS_MAX */

static struct rk_cupti_buffers *make(uint32_t count, uint32_t low_mark)
{
	struct rk_cupti_buffers *buffers = malloc(sizeof(*buffers));

	assert_non_null(buffers);
	assert_int_equal(rk_cupti_buffers_init(buffers, count, SIZE, low_mark), 0);
	return buffers;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

static uint32_t put_all(struct rk_cupti_buffers *buffers)
{
	struct rk_cupti_buffer *buffer = rk_cupti_buffers_take(buffers);
	uint32_t count = 0;

	while (buffer) {
		struct rk_cupti_buffer *next = rk_cupti_buffers_next(buffers, buffer);

		rk_cupti_buffers_put(buffers, buffer);
		buffer = next;
		count++;
	}
	return count;
}

static void order_and_zeroes(void **state)
{
	struct rk_cupti_buffers *buffers = make(4, 100);
	uint8_t *data[3];
	struct rk_cupti_buffer *first;

	(void)state;
	for (int i = 0; i < 3; i++) {
		data[i] = rk_cupti_buffers_get(buffers, 100 + (uint64_t)i);
		assert_non_null(data[i]);
		assert_true(is_zero(data[i], SIZE));
		memset(data[i], 0x5a, 1000);
	}
	assert_int_equal(rk_cupti_buffers_oldest(buffers), 100);
	for (int i = 0; i < 3; i++)
		rk_cupti_buffers_push(buffers, data[i], 1000, NULL, (uint32_t)i);
	/* Not taken yet: still counts as out. */
	assert_int_equal(rk_cupti_buffers_oldest(buffers), 100);
	first = rk_cupti_buffers_take(buffers);
	assert_int_equal(rk_cupti_buffers_oldest(buffers), UINT64_MAX);
	for (uint32_t i = 0; i < 3; i++) {
		struct rk_cupti_buffer *next = rk_cupti_buffers_next(buffers, first);

		assert_int_equal(first->stream, i);
		assert_int_equal(first->valid, 1000);
		rk_cupti_buffers_put(buffers, first);
		first = next;
	}
	assert_null(first);
	for (int i = 0; i < 4; i++)
		assert_true(is_zero(rk_cupti_buffers_get(buffers, 1), SIZE));
	assert_int_equal(atomic_load(&buffers->peak), 4);
	free(buffers);
}

static bool is_resident(uint8_t *page)
{
	unsigned char is_there = 0;

	assert_int_equal(mincore(page, 1, &is_there), 0);
	return is_there & 1;
}

static void beyond_the_pool(void **state)
{
	struct rk_cupti_buffers *buffers = make(2, 5);
	uint8_t *data[8];

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(rk_cupti_buffers_are_low(buffers), i > 5);
		data[i] = rk_cupti_buffers_get(buffers, 7);
		assert_non_null(data[i]);
		memset(data[i], 1, SIZE); /* every byte is ours to write */
	}
	assert_int_equal(atomic_load(&buffers->emergencies), 6);
	assert_int_equal(atomic_load(&buffers->refused), 0);
	for (int i = 0; i < 8; i++)
		rk_cupti_buffers_push(buffers, data[i], SIZE, NULL, 0);
	assert_int_equal(put_all(buffers), 8);
	assert_false(rk_cupti_buffers_are_low(buffers));
	for (int i = 2; i < 8; i++)
		assert_false(is_resident(data[i])); /* their memory is the kernel's again */
	for (int i = 0; i < 8; i++)
		assert_true(is_zero(rk_cupti_buffers_get(buffers, 7), SIZE));
	assert_int_equal(atomic_load(&buffers->emergencies), 6);
	free(buffers);
}

static void strangers(void **state)
{
	struct rk_cupti_buffers *buffers = make(2, 5);
	static uint8_t foreign[64];
	uint8_t *data = rk_cupti_buffers_get(buffers, 1);

	(void)state;
	rk_cupti_buffers_push(buffers, foreign, 64, NULL, 0);
	assert_null(rk_cupti_buffers_take(buffers));
	rk_cupti_buffers_push(buffers, data, SIZE * 9, NULL, 0);
	assert_int_equal(rk_cupti_buffers_take(buffers)->valid, SIZE);
	free(buffers);
}

static _Atomic int finished;

static void *lend_and_return(void *argument)
{
	struct rk_cupti_buffers *buffers = argument;
	void *result = NULL;

	for (uint32_t i = 0; i < ROUNDS && !result; i++) {
		uint8_t *data = rk_cupti_buffers_get(buffers, 1);

		/* Two threads with one buffer would see each other's mark. */
		if (data[0] != 0)
			result = (void *)1;
		data[0] = 1;
		data[8] = (uint8_t)i;
		if (data[8] != (uint8_t)i)
			result = (void *)2;
		rk_cupti_buffers_push(buffers, data, 16, NULL, 0);
	}
	atomic_fetch_add(&finished, 1);
	return result;
}

static void several_threads(void **state)
{
	struct rk_cupti_buffers *buffers = make(8, 4000);
	pthread_t threads[THREADS];
	uint32_t taken = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, lend_and_return, buffers);
	while (atomic_load(&finished) < THREADS)
		taken += put_all(buffers);
	for (int i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		assert_null(result);
	}
	taken += put_all(buffers);
	assert_int_equal(taken, THREADS * ROUNDS);
	assert_int_equal(atomic_load(&buffers->in_use), 0);
	assert_int_equal(atomic_load(&buffers->refused), 0);
	free(buffers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_and_zeroes),
		cmocka_unit_test(beyond_the_pool),
		cmocka_unit_test(strangers),
		cmocka_unit_test(several_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
