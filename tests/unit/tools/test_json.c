/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/tools/test_json.c - what is printed is JSON, whatever the strings hold.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/json.h"

static void assert_string_becomes(const char *value, const char *wanted)
{
	struct rk_json json;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	rk_json_init(&json, out);
	rk_json_string(&json, NULL, value);
	fclose(out);
	assert_string_equal(text, wanted);
	free(text);
}

static void strings_are_escaped(void **state)
{
	(void)state;
	assert_string_becomes("a\"b\\c", "\"a\\\"b\\\\c\"");
	assert_string_becomes("tab\tnew\n\x01\x7f", "\"tab\\u0009new\\u000a\\u0001\\u007f\"");
	assert_string_becomes("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80",
			      "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
}

static void what_is_no_utf8_is_replaced(void **state)
{
	(void)state;
	assert_string_becomes("a\xff"
			      "b",
			      "\"a\\ufffdb\"");
	assert_string_becomes("\xc0\x80", "\"\\ufffd\\ufffd\"");
	assert_string_becomes("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	assert_string_becomes("cut\xe2\x82", "\"cut\\ufffd\\ufffd\"");
	assert_string_becomes("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

static void commas_stand_between_members(void **state)
{
	struct rk_json json;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	rk_json_init(&json, out);
	rk_json_open(&json, NULL, '{');
	rk_json_uint(&json, "a", UINT64_MAX);
	rk_json_open(&json, "b", '[');
	rk_json_close(&json, ']');
	rk_json_open(&json, "c", '[');
	rk_json_double(&json, NULL, 0.1);
	rk_json_double(&json, NULL, NAN);
	rk_json_close(&json, ']');
	rk_json_bool(&json, "d", false);
	rk_json_close(&json, '}');
	fclose(out);
	assert_string_equal(text, "{\n  \"a\": 18446744073709551615,\n  \"b\": [],\n  \"c\": [\n"
				  "    0.1,\n    null\n  ],\n  \"d\": false\n}\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(what_is_no_utf8_is_replaced),
		cmocka_unit_test(commas_stand_between_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
