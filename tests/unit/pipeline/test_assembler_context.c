/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_assembler_context.c - executions in contexts of others.
 */
#include "api_story.h"

#include <stdio.h>
#include <string.h>

#include "core/intern.h"

static void init(struct story *story)
{
	memset(story, 0, sizeof(*story));
	test_config_init(&story->config);
	story->config.tracing_baggage_attributes = "tenant_id";
}

/* Execution @exec runs for the caller @number, of another process. */
static void make_remote(struct story_op *said, uint64_t exec, uint64_t number, uint8_t flags)
{
	make_context(said, exec, number, 1000);
	said->op.said.number = 0;
	said->op.said.flags = RK_API_REMOTE;
	said->op.said.trace_flags = flags;
	said->op.said.trace_id[14] = (uint8_t)number;
}

static void one_kernel(struct story *story, uint64_t exec)
{
	struct rk_op op = make_work(RK_OP_KERNEL, exec, 2000, 2100);
	struct rk_op last = make_close(exec, 1);

	story_feed(story, &op);
	story_feed(story, &last);
}

static void test_two_callers(void **state)
{
	struct story story;
	struct story_op said;

	(void)state;
	init(&story);
	story.config.tracing_sampling_rate = 0; /* the callers decide */
	story_open(&story);
	make_remote(&said, 1, 1, 1);
	story_tell(&story, &said);
	make_remote(&said, 2, 2, 2);
	said.fields.used = 0;
	rk_fields_put_placed(&said.fields, "");
	rk_fields_put_placed(&said.fields, "tenant_id=b%20c");
	story_tell(&story, &said);
	one_kernel(&story, 1);
	one_kernel(&story, 2);
	assert_int_equal(story.count, 6);
	for (uint32_t i = 0; i < 6; i++) {
		const struct told_span *told = &story.spans[i];
		bool is_first = i < 3;

		assert_int_equal(told->span.trace_id[14], is_first ? 1 : 2);
		assert_int_equal(told->span.trace_flags, is_first ? 1 : 2);
		assert_string_equal(told->tracestate, is_first ? "ot=th:0,vendor=x" : "");
		assert_string_equal(told->baggage, is_first ? "tenant_id=acme;" : "tenant_id=b c;");
		assert_true(told->span.is_borrowed);
		if (told->span.shape != RK_SPAN_ROOT)
			continue;
		assert_string_equal(told->name, "kernel:add");
		assert_true(told->span.parent_is_remote);
		assert_int_equal(told->span.parent_id[7], is_first ? 1 : 2);
	}
	story_close(&story);
}

/* A context of this process that is no span: its work has a root, which is a local child. */
static void test_captured_context(void **state)
{
	const struct told_span *root;
	struct story story;
	struct story_op said;

	(void)state;
	init(&story);
	story_open(&story);
	make_remote(&said, 1, 1, 3);
	said.op.said.flags = 0;
	story_tell(&story, &said);
	one_kernel(&story, 1);
	root = story_find(&story, "kernel:add");
	assert_false(root->span.parent_is_remote);
	assert_int_equal(root->span.parent_id[7], 1);
	assert_int_equal(root->span.trace_flags, 3);
	story_close(&story);
}

/* No context: what the environment says holds, but for the baggage if there is any. */
static void test_no_context(void **state)
{
	static const char parent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	struct story story;
	struct story_op said;

	(void)state;
	for (int has_baggage = 0; has_baggage < 2; has_baggage++) {
		init(&story);
		story.setup.traceparent = parent;
		story.setup.baggage = "tenant_id=whole";
		story_open(&story);
		make_context(&said, 1, 0, 1000);
		memset(said.op.said.trace_id, 0, 16);
		said.op.said.flags = 0;
		said.fields.used = 0;
		rk_fields_put_placed(&said.fields, "");
		rk_fields_put_placed(&said.fields, has_baggage ? "tenant_id=part" : "");
		story_tell(&story, &said);
		one_kernel(&story, 1);
		assert_int_equal(story.spans[0].span.trace_id[0], 0x0a);
		assert_string_equal(story.spans[0].baggage,
				    has_baggage ? "tenant_id=part;" : "tenant_id=whole;");
		assert_true(story_find(&story, "kernel:add")->span.parent_is_remote);
		story_close(&story);
	}
}

/* Another sampler than a parent-based one decides by the trace itself. */
static void test_ratio_ignores_the_flag(void **state)
{
	struct story story;
	struct story_op said;

	(void)state;
	init(&story);
	story.config.tracing_sampler = RK_SAMPLER_RATIO;
	story.config.tracing_sampling_rate = 0.5;
	story_open(&story);
	for (uint8_t high = 0; high < 2; high++) {
		make_remote(&said, 1 + high, 1 + high, high ? 2 : 3);
		said.op.said.trace_id[9] = high ? 0xff : 0; /* what decides */
		story_tell(&story, &said);
		one_kernel(&story, 1 + high);
		assert_int_equal(story.spans[3 * high].span.trace_flags, high ? 3 : 2);
	}
	story_close(&story);
}

static void test_a_full_trace_goes_on(void **state)
{
	struct story story;
	struct story_op said;
	uint32_t there = 0, continued = 0, other = 0;

	(void)state;
	init(&story);
	story_open(&story);
	for (uint64_t exec = 1; exec <= 5000; exec++) {
		make_remote(&said, exec, exec % 100 ? 1 : 2, 1);
		story_tell(&story, &said);
		one_kernel(&story, exec);
	}
	for (uint32_t i = 0; i < story.count; i++) {
		const struct rk_span *span = &story.spans[i].span;
		bool is_first = !span->trace_id[0] && span->trace_id[14] == 1;

		there += is_first;
		other += !span->trace_id[0] && span->trace_id[14] == 2;
		if (span->shape != RK_SPAN_ROOT || is_first || !span->trace_id[0])
			continue;
		continued++;
		assert_int_equal(span->link_trace_id[14], 1);
		assert_int_equal(span->link_span_id[7], 1);
		assert_int_equal(span->trace_flags & 1, 1);
		assert_string_equal(story.spans[i].baggage, "tenant_id=acme;");
	}
	assert_in_range(there, 1000, RK_TRACE_SPANS_MAX);
	assert_int_equal(other, 50 * 3);
	assert_true(continued > 1000);
	story_close(&story);
}

/* Callers come and go; nothing of them stays. */
static void test_no_string_is_kept(void **state)
{
	struct story story;
	struct story_op said;
	uint32_t strings;
	char baggage[64];

	(void)state;
	init(&story);
	story.is_counting_only = true;
	story_open(&story);
	one_kernel(&story, 1);
	strings = rk_intern_count();
	for (uint64_t exec = 2; exec <= 3000; exec++) {
		make_remote(&said, exec, exec, 1);
		said.fields.used = 0;
		snprintf(baggage, sizeof(baggage), "tenant_id=tenant%d", (int)exec);
		rk_fields_put_placed(&said.fields, baggage); /* also a valid tracestate */
		rk_fields_put_placed(&said.fields, baggage);
		story_tell(&story, &said);
		one_kernel(&story, exec);
	}
	assert_int_equal(rk_intern_count(), strings);
	story_close(&story);
}

static void test_ended_while_under_way(void **state)
{
	struct story story;
	struct story_op said;

	(void)state;
	init(&story);
	story_open(&story);
	for (uint64_t exec = 1; exec < 100; exec++) {
		make_remote(&said, exec, exec, 1);
		story_tell(&story, &said);
		story_tell(&story, &said); /* a second one changes nothing */
	}
	story_close(&story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_callers),
		cmocka_unit_test(test_captured_context),
		cmocka_unit_test(test_no_context),
		cmocka_unit_test(test_ratio_ignores_the_flag),
		cmocka_unit_test(test_a_full_trace_goes_on),
		cmocka_unit_test(test_no_string_is_kept),
		cmocka_unit_test(test_ended_while_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
