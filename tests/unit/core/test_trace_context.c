/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_trace_context.c - a table of headers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/trace_context.h"

#define IDS "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"

static const struct {
	const char *text;
	bool valid;
	uint8_t flags;
} parents[] = {
	{ "00-" IDS "-01", true, 1 },
	{ "00-" IDS "-00", true, 0 },
	{ "00-" IDS "-03", true, 3 },
	{ "00-" IDS "-ff", true, 3 }, /* unknown bits are not passed on */
	{ " \t00-" IDS "-01 ", true, 1 },
	{ "00-" IDS "-01-", false, 0 },
	{ "00-" IDS "-01x", false, 0 },
	{ "00-" IDS "-1", false, 0 },
	{ "00-" IDS "_01", false, 0 },
	{ "01-" IDS "-01", true, 1 },
	{ "cc-" IDS "-01-what-the-future-holds", true, 1 },
	{ "cc-" IDS "-01.what", false, 0 },
	{ "ff-" IDS "-01", false, 0 },
	{ "0-" IDS "-01", false, 0 },
	{ "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false, 0 },
	{ "00-00000000000000000000000000000000-b7ad6b7169203331-01", false, 0 },
	{ "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false, 0 },
	{ "00-0af7651916cd43dd8448eb211c80319-b7ad6b71692033311-01", false, 0 },
	{ "00-" IDS "-0g", false, 0 },
	{ "", false, 0 },
};

static const struct {
	const char *text;
	bool valid;
	const char *normal;
} states[] = {
	{ "", true, "" },
	{ "a=1", true, "a=1" },
	{ " a=1 ,\tb=2 ", true, "a=1,b=2" },
	{ "a=1,,b=2,", true, "a=1,b=2" },
	{ "0tenant@vendor=x y", true, "0tenant@vendor=x y" },
	{ "a=1,a=2", false, "" },
	{ "A=1", false, "" },
	{ "a=", false, "" },
	{ "=1", false, "" },
	{ "a", false, "" },
	{ "a=1=2", false, "" },
	{ "a=\x7f", false, "" },
	{ "_a=1", false, "" },
};

static void test_traceparent(void **state)
{
	struct rk_trace_context context;

	(void)state;
	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		if (rk_trace_context_parse(parents[i].text, &context) != parents[i].valid)
			fail_msg("wrong answer for \"%s\"", parents[i].text);
		if (!parents[i].valid)
			continue;
		assert_int_equal(context.flags, parents[i].flags);
		assert_int_equal(context.trace_id[0], 0x0a);
		assert_int_equal(context.trace_id[15], 0x9c);
		assert_int_equal(context.span_id[7], 0x31);
	}
}

static void test_tracestate(void **state)
{
	char out[513];
	char many[512] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (rk_trace_context_parse_state(states[i].text, out, sizeof(out)) !=
		    states[i].valid)
			fail_msg("wrong answer for \"%s\"", states[i].text);
		assert_string_equal(out, states[i].normal);
	}
	for (int i = 0; i < 33; i++) {
		char member[16];

		snprintf(member, sizeof(member), "k%d=v,", i);
		strcat(many, member);
		if (i == 31)
			assert_true(rk_trace_context_parse_state(many, out, sizeof(out)));
	}
	assert_false(rk_trace_context_parse_state(many, out, sizeof(out)));
}

static void test_tracestate_is_cut_by_whole_entries(void **state)
{
	char text[600];
	char out[64];

	(void)state;
	snprintf(text, sizeof(text), "a=1,long=%0150d,b=2,c=3", 7);
	assert_true(rk_trace_context_parse_state(text, out, sizeof(out)));
	assert_string_equal(out, "a=1,b=2,c=3");
	assert_true(rk_trace_context_parse_state("aaa=1,bbb=2,ccc=3", out, 12));
	assert_string_equal(out, "aaa=1,bbb=2");
}

static void test_members(void **state)
{
	char out[RK_TRACE_STATE_BYTES];
	size_t length;

	(void)state;
	assert_string_equal(rk_trace_context_find_member("a=1,bc=2", "bc", &length), "2");
	assert_int_equal(length, 1);
	assert_null(rk_trace_context_find_member("a=1,bc=2", "b", &length));
	assert_int_equal(length, 0);
	assert_true(rk_trace_context_put_member("a=1,b=2,c=3", "b", "x", out, sizeof(out)));
	assert_string_equal(out, "b=x,a=1,c=3");
	assert_true(rk_trace_context_put_member("a=1,b=2,c=3", "b", "", out, sizeof(out)));
	assert_string_equal(out, "a=1,c=3");
	assert_true(rk_trace_context_put_member("", "b", "", out, sizeof(out)));
	assert_string_equal(out, "");
	assert_false(rk_trace_context_put_member("a=1,a=2", "b", "x", out, sizeof(out)));
	assert_string_equal(out, "b=x");
}

static void test_format(void **state)
{
	struct rk_trace_context context;
	char out[RK_TRACE_PARENT_BYTES];

	(void)state;
	assert_true(rk_trace_context_parse("cc-" IDS "-fe-more", &context));
	rk_trace_context_format(&context, out);
	assert_string_equal(out, "00-" IDS "-02");
	context.flags = 0xff;
	rk_trace_context_format(&context, out);
	assert_string_equal(out, "00-" IDS "-03");
}

static void test_propagators(void **state)
{
	static const struct {
		const char *list;
		bool trace, baggage;
	} lists[] = {
		{ "tracecontext,baggage", true, true },
		{ "baggage", false, true },
		{ " TraceContext , b3", true, false },
		{ "none", false, false },
		{ "", false, false },
		{ "tracecontextx,xbaggage", false, false },
		{ "baggage,baggage,,tracecontext", true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_int_equal(rk_trace_context_is_propagated(lists[i].list, "tracecontext"),
				 lists[i].trace);
		assert_int_equal(rk_trace_context_is_propagated(lists[i].list, "baggage"),
				 lists[i].baggage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traceparent),
		cmocka_unit_test(test_tracestate),
		cmocka_unit_test(test_tracestate_is_cut_by_whole_entries),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_propagators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
