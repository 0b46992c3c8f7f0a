/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_join_order.c - dependencies by events, and the links they become.
 */
#include "op_log.h"

#include <string.h>

#include "core/intern.h"
#include "pipeline/pipeline.h"

#define A     0x1000
#define B     0x2000
#define EVENT 0xe1

static struct op_log ops;
static struct rk_join *join;

static void begin(void)
{
	join = make_join(&ops, 0);
}

static void finish(void)
{
	rk_join_destroy(join);
	op_log_finish(&ops);
}

static void launch(uint32_t tid, uint32_t correlation, uint64_t at, uint64_t stream)
{
	struct rk_record record = make_launch(correlation, at, 0xf);

	record.launch.stream = stream;
	rk_join_host(join, tid, &record);
}

static void event(uint32_t tid, enum rk_lifecycle life, uint64_t at, uint64_t stream, uint8_t flags)
{
	struct rk_record record = { .kind = RK_REC_EVENT, .context = 1 };

	record.start = at;
	record.end = at + 1;
	record.flags = flags;
	record.event.event = EVENT;
	record.event.stream = stream;
	record.event.life = (uint8_t)life;
	rk_join_host(join, tid, &record);
}

static void event_of(uint32_t tid, uint64_t handle, enum rk_lifecycle life, uint64_t at,
		     uint64_t stream)
{
	struct rk_record record = { .kind = RK_REC_EVENT, .context = 1 };

	record.start = at;
	record.end = at + 1;
	record.event.event = handle;
	record.event.stream = stream;
	record.event.life = (uint8_t)life;
	rk_join_host(join, tid, &record);
}

static void ran(uint32_t correlation, uint64_t start)
{
	struct rk_activity activity = make_activity(RK_ACT_KERNEL, correlation, start, start + 100);

	rk_join_activity(join, &activity);
}

/* The n-th that says something: the first one of all only says that there may be more. */
static const struct rk_op *dependency(uint32_t n)
{
	const struct rk_op *first = op_log_get(&ops, RK_OP_DEPENDENCY, 0);

	assert_int_equal(first->dependency.ordinal, first->dependency.on);
	return op_log_get(&ops, RK_OP_DEPENDENCY, n + 1);
}

static void expect_count(uint32_t count)
{
	assert_int_equal(op_log_count(&ops, RK_OP_DEPENDENCY), count + 1);
}

static void test_work_waits_for_work(void **state)
{
	(void)state;
	begin();
	launch(7, 1, 100, A);
	launch(7, 2, 120, A);
	event(7, RK_LIFE_RECORD, 140, A, 0);
	launch(7, 3, 150, A); /* behind the event */
	event(7, RK_LIFE_WAIT, 160, B, 0);
	launch(7, 4, 170, B);
	launch(7, 5, 180, B); /* follows 4 on its own stream */
	for (uint32_t i = 1; i <= 5; i++)
		ran(i, 1000 * i);
	expect_count(1);
	assert_int_equal(op_log_get(&ops, RK_OP_KERNEL, 1)->correlation, 2);
	assert_int_equal(dependency(0)->dependency.on, op_log_get(&ops, RK_OP_KERNEL, 1)->ordinal);
	assert_int_equal(op_log_get(&ops, RK_OP_KERNEL, 3)->correlation, 4);
	assert_int_equal(dependency(0)->dependency.ordinal,
			 op_log_get(&ops, RK_OP_KERNEL, 3)->ordinal);
	assert_int_equal(dependency(0)->ordinal + 1, dependency(0)->dependency.ordinal);
	finish();
}

static void test_nothing_is_guessed(void **state)
{
	(void)state;
	begin();
	event(7, RK_LIFE_RECORD, 90, A, 0); /* no work before it */
	event(7, RK_LIFE_WAIT, 95, B, 0);
	launch(7, 1, 100, A);
	event(7, RK_LIFE_RECORD, 140, A, 0);
	event(7, RK_LIFE_WAIT, 150, A, 0); /* its own stream */
	launch(7, 2, 160, A);
	event(7, RK_LIFE_WAIT, 170, B, RK_REC_CAPTURED); /* an edge of a graph */
	launch(7, 3, 180, B);
	ran(1, 1000);
	ran(2, 2000);
	ran(3, 3000);
	expect_count(0);
	/* The record of what was waited for is missing when the other one comes. */
	launch(7, 4, 200, A);
	event(7, RK_LIFE_RECORD, 210, A, 0);
	event(7, RK_LIFE_WAIT, 220, B, 0);
	launch(7, 5, 230, B);
	ran(5, 5000);
	ran(4, 4000);
	expect_count(0);
	finish();
}

static void test_another_thread_recorded_it(void **state)
{
	(void)state;
	begin();
	launch(7, 1, 100, A);
	event(7, RK_LIFE_RECORD, 110, A, 0);
	launch(7, 2, 120, A);
	/* The ring of thread 8 is drained before the later records of thread 7 are. */
	event(8, RK_LIFE_WAIT, 160, B, 0);
	launch(8, 3, 170, B);
	event(7, RK_LIFE_RECORD, 130, A, 0);
	for (uint32_t i = 1; i <= 3; i++)
		ran(i, 1000 * i);
	expect_count(1);
	assert_int_equal(dependency(0)->dependency.on, op_log_get(&ops, RK_OP_KERNEL, 1)->ordinal);
	/* Recorded again after the wait: what it stood for then is not known any more. */
	event(8, RK_LIFE_WAIT, 200, B, 0);
	launch(8, 4, 210, B);
	event(7, RK_LIFE_RECORD, 220, A, 0);
	ran(4, 4000);
	expect_count(1);
	finish();
}

/* A handle that comes back is another event: nothing of the first one is told of it. */
static void test_a_handle_that_is_used_again(void **state)
{
	static const enum rk_lifecycle lives[] = { RK_LIFE_DESTROY, RK_LIFE_CREATE };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin();
		launch(7, 1, 100, A);
		event(7, RK_LIFE_RECORD, 110, A, 0);
		event(7, lives[i], 120, 0, 0);
		event(7, RK_LIFE_WAIT, 130, B, 0);
		launch(7, 2, 140, B);
		ran(1, 1000);
		ran(2, 2000);
		expect_count(0);
		finish();
	}
}

/* CUDA lets an event go as soon as the waits for it are submitted: they still wait. */
static void test_a_wait_outlives_its_event(void **state)
{
	(void)state;
	begin();
	launch(7, 1, 100, A);
	event(7, RK_LIFE_RECORD, 110, A, 0);
	event(8, RK_LIFE_WAIT, 120, B, 0);
	event(7, RK_LIFE_DESTROY, 130, 0, 0);
	launch(8, 2, 140, B);
	ran(1, 1000);
	ran(2, 2000);
	expect_count(1);
	assert_int_equal(dependency(0)->dependency.on, op_log_get(&ops, RK_OP_KERNEL, 0)->ordinal);
	finish();
}

/* As many as there are places, three times over: none is lost for good. */
static void test_events_without_end(void **state)
{
	const uint64_t last = EVENT + 3 * 16384;
	uint64_t at = 1000;

	(void)state;
	begin();
	for (uint64_t handle = EVENT; handle < last; handle++) {
		event_of(7, handle, RK_LIFE_RECORD, at++, A);
		event_of(7, handle, RK_LIFE_DESTROY, at++, 0);
	}
	launch(7, 1, at, A);
	event_of(7, last, RK_LIFE_RECORD, at + 300, A);
	event_of(7, last, RK_LIFE_WAIT, at + 400, B);
	launch(7, 2, at + 500, B);
	ran(1, at + 1000);
	ran(2, at + 2000);
	expect_count(1);
	finish();
}

/* Who writes the value is not known, only how long the stream stood still for it. */
static void test_a_stream_waits_for_memory(void **state)
{
	const struct rk_op *op;

	(void)state;
	begin();
	launch(7, 1, 100, B);
	event_of(7, 0, RK_LIFE_WAIT, 200, B);
	launch(7, 2, 300, B);
	launch(7, 3, 400, B);
	ran(1, 110);
	ran(2, 9000);
	ran(3, 9200);
	assert_int_equal(op_log_count(&ops, RK_OP_SYNC), 1);
	expect_count(0);
	op = op_log_get(&ops, RK_OP_SYNC, 0);
	assert_int_equal(op->sync.scope, RK_SYNC_MEMORY);
	assert_int_equal(op->host_start, 200);
	assert_int_equal(op->host_end, 9000);
	assert_int_equal(op->stream_handle, B);
	assert_int_equal(op->ordinal + 1, op_log_get(&ops, RK_OP_KERNEL, 1)->ordinal);
	finish();
}

static void test_events_cost_nothing_until_there_are_some(void **state)
{
	(void)state;
	begin();
	launch(7, 1, 100, A);
	event(7, RK_LIFE_WAIT, 110, B, 0); /* for one that was never recorded */
	launch(7, 2, 120, B);
	ran(1, 1000);
	ran(2, 2000);
	assert_int_equal(op_log_count(&ops, RK_OP_DEPENDENCY), 0);
	finish();
}

/* The spans that the ops become. */
static void make_spans(struct span_log *spans)
{
	struct rk_config config;
	struct rk_pipeline_setup setup = { .config = &config, .seed = 42, .traceparent = "" };
	struct rk_pipeline *pipeline;

	rk_join_finish(join);
	test_config_init(&config);
	assert_int_equal(rk_pipeline_create(&pipeline, &setup), 0);
	span_log_init(spans);
	rk_pipeline_add_sink(pipeline, &spans->sink);
	for (uint32_t i = 0; i < ops.count; i++)
		rk_pipeline_feed(pipeline, &ops.ops[i]);
	rk_pipeline_finish(pipeline);
	rk_pipeline_destroy(pipeline);
}

static bool leads_to(const struct rk_span_wait *wait, const struct rk_span *span)
{
	return memcmp(wait->trace_id, span->trace_id, 16) == 0 &&
	       memcmp(wait->span_id, span->span_id, 8) == 0;
}

static void test_the_leaf_links_to_what_it_waited_for(void **state)
{
	const struct rk_span *waited, *on;
	struct span_log spans;

	(void)state;
	begin();
	launch(7, 1, 100, A);
	event(7, RK_LIFE_RECORD, 140, A, 0);
	/* Another thread, another execution, another trace. */
	event(8, RK_LIFE_WAIT, 160, B, 0);
	launch(8, 2, 170, B);
	ran(1, 1000);
	ran(2, 2000);
	make_spans(&spans);
	on = span_log_get(&spans, RK_SPAN_LEAF, 0);
	waited = span_log_get(&spans, RK_SPAN_LEAF, 1);
	assert_int_equal(on->wait_count, 0);
	assert_memory_not_equal(on->trace_id, waited->trace_id, 16);
	assert_int_equal(waited->wait_count, 1);
	assert_int_equal(waited->waits_left_out, 0);
	assert_true(leads_to(&waited->waits[0], on));
	span_log_finish(&spans);
	finish();
}

/* @others streams with a kernel each, and one that waits for all of them. Its leaf is the last. */
static const struct rk_span *wait_for_many(struct span_log *spans, uint32_t others)
{
	begin();
	for (uint32_t i = 1; i <= others; i++) {
		launch(7, i, 100 + i, A * i);
		event_of(7, EVENT + i, RK_LIFE_RECORD, 200 + i, A * i);
	}
	/* The last one twice, by two events. */
	event_of(7, EVENT, RK_LIFE_RECORD, 250, A * others);
	for (uint32_t i = 0; i <= others; i++)
		event_of(7, EVENT + i, RK_LIFE_WAIT, 300 + i, B + 1);
	launch(7, others + 1, 400, B + 1);
	for (uint32_t i = 1; i <= others + 1; i++)
		ran(i, 1000 * i);
	make_spans(spans);
	return span_log_get(spans, RK_SPAN_LEAF, others);
}

static void test_each_wait_of_a_leaf_is_a_link(void **state)
{
	struct span_log spans;
	const struct rk_span *waited = wait_for_many(&spans, 3);

	(void)state;
	expect_count(4);
	assert_int_equal(waited->wait_count, 3);
	assert_int_equal(waited->waits_left_out, 0);
	for (uint32_t i = 0; i < 3; i++) {
		const struct rk_span *on = span_log_get(&spans, RK_SPAN_LEAF, i);

		assert_true(leads_to(&waited->waits[0], on) || leads_to(&waited->waits[1], on) ||
			    leads_to(&waited->waits[2], on));
	}
	span_log_finish(&spans);
	finish();
}

static void test_waits_beyond_the_bound_are_counted(void **state)
{
	struct span_log spans;
	const struct rk_span *waited = wait_for_many(&spans, RK_SPAN_WAITS_MAX + 3);

	(void)state;
	expect_count(RK_SPAN_WAITS_MAX + 4);
	assert_int_equal(waited->wait_count, RK_SPAN_WAITS_MAX);
	assert_int_equal(waited->waits_left_out, 3);
	/* The oldest three are those that are left out. */
	for (uint32_t i = 0; i < RK_SPAN_WAITS_MAX; i++) {
		for (uint32_t n = 0; n < 3; n++)
			assert_false(
				leads_to(&waited->waits[i], span_log_get(&spans, RK_SPAN_LEAF, n)));
	}
	span_log_finish(&spans);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_work_waits_for_work),
		cmocka_unit_test(test_nothing_is_guessed),
		cmocka_unit_test(test_another_thread_recorded_it),
		cmocka_unit_test(test_a_handle_that_is_used_again),
		cmocka_unit_test(test_a_wait_outlives_its_event),
		cmocka_unit_test(test_events_without_end),
		cmocka_unit_test(test_a_stream_waits_for_memory),
		cmocka_unit_test(test_events_cost_nothing_until_there_are_some),
		cmocka_unit_test(test_the_leaf_links_to_what_it_waited_for),
		cmocka_unit_test(test_each_wait_of_a_leaf_is_a_link),
		cmocka_unit_test(test_waits_beyond_the_bound_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
