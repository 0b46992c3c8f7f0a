/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_clock.c - the frozen map against CLOCK_MONOTONIC, and the wall offset.
 */
#include "core/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void test_rate_is_right(void **state)
{
	uint64_t clock_start, clock_end, start, end;
	int64_t error;

	(void)state;
	rk_clock_init();
	start = read_ns(CLOCK_MONOTONIC);
	clock_start = rk_clock_now();
	usleep(200000);
	end = read_ns(CLOCK_MONOTONIC);
	clock_end = rk_clock_now();
	error = (int64_t)(clock_end - clock_start) - (int64_t)(end - start);
	/* 1e-4 of 200 ms, and room for a pre-emption between the reads */
	assert_true(llabs(error) < 2000000);
}

static void test_map_is_frozen(void **state)
{
	struct rk_clock before = rk_clock_map;

	(void)state;
	rk_clock_init();
	assert_int_equal(before.mult, rk_clock_map.mult);
	assert_int_equal(before.origin_ticks, rk_clock_map.origin_ticks);
}

static void test_ticks_before_the_origin(void **state)
{
	uint64_t ns = rk_clock_ns(rk_clock_map.origin_ticks - 1000);

	(void)state;
	assert_true(ns <= rk_clock_map.origin_ns);
	assert_true(rk_clock_map.origin_ns - ns <= 1000000);
}

static void test_wall_offset(void **state)
{
	uint64_t uncertainty;
	int64_t offset = rk_clock_wall_offset(&uncertainty);
	int64_t error = (int64_t)(read_ns(CLOCK_REALTIME) - (rk_clock_now() + (uint64_t)offset));

	(void)state;
	assert_true(llabs(error) < 5000000);
	assert_true(uncertainty < 5000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_is_right),
		cmocka_unit_test(test_map_is_frozen),
		cmocka_unit_test(test_ticks_before_the_origin),
		cmocka_unit_test(test_wall_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
