/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_assembler.c - ids, parents, times, traces, sampling.
 */
#include "op_log.h"

#include <string.h>

#include "core/intern.h"
#include "pipeline/pipeline.h"
#include "pipeline/span/assembler.h"

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define WALL   1700000000000000000ll

struct fixture {
	struct rk_config config;
	struct rk_pipeline *pipeline;
	const char *tracestate, *baggage; /* NULL = none */
	struct span_log log;
	uint64_t ordinal;
};

static void open_fixture(struct fixture *f, const char *traceparent)
{
	struct rk_pipeline_setup setup = {
		.config = &f->config,
		.seed = 42,
		.traceparent = traceparent,
		.tracestate = f->tracestate ? f->tracestate : "",
		.baggage = f->baggage,
	};
	struct rk_op clock;

	span_log_init(&f->log);
	f->ordinal = 0;
	assert_int_equal(rk_pipeline_create(&f->pipeline, &setup), 0);
	rk_pipeline_add_sink(f->pipeline, &f->log.sink);
	memset(&clock, 0, sizeof(clock));
	clock.kind = RK_OP_CLOCK;
	clock.clock.wall_offset_ns = WALL;
	rk_pipeline_feed(f->pipeline, &clock);
}

static void close_fixture(struct fixture *f)
{
	rk_pipeline_destroy(f->pipeline);
	span_log_finish(&f->log);
}

static struct rk_op work(enum rk_op_kind kind, uint64_t exec, uint64_t start, uint64_t end)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = (uint8_t)kind;
	op.exec = exec;
	op.host_start = start - 20;
	op.host_end = start - 10;
	op.start = start;
	op.end = end;
	op.tid = 7;
	op.flags = exec ? RK_OP_F_FIRST : RK_OP_F_ORPHAN;
	if (kind == RK_OP_KERNEL)
		op.name = rk_intern("_Z3addPfS_i");
	return op;
}

static void feed(struct fixture *f, struct rk_op op)
{
	op.ordinal = ++f->ordinal;
	rk_pipeline_feed(f->pipeline, &op);
}

static void feed_close(struct fixture *f, uint64_t exec, uint32_t calls)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_EXEC_CLOSE;
	op.exec = exec;
	op.close.ops = calls;
	feed(f, op);
}

static void feed_one_execution(struct fixture *f)
{
	struct rk_op op = work(RK_OP_MEMCPY, 1, 1000, 1100);

	op.copy.copy_kind = RK_COPY_HTOD;
	feed(f, op);
	feed(f, work(RK_OP_KERNEL, 1, 1200, 1500));
	op = work(RK_OP_MEMCPY, 1, 1600, 1700);
	op.copy.copy_kind = RK_COPY_DTOH;
	feed(f, op);
}

static const struct rk_span *named(const struct fixture *f, const char *name)
{
	for (uint32_t i = 0; i < f->log.count; i++) {
		if (strcmp(f->log.spans[i].name, name) == 0)
			return &f->log.spans[i];
	}
	fail_msg("no span %s", name);
	return NULL;
}

static void test_one_execution(void **state)
{
	static const uint8_t none[8];
	struct fixture f = { .ordinal = 0 };
	const struct rk_span *root;
	const struct rk_span *stage;
	const struct rk_span *leaf;

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	feed_one_execution(&f);
	assert_int_equal(f.log.count, 3); /* leaves stream out, nothing else yet */
	feed_close(&f, 1, 3);
	assert_int_equal(f.log.count, 7);
	root = named(&f, "kernel:add");
	stage = named(&f, "gpu_execute");
	leaf = named(&f, "add");
	assert_memory_equal(root->parent_id, none, 8);
	assert_memory_equal(stage->parent_id, root->span_id, 8);
	assert_memory_equal(leaf->parent_id, stage->span_id, 8);
	assert_memory_equal(named(&f, "prepare_input")->parent_id, root->span_id, 8);
	assert_memory_equal(named(&f, "collect_output")->parent_id, root->span_id, 8);
	for (uint32_t i = 0; i < f.log.count; i++) {
		assert_memory_equal(f.log.spans[i].trace_id, root->trace_id, 16);
		assert_int_equal(f.log.spans[i].trace_flags, 3);
	}
	assert_int_equal(leaf->start_unix_ns, WALL + 1200);
	assert_int_equal(leaf->end_unix_ns, WALL + 1500);
	assert_int_equal(leaf->queue_ns, 10);
	assert_int_equal(root->start_unix_ns, WALL + 980);
	assert_int_equal(root->end_unix_ns, WALL + 1700);
	assert_int_equal(root->ops, 3);
	assert_int_equal(root->kernels, 1);
	assert_int_equal(root->gpu_ns, 300);
	assert_string_equal(root->kernel_id, "add");
	assert_string_equal(root->error, "");
	close_fixture(&f);
}

static void test_close_may_come_first(void **state)
{
	struct fixture f = { .ordinal = 0 };

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	feed_close(&f, 1, 2);
	feed(&f, work(RK_OP_KERNEL, 1, 1200, 1500));
	assert_int_equal(span_log_count(&f.log, RK_SPAN_ROOT), 0);
	feed(&f, work(RK_OP_KERNEL, 1, 1600, 1700));
	assert_int_equal(span_log_count(&f.log, RK_SPAN_ROOT), 1);
	assert_int_equal(span_log_get(&f.log, RK_SPAN_ROOT, 0)->kernels, 2);
	close_fixture(&f);
}

static void test_root_is_named_in_host_order(void **state)
{
	struct fixture f = { .ordinal = 0 };
	struct rk_op second = work(RK_OP_KERNEL, 1, 1600, 1700);

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	second.name = rk_intern("_Z6secondv");
	feed(&f, second); /* its GPU record came first */
	feed(&f, work(RK_OP_KERNEL, 1, 1200, 1500));
	feed_close(&f, 1, 2);
	assert_string_equal(span_log_get(&f.log, RK_SPAN_ROOT, 0)->name, "kernel:add");
	close_fixture(&f);
}

static void test_remote_parent(void **state)
{
	static const uint8_t trace[16] = { 0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd,
					   0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c };
	static const uint8_t parent[8] = { 0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31 };
	struct fixture f = { .ordinal = 0 };

	(void)state;
	test_config_init(&f.config);
	f.config.tracing_sampling_rate = 0; /* the parent was sampled: that decides */
	open_fixture(&f, PARENT);
	for (uint64_t exec = 1; exec <= 2; exec++) {
		feed(&f, work(RK_OP_KERNEL, exec, 1200, 1500));
		feed_close(&f, exec, 1);
	}
	for (uint32_t i = 0; i < f.log.count; i++) {
		assert_memory_equal(f.log.spans[i].trace_id, trace, 16);
		assert_int_equal(f.log.spans[i].trace_flags, 1); /* random flag copied: unset */
	}
	for (uint32_t i = 0; i < 2; i++) {
		const struct rk_span *root = span_log_get(&f.log, RK_SPAN_ROOT, i);

		assert_true(root->parent_is_remote);
		assert_memory_equal(root->parent_id, parent, 8);
	}
	close_fixture(&f);
}

static uint32_t spans_in_trace(const struct fixture *f, const uint8_t *trace_id)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < f->log.count; i++)
		count += memcmp(f->log.spans[i].trace_id, trace_id, 16) == 0;
	return count;
}

/* No trace of ours holds more than 10,000 spans, and every parent lies in its child's trace. */
static void check_traces(const struct fixture *f)
{
	const uint8_t *seen = NULL;

	for (uint32_t i = 0; i < f->log.count; i++) {
		const struct rk_span *span = &f->log.spans[i];

		if (span->shape != RK_SPAN_ROOT || (seen && !memcmp(seen, span->trace_id, 16)))
			continue;
		seen = span->trace_id;
		assert_in_range(spans_in_trace(f, seen), 1, RK_TRACE_SPANS_MAX);
	}
}

static void test_trace_rolls_over(void **state)
{
	struct fixture f = { .ordinal = 0 };
	const struct rk_span *last;

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, PARENT);
	for (uint64_t exec = 1; exec <= 5000; exec++) {
		feed(&f, work(RK_OP_KERNEL, exec, 1000 * exec, 1000 * exec + 5));
		feed_close(&f, exec, 1);
	}
	check_traces(&f);
	last = span_log_get(&f.log, RK_SPAN_ROOT, 4999);
	assert_false(last->parent_is_remote);
	assert_int_equal(last->link_span_id[0], 0xb7);
	assert_int_equal(last->link_trace_id[0], 0x0a);
	assert_int_equal(last->trace_flags & 1, 1); /* sampled as the parent was */
	close_fixture(&f);
}

static void test_execution_larger_than_a_trace(void **state)
{
	struct fixture f = { .ordinal = 0 };
	struct rk_op graph = work(RK_OP_GRAPH, 1, 1000, 99000);

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	for (uint64_t i = 0; i < 25000; i++) {
		struct rk_op node = work(RK_OP_KERNEL, 1, 1000 + i, 1001 + i);

		node.flags = 0; /* one call: the op of the graph is its first */
		feed(&f, node);
	}
	graph.graph.nodes = 25000;
	feed_close(&f, 1, 1);
	feed(&f, graph);
	assert_int_equal(span_log_count(&f.log, RK_SPAN_LEAF), 25000);
	assert_int_equal(span_log_count(&f.log, RK_SPAN_ROOT), 3);
	check_traces(&f);
	close_fixture(&f);
}

static void test_sampling_is_per_trace(void **state)
{
	struct fixture f = { .ordinal = 0 };
	uint32_t kept = 0;

	(void)state;
	test_config_init(&f.config);
	f.config.tracing_sampling_rate = 0.25;
	open_fixture(&f, "");
	for (uint64_t exec = 1; exec <= 4000; exec++) {
		feed(&f, work(RK_OP_KERNEL, exec, 1000 * exec, 1000 * exec + 5));
		feed_close(&f, exec, 1);
	}
	for (uint32_t i = 0; i < f.log.count; i += 3) {
		/* leaf, stage, root of one execution agree */
		assert_int_equal(f.log.spans[i].trace_flags, f.log.spans[i + 1].trace_flags);
		assert_int_equal(f.log.spans[i].trace_flags, f.log.spans[i + 2].trace_flags);
		kept += f.log.spans[i].trace_flags & 1;
	}
	assert_in_range(kept, 850, 1150);
	close_fixture(&f);
}

static void test_rate_limit_by_root(void **state)
{
	struct fixture f = { .ordinal = 0 };
	uint32_t kept = 0;

	(void)state;
	test_config_init(&f.config);
	f.config.tracing_max_spans_per_second = 300;
	open_fixture(&f, "");
	/* 1,000 executions of 3 spans in each of 4 seconds of op time */
	for (uint64_t exec = 1; exec <= 4000; exec++) {
		feed(&f, work(RK_OP_KERNEL, exec, 1000000 * exec, 1000000 * exec + 5));
		feed_close(&f, exec, 1);
	}
	for (uint32_t i = 0; i < f.log.count; i++)
		kept += f.log.spans[i].trace_flags & 1;
	/* A full bucket at the start and 300 a second. */
	assert_in_range(kept, 1450, 1510);
	close_fixture(&f);
}

static void test_error_marks_the_root(void **state)
{
	struct fixture f = { .ordinal = 0 };
	struct rk_op error;

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	feed(&f, work(RK_OP_KERNEL, 1, 1200, 1500));
	memset(&error, 0, sizeof(error));
	error.kind = RK_OP_ERROR;
	error.exec = 1;
	error.result = 700;
	error.api = rk_intern("cuStreamSynchronize");
	feed(&f, error);
	feed_close(&f, 1, 1);
	assert_string_equal(span_log_get(&f.log, RK_SPAN_ROOT, 0)->error,
			    "CUDA_ERROR_ILLEGAL_ADDRESS");
	assert_string_equal(span_log_get(&f.log, RK_SPAN_ROOT, 0)->error_message,
			    "cuStreamSynchronize failed: CUDA_ERROR_ILLEGAL_ADDRESS "
			    "(an illegal memory access was encountered)");
	close_fixture(&f);
}

/* After a fault of the GPU nothing comes back: there is a root all the same. */
static void test_a_fault_has_a_root(void **state)
{
	struct fixture f = { .ordinal = 0 };
	struct rk_op op = work(RK_OP_KERNEL, 1, 1200, 1500);

	(void)state;
	test_config_init(&f.config);
	f.config.tracing_sampling_rate = 0;
	f.config.tracing_keep_errors = true;
	open_fixture(&f, "");
	op.flags |= RK_OP_F_OPEN;
	op.start = op.end = 0;
	for (int with_open = 1; with_open >= 0; with_open--) {
		struct rk_op error = { .kind = RK_OP_ERROR,
				       .exec = 2u - (unsigned)with_open,
				       .result = 700,
				       .host_start = 1300,
				       .host_end = 1400 };
		const struct rk_span *root;

		feed(&f, error);
		feed_close(&f, error.exec, (uint32_t)with_open);
		if (with_open)
			feed(&f, op);
		assert_int_equal(f.log.count, 2 - with_open);
		root = &f.log.spans[f.log.count - 1];
		assert_string_equal(root->name, with_open ? "kernel:add" : "transfer");
		assert_string_equal(root->error, "CUDA_ERROR_ILLEGAL_ADDRESS");
		assert_true(root->host_time);
		assert_int_equal(root->kept, RK_KEPT_ERROR);
		assert_int_equal(root->trace_flags, 3);
		assert_int_equal(root->start_unix_ns, WALL + (with_open ? 1180 : 1300));
		assert_int_equal(root->end_unix_ns, WALL + 1400);
		assert_int_equal(root->kernels, 0);
	}
	close_fixture(&f);
}

static void test_orphans_open_and_invalid(void **state)
{
	struct fixture f = { .ordinal = 0 };
	struct rk_op op;

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	feed(&f, work(RK_OP_KERNEL, 0, 1200, 1500));
	assert_int_equal(f.log.count, 1);
	assert_int_equal(f.log.spans[0].parent_id[0], 0);
	op = work(RK_OP_KERNEL, 1, 1200, 1500);
	op.flags |= RK_OP_F_OPEN;
	op.start = op.end = 0;
	feed(&f, op); /* no span: it has no time */
	assert_int_equal(f.log.count, 1);
	op = work(RK_OP_KERNEL, 1, 1200, 1500);
	op.flags |= RK_OP_F_INVALID_TIME;
	op.start = op.end = 0;
	feed(&f, op);
	assert_int_equal(f.log.count, 2);
	assert_true(f.log.spans[1].host_time);
	assert_int_equal(f.log.spans[1].start_unix_ns, WALL + 1180);
	feed_close(&f, 1, 2);
	assert_int_equal(span_log_count(&f.log, RK_SPAN_ROOT), 1);
	assert_int_equal(span_log_get(&f.log, RK_SPAN_ROOT, 0)->gpu_ns, 0);
	close_fixture(&f);
}

static void test_end_completes_everything(void **state)
{
	struct fixture f = { .ordinal = 0 };
	struct rk_op end;

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	for (uint64_t exec = 1; exec <= 20; exec++)
		feed(&f, work(RK_OP_KERNEL, exec, 1000 * exec, 1000 * exec + 5));
	memset(&end, 0, sizeof(end));
	end.kind = RK_OP_END;
	feed(&f, end);
	assert_int_equal(span_log_count(&f.log, RK_SPAN_ROOT), 20);
	close_fixture(&f);
}

static void test_thresholds_are_told(void **state)
{
	struct fixture f = { .ordinal = 0 };

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	feed(&f, work(RK_OP_KERNEL, 1, 1200, 1500));
	assert_string_equal(f.log.spans[0].tracestate, "ot=th:0");
	close_fixture(&f);
	f.config.tracing_sampling_rate = 0.1;
	open_fixture(&f, "");
	for (uint64_t exec = 1; exec <= 200; exec++)
		feed(&f, work(RK_OP_KERNEL, exec, 1200, 1500));
	for (uint32_t i = 0; i < f.log.count; i++) {
		const struct rk_span *span = &f.log.spans[i];
		bool is_sampled = span->trace_flags & 1;

		assert_string_equal(span->tracestate, is_sampled ? "ot=th:e666" : "");
		/* Who gets the span can check it. */
		assert_int_equal(is_sampled,
				 memcmp(span->trace_id + 9, "\xe6\x66\0\0\0\0\0", 7) >= 0);
	}
	close_fixture(&f);
}

/* With a plain ratio the shared id decides, and what goes on for a full trace says which. */
static void test_ratio_with_a_remote_parent(void **state)
{
	struct fixture f = { .tracestate = "a=1" };
	const struct rk_span *last;

	(void)state;
	test_config_init(&f.config);
	f.config.tracing_sampler = RK_SAMPLER_RATIO;
	f.config.tracing_sampling_rate = 0.875; /* T = 0x20..., R = 0x48eb211c80319c */
	open_fixture(&f, PARENT);
	for (uint64_t exec = 1; exec <= 5000; exec++) {
		feed(&f, work(RK_OP_KERNEL, exec, 1000 * exec, 1000 * exec + 5));
		feed_close(&f, exec, 1);
	}
	for (uint32_t i = 0; i < f.log.count; i++)
		assert_int_equal(f.log.spans[i].trace_flags & 1, 1);
	assert_string_equal(f.log.spans[0].tracestate, "ot=th:2,a=1");
	last = span_log_get(&f.log, RK_SPAN_ROOT, 4999);
	assert_false(last->parent_is_remote);
	assert_string_equal(last->tracestate, "ot=rv:48eb211c80319c;th:2");
	close_fixture(&f);
	f.config.tracing_sampling_rate = 0.5; /* the parent's flag says yes; its id says no */
	open_fixture(&f, PARENT);
	feed(&f, work(RK_OP_KERNEL, 1, 1200, 1500));
	assert_int_equal(f.log.spans[0].trace_flags, 0);
	close_fixture(&f);
}

static void test_propagators(void **state)
{
	struct fixture f = { .tracestate = "a=1", .baggage = "tenant_id=t%201,b=2" };

	(void)state;
	test_config_init(&f.config);
	f.config.tracing_baggage_attributes = "tenant_id,absent";
	f.config.tracing_propagators = "tracecontext,baggage";
	open_fixture(&f, PARENT);
	feed(&f, work(RK_OP_KERNEL, 1, 1200, 1500));
	assert_int_equal(f.log.spans[0].trace_id[0], 0x0a);
	assert_string_equal(f.log.spans[0].tracestate, "a=1");
	assert_int_equal(f.log.spans[0].baggage_count, 1);
	assert_string_equal(f.log.spans[0].baggage[0].key, "tenant_id");
	assert_string_equal(f.log.spans[0].baggage[0].value, "t 1");
	close_fixture(&f);
	f.config.tracing_propagators = "baggage";
	open_fixture(&f, PARENT);
	feed(&f, work(RK_OP_KERNEL, 1, 1200, 1500));
	assert_int_not_equal(f.log.spans[0].trace_id[0], 0x0a);
	assert_string_equal(f.log.spans[0].tracestate, "ot=th:0");
	assert_int_equal(f.log.spans[0].baggage_count, 1);
	close_fixture(&f);
	f.config.tracing_propagators = "none";
	open_fixture(&f, PARENT);
	feed(&f, work(RK_OP_KERNEL, 1, 1200, 1500));
	assert_int_not_equal(f.log.spans[0].trace_id[0], 0x0a);
	assert_int_equal(f.log.spans[0].baggage_count, 0);
	close_fixture(&f);
}

static void feed_thread(struct fixture *f, uint32_t tid, const char *name)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_THREAD;
	op.tid = tid;
	op.name = rk_intern(name);
	feed(f, op);
}

static void test_thread_names(void **state)
{
	struct fixture f = { .ordinal = 0 };
	struct rk_op other = work(RK_OP_KERNEL, 1, 1600, 1700);

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	feed(&f, work(RK_OP_KERNEL, 1, 1200, 1500));
	assert_null(f.log.spans[0].thread_name);
	feed_thread(&f, 7, "loader"); /* while the execution is open */
	feed_thread(&f, 8, "other");
	feed(&f, work(RK_OP_KERNEL, 1, 1600, 1700));
	assert_string_equal(f.log.spans[1].thread_name, "loader");
	other.tid = 8;
	feed(&f, other);
	assert_string_equal(f.log.spans[2].thread_name, "other");
	assert_int_equal(f.log.spans[2].tid, 8);
	feed_thread(&f, 7, "trainer"); /* pthread_setname_np() later on */
	feed_close(&f, 1, 3);
	assert_string_equal(span_log_get(&f.log, RK_SPAN_ROOT, 0)->thread_name, "trainer");
	for (uint32_t i = 0; i < f.log.count; i++)
		assert_int_equal(f.log.spans[i].sequence, i + 1);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_execution),
		cmocka_unit_test(test_close_may_come_first),
		cmocka_unit_test(test_root_is_named_in_host_order),
		cmocka_unit_test(test_remote_parent),
		cmocka_unit_test(test_trace_rolls_over),
		cmocka_unit_test(test_execution_larger_than_a_trace),
		cmocka_unit_test(test_sampling_is_per_trace),
		cmocka_unit_test(test_rate_limit_by_root),
		cmocka_unit_test(test_error_marks_the_root),
		cmocka_unit_test(test_a_fault_has_a_root),
		cmocka_unit_test(test_orphans_open_and_invalid),
		cmocka_unit_test(test_end_completes_everything),
		cmocka_unit_test(test_thresholds_are_told),
		cmocka_unit_test(test_ratio_with_a_remote_parent),
		cmocka_unit_test(test_propagators),
		cmocka_unit_test(test_thread_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
