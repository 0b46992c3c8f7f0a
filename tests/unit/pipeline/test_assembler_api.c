/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_assembler_api.c - spans of the program: order, parts, bounds, fate.
 */
#include "api_story.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/span/api_span.h"

static void init(struct story *story)
{
	memset(story, 0, sizeof(*story));
	test_config_init(&story->config);
	story->config.tracing_attribute_count_limit = 128;
	story->config.tracing_event_count_limit = 128;
	story->config.tracing_link_count_limit = 128;
	story->config.tracing_baggage_attributes = "tenant_id";
}

static void begin(struct story *story, uint64_t number, uint64_t parent, const char *name,
		  uint64_t at)
{
	struct story_op said;

	make_begin(&said, number, parent, name, at);
	story_tell(story, &said);
}

static void end(struct story *story, uint64_t number, uint64_t at)
{
	struct story_op said;

	make_end(&said, number, at, RK_SPAN_UNSET, "");
	story_tell(story, &said);
}

static void context(struct story *story, uint64_t exec, uint64_t number, uint64_t at)
{
	struct story_op said;

	make_context(&said, exec, number, at);
	story_tell(story, &said);
}

static void work(struct story *story, enum rk_op_kind kind, uint64_t exec, uint64_t start)
{
	struct rk_op op = make_work(kind, exec, start, start + 50);

	if (kind == RK_OP_MEMCPY)
		op.copy.copy_kind = RK_COPY_HTOD;
	story_feed(story, &op);
}

static void close_exec(struct story *story, uint64_t exec, uint32_t calls)
{
	struct rk_op op = make_close(exec, calls);

	story_feed(story, &op);
}

/* Two ticks, by which whatever is complete is given. */
static void settle(struct story *story)
{
	story_tick(story, 0);
	story_tick(story, 0);
}

static void assert_child(const struct told_span *child, const struct told_span *parent)
{
	assert_memory_equal(child->span.parent_id, parent->span.span_id, 8);
	assert_memory_equal(child->span.trace_id, parent->span.trace_id, 16);
	assert_false(child->span.parent_is_remote);
}

/* The story of the issue: kernel:graph/pagerank, four stages, GPU work in three of them. */
static void tell_pagerank(struct story *story)
{
	begin(story, 1, 0, "graph/pagerank", 1000);
	begin(story, 2, 1, "validate", 1100);
	end(story, 2, 1200);
	begin(story, 3, 1, "prepare_input", 1300);
	context(story, 1, 3, 1310);
	close_exec(story, 1, 1);
	end(story, 3, 1400);
	begin(story, 4, 1, "gpu_execute", 1500);
	context(story, 2, 4, 1510);
	close_exec(story, 2, 1);
	end(story, 4, 1600);
	begin(story, 5, 1, "collect_output", 1700);
	end(story, 5, 1800);
	end(story, 1, 1900);
	/* What the GPU did comes after all of that, and ran after it. */
	work(story, RK_OP_MEMCPY, 1, 2000);
	work(story, RK_OP_KERNEL, 2, 2100);
	settle(story);
}

static void test_stages_and_their_work(void **state)
{
	struct story story;
	const struct told_span *root;

	(void)state;
	init(&story);
	story_open(&story);
	tell_pagerank(&story);
	assert_int_equal(story.count, 7);
	root = story_find(&story, "kernel:graph/pagerank");
	assert_child(story_find(&story, "validate"), root);
	assert_child(story_find(&story, "prepare_input"), root);
	assert_child(story_find(&story, "gpu_execute"), root);
	assert_child(story_find(&story, "collect_output"), root);
	assert_child(story_find(&story, "memcpy"), story_find(&story, "prepare_input"));
	assert_child(story_find(&story, "add"), story_find(&story, "gpu_execute"));
	assert_true(story_find(&story, "add")->span.start_unix_ns >
		    story_find(&story, "gpu_execute")->span.end_unix_ns);
	assert_int_equal(root->span.start_unix_ns, STORY_WALL + 1000);
	assert_int_equal(root->span.end_unix_ns, STORY_WALL + 1900);
	assert_string_equal(root->kernel_id, "graph/pagerank");
	assert_true(root->api.is_kernel);
	assert_int_equal(root->span.tid, 7);
	for (uint32_t i = 0; i < story.count; i++) {
		const struct told_span *told = &story.spans[i];

		assert_string_equal(told->tracestate, "ot=th:0,vendor=x");
		assert_string_equal(told->baggage, "tenant_id=acme;");
		assert_int_equal(told->span.trace_flags, 3);
		if (told->is_leaf)
			continue;
		assert_int_equal(told->span.shape, RK_SPAN_API);
		assert_string_equal(told->kernel_id, "graph/pagerank");
		assert_string_equal(told->domain, "GraphAnalytics");
	}
	story_close(&story);
}

static void test_the_same_again(void **state)
{
	uint64_t digest = 0;

	(void)state;
	for (int round = 0; round < 2; round++) {
		struct story story;

		init(&story);
		story_open(&story);
		tell_pagerank(&story);
		assert_true(!round || story.digest == digest);
		digest = story.digest;
		story_close(&story);
	}
}

/* Everything about span 1, in the order that @order says. */
static void tell_in_order(struct story *story, const int order[6])
{
	struct story_op said;

	for (int i = 0; i < 6; i++) {
		switch (order[i]) {
		case 0:
			make_begin(&said, 1, 0, "k", 1000);
			put_text(&said, "a", "first");
			put_text(&said, "b", "only");
			break;
		case 1:
			make_attribute(&said, 1, 1100, "a", "second");
			break;
		case 2:
			make_attribute(&said, 1, 1200, "a", "third");
			break;
		case 3:
			make_event(&said, 1, 1300, "happened");
			put_text(&said, "x", "1");
			put_text(&said, "x", "2");
			break;
		case 4:
			make_link(&said, 1, 1400);
			put_text(&said, "why", "because");
			break;
		default:
			make_end(&said, 1, 1500, RK_SPAN_ERROR, "no luck");
		}
		story_tell(story, &said);
	}
}

/* The @n-th order of six things. */
static void permute(int order[6], int n)
{
	for (int i = 0; i < 6; i++)
		order[i] = i;
	for (int i = 5; i > 0; i--) {
		int other = n % (i + 1), kept = order[i];

		n /= i + 1;
		order[i] = order[other];
		order[other] = kept;
	}
}

static void test_any_order(void **state)
{
	(void)state;
	for (int n = 0; n < 720; n++) {
		const struct told_span *told;
		struct story story;
		int order[6];

		init(&story);
		story_open(&story);
		permute(order, n);
		tell_in_order(&story, order);
		assert_int_equal(story.count, 0);
		settle(&story);
		assert_int_equal(story.count, 1);
		told = story_find(&story, "kernel:k");
		assert_int_equal(told->api.field_count, 2);
		assert_non_null(strstr(told->attributes, "a=third;"));
		assert_non_null(strstr(told->attributes, "b=only;"));
		assert_string_equal(told->events, "happened@1300{x=2;}");
		assert_string_equal(told->links, "abcd/01:other=1{why=because;}");
		assert_string_equal(told->message, "no luck");
		assert_int_equal(told->api.status, RK_SPAN_ERROR);
		assert_false(told->api.is_unfinished);
		assert_int_equal(told->span.start_unix_ns, STORY_WALL + 1000);
		assert_int_equal(told->span.end_unix_ns, STORY_WALL + 1500);
		assert_int_equal(story_stats(&story).api_strays, 0);
		story_close(&story);
	}
}

static void test_limits_are_counted(void **state)
{
	const struct told_span *told;
	struct story story;
	struct story_op said;
	char key[16];

	(void)state;
	init(&story);
	story.config.tracing_attribute_count_limit = 3;
	story.config.tracing_event_count_limit = 2;
	story.config.tracing_link_count_limit = 1;
	story_open(&story);
	begin(&story, 1, 0, "k", 1000);
	for (int i = 0; i < 5; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		make_attribute(&said, 1, 1001, key, "v");
		story_tell(&story, &said);
		make_event(&said, 1, 1002, key);
		story_tell(&story, &said);
		make_link(&said, 1, 1003);
		story_tell(&story, &said);
	}
	make_attribute(&said, 1, 1010, "key0", "again"); /* a known key needs no room */
	story_tell(&story, &said);
	end(&story, 1, 2000);
	settle(&story);
	told = story_find(&story, "kernel:k");
	assert_string_equal(told->attributes, "key0=again;key1=v;key2=v;");
	assert_int_equal(told->api.dropped_attributes, 2);
	assert_int_equal(told->api.event_count, 2);
	assert_int_equal(told->api.dropped_events, 3);
	assert_int_equal(told->api.link_count, 1);
	assert_int_equal(told->api.dropped_links, 4);
	story_close(&story);
}

static void test_unfinished(void **state)
{
	struct story story;
	struct rk_op last = { .kind = RK_OP_END };

	(void)state;
	init(&story);
	story_open(&story);
	begin(&story, 1, 0, "k", 1000);
	end(&story, 9, 1100); /* nobody ever began this one */
	for (uint64_t i = 0; i < 20; i++)
		story_tick(&story, 2000 + i);
	assert_int_equal(story.count, 0); /* a span may take long */
	assert_int_equal(story_stats(&story).api_strays, 1);
	begin(&story, 2, 1, "stage", 3000);
	story_feed(&story, &last);
	assert_int_equal(story.count, 2);
	assert_true(story.spans[0].api.is_unfinished);
	assert_int_equal(story.spans[0].span.end_unix_ns, STORY_WALL + 3000);
	assert_int_equal(story_stats(&story).api_unfinished, 2);
	story_close(&story);
}

/* Somebody has to tick for a span that is over, and for nothing else. */
static void test_waiting_for_ticks(void **state)
{
	struct story story;

	(void)state;
	init(&story);
	story_open(&story);
	begin(&story, 1, 0, "k", 1000);
	assert_false(rk_assembler_is_waiting(story.assembler));
	end(&story, 1, 1100);
	assert_true(rk_assembler_is_waiting(story.assembler));
	story_tick(&story, 1200);
	assert_int_equal(story.count, 0);
	assert_true(rk_assembler_is_waiting(story.assembler));
	story_tick(&story, 1300);
	assert_int_equal(story.count, 1);
	assert_false(rk_assembler_is_waiting(story.assembler));
	story_close(&story);
}

/* Parts that come when their span was given already are counted, not kept. */
static void test_too_late(void **state)
{
	struct story story;
	struct story_op said;

	(void)state;
	init(&story);
	story_open(&story);
	begin(&story, 1, 0, "k", 1000);
	end(&story, 1, 1100);
	settle(&story);
	assert_int_equal(story.count, 1);
	make_attribute(&said, 1, 1200, "late", "v");
	story_tell(&story, &said);
	for (int i = 0; i < 10; i++)
		story_tick(&story, 2000);
	assert_int_equal(story_stats(&story).api_strays, 1);
	assert_int_equal(story.count, 1);
	story_close(&story);
}

/* A program that begins spans and never ends them, and one that says too much about them. */
static void test_memory_is_bounded(void **state)
{
	static char big[4000];
	struct story story;
	struct story_op said;
	char key[16];

	(void)state;
	init(&story);
	memset(big, 'x', sizeof(big) - 1);
	story.is_counting_only = true;
	story.setup.api_bytes = 1 << 20;
	story_open(&story);
	for (uint64_t i = 1; i <= 20000; i++) {
		begin(&story, i, 0, "leaks", 1000 + i);
		snprintf(key, sizeof(key), "key%d", (int)(i % 100));
		make_attribute(&said, i % 7 ? i : 1, 1000 + i, key, big);
		story_tell(&story, &said);
		assert_true(story_stats(&story).api_bytes <= 1 << 20);
	}
	assert_true(story.count > 19000);
	assert_int_equal(story_stats(&story).api_unfinished, story.count);
	rk_assembler_finish(story.assembler);
	assert_int_equal(story.count, 20000);
	assert_int_equal(story_stats(&story).api_bytes, 0);
	story_close(&story);
}

/* What the bound counts is what the process grows by. */
static void test_memory_is_counted_whole(void **state)
{
	struct mallinfo2 before;
	struct story story;
	size_t grown, maps = 2 * 2 * RK_API_SPANS_MAX * sizeof(struct rk_handle_slot);

	(void)state;
	init(&story);
	story.is_counting_only = true;
	story_open(&story);
	before = mallinfo2();
	for (uint64_t i = 1; i <= 100000; i++) {
		begin(&story, i, 0, "a range of some name", 1000 + i);
		end(&story, i, 2000 + i);
	}
	grown = mallinfo2().uordblks - before.uordblks;
	assert_true(story_stats(&story).api_bytes > RK_API_SPANS_BYTES_MAX / 2);
	assert_true(story_stats(&story).api_bytes <= RK_API_SPANS_BYTES_MAX);
	assert_in_range(story_stats(&story).api_early, 100000 - RK_API_SPANS_MAX, 99999);
	assert_int_equal(story_stats(&story).api_early, story.count);
	assert_int_equal(story_stats(&story).api_unfinished, 0);
	if (before.uordblks) /* a sanitizer's allocator counts nothing */
		assert_true(grown <= story_stats(&story).api_bytes + maps);
	story_close(&story);
}

static void test_what_is_complete_goes_first(void **state)
{
	struct story story;
	uint64_t number = 1;

	(void)state;
	init(&story);
	story.setup.api_bytes = 64 << 10;
	story_open(&story);
	begin(&story, number, 0, "open", 1000);
	while (!story.count) {
		number++;
		begin(&story, number, 0, "complete", 1000 + number);
		end(&story, number, 2000 + number);
	}
	assert_string_equal(story.spans[0].name, "kernel:complete");
	assert_int_equal(story.spans[0].span.span_id[7], 2);
	assert_false(story.spans[0].api.is_unfinished);
	story_close(&story);
}

static void test_too_many_spans(void **state)
{
	struct story story;

	(void)state;
	init(&story);
	story.is_counting_only = true;
	story_open(&story);
	for (uint64_t i = 1; i <= RK_API_SPANS_MAX + 100; i++)
		begin(&story, i, 0, "leaks", 1000 + i);
	assert_in_range(story.count, 100, RK_API_SPANS_MAX / 2);
	assert_int_equal(rk_assembler_lost(story.assembler), 0);
	story_close(&story);
}

static void test_a_failure_marks_its_span(void **state)
{
	struct rk_op failure = { .kind = RK_OP_ERROR, .exec = 1, .result = 719, .tid = 7 };
	struct story story;

	(void)state;
	init(&story);
	story_open(&story);
	begin(&story, 1, 0, "k", 1000);
	begin(&story, 2, 1, "gpu_execute", 1100);
	begin(&story, 3, 1, "collect_output", 1150);
	context(&story, 1, 2, 1200);
	story_feed(&story, &failure);
	close_exec(&story, 1, 0);
	end(&story, 3, 1300);
	end(&story, 2, 1300);
	end(&story, 1, 1400);
	settle(&story);
	assert_int_equal(story.count, 3);
	assert_string_equal(story_find(&story, "gpu_execute")->error, "CUDA_ERROR_LAUNCH_FAILED");
	assert_string_equal(story_find(&story, "kernel:k")->error, "CUDA_ERROR_LAUNCH_FAILED");
	assert_string_equal(story_find(&story, "kernel:k")->message, "CUDA_ERROR_LAUNCH_FAILED");
	assert_int_equal(story_find(&story, "kernel:k")->api.status, RK_SPAN_ERROR);
	assert_string_equal(story_find(&story, "collect_output")->error, "");
	assert_int_equal(story_find(&story, "collect_output")->api.status, RK_SPAN_UNSET);
	story_close(&story);
}

/* A call that fails before anything was submitted: the context comes with it. */
static void test_a_failure_outside_of_executions(void **state)
{
	struct rk_op failure = { .kind = RK_OP_ERROR, .result = 2, .tid = 7 };
	struct story story;

	failure.api = rk_intern("cuMemAlloc_v2");
	(void)state;
	init(&story);
	story_open(&story);
	begin(&story, 1, 0, "k", 1000);
	begin(&story, 2, 1, "stage", 1100);
	context(&story, 0, 2, 1200);
	story_feed(&story, &failure);
	end(&story, 2, 1300);
	begin(&story, 3, 1, "next", 1400);
	story_feed(&story, &failure); /* of another thread, in no span */
	end(&story, 3, 1500);
	end(&story, 1, 1600);
	settle(&story);
	assert_string_equal(story_find(&story, "stage")->error, "CUDA_ERROR_OUT_OF_MEMORY");
	assert_string_equal(story_find(&story, "kernel:k")->error, "CUDA_ERROR_OUT_OF_MEMORY");
	assert_string_equal(story_find(&story, "kernel:k")->message,
			    "cuMemAlloc_v2 failed: CUDA_ERROR_OUT_OF_MEMORY (out of memory)");
	assert_string_equal(story_find(&story, "next")->error, "");
	story_close(&story);
}

/* What the program said itself about its success counts. */
static void test_the_program_has_the_last_word(void **state)
{
	struct rk_op failure = { .kind = RK_OP_ERROR, .exec = 1, .result = 2, .tid = 7 };
	struct story story;
	struct story_op said;

	(void)state;
	init(&story);
	story_open(&story);
	begin(&story, 1, 0, "k", 1000);
	context(&story, 1, 1, 1200);
	story_feed(&story, &failure);
	make_end(&said, 1, 1300, RK_SPAN_OK, "");
	story_tell(&story, &said);
	settle(&story);
	assert_int_equal(story_find(&story, "kernel:k")->api.status, RK_SPAN_OK);
	assert_string_equal(story_find(&story, "kernel:k")->error, "CUDA_ERROR_OUT_OF_MEMORY");
	story_close(&story);
}

static void test_errors_are_kept(void **state)
{
	static const struct {
		bool keeps_errors;
		enum rk_span_status status;
		uint8_t flags, kept;
		const char *tracestate;
	} cases[] = {
		{ true, RK_SPAN_ERROR, 3, RK_KEPT_ERROR, "vendor=x" },
		{ true, RK_SPAN_OK, 2, RK_KEPT_NO, "vendor=x" },
		{ false, RK_SPAN_ERROR, 2, RK_KEPT_NO, "vendor=x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct told_span *told;
		struct story story;
		struct story_op said;

		init(&story);
		story.config.tracing_keep_errors = cases[i].keeps_errors;
		story_open(&story);
		make_begin(&said, 1, 0, "k", 1000);
		said.op.said.trace_flags = 2; /* not sampled */
		story_tell(&story, &said);
		make_end(&said, 1, 1300, cases[i].status, "");
		story_tell(&story, &said);
		settle(&story);
		told = story_find(&story, "kernel:k");
		assert_int_equal(told->span.trace_flags, cases[i].flags);
		assert_int_equal(told->span.kept, cases[i].kept);
		assert_string_equal(told->tracestate, cases[i].tracestate);
		assert_int_equal(story_stats(&story).kept_error, cases[i].kept == RK_KEPT_ERROR);
		story_close(&story);
	}
}

/* A tree passes the limit as a whole, or not at all, in whatever order its parts come. */
static void test_limit_of_spans_per_second(void **state)
{
	struct story story;
	uint32_t sampled = 0;

	(void)state;
	for (int child_first = 0; child_first < 2; child_first++) {
		init(&story);
		story.config.tracing_max_spans_per_second = 10;
		story.config.tracing_attribute_count_limit = 8;
		story_open(&story);
		for (uint64_t i = 0; i < 100; i++) {
			uint64_t root = 3 * i + 1, at = 1000000000 + i * 1000;

			if (child_first)
				begin(&story, root + 1, root, "child", at);
			begin(&story, root, 0, "root", at);
			if (!child_first)
				begin(&story, root + 1, root, "child", at);
			context(&story, i + 1, root + 1, at);
			work(&story, RK_OP_KERNEL, i + 1, at);
			close_exec(&story, i + 1, 1);
			end(&story, root + 1, at + 10);
			end(&story, root, at + 20);
			settle(&story);
		}
		assert_int_equal(story.count, 300);
		sampled = 0;
		for (uint32_t i = 0; i < story.count; i += 3) {
			uint8_t flags = story.spans[i].span.trace_flags;

			assert_int_equal(story.spans[i + 1].span.trace_flags, flags);
			assert_int_equal(story.spans[i + 2].span.trace_flags, flags);
			sampled += flags & 1 ? 3 : 0;
		}
		assert_in_range(sampled, 9, 12);
		story_close(&story);
	}
}

/* Work below a span whose trace is full goes on under a root of its own, linked to the span. */
static void test_trace_is_full(void **state)
{
	const struct told_span *root;
	struct story story;
	uint32_t direct = 0;

	(void)state;
	init(&story);
	story_open(&story);
	begin(&story, 1, 0, "k", 1000);
	context(&story, 1, 1, 1000);
	for (uint64_t i = 0; i < 12000; i++)
		work(&story, RK_OP_KERNEL, 1, 2000 + i * 100);
	close_exec(&story, 1, 12000);
	end(&story, 1, 2000000);
	settle(&story);
	for (uint32_t i = 0; i < story.count; i++)
		direct += story.spans[i].span.trace_id[15] == 1 &&
			  story.spans[i].span.trace_id[0] == 0;
	assert_in_range(direct, RK_TRACE_SPANS_MAX - 10, RK_TRACE_SPANS_MAX);
	root = story_find(&story, "kernel:add");
	assert_int_equal(root->span.link_span_id[7], 1);
	assert_int_equal(root->span.link_trace_id[15], 1);
	assert_int_equal(root->span.trace_flags, 3);
	assert_int_equal(story.count, 12000 + 3); /* the span, the root, its stage */
	story_close(&story);
}

/* Whatever lies in a file, it is taken without harm. */
static void test_rubbish(void **state)
{
	static const uint8_t kinds[] = { RK_OP_SPAN_BEGIN, RK_OP_SPAN_END,   RK_OP_ATTRIBUTE,
					 RK_OP_SPAN_EVENT, RK_OP_LINK,	     RK_OP_CONTEXT,
					 RK_OP_KERNEL,	   RK_OP_EXEC_CLOSE, RK_OP_TICK };
	static const char letters[] = "tsidbx\0\0\0ab";
	struct story story;
	struct story_op said;

	(void)state;
	init(&story);
	story.is_counting_only = true;
	story.setup.api_bytes = 64 << 10;
	story_open(&story);
	srand(1);
	for (int i = 0; i < 200000; i++) {
		make_begin(&said, (uint64_t)rand() % 50, (uint64_t)rand() % 50, "n",
			   (uint64_t)rand());
		said.op.kind = kinds[(size_t)rand() % sizeof(kinds)];
		said.op.exec = (uint64_t)rand() % 20;
		said.op.said.flags = (uint8_t)rand();
		said.op.said.what = (uint16_t)rand();
		said.op.said.trace_id[15] = (uint8_t)(rand() % 3);
		if (said.op.kind == RK_OP_KERNEL || said.op.kind == RK_OP_EXEC_CLOSE)
			memset(&said.op.kernel, 0, sizeof(said.op.kernel));
		if (rand() % 2)
			said.fields.used = (size_t)rand() % 60;
		for (size_t at = 0; rand() % 2 && at < said.fields.used; at++)
			said.text[at] = (uint8_t)letters[(size_t)rand() % (sizeof(letters) - 1)];
		story_tell(&story, &said);
		assert_true(story_stats(&story).api_bytes <= 64 << 10);
	}
	assert_true(story.count > 1000);
	story_close(&story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stages_and_their_work),
		cmocka_unit_test(test_the_same_again),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_limits_are_counted),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_waiting_for_ticks),
		cmocka_unit_test(test_too_late),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_memory_is_counted_whole),
		cmocka_unit_test(test_what_is_complete_goes_first),
		cmocka_unit_test(test_too_many_spans),
		cmocka_unit_test(test_a_failure_marks_its_span),
		cmocka_unit_test(test_a_failure_outside_of_executions),
		cmocka_unit_test(test_the_program_has_the_last_word),
		cmocka_unit_test(test_errors_are_kept),
		cmocka_unit_test(test_limit_of_spans_per_second),
		cmocka_unit_test(test_trace_is_full),
		cmocka_unit_test(test_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
