/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_assembler_nvtx.c - what the GPU did for ranges of NVTX.
 */
#include "api_story.h"

#include <string.h>

#include "pipeline/span/api_span.h"

static void init(struct story *story)
{
	memset(story, 0, sizeof(*story));
	test_config_init(&story->config);
	story->config.tracing_attribute_count_limit = 128;
	story_open(story);
}

static void begin(struct story *story, uint64_t number, uint64_t parent, const char *name,
		  bool is_range)
{
	struct story_op said;

	make_begin(&said, number, parent, name, 1000 * number);
	said.op.said.flags = is_range ? RK_API_NVTX : 0;
	story_tell(story, &said);
}

static void end(struct story *story, uint64_t number, uint64_t at)
{
	struct story_op said;

	make_end(&said, number, at, RK_SPAN_UNSET, "");
	story_tell(story, &said);
}

static void open_exec(struct story *story, uint64_t exec, uint64_t number)
{
	struct story_op said;

	make_context(&said, exec, number, 1000 * number + 1);
	story_tell(story, &said);
}

static void work(struct story *story, uint64_t exec, uint64_t start, uint64_t stop, uint8_t flags)
{
	struct rk_op op = make_work(RK_OP_KERNEL, exec, start, stop);

	op.flags |= flags;
	story_feed(story, &op);
}

static void close_exec(struct story *story, uint64_t exec, uint32_t calls)
{
	struct rk_op op = make_close(exec, calls);

	story_feed(story, &op);
}

static void tick(struct story *story, uint32_t count)
{
	while (count--)
		story_tick(story, 0);
}

static void assert_projection(const struct story *story, const char *name, uint64_t start,
			      uint64_t stop, uint64_t busy, uint32_t operations)
{
	const struct rk_span_projection *gpu = &story_find(story, name)->api.projection;

	assert_int_equal(gpu->operations, operations);
	assert_int_equal(gpu->busy_ns, busy);
	assert_int_equal(gpu->start_unix_ns, operations ? STORY_WALL + start : 0);
	assert_int_equal(gpu->end_unix_ns, operations ? STORY_WALL + stop : 0);
}

/* Range, span of the C API in it, range in that: the work of all of them is the outer one's. */
static void test_work_counts_for_all_around_it(void **state)
{
	struct story story;

	(void)state;
	init(&story);
	begin(&story, 1, 0, "outer", true);
	begin(&story, 2, 1, "span", false);
	begin(&story, 3, 2, "inner", true);
	open_exec(&story, 1, 3);
	close_exec(&story, 1, 2);
	end(&story, 3, 4000);
	open_exec(&story, 2, 1);
	close_exec(&story, 2, 1);
	end(&story, 2, 5000);
	end(&story, 1, 6000);
	tick(&story, 4);
	assert_int_equal(story.count, 0); /* all of them wait */
	work(&story, 2, 9000, 9500, 0);
	work(&story, 1, 20000, 20300, 0);
	work(&story, 1, 30000, 30100, 0);
	tick(&story, 3);
	assert_projection(&story, "inner", 20000, 30100, 400, 2);
	assert_projection(&story, "span", 0, 0, 0, 0);
	assert_projection(&story, "outer", 9000, 30100, 900, 3);
	story_close(&story);
}

static void test_only_gpu_times_count(void **state)
{
	struct story story;

	(void)state;
	init(&story);
	begin(&story, 1, 0, "range", true);
	open_exec(&story, 1, 1);
	close_exec(&story, 1, 3);
	end(&story, 1, 2000);
	work(&story, 1, 3000, 3100, RK_OP_F_HOST_TIME);
	work(&story, 1, 4000, 4100, RK_OP_F_INVALID_TIME);
	work(&story, 1, 5000, 5100, 0);
	tick(&story, 3);
	assert_projection(&story, "range", 5000, 5100, 100, 1);
	story_close(&story);
}

static void test_it_does_not_wait_for_ever(void **state)
{
	struct story story;

	(void)state;
	init(&story);
	begin(&story, 1, 0, "range", true);
	open_exec(&story, 1, 1);
	close_exec(&story, 1, 1);
	end(&story, 1, 2000);
	tick(&story, RK_API_SPAN_GPU_TICKS - 1);
	assert_int_equal(story.count, 0);
	tick(&story, 2);
	assert_projection(&story, "range", 0, 0, 0, 0);
	work(&story, 1, 5000, 5100, 0);
	tick(&story, 10);
	assert_int_equal(story_stats(&story).api_strays, 0);
	story_close(&story);
}

static void test_spans_of_the_program_do_not_wait(void **state)
{
	struct story story;

	(void)state;
	init(&story);
	begin(&story, 1, 0, "span", false);
	open_exec(&story, 1, 1);
	close_exec(&story, 1, 1);
	end(&story, 1, 2000);
	tick(&story, RK_API_SPAN_TICKS);
	assert_projection(&story, "span", 0, 0, 0, 0);
	story_close(&story);
}

/* Both are open at the end: the inner one hands over what it has before the outer one goes. */
static void test_open_ranges_at_the_end(void **state)
{
	struct story story;

	(void)state;
	init(&story);
	begin(&story, 1, 0, "outer", true);
	begin(&story, 2, 1, "inner", true);
	open_exec(&story, 1, 2);
	work(&story, 1, 5000, 5100, 0);
	rk_assembler_finish(story.assembler);
	assert_projection(&story, "inner", 5000, 5100, 100, 1);
	assert_projection(&story, "outer", 5000, 5100, 100, 1);
	assert_true(story_find(&story, "outer")->api.is_unfinished);
	story_close(&story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_work_counts_for_all_around_it),
		cmocka_unit_test(test_only_gpu_times_count),
		cmocka_unit_test(test_it_does_not_wait_for_ever),
		cmocka_unit_test(test_spans_of_the_program_do_not_wait),
		cmocka_unit_test(test_open_ranges_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
