/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/tools/test_distribution.c - against the plain definitions, and the stated error.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tools/distribution.h"

static void empty_is_zero(void **state)
{
	struct rk_distribution d = { 0 };

	(void)state;
	assert_true(rk_distribution_get_median(&d) == 0);
	assert_true(rk_distribution_get_stddev(&d) == 0);
	rk_distribution_finish(&d);
}

static void small_ones_are_exact(void **state)
{
	static const uint64_t values[] = { 40, 10, 20, 1000000, 30 };
	struct rk_distribution d = { 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(rk_distribution_push(&d, values[i]), 0);
	assert_true(rk_distribution_get_median(&d) == 30);
	assert_int_equal(rk_distribution_push(&d, values[4]), 0);
	assert_true(rk_distribution_get_median(&d) == 30);
	assert_true(rk_distribution_is_exact(&d));
	assert_int_equal(d.min, 10);
	assert_int_equal(d.max, 1000000);
	assert_int_equal(d.total, 1000100);
	/* statistics.stdev([40, 10, 20, 1000000, 30]) */
	assert_true(fabs(rk_distribution_get_stddev(&d) - 447202.41529982816) < 1e-6);
	rk_distribution_finish(&d);
}

/* Beyond the exact part: within 0.4 %, at every order of magnitude. */
static void large_ones_are_within_the_stated_error(void **state)
{
	(void)state;
	for (uint64_t base = 1; base < UINT64_C(1) << 50; base *= 37) {
		struct rk_distribution d = { 0 };
		uint64_t count = 3 * RK_DISTRIBUTION_EXACT + 1;
		double wanted = (double)(base * (count / 2 + 1));

		for (uint64_t i = 0; i < count; i++)
			assert_int_equal(rk_distribution_push(&d, base * (i * 7919 % count + 1)),
					 0);
		assert_false(rk_distribution_is_exact(&d));
		assert_true(fabs(rk_distribution_get_median(&d) - wanted) <= 0.004 * wanted);
		assert_int_equal(d.count, count);
		assert_int_equal(d.max, base * count);
		rk_distribution_finish(&d);
	}
}

static void equal_values_have_that_median(void **state)
{
	struct rk_distribution d = { 0 };

	(void)state;
	for (int i = 0; i < RK_DISTRIBUTION_EXACT + 5; i++)
		assert_int_equal(rk_distribution_push(&d, 123457), 0);
	assert_true(rk_distribution_get_median(&d) == 123457);
	assert_true(rk_distribution_get_stddev(&d) == 0);
	rk_distribution_finish(&d);
}

static void extreme_values_fit(void **state)
{
	struct rk_distribution d = { 0 };

	(void)state;
	for (int i = 0; i <= RK_DISTRIBUTION_EXACT; i++)
		assert_int_equal(rk_distribution_push(&d, i % 2 ? 0 : UINT64_MAX / 65536), 0);
	assert_int_equal(d.min, 0);
	assert_int_equal(rk_distribution_push(&d, UINT64_MAX), 0);
	assert_int_equal(d.max, UINT64_MAX);
	rk_distribution_finish(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_zero),
		cmocka_unit_test(small_ones_are_exact),
		cmocka_unit_test(large_ones_are_within_the_stated_error),
		cmocka_unit_test(equal_values_have_that_median),
		cmocka_unit_test(extreme_values_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
