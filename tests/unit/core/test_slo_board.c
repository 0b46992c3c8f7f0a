/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_slo_board.c - a reader never sees half of a verdict.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/slo_board.h"

#define POSTS 200000

static atomic_bool is_over;

static void *read_all_the_time(void *data)
{
	struct rk_slo_notice notice;
	uint64_t *torn = data;

	while (!atomic_load(&is_over)) {
		if (rk_slo_board_read(0, &notice) && notice.headroom != notice.budget_left)
			(*torn)++;
	}
	return NULL;
}

static void nothing_is_torn(void **state)
{
	struct rk_slo_notice notice = { .slo = "graph", .target = "latency_p99" };
	uint64_t torn[2] = { 0, 0 };
	pthread_t readers[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, &torn[i]), 0);
	for (int i = 0; i < POSTS; i++) {
		notice.headroom = notice.budget_left = i;
		assert_true(rk_slo_board_post(&notice));
	}
	atomic_store(&is_over, true);
	for (int i = 0; i < 2; i++)
		pthread_join(readers[i], NULL);
	assert_true(!torn[0] && !torn[1]);
	assert_true(rk_slo_board_read(0, &notice));
	assert_true(notice.headroom == POSTS - 1);
	assert_false(rk_slo_board_read(1, &notice));
}

static void there_is_an_end_to_it(void **state)
{
	struct rk_slo_notice notice = { .target = "x" };

	(void)state;
	for (unsigned i = 1; i < RK_SLO_BOARD_PLACES; i++) {
		snprintf(notice.slo, sizeof(notice.slo), "slo%u", i);
		assert_true(rk_slo_board_post(&notice));
	}
	assert_true(rk_slo_board_post(&notice)); /* the same place again */
	strcpy(notice.slo, "one more");
	assert_false(rk_slo_board_post(&notice));
	assert_false(rk_slo_board_read(RK_SLO_BOARD_PLACES, &notice));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_torn),
		cmocka_unit_test(there_is_an_end_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
