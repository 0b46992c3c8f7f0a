/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/tools/test_kernel_diff.c - how often the verdict errs, over many made-up pairs.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/intern.h"
#include "tools/kernel_diff.h"

#define ROUNDS 400

static uint64_t seed;

static double uniform(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(seed >> 11) / 9007199254740992.0;
}

/* Skewed as durations are: a floor and a long tail. */
static uint64_t duration(double factor)
{
	return (uint64_t)(factor * (100000 - 8000 * log(1 - uniform())));
}

static struct rk_report_table *make(const struct rk_config *config, unsigned count, double factor)
{
	struct rk_report_table *table = rk_report_table_create(config, RK_NAMES_BASE, RK_BY_NAME);
	struct rk_op op = { .kind = RK_OP_KERNEL, .start = 1000 };

	op.name = rk_intern("axpy");
	for (unsigned i = 0; i < count; i++) {
		op.end = op.start + duration(factor);
		assert_int_equal(rk_report_table_push(table, &op), 0);
	}
	return table;
}

/* How many of ROUNDS pairs get each verdict. */
static void judge(unsigned counts[6], unsigned launches, double factor)
{
	const struct rk_kernel_diff_limits limits = { .change = 0.05, .min_share = 0 };
	struct rk_config *config;

	assert_int_equal(rk_config_create(&config, NULL), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct rk_report_table *a = make(config, launches, 1);
		struct rk_report_table *b = make(config, launches, factor);
		struct rk_kernel_diff *rows;
		size_t count;

		assert_int_equal(rk_kernel_diff_make(&rows, &count, a, b, &limits), 0);
		assert_int_equal(count, 1);
		counts[rows[0].verdict]++;
		free(rows);
		rk_report_table_destroy(a);
		rk_report_table_destroy(b);
	}
	rk_config_destroy(config);
}

/* Exactly at the limit it may say slower in one case of two hundred, for each way to be sure. */
static void test_at_the_limit(void **state)
{
	unsigned counts[6] = { 0 };

	(void)state;
	judge(counts, 60, 1.05);
	assert_true(counts[RK_DIFF_SLOWER] <= ROUNDS * 2 / 100);
	assert_true(counts[RK_DIFF_SAME] <= ROUNDS * 2 / 100);
}

static void test_no_change(void **state)
{
	unsigned counts[6] = { 0 };

	(void)state;
	judge(counts, 60, 1);
	assert_int_equal(counts[RK_DIFF_SLOWER] + counts[RK_DIFF_FASTER], 0);
}

/* And it can tell: a change of 15 % in 60 launches is nearly always found. */
static void test_power(void **state)
{
	unsigned counts[6] = { 0 };

	(void)state;
	judge(counts, 60, 1.15);
	assert_true(counts[RK_DIFF_SLOWER] >= ROUNDS * 95 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_the_limit),
		cmocka_unit_test(test_no_change),
		cmocka_unit_test(test_power),
	};

	seed = 7;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
