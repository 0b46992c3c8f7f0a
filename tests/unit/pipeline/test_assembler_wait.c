/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_assembler_wait.c - synchronisations as spans.
 */
#include "api_story.h"

#include <string.h>

#include "core/intern.h"

#define NAME "wait:cuStreamSynchronize"

static void open_story(struct story *story)
{
	memset(story, 0, sizeof(*story));
	test_config_init(&story->config);
	story->config.tracing_attribute_count_limit = 128;
	story->config.tracing_baggage_attributes = "";
}

static struct rk_op make_wait(uint64_t exec, uint64_t start, uint64_t end)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_SYNC;
	op.exec = exec;
	op.host_start = start;
	op.host_end = end;
	op.tid = 7;
	op.api = rk_intern("cuStreamSynchronize");
	op.sync.scope = RK_SYNC_STREAM;
	return op;
}

static void wait_for(struct story *story, uint64_t exec, uint64_t start, uint64_t end)
{
	struct rk_op op = make_wait(exec, start, end);

	story_feed(story, &op);
}

static void kernel(struct story *story, uint64_t exec, uint64_t start, uint64_t end)
{
	struct rk_op op = make_work(RK_OP_KERNEL, exec, start, end);

	story_feed(story, &op);
}

static void close_exec(struct story *story, uint64_t exec, uint32_t calls)
{
	struct rk_op op = make_close(exec, calls);

	story_feed(story, &op);
}

static uint32_t count_named(const struct story *story, const char *name)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < story->count; i++)
		count += strcmp(story->spans[i].name, name) == 0;
	return count;
}

static const struct told_span *root_of(const struct story *story)
{
	for (uint32_t i = 0; i < story->count; i++) {
		if (story->spans[i].span.shape == RK_SPAN_ROOT)
			return &story->spans[i];
	}
	fail_msg("no root");
	return NULL;
}

static void assert_child(const struct told_span *child, const struct told_span *parent)
{
	assert_memory_equal(child->span.parent_id, parent->span.span_id, 8);
	assert_memory_equal(child->span.trace_id, parent->span.trace_id, 16);
	assert_true(child->span.start_unix_ns >= parent->span.start_unix_ns);
	assert_true(child->span.end_unix_ns <= parent->span.end_unix_ns);
}

/* The wait comes first, as it does: the GPU's records are collected later. */
static void test_the_root_covers_its_wait(void **state)
{
	struct story story;
	const struct told_span *wait, *root;

	(void)state;
	open_story(&story);
	story_open(&story);
	wait_for(&story, 1, 1200, 1900);
	close_exec(&story, 1, 1);
	kernel(&story, 1, 1300, 1800);
	wait = story_find(&story, NAME);
	root = root_of(&story);
	assert_child(wait, root);
	assert_true(wait->is_leaf);
	assert_true(wait->span.host_time);
	assert_int_equal(wait->span.start_unix_ns, STORY_WALL + 1200);
	assert_int_equal(wait->span.end_unix_ns, STORY_WALL + 1900);
	assert_string_equal(wait->error, "");
	assert_string_equal(wait->kernel_id, "");
	/* Of the work itself nothing has changed. */
	assert_int_equal(root->span.end_unix_ns, STORY_WALL + 1900);
	assert_int_equal(root->span.work_end_unix_ns, STORY_WALL + 1800);
	assert_int_equal(root->span.ops, 1);
	assert_int_equal(root->span.kernels, 1);
	assert_int_equal(root->span.gpu_ns, 500);
	assert_false(root->span.host_time);
	assert_int_equal(story_find(&story, "gpu_execute")->span.end_unix_ns, STORY_WALL + 1800);
	assert_int_equal(story.count, 4); /* no stage of its own */
	story_close(&story);
}

static void test_a_question_is_no_wait(void **state)
{
	static const uint8_t scopes[] = { RK_SYNC_STREAM_QUERY, RK_SYNC_EVENT_QUERY,
					  RK_SYNC_MEMORY };
	struct story story;

	(void)state;
	open_story(&story);
	story_open(&story);
	for (size_t i = 0; i < sizeof(scopes); i++) {
		struct rk_op op = make_wait(1, 1200, 1201);

		op.sync.scope = scopes[i];
		story_feed(&story, &op);
	}
	close_exec(&story, 1, 1);
	kernel(&story, 1, 1300, 1800);
	assert_int_equal(count_named(&story, NAME), 0);
	assert_int_equal(story.count, 3);
	story_close(&story);
}

static void test_a_wait_for_work_without_time_has_a_root(void **state)
{
	struct rk_op open = make_work(RK_OP_KERNEL, 1, 0, 0);
	struct story story;

	(void)state;
	open_story(&story);
	story_open(&story);
	open.flags |= RK_OP_F_OPEN;
	open.host_start = open.host_end = 0;
	story_feed(&story, &open);
	wait_for(&story, 1, 1200, 1900);
	close_exec(&story, 1, 1);
	assert_int_equal(story.count, 2);
	assert_child(story_find(&story, NAME), root_of(&story));
	assert_true(root_of(&story)->span.host_time);
	assert_int_equal(root_of(&story)->span.ops, 0);
	story_close(&story);
}

static void test_the_name_is_that_of_the_function(void **state)
{
	struct rk_op op = make_wait(1, 1300, 1400);
	struct story story;

	(void)state;
	open_story(&story);
	story_open(&story);
	wait_for(&story, 1, 1200, 1250);
	op.api = rk_intern("cuCtxSynchronize");
	story_feed(&story, &op);
	wait_for(&story, 1, 1500, 1600);
	op.api = 0;
	story_feed(&story, &op);
	assert_int_equal(count_named(&story, NAME), 2);
	assert_int_equal(count_named(&story, "wait:cuCtxSynchronize"), 1);
	assert_int_equal(count_named(&story, "wait"), 1);
	story_close(&story);
}

/* An execution that fills its trace to the last span: the wait goes into the next one, whole. */
static void test_waits_count_for_the_limit_of_a_trace(void **state)
{
	struct story story;
	uint32_t roots = 0, in_first = 0;

	(void)state;
	open_story(&story);
	story_open(&story);
	for (uint32_t i = 0; i < RK_TRACE_SPANS_MAX - 4; i++)
		kernel(&story, 1, 1000 + i, 1001 + i);
	wait_for(&story, 1, 20000, 20100);
	close_exec(&story, 1, RK_TRACE_SPANS_MAX - 4);
	for (uint32_t i = 0; i < story.count; i++) {
		roots += story.spans[i].span.shape == RK_SPAN_ROOT;
		in_first +=
			memcmp(story.spans[i].span.trace_id, story.spans[0].span.trace_id, 16) == 0;
	}
	assert_int_equal(roots, 2);
	assert_true(in_first <= RK_TRACE_SPANS_MAX);
	assert_child(story_find(&story, NAME), &story.spans[story.count - 1]);
	assert_int_equal(story.spans[story.count - 1].span.shape, RK_SPAN_ROOT);
	story_close(&story);
}

/* Dropped like any leaf; and where a failure may still keep the trace, held back till then. */
static void test_sampling_decides_about_waits(void **state)
{
	for (int fails = 0; fails < 2; fails++) {
		struct rk_op error = { .kind = RK_OP_ERROR, .exec = 1, .result = 1 };
		struct story story;

		(void)state;
		open_story(&story);
		story.config.tracing_sampling_rate = 0;
		story.config.tracing_keep_errors = true;
		story_open(&story);
		kernel(&story, 1, 1300, 1800);
		wait_for(&story, 1, 1200, 1900);
		assert_int_equal(story.count, 0);
		if (fails)
			story_feed(&story, &error);
		close_exec(&story, 1, 1);
		assert_int_equal(story.count, 4);
		assert_child(story_find(&story, NAME), root_of(&story));
		assert_int_equal(story_find(&story, NAME)->span.trace_flags & 1, fails);
		assert_int_equal(story_find(&story, NAME)->span.start_unix_ns, STORY_WALL + 1200);
		story_close(&story);
	}
}

static void test_in_a_span_of_the_program(void **state)
{
	struct story_op said;
	struct story story;

	(void)state;
	open_story(&story);
	story_open(&story);
	make_begin(&said, 1, 0, "step", 1000);
	story_tell(&story, &said);
	make_context(&said, 1, 1, 1100); /* an execution in it, and what it waits for */
	story_tell(&story, &said);
	wait_for(&story, 1, 1200, 1300);
	close_exec(&story, 1, 1);
	kernel(&story, 1, 1150, 1250);
	make_context(&said, 0, 1, 1400); /* nothing is under way */
	story_tell(&story, &said);
	wait_for(&story, 0, 1400, 1500);
	wait_for(&story, 0, 1510, 1600); /* nobody said where */
	make_end(&said, 1, 2000, RK_SPAN_UNSET, "");
	story_tell(&story, &said);
	story_tick(&story, 0);
	story_tick(&story, 0);
	assert_int_equal(count_named(&story, NAME), 2);
	for (uint32_t i = 0; i < story.count; i++) {
		if (strcmp(story.spans[i].name, NAME) == 0)
			assert_child(&story.spans[i], story_find(&story, "kernel:step"));
	}
	assert_int_equal(story.count, 4);
	story_close(&story);
}

static void test_outside_of_everything_there_is_no_span(void **state)
{
	struct story story;

	(void)state;
	open_story(&story);
	story_open(&story);
	wait_for(&story, 0, 1200, 1300);
	assert_int_equal(story.count, 0);
	story_close(&story);
}

/* The execution was closed for its age while the program waited, longer than a second. */
static void test_a_wait_that_comes_late(void **state)
{
	static const uint8_t none[8];
	struct rk_op late = make_wait(1, 1200, 1900);
	struct story story;

	(void)state;
	late.flags |= RK_OP_F_LATE;
	open_story(&story);
	story_open(&story);
	kernel(&story, 1, 1100, 1300);
	close_exec(&story, 1, 2);
	story_feed(&story, &late); /* its other kernel is still to come */
	kernel(&story, 1, 1300, 1800);
	assert_child(story_find(&story, NAME), root_of(&story));
	assert_int_equal(story.count, 5);
	/* Now it is gone. Nothing is opened anew for it, to stay open for ever. */
	story_feed(&story, &late);
	assert_int_equal(story.count, 6);
	assert_memory_equal(story.spans[5].span.parent_id, none, 8);
	rk_assembler_finish(story.assembler);
	assert_int_equal(story.count, 6);
	story_close(&story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_root_covers_its_wait),
		cmocka_unit_test(test_a_question_is_no_wait),
		cmocka_unit_test(test_a_wait_for_work_without_time_has_a_root),
		cmocka_unit_test(test_the_name_is_that_of_the_function),
		cmocka_unit_test(test_waits_count_for_the_limit_of_a_trace),
		cmocka_unit_test(test_sampling_decides_about_waits),
		cmocka_unit_test(test_in_a_span_of_the_program),
		cmocka_unit_test(test_outside_of_everything_there_is_no_span),
		cmocka_unit_test(test_a_wait_that_comes_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
