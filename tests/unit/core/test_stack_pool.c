/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_stack_pool.c - one number per stack, also from many threads, and the bound.
 */
#include "core/stack_pool.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 8
#define STACKS	3000

static uint32_t ids[THREADS][STACKS];

static void test_same_stack_same_number(void **state)
{
	const uint64_t frames[] = { 0x1000, 0x2000, 0x3000 }, copy[] = { 0x1000, 0x2000, 0x3000 };
	const uint64_t *kept;
	uint32_t id = rk_stack_pool_put(frames, 3);

	(void)state;
	assert_int_not_equal(id, 0);
	assert_int_equal(rk_stack_pool_put(copy, 3), id);
	assert_int_not_equal(rk_stack_pool_put(frames, 2), id);
	assert_int_equal(rk_stack_pool_get(id, &kept), 3);
	assert_ptr_not_equal(kept, frames);
	assert_memory_equal(kept, frames, sizeof(frames));
}

static void test_unknown_numbers(void **state)
{
	const uint64_t *kept;

	(void)state;
	assert_int_equal(rk_stack_pool_get(0, &kept), 0);
	assert_int_equal(rk_stack_pool_get(RK_STACK_IDS_MAX, &kept), 0);
	assert_int_equal(rk_stack_pool_get(UINT32_MAX, &kept), 0);
}

static uint32_t put_numbered(uint64_t number)
{
	uint64_t frames[16];

	for (uint64_t i = 0; i < 16; i++)
		frames[i] = number << 8 | i;
	return rk_stack_pool_put(frames, 1 + number % 16);
}

static void *put_all(void *data)
{
	uint32_t *mine = data;

	for (uint32_t i = 0; i < STACKS; i++)
		mine[i] = put_numbered(0x10000 + i);
	return NULL;
}

static void test_threads_agree(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, put_all, ids[t]), 0);
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	for (uint32_t i = 0; i < STACKS; i++) {
		const uint64_t *kept;

		assert_int_not_equal(ids[0][i], 0);
		for (int t = 1; t < THREADS; t++)
			assert_int_equal(ids[t][i], ids[0][i]);
		assert_int_equal(rk_stack_pool_get(ids[0][i], &kept), 1 + (0x10000 + i) % 16);
		assert_int_equal(kept[0], (uint64_t)(0x10000 + i) << 8);
	}
}

/* Last: nothing new gets in any more. */
static void test_the_bound(void **state)
{
	uint64_t refused = rk_stack_pool_refused(), number = 1u << 24;
	uint32_t known = put_numbered(number), id;

	(void)state;
	errno = 7;
	while ((id = put_numbered(++number)) != 0)
		assert_true(id <= RK_STACK_IDS_MAX);
	assert_int_equal(errno, 7);
	assert_true(number - (1u << 24) > RK_STACK_IDS_MAX / 2);
	assert_int_equal(rk_stack_pool_refused(), refused + 1);
	assert_int_equal(put_numbered(number), 0);
	assert_int_equal(rk_stack_pool_refused(), refused + 2);
	assert_int_equal(put_numbered(1u << 24), known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_stack_same_number),
		cmocka_unit_test(test_unknown_numbers),
		cmocka_unit_test(test_threads_agree),
		cmocka_unit_test(test_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
