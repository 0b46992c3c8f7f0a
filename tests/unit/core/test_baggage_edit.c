/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_baggage_edit.c - one member changes, the others stay to the letter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/baggage.h"
#include "core/baggage_edit.h"

static void what_breaks_the_grammar_is_left_out(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ " a = 1 ; p=x , b=%20c\t", "a = 1 ; p=x,b=%20c" },
		{ "a,b=1", "b=1" },
		{ "=1,b=1", "b=1" },
		{ "a b=1,c=2", "c=2" },
		{ "a=x y,b=", "b=" },
		{ "a=\"q\",b=2,,", "b=2" },
		{ ";p=1,b=2", "b=2" },
		{ "a=1;p=\n,b=2", "b=2" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rk_baggage_edit_clean(cases[i].in, out, sizeof(out));
		assert_string_equal(out, cases[i].out);
	}
	rk_baggage_edit_clean("a=1,b=22,c=333", out, 9);
	assert_string_equal(out, "a=1,b=22");
}

static void values_are_decoded(void **state)
{
	char out[16];

	(void)state;
	assert_int_equal(rk_baggage_edit_get("a=1,t=a%20b;ttl=1", "t", out, sizeof(out)), 3);
	assert_string_equal(out, "a b");
	assert_int_equal(rk_baggage_edit_get("t=1,t=22", "t", out, sizeof(out)), 2);
	assert_int_equal(rk_baggage_edit_get("t=%ff", "t", out, sizeof(out)), 1);
	assert_string_equal(out, "?");
	assert_int_equal(rk_baggage_edit_get("t=%00%zz%", "t", out, sizeof(out)), 7);
	assert_string_equal(out, "%00%zz%");
	assert_int_equal(rk_baggage_edit_get("tt=1", "t", out, sizeof(out)), 0);
	assert_int_equal(rk_baggage_edit_get("t=0123456789012345", "t", out, sizeof(out)), 0);
	assert_string_equal(out, "");
}

static void members_are_set_and_taken_out(void **state)
{
	char out[64];

	(void)state;
	assert_true(rk_baggage_edit_put("a=1;p=2,b=3", "c", "x y,\xc3\xa9%", out, sizeof(out)));
	assert_string_equal(out, "a=1;p=2,b=3,c=x%20y%2C%C3%A9%25");
	assert_true(rk_baggage_edit_put("a=1,b=3", "a", "", out, sizeof(out)));
	assert_string_equal(out, "b=3,a=");
	assert_true(rk_baggage_edit_put("a=1,b=3,a=2", "a", NULL, out, sizeof(out)));
	assert_string_equal(out, "b=3");
	assert_false(rk_baggage_edit_put("a=1", "b", NULL, out, sizeof(out)));
	assert_string_equal(out, "a=1");
	assert_false(rk_baggage_edit_put("a=1", "b c", "1", out, sizeof(out)));
	assert_false(rk_baggage_edit_put("a=1", "", "1", out, sizeof(out)));
	assert_string_equal(out, "a=1");
	assert_false(rk_baggage_edit_put("a=1", "b", "22", out, 7));
	assert_string_equal(out, "a=1");
}

static void there_are_64_members(void **state)
{
	char baggage[1024] = "", out[1100];
	size_t used = 0;

	(void)state;
	for (int i = 0; i < 64; i++)
		used += (size_t)snprintf(baggage + used, sizeof(baggage) - used, "%sk%d=1",
					 i ? "," : "", i);
	assert_false(rk_baggage_edit_put(baggage, "more", "1", out, sizeof(out)));
	assert_string_equal(out, baggage);
	assert_true(rk_baggage_edit_put(baggage, "k3", "2", out, sizeof(out)));
	assert_non_null(strstr(out, ",k3=2"));
}

static void there_are_8192_bytes(void **state)
{
	static char value[RK_BAGGAGE_BYTES_MAX], out[RK_BAGGAGE_BYTES_MAX + 64];

	(void)state;
	memset(value, 'v', sizeof(value) - 3);
	assert_true(rk_baggage_edit_put("", "k", value, out, sizeof(out)));
	assert_true(strlen(out) <= RK_BAGGAGE_BYTES_MAX);
	memset(value, 'v', sizeof(value) - 1);
	assert_false(rk_baggage_edit_put("a=1", "k", value, out, sizeof(out)));
	assert_string_equal(out, "a=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_breaks_the_grammar_is_left_out),
		cmocka_unit_test(values_are_decoded),
		cmocka_unit_test(members_are_set_and_taken_out),
		cmocka_unit_test(there_are_64_members),
		cmocka_unit_test(there_are_8192_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
