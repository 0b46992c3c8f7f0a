/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_pipeline.c - the same ops give the same spans and the same metrics.
 */
#include "op_log.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/metrics/metrics.h"
#include "pipeline/pipeline.h"
#include "story.h"

struct result {
	struct span_log spans;
	char *text;
};

static void play(const struct op_log *ops, const char *traceparent, struct result *result)
{
	struct rk_config config;
	struct rk_pipeline_setup setup = {
		.config = &config, .seed = 7, .traceparent = traceparent, .tracestate = "a=1"
	};
	struct rk_pipeline *pipeline;

	test_config_init(&config);
	config.tracing_sampling_rate = 0.5;
	config.tracing_max_spans_per_second = 100000;
	span_log_init(&result->spans);
	assert_int_equal(rk_pipeline_create(&pipeline, &setup), 0);
	rk_pipeline_add_sink(pipeline, &result->spans.sink);
	for (uint32_t i = 0; i < ops->count; i++)
		rk_pipeline_feed(pipeline, &ops->ops[i]);
	rk_pipeline_finish(pipeline);
	assert_true(rk_metrics_render(rk_pipeline_metrics(pipeline), true, false, &result->text) >
		    0);
	rk_pipeline_destroy(pipeline);
}

static void assert_same_span(const struct rk_span *a, const struct rk_span *b)
{
	assert_memory_equal(a->trace_id, b->trace_id, 16);
	assert_memory_equal(a->span_id, b->span_id, 8);
	assert_memory_equal(a->parent_id, b->parent_id, 8);
	assert_memory_equal(a->link_span_id, b->link_span_id, 8);
	assert_int_equal(a->start_unix_ns, b->start_unix_ns);
	assert_int_equal(a->end_unix_ns, b->end_unix_ns);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->kernel_id, b->kernel_id);
	assert_string_equal(a->domain, b->domain);
	assert_string_equal(a->tracestate, b->tracestate);
	assert_string_equal(a->error, b->error);
	assert_int_equal(a->exec, b->exec);
	assert_int_equal(a->tid, b->tid);
	assert_int_equal(a->gpu_ns, b->gpu_ns);
	assert_int_equal(a->queue_ns, b->queue_ns);
	assert_int_equal(a->ops, b->ops);
	assert_int_equal(a->kernels, b->kernels);
	assert_int_equal(a->trace_flags, b->trace_flags);
	assert_int_equal(a->shape, b->shape);
}

static void check_twice(const char *traceparent)
{
	struct result first, second;
	struct op_log ops;

	story_tell(&ops);
	play(&ops, traceparent, &first);
	play(&ops, traceparent, &second);
	assert_true(first.spans.count > 500);
	assert_int_equal(first.spans.count, second.spans.count);
	for (uint32_t i = 0; i < first.spans.count; i++)
		assert_same_span(&first.spans.spans[i], &second.spans.spans[i]);
	assert_string_equal(first.text, second.text);
	free(first.text);
	free(second.text);
	span_log_finish(&first.spans);
	span_log_finish(&second.spans);
	op_log_finish(&ops);
}

static void test_fed_twice(void **state)
{
	(void)state;
	check_twice("");
	check_twice("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, 8);
}

/* Every id once, every parent there, no child outside its parent. */
static void test_tree_is_sound(void **state)
{
	struct result result;
	struct op_log ops;
	uint8_t(*ids)[8];

	(void)state;
	story_tell(&ops);
	play(&ops, "", &result);
	ids = calloc(result.spans.count, 8);
	assert_non_null(ids);
	for (uint32_t i = 0; i < result.spans.count; i++)
		memcpy(ids[i], result.spans.spans[i].span_id, 8);
	qsort(ids, result.spans.count, 8, compare_ids);
	for (uint32_t i = 1; i < result.spans.count; i++)
		assert_memory_not_equal(ids[i - 1], ids[i], 8);
	for (uint32_t i = 0; i < result.spans.count; i++) {
		const struct rk_span *span = &result.spans.spans[i];

		assert_true(span->end_unix_ns >= span->start_unix_ns);
		if (span->shape == RK_SPAN_ROOT || !span->exec)
			continue;
		assert_non_null(bsearch(span->parent_id, ids, result.spans.count, 8, compare_ids));
		for (uint32_t j = 0; j < result.spans.count; j++) {
			const struct rk_span *parent = &result.spans.spans[j];

			if (memcmp(parent->span_id, span->parent_id, 8) != 0)
				continue;
			assert_memory_equal(parent->trace_id, span->trace_id, 16);
			assert_true(parent->start_unix_ns <= span->start_unix_ns);
			assert_true(parent->end_unix_ns >= span->end_unix_ns);
		}
	}
	free(ids);
	free(result.text);
	span_log_finish(&result.spans);
	op_log_finish(&ops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fed_twice),
		cmocka_unit_test(test_tree_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
