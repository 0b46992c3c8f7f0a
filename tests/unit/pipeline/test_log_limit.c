/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_log_limit.c - so many a second, and the others counted; by a clock
 * of the test's own.
 */
#include "op_log.h"

#include <stdio.h>
#include <string.h>

#include "pipeline/log/log_limit.h"

#define S 1000000000ull

static struct rk_log_limit *limit;
static struct rk_log_suppressed ended;

static int set_up(void **state)
{
	(void)state;
	return rk_log_limit_create(&limit, 5);
}

static int tear_down(void **state)
{
	(void)state;
	rk_log_limit_destroy(limit);
	return 0;
}

static bool take(enum rk_log_level level, const char *domain, const char *message, uint64_t now)
{
	const struct rk_log_event event = { .level = level, .domain = domain, .message = message };

	return rk_log_limit_take(limit, &event, now, &ended);
}

static uint32_t take_many(uint32_t count, const char *message, uint64_t now)
{
	uint32_t passed = 0;

	for (uint32_t i = 0; i < count; i++)
		passed += take(RK_LOG_INFO, "a", message, now);
	return passed;
}

static void test_ten_seconds_worth_at_once_then_the_rate(void **state)
{
	(void)state;
	assert_int_equal(take_many(1000, "x", S), 5 * RK_LOG_LIMIT_BURST_S);
	for (uint64_t second = 2; second < 20; second++)
		assert_int_equal(take_many(100, "x", second * S), 5);
	/* Nothing came for so long that the bucket is full again, and no fuller. */
	assert_int_equal(take_many(1000, "x", 1000 * S), 5 * RK_LOG_LIMIT_BURST_S);
}

static void test_kinds_do_not_hide_each_other(void **state)
{
	(void)state;
	take_many(1000, "x", S);
	assert_false(take(RK_LOG_INFO, "a", "x", S));
	assert_true(take(RK_LOG_ERROR, "a", "x", S));
	assert_true(take(RK_LOG_INFO, "b", "x", S));
	assert_true(take(RK_LOG_INFO, NULL, "x", S));
	assert_true(take(RK_LOG_INFO, "a", "y", S));
}

static void test_digits_do_not_make_a_kind(void **state)
{
	char message[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(message, sizeof(message), "request %d failed after %d ms", i, i * 7);
		take(RK_LOG_INFO, "a", message, S);
	}
	assert_false(take(RK_LOG_INFO, "a", "request 7 failed after 123456 ms", S));
	assert_true(take(RK_LOG_INFO, "a", "request failed after 123456 ms", S));
}

static void test_told_when_it_is_over(void **state)
{
	(void)state;
	assert_false(rk_log_limit_next(limit, UINT64_MAX, &ended));
	take_many(60, "first 1", S);
	take_many(5, "second 2", S + S / 2);
	assert_false(rk_log_limit_next(limit, S + S / 2, &ended));
	assert_true(rk_log_limit_next(limit, 2 * S, &ended));
	assert_int_equal(ended.count, 10);
	assert_int_equal(ended.level, RK_LOG_INFO);
	assert_string_equal(ended.domain, "a");
	assert_string_equal(ended.message, "first 1");
	assert_false(rk_log_limit_next(limit, UINT64_MAX, &ended));
}

static void test_told_every_ten_seconds_while_it_lasts(void **state)
{
	uint64_t told = 0, passed = 0, sum = 0;

	(void)state;
	for (uint64_t at = S; at < 61 * S; at += S / 100) {
		passed += take(RK_LOG_INFO, "a", "x", at);
		while (rk_log_limit_next(limit, at, &ended)) {
			told++;
			sum += ended.count;
		}
	}
	assert_in_range(told, 4, 6);
	while (rk_log_limit_next(limit, UINT64_MAX, &ended))
		sum += ended.count;
	assert_int_equal(sum + passed, 6000); /* none is forgotten */
}

static void test_who_makes_room_is_told(void **state)
{
	uint64_t sum = 0, passed = 0;
	char message[64];

	(void)state;
	/* Far more kinds than the table has, each of them over its limit. */
	for (int kind = 0; kind < 5000; kind++) {
		snprintf(message, sizeof(message), "kind %c%c%c", 'a' + kind % 26,
			 'a' + kind / 26 % 26, 'a' + kind / 676);
		for (int i = 0; i < 51; i++) {
			passed += take(RK_LOG_INFO, "a", message, S + (uint64_t)kind);
			sum += ended.count;
		}
	}
	while (rk_log_limit_next(limit, UINT64_MAX, &ended))
		sum += ended.count;
	assert_int_equal(passed, 5000 * 50);
	assert_int_equal(sum, 5000);
}

static void test_time_may_go_back(void **state)
{
	(void)state;
	assert_int_equal(take_many(1000, "x", 100 * S), 50);
	assert_int_equal(take_many(1000, "x", S), 0);
	assert_true(take_many(1000, "x", 101 * S));
}

static void test_no_limit(void **state)
{
	struct rk_log_limit *none;
	const struct rk_log_event event = { .message = "x" };

	(void)state;
	assert_int_equal(rk_log_limit_create(&none, 0), 0);
	for (int i = 0; i < 100000; i++)
		assert_true(rk_log_limit_take(none, &event, S, &ended));
	rk_log_limit_destroy(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ten_seconds_worth_at_once_then_the_rate),
		TEST(test_kinds_do_not_hide_each_other),
		TEST(test_digits_do_not_make_a_kind),
		TEST(test_told_when_it_is_over),
		TEST(test_told_every_ten_seconds_while_it_lasts),
		TEST(test_who_makes_room_is_told),
		TEST(test_time_may_go_back),
		TEST(test_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
