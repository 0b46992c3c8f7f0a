/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/breaker.h"

#define FAILURES  3u
#define SUCCESSES 2u
#define COOL_DOWN 100u

static struct rk_breaker make(void)
{
	struct rk_breaker breaker;

	rk_breaker_init(&breaker, FAILURES, SUCCESSES, COOL_DOWN);
	return breaker;
}

static struct rk_breaker make_open(uint64_t now)
{
	struct rk_breaker breaker = make();

	assert_false(rk_breaker_note(&breaker, false, now));
	assert_false(rk_breaker_note(&breaker, false, now));
	assert_true(rk_breaker_note(&breaker, false, now));
	assert_int_equal(breaker.state, RK_BREAKER_OPEN);
	return breaker;
}

static void test_only_failures_in_a_row_open_it(void **state)
{
	struct rk_breaker breaker = make();

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_false(rk_breaker_note(&breaker, false, 1));
		assert_false(rk_breaker_note(&breaker, false, 1));
		assert_false(rk_breaker_note(&breaker, true, 1));
	}
	assert_int_equal(breaker.state, RK_BREAKER_CLOSED);
	assert_true(rk_breaker_allows(&breaker, 1));
	assert_int_equal(rk_breaker_due_ns(&breaker), 0);
}

static void test_open_until_the_cool_down_is_over(void **state)
{
	struct rk_breaker breaker = make_open(50);

	(void)state;
	assert_false(rk_breaker_allows(&breaker, 50));
	assert_false(rk_breaker_allows(&breaker, 149));
	assert_int_equal(rk_breaker_due_ns(&breaker), 150);
	assert_int_equal(breaker.state, RK_BREAKER_OPEN);
	assert_true(rk_breaker_allows(&breaker, 150));
	assert_int_equal(breaker.state, RK_BREAKER_HALF_OPEN);
	assert_int_equal(rk_breaker_due_ns(&breaker), 0);
}

static void test_half_open_closes_after_successes(void **state)
{
	struct rk_breaker breaker = make_open(0);

	(void)state;
	assert_true(rk_breaker_allows(&breaker, COOL_DOWN));
	assert_false(rk_breaker_note(&breaker, true, COOL_DOWN));
	assert_int_equal(breaker.state, RK_BREAKER_HALF_OPEN);
	assert_true(rk_breaker_note(&breaker, true, COOL_DOWN));
	assert_int_equal(breaker.state, RK_BREAKER_CLOSED);
	/* and needs the full number of failures again */
	assert_false(rk_breaker_note(&breaker, false, COOL_DOWN));
	assert_false(rk_breaker_note(&breaker, false, COOL_DOWN));
	assert_true(rk_breaker_note(&breaker, false, COOL_DOWN));
}

static void test_one_failure_opens_it_again(void **state)
{
	struct rk_breaker breaker = make_open(0);

	(void)state;
	assert_true(rk_breaker_allows(&breaker, COOL_DOWN));
	assert_false(rk_breaker_note(&breaker, true, COOL_DOWN));
	assert_true(rk_breaker_note(&breaker, false, 170));
	assert_int_equal(breaker.state, RK_BREAKER_OPEN);
	assert_int_equal(rk_breaker_due_ns(&breaker), 170 + COOL_DOWN);
	/* the success before does not count any more */
	assert_true(rk_breaker_allows(&breaker, 170 + COOL_DOWN));
	assert_false(rk_breaker_note(&breaker, true, 171 + COOL_DOWN));
}

static void test_a_late_answer_changes_nothing_while_open(void **state)
{
	struct rk_breaker breaker = make_open(10);

	(void)state;
	assert_false(rk_breaker_note(&breaker, true, 20));
	assert_false(rk_breaker_note(&breaker, false, 30));
	assert_int_equal(rk_breaker_due_ns(&breaker), 10 + COOL_DOWN);
}

static void test_odd_settings(void **state)
{
	struct rk_breaker breaker;

	(void)state;
	rk_breaker_init(&breaker, 0, 0, UINT64_MAX);
	assert_true(rk_breaker_note(&breaker, false, 7));
	assert_true(rk_breaker_due_ns(&breaker) == UINT64_MAX);
	assert_false(rk_breaker_allows(&breaker, UINT64_MAX - 1));
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(rk_breaker_state_name(RK_BREAKER_CLOSED), "closed");
	assert_string_equal(rk_breaker_state_name(RK_BREAKER_HALF_OPEN), "half-open");
	assert_string_equal(rk_breaker_state_name(RK_BREAKER_OPEN), "open");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_failures_in_a_row_open_it),
		cmocka_unit_test(test_open_until_the_cool_down_is_over),
		cmocka_unit_test(test_half_open_closes_after_successes),
		cmocka_unit_test(test_one_failure_opens_it_again),
		cmocka_unit_test(test_a_late_answer_changes_nothing_while_open),
		cmocka_unit_test(test_odd_settings),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
