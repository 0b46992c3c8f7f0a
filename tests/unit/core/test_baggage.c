/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_baggage.c - the grammar, the limits, and what is chosen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/baggage.h"

struct seen {
	char text[4096]; /* key=value| of each member */
	uint32_t count;
};

static void note(void *data, const char *key, size_t length, const char *value)
{
	struct seen *seen = data;

	if (seen->count++ < 20)
		snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text),
			 "%.*s=%s|", (int)length, key, value);
}

static const struct {
	const char *text, *members;
} rows[] = {
	{ "", "" },
	{ "a=1", "a=1|" },
	{ "a=1,b=2", "a=1|b=2|" },
	{ " a = 1 ,\tb\t=\t2\t", "a=1|b=2|" },
	{ "a=1;ttl=30;x , b=2; y=z", "a=1|b=2|" }, /* properties are not ours */
	{ "a=;p", "a=|" },			    /* an empty value is one */
	{ "a=1,,b=2,", "a=1|b=2|" },
	{ "a=b=c", "a=b=c|" }, /* only the first '=' parts them */
	{ "userId=Am%C3%A9lie,serverNode=DF%2028", "userId=Am\xc3\xa9lie|serverNode=DF 28|" },
	{ "a=%2c%3B%25%22", "a=,;%\"|" },
	{ "a=%ff", "a=\xef\xbf\xbd|" }, /* not UTF-8 */
	{ "a=%ffz%C3", "a=\xef\xbf\xbdz\xef\xbf\xbd|" },
	{ "a=%00b,c=1", "c=1|" },
	{ "a=%4,b=1", "b=1|" },
	{ "a=%,b=1", "b=1|" },
	{ "a=%zz,b=1", "b=1|" },
	{ "a=x y,b=1", "b=1|" },
	{ "a=\"x\",b=1", "b=1|" },
	{ "a=x\\y,b=1", "b=1|" },
	{ "a=\x7f,b=1", "b=1|" },
	{ "a=\xc3\xa9,b=1", "b=1|" }, /* raw bytes are not in the grammar */
	{ "a,b=1", "b=1|" },
	{ "=1,b=1", "b=1|" },
	{ "a b=1,b=1", "b=1|" },
	{ "a/b=1,b=1", "b=1|" },
	{ "a;p=1,b=1", "b=1|" }, /* the '=' is the property's */
	{ "!#$%&'*+-.^_`|~09azAZ=1", "!#$%&'*+-.^_`|~09azAZ=1|" },
};

static void test_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen seen = { .count = 0 };

		rk_baggage_parse(rows[i].text, note, &seen);
		assert_string_equal(seen.text, rows[i].members);
	}
}

static void test_limits(void **state)
{
	char *text = malloc(3 * RK_BAGGAGE_BYTES_MAX);
	struct seen seen = { .count = 0 };

	(void)state;
	assert_non_null(text);
	text[0] = '\0';
	for (int i = 0; i < 100; i++)
		sprintf(text + strlen(text), "k%d=v,", i);
	rk_baggage_parse(text, note, &seen);
	assert_int_equal(seen.count, RK_BAGGAGE_MEMBERS_MAX);
	/* Exactly 8192 bytes pass, one more does not; every one of them bad UTF-8, which is the
	 * longest that decoding can become. */
	memset(text, 'x', RK_BAGGAGE_BYTES_MAX + 8);
	memcpy(text, "a=", 2);
	text[RK_BAGGAGE_BYTES_MAX] = '\0';
	for (size_t i = 2; i + 3 <= RK_BAGGAGE_BYTES_MAX; i += 3)
		memcpy(text + i, "%fe", 3);
	seen.count = 0;
	rk_baggage_parse(text, note, &seen);
	assert_int_equal(seen.count, 1);
	text[RK_BAGGAGE_BYTES_MAX] = 'x';
	text[RK_BAGGAGE_BYTES_MAX + 1] = '\0';
	seen.count = 0;
	rk_baggage_parse(text, note, &seen);
	assert_int_equal(seen.count, 0);
	/* What lies before the limit counts, what lies behind does not. */
	memset(text, 'x', 2 * RK_BAGGAGE_BYTES_MAX);
	memcpy(text, "a=1,b=", 6);
	text[2 * RK_BAGGAGE_BYTES_MAX] = '\0';
	seen = (struct seen){ .count = 0 };
	rk_baggage_parse(text, note, &seen);
	assert_string_equal(seen.text, "a=1|");
	free(text);
}

static void test_choice(void **state)
{
	struct rk_baggage_entry entries[4];

	(void)state;
	assert_int_equal(rk_baggage_select("region=eu,tenant_id=a%20b;x=y,secret=1",
					   " tenant_id , nobody,region,tenant_id", entries, 4),
			 2);
	assert_string_equal(entries[0].key, "tenant_id");
	assert_string_equal(entries[0].value, "a b");
	assert_string_equal(entries[1].key, "region");
	assert_string_equal(entries[1].value, "eu");
	assert_int_equal(rk_baggage_select("a=1,a=2", "a", entries, 4), 1);
	assert_string_equal(entries[0].value, "2"); /* the last one counts */
	assert_int_equal(rk_baggage_select("a=1,A=2", "a", entries, 4), 1);
	assert_string_equal(entries[0].value, "1"); /* keys have a case */
	assert_int_equal(rk_baggage_select("a=", "a", entries, 4), 1);
	assert_string_equal(entries[0].value, "");
	assert_int_equal(rk_baggage_select("a=1,b=2,c=3", "a,b,c", entries, 2), 2);
	assert_int_equal(rk_baggage_select("a=1", "", entries, 4), 0);
	assert_int_equal(rk_baggage_select("", "a", entries, 4), 0);
}

/* Whatever the room, no byte is written outside of it, and no entry is half there. */
static void test_copies(void **state)
{
	struct rk_baggage_entry entries[4];
	uint32_t most = 0;

	(void)state;
	for (size_t size = 0; size < 40; size++) {
		char *bytes = malloc(size + 1);
		struct rk_baggage_room room = { .bytes = bytes, .size = size };
		uint32_t count;

		bytes[size] = 'x';
		count = rk_baggage_copy("a=1,region=e%20u,a=22", "region,a", entries, 4, &room);
		assert_in_range(count, most, 2);
		most = count;
		assert_true(room.used <= size);
		assert_int_equal(bytes[size], 'x');
		for (uint32_t i = 0; i < count; i++) {
			bool is_region = strcmp(entries[i].key, "region") == 0;

			assert_true(entries[i].value >= bytes &&
				    entries[i].value < bytes + room.used);
			assert_string_equal(entries[i].key, is_region ? "region" : "a");
			assert_string_equal(entries[i].value, is_region ? "e u" : "22");
		}
		free(bytes);
	}
	assert_int_equal(most, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
