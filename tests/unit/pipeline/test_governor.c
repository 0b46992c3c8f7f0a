/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_governor.c - steps as a function of measured cost over time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/use/governor.h"

#define MS     1000000u
#define WINDOW (250u * MS)
#define QUIET  (2000u * MS) /* eight windows */
#define EVERY  UINT32_MAX
#define BUDGET 0.02

static struct rk_governor governor;
static struct rk_governor_window window;

static int begin(void **state)
{
	(void)state;
	rk_governor_init(&governor, BUDGET, QUIET);
	window = (struct rk_governor_window){ .useful = EVERY };
	return 0;
}

/* One window of two busy threads in which tracing took @percent. Return: whether it stepped. */
static bool feed(double percent)
{
	window.now_ns += WINDOW;
	window.busy_ns = 2 * WINDOW;
	window.cost_ns = (uint64_t)(percent / 100 * 2 * WINDOW);
	return rk_governor_feed(&governor, &window);
}

/* Windows of @percent until it steps; 0 = it did not within @most. */
static int feed_until_step(double percent, int most)
{
	for (int i = 1; i <= most; i++) {
		if (feed(percent))
			return i;
	}
	return 0;
}

static void test_within_the_budget_it_stays(void **state)
{
	(void)state;
	assert_int_equal(feed_until_step(1.99, 10000), 0);
	assert_int_equal(governor.step, RK_STEP_FULL);
	assert_float_equal(governor.share, 0.0199, 1e-6);
}

static void test_one_window_beyond_it_is_none(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_false(feed(90));
		assert_false(feed(1.5));
	}
	assert_int_equal(governor.step, RK_STEP_FULL);
}

static void test_down_through_every_step(void **state)
{
	(void)state;
	assert_int_equal(feed_until_step(3, 10), 2);
	for (int step = RK_STEP_NO_STACKS; step < RK_STEP_COUNTERS_ONLY; step++) {
		assert_int_equal(governor.step, step);
		/* One to settle in, two beyond the budget. */
		assert_int_equal(feed_until_step(3, 10), 3);
	}
	assert_int_equal(governor.step, RK_STEP_COUNTERS_ONLY);
	assert_int_equal(feed_until_step(50, 1000), 0);
}

static void test_steps_that_save_nothing_are_left_out(void **state)
{
	(void)state;
	window.useful = 1u << RK_STEP_SAMPLED_SPANS | 1u << RK_STEP_COUNTERS_ONLY;
	feed_until_step(3, 10);
	assert_int_equal(governor.step, RK_STEP_SAMPLED_SPANS);
	feed_until_step(3, 10);
	assert_int_equal(governor.step, RK_STEP_COUNTERS_ONLY);
	feed_until_step(0, 100);
	assert_int_equal(governor.step, RK_STEP_SAMPLED_SPANS);
	feed_until_step(0, 100);
	assert_int_equal(governor.step, RK_STEP_FULL);
	window.useful = 0;
	assert_int_equal(feed_until_step(90, 100), 0);
}

/* Down to @step, and the cost of the windows that took. */
static void go_down_to(enum rk_governor_step step)
{
	while (governor.step != step)
		feed(3);
}

static void test_up_after_a_quiet_time(void **state)
{
	(void)state;
	go_down_to(RK_STEP_WHOLE_GRAPHS);
	/* One to settle in, one from which the time counts, eight of it. */
	assert_int_equal(feed_until_step(0.9, 100), 10);
	assert_int_equal(governor.step, RK_STEP_NO_STACKS);
	assert_int_equal(feed_until_step(0.9, 100), 10);
	assert_int_equal(governor.step, RK_STEP_FULL);
	assert_int_equal(feed_until_step(0, 1000), 0);
}

static void test_between_half_and_whole_it_stays(void **state)
{
	(void)state;
	go_down_to(RK_STEP_NO_STACKS);
	assert_int_equal(feed_until_step(1.5, 10000), 0);
	/* And what was quiet before does not count. */
	feed_until_step(0.1, 6);
	feed(1.5);
	assert_int_equal(feed_until_step(0.1, 100), 9);
}

/* A program that costs 3 % at full, and 0.1 % without stacks, for an hour. */
static void test_it_does_not_swing(void **state)
{
	uint64_t hour = 3600000ull * MS;
	int steps = 0;

	(void)state;
	while (window.now_ns < hour)
		steps += feed(governor.step == RK_STEP_FULL ? 3 : 0.1);
	/* Waits of 2, 4, 8 ... 512, 600, 600 s: 14 attempts, down and up. */
	assert_in_range(steps, 10, 32);
	assert_true(governor.wait_ns == 600000ull * MS);
}

static void test_a_step_up_that_held_is_forgiven(void **state)
{
	(void)state;
	go_down_to(RK_STEP_NO_STACKS);
	feed_until_step(0.1, 100);
	go_down_to(RK_STEP_NO_STACKS); /* at once: the next wait is twice as long */
	assert_int_equal(feed_until_step(0.1, 100), 18);
	assert_int_equal(governor.step, RK_STEP_FULL);
	assert_int_equal(feed_until_step(0.1, 100), 0);
	go_down_to(RK_STEP_NO_STACKS); /* much later */
	assert_int_equal(feed_until_step(0.1, 100), 10);
}

static void test_nobody_is_busy(void **state)
{
	(void)state;
	go_down_to(RK_STEP_NO_STACKS);
	window.busy_ns = window.cost_ns = 0;
	for (int i = 0; i < 100 && governor.step; i++) {
		window.now_ns += WINDOW;
		rk_governor_feed(&governor, &window);
	}
	assert_int_equal(governor.step, RK_STEP_FULL);
	assert_float_equal(governor.share, 0, 0);
}

static void test_names(void **state)
{
	(void)state;
	for (int step = 0; step < RK_STEP_COUNT; step++)
		assert_int_equal(
			rk_governor_find_step(rk_governor_step_name((enum rk_governor_step)step)),
			step);
	assert_int_equal(rk_governor_find_step("nothing"), RK_STEP_COUNT);
	assert_string_equal(rk_governor_step_name(RK_STEP_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_within_the_budget_it_stays, begin),
		cmocka_unit_test_setup(test_one_window_beyond_it_is_none, begin),
		cmocka_unit_test_setup(test_down_through_every_step, begin),
		cmocka_unit_test_setup(test_steps_that_save_nothing_are_left_out, begin),
		cmocka_unit_test_setup(test_up_after_a_quiet_time, begin),
		cmocka_unit_test_setup(test_between_half_and_whole_it_stays, begin),
		cmocka_unit_test_setup(test_it_does_not_swing, begin),
		cmocka_unit_test_setup(test_a_step_up_that_held_is_forgiven, begin),
		cmocka_unit_test_setup(test_nobody_is_busy, begin),
		cmocka_unit_test_setup(test_names, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
