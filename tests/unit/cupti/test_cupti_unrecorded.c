/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/cupti/test_cupti_unrecorded.c - which records are left out at the edges of a rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cupti/cupti_unrecorded.h"

/* First, while nothing has begun: recording came with the process. */
static void test_before_the_first_rest_all_is_kept(void **state)
{
	(void)state;
	assert_false(rk_cupti_unrecorded_has(1));
	rk_cupti_unrecorded_note(500);
	/* What was submitted before the stop, and lies in CUPTI's buffers still. */
	assert_false(rk_cupti_unrecorded_has(499));
	assert_true(rk_cupti_unrecorded_has(500));
	assert_false(rk_cupti_unrecorded_has(501));
}

static void test_at_a_start_only_what_was_seen_is_kept(void **state)
{
	(void)state;
	rk_cupti_unrecorded_begin();
	rk_cupti_unrecorded_keep(1005);
	rk_cupti_unrecorded_keep(1003);
	assert_false(rk_cupti_unrecorded_has(1003));
	assert_false(rk_cupti_unrecorded_has(1005));
	/* Inside the driver since before; nobody saw them, whatever number they got. */
	assert_true(rk_cupti_unrecorded_has(900));
	assert_true(rk_cupti_unrecorded_has(1004));
	assert_true(rk_cupti_unrecorded_has(1006));
}

static void test_once_settled_all_that_is_new_is_kept(void **state)
{
	(void)state;
	rk_cupti_unrecorded_begin();
	rk_cupti_unrecorded_keep(2000);
	rk_cupti_unrecorded_keep(2010);
	rk_cupti_unrecorded_settle();
	assert_true(rk_cupti_unrecorded_has(1999));
	assert_true(rk_cupti_unrecorded_has(2005));
	assert_false(rk_cupti_unrecorded_has(2010));
	assert_false(rk_cupti_unrecorded_has(2011));
	/* Had its number before, and is seen a little later. */
	rk_cupti_unrecorded_keep(2007);
	assert_false(rk_cupti_unrecorded_has(2007));
	/* The other edge, further away than one window. */
	rk_cupti_unrecorded_note(9000000);
	assert_true(rk_cupti_unrecorded_has(9000000));
	assert_false(rk_cupti_unrecorded_has(8999999));
	assert_true(rk_cupti_unrecorded_has(2005));
}

static void test_a_start_without_a_call_keeps_what_comes(void **state)
{
	(void)state;
	rk_cupti_unrecorded_begin();
	assert_true(rk_cupti_unrecorded_has(3000));
	rk_cupti_unrecorded_settle();
	assert_false(rk_cupti_unrecorded_has(3001));
}

static void test_numbers_come_round(void **state)
{
	(void)state;
	rk_cupti_unrecorded_begin();
	rk_cupti_unrecorded_keep(UINT32_MAX - 1);
	rk_cupti_unrecorded_keep(3);
	assert_true(rk_cupti_unrecorded_has(UINT32_MAX - 2));
	assert_true(rk_cupti_unrecorded_has(0));
	assert_false(rk_cupti_unrecorded_has(3));
	rk_cupti_unrecorded_settle();
	assert_false(rk_cupti_unrecorded_has(4));
	/* Half the numbers later they do not look as if they came before the start. */
	assert_false(rk_cupti_unrecorded_has(1u << 30));
	assert_false(rk_cupti_unrecorded_has((1u << 31) + 10));
	assert_false(rk_cupti_unrecorded_has(UINT32_MAX - 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_the_first_rest_all_is_kept),
		cmocka_unit_test(test_at_a_start_only_what_was_seen_is_kept),
		cmocka_unit_test(test_once_settled_all_that_is_new_is_kept),
		cmocka_unit_test(test_a_start_without_a_call_keeps_what_comes),
		cmocka_unit_test(test_numbers_come_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
