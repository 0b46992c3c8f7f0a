/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_text_pool.c - what is in use stays, what is gone is known to be gone.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/text_pool.h"

#define THREADS 8
#define ROUNDS	20000

static void equal_texts_share_a_place(void **state)
{
	char text[RK_TEXT_POOL_LARGE], out[RK_TEXT_POOL_LARGE];
	static const size_t lengths[] = { 1, 7, 8, 9, 495, 496, 497, 8751, 8752 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		uint64_t reference;

		memset(text, 'a' + (int)i, lengths[i]);
		reference = rk_text_pool_put(text, lengths[i]);
		assert_true(reference);
		assert_true(rk_text_pool_put(text, lengths[i]) == reference);
		assert_int_equal(rk_text_pool_get(reference, out, sizeof(out)), lengths[i]);
		assert_memory_equal(out, text, lengths[i]);
		assert_int_equal(rk_text_pool_get(reference, out, lengths[i] - 1), 0);
	}
	assert_int_equal(rk_text_pool_put("", 0), 0);
	assert_int_equal(rk_text_pool_get(0, out, sizeof(out)), 0);
}

static void too_long_and_invalid_are_counted(void **state)
{
	static char text[RK_TEXT_POOL_LARGE + 1];
	uint64_t before = rk_text_pool_lost();

	(void)state;
	assert_int_equal(rk_text_pool_put(text, sizeof(text)), 0);
	assert_int_equal(rk_text_pool_get(0xffff, text, sizeof(text)), 0);
	assert_int_equal(rk_text_pool_get(77ull << 16 | 3, text, sizeof(text)), 0);
	assert_int_equal(rk_text_pool_lost(), before + 3);
}

static void what_is_used_outlives_what_is_not(void **state)
{
	char text[64], out[64];
	uint64_t kept = rk_text_pool_put("kept", 4), forgotten = rk_text_pool_put("forgotten", 9);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t length = (size_t)snprintf(text, sizeof(text), "request %d", i);

		assert_true(rk_text_pool_put(text, length));
		assert_int_equal(rk_text_pool_get(kept, out, sizeof(out)), 4);
	}
	assert_memory_equal(out, "kept", 4);
	assert_int_equal(rk_text_pool_get(forgotten, out, sizeof(out)), 0);
}

static void *put_and_get(void *data)
{
	uintptr_t thread = (uintptr_t)data, wrong = 0;
	char text[64], out[64];

	for (int i = 0; i < ROUNDS; i++) {
		size_t length = (size_t)snprintf(text, sizeof(text), "%d of %d threads", i % 3000,
						 (int)(thread % 3));
		uint64_t reference = rk_text_pool_put(text, length);
		size_t got = rk_text_pool_get(reference, out, sizeof(out));

		if (got && (got != length || memcmp(out, text, length) != 0))
			wrong++;
	}
	return (void *)wrong;
}

static void threads_never_read_another_text(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_and_get, (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_texts_share_a_place),
		cmocka_unit_test(too_long_and_invalid_are_counted),
		cmocka_unit_test(what_is_used_outlives_what_is_not),
		cmocka_unit_test(threads_never_read_another_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
