/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_histogram.c - against a search through the exact bounds.
 */
#include "op_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/metrics/histogram.h"

#define VALUES 200000

static const struct rk_bounds bounds = {
	22, { 0.000001, 0.000002, 0.000005, 0.00001, 0.00002, 0.00005, 0.0001, 0.0002,
	      0.0005,	0.001,	  0.002,    0.005,   0.01,    0.02,    0.05,   0.1,
	      0.2,	0.5,	  1,	    2,	     5,	      10 }
};

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* In long double, without the table. */
static uint32_t exact_bucket(uint64_t value)
{
	uint32_t at = 0;

	while (at < bounds.count && value > (uint64_t)llroundl(bounds.at[at] * 1e9L))
		at++;
	return at;
}

static void test_bounds_are_upper_inclusive(void **state)
{
	struct rk_histogram_scale scale;

	(void)state;
	rk_histogram_scale_init(&scale, &bounds);
	for (uint32_t i = 0; i < bounds.count; i++) {
		uint64_t edge = (uint64_t)llroundl(bounds.at[i] * 1e9L);

		assert_int_equal(rk_histogram_bucket(&scale, edge), i);
		assert_int_equal(rk_histogram_bucket(&scale, edge + 1), i + 1);
		assert_int_equal(rk_histogram_bucket(&scale, edge - 1), exact_bucket(edge - 1));
	}
	assert_int_equal(rk_histogram_bucket(&scale, 0), 0);
	assert_int_equal(rk_histogram_bucket(&scale, UINT64_MAX), bounds.count);
}

static void test_random_values(void **state)
{
	struct rk_histogram_scale scale, exponential;
	struct rk_histogram *h = calloc(1, sizeof(*h));
	uint64_t expected[RK_CONFIG_BOUNDS_MAX + 1] = { 0 };
	uint64_t seed = 12345;
	uint64_t sum = 0;
	uint64_t min = UINT64_MAX;
	uint64_t max = 0;
	uint64_t total = 0;

	(void)state;
	assert_non_null(h);
	rk_histogram_scale_init(&scale, &bounds);
	rk_histogram_scale_init_exponential(&exponential);
	for (int i = 0; i < VALUES; i++) {
		uint64_t value = random_next(&seed) >> (20 + random_next(&seed) % 44);

		rk_histogram_add(h, &scale, &exponential, value);
		expected[exact_bucket(value)]++;
		sum += value;
		min = value < min ? value : min;
		max = value > max ? value : max;
	}
	assert_memory_equal(h->explicit_buckets, expected, sizeof(expected));
	for (int i = 0; i < RK_HISTOGRAM_EXP_COUNT; i++)
		total += h->exponential[i];
	assert_int_equal(total, VALUES);
	assert_int_equal(h->count, VALUES);
	assert_int_equal(h->sum, sum);
	assert_int_equal(h->min, min);
	assert_int_equal(h->max, max);
	free(h);
}

static void test_exponential_bounds(void **state)
{
	struct rk_histogram_scale exponential;
	uint64_t seed = 99;

	(void)state;
	rk_histogram_scale_init_exponential(&exponential);
	for (int i = 0; i < VALUES; i++) {
		uint64_t value = 1 + (random_next(&seed) >> (24 + random_next(&seed) % 40)) %
					     4000000000000ull;
		int index = RK_HISTOGRAM_EXP_FIRST + (int)rk_histogram_bucket(&exponential, value);
		long double upper = exp2l((index + 1) / 8.0L) * 1e9L;
		long double lower = exp2l(index / 8.0L) * 1e9L;

		/* (lower, upper], to the rounding of a double */
		assert_true((long double)value <= upper * (1 + 1e-15L));
		if (index > RK_HISTOGRAM_EXP_FIRST)
			assert_true((long double)value > lower * (1 - 1e-15L));
	}
}

static void test_quantile(void **state)
{
	struct rk_histogram_scale scale, exponential;
	struct rk_histogram *h = calloc(1, sizeof(*h));

	(void)state;
	assert_non_null(h);
	rk_histogram_scale_init(&scale, &bounds);
	rk_histogram_scale_init_exponential(&exponential);
	assert_int_equal(rk_histogram_quantile(h, &exponential, 0.5), 0);
	for (uint64_t i = 1; i <= 1000; i++)
		rk_histogram_add(h, &scale, &exponential, i * 1000);
	/* At most one bucket (9 %) above the true value. */
	assert_in_range(rk_histogram_quantile(h, &exponential, 0.5), 500000, 546000);
	assert_in_range(rk_histogram_quantile(h, &exponential, 0.99), 990000, 1000000);
	assert_int_equal(rk_histogram_quantile(h, &exponential, 1), 1000000);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds_are_upper_inclusive),
		cmocka_unit_test(test_random_values),
		cmocka_unit_test(test_exponential_bounds),
		cmocka_unit_test(test_quantile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
