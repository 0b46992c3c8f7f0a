/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_intern.c - one id per string, also from many threads, and the bound.
 */
#include "core/intern.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 8
#define NAMES	3000

static uint32_t ids[THREADS][NAMES];

static void test_same_string_same_id(void **state)
{
	char copy[] = "vector_add";
	uint32_t id = rk_intern("vector_add");

	(void)state;
	assert_int_not_equal(id, 0);
	assert_int_equal(rk_intern(copy), id);
	assert_int_equal(rk_intern_bytes("vector_add_more", 10), id);
	assert_string_equal(rk_intern_get(id), "vector_add");
	assert_int_not_equal(rk_intern("vector_sub"), id);
}

static void test_nothing_is_zero(void **state)
{
	(void)state;
	assert_int_equal(rk_intern(""), 0);
	assert_int_equal(rk_intern(NULL), 0);
	assert_string_equal(rk_intern_get(0), "");
	assert_string_equal(rk_intern_get(4000000000u), "");
}

static void *intern_all(void *data)
{
	uint32_t *mine = data;
	char name[32];

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "kernel_%d", i);
		mine[i] = rk_intern(name);
	}
	return NULL;
}

static void test_threads_agree(void **state)
{
	pthread_t threads[THREADS];
	char name[32];

	(void)state;
	for (int t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, intern_all, ids[t]);
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "kernel_%d", i);
		for (int t = 0; t < THREADS; t++)
			assert_int_equal(ids[t][i], ids[0][i]);
		assert_string_equal(rk_intern_get(ids[0][i]), name);
	}
}

static void test_bound_is_loud_and_harmless(void **state)
{
	const size_t length = 1u << 20;
	char *big = malloc(length);
	uint32_t id = 0;

	(void)state;
	assert_non_null(big);
	memset(big, 'x', length);
	for (int i = 0; i < 20; i++) {
		big[0] = (char)('a' + i);
		id = rk_intern_bytes(big, length);
		assert_int_not_equal(id, 0);
	}
	assert_string_equal(rk_intern_get(id), "(limit)");
	assert_true(rk_intern_refused() >= 4);
	assert_string_equal(rk_intern_get(rk_intern("vector_add")), "vector_add");
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_string_same_id),
		cmocka_unit_test(test_nothing_is_zero),
		cmocka_unit_test(test_threads_agree),
		cmocka_unit_test(test_bound_is_loud_and_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
