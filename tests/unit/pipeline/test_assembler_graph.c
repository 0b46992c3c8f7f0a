/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_assembler_graph.c - launches of graphs above their nodes.
 */
#include "op_log.h"

#include <string.h>

#include "core/intern.h"
#include "pipeline/pipeline.h"
#include "pipeline/span/assembler.h"

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

struct fixture {
	struct rk_config config;
	struct rk_pipeline *pipeline;
	struct span_log log;
	uint64_t ordinal;
};

static void open_fixture(struct fixture *f, const char *traceparent)
{
	struct rk_pipeline_setup setup = {
		.config = &f->config, .seed = 42, .traceparent = traceparent, .tracestate = ""
	};

	span_log_init(&f->log);
	f->ordinal = 0;
	assert_int_equal(rk_pipeline_create(&f->pipeline, &setup), 0);
	rk_pipeline_add_sink(f->pipeline, &f->log.sink);
}

static void close_fixture(struct fixture *f)
{
	rk_pipeline_destroy(f->pipeline);
	span_log_finish(&f->log);
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

/* A launch of a graph is known by when it was called, and by its correlation id. */
struct launch {
	uint64_t exec, called;
	uint32_t correlation, graph;
};

static struct rk_op op_of(const struct launch *launch, enum rk_op_kind kind, uint64_t start,
			  uint64_t end)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = (uint8_t)kind;
	op.exec = launch->exec;
	op.host_start = launch->called;
	op.host_end = launch->called + 10;
	op.start = start;
	op.end = end;
	op.tid = 7;
	op.correlation = launch->correlation;
	op.api = rk_intern("cuGraphLaunch");
	return op;
}

static void feed_kernel(struct fixture *f, const struct launch *launch, uint64_t start)
{
	struct rk_op op = op_of(launch, RK_OP_KERNEL, start, start + 5);

	op.name = rk_intern("_Z3addPfS_i");
	op.kernel.graph = launch->graph;
	op.kernel.graph_node = 1;
	feed(f, op);
}

static void feed_copy(struct fixture *f, const struct launch *launch, uint64_t start)
{
	struct rk_op op = op_of(launch, RK_OP_MEMCPY, start, start + 5);

	op.copy.graph = launch->graph;
	op.copy.copy_kind = RK_COPY_HTOD;
	feed(f, op);
}

static void feed_launch(struct fixture *f, const struct launch *launch, uint32_t nodes)
{
	struct rk_op op = op_of(launch, RK_OP_GRAPH, 1, 2); /* the extent is the nodes' */

	op.flags = RK_OP_F_FIRST;
	op.graph.graph = launch->graph;
	op.graph.nodes = nodes;
	feed(f, op);
}

static const struct rk_span *nth(const struct fixture *f, const char *name, uint32_t n)
{
	for (uint32_t i = 0; i < f->log.count; i++) {
		if (strcmp(f->log.spans[i].name, name) == 0 && !n--)
			return &f->log.spans[i];
	}
	fail_msg("no span %s", name);
	return NULL;
}

static uint32_t count(const struct fixture *f, const char *name)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < f->log.count; i++)
		found += strcmp(f->log.spans[i].name, name) == 0;
	return found;
}

static void assert_child(const struct rk_span *child, const struct rk_span *parent)
{
	assert_memory_equal(child->parent_id, parent->span_id, 8);
	assert_memory_equal(child->trace_id, parent->trace_id, 16);
}

static void test_span_covers_nodes(void **state)
{
	static const struct launch one = { 1, 1000, 9, 4 };
	struct fixture f = { .ordinal = 0 };
	const struct rk_span *graph;

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	feed_kernel(&f, &one, 2100);
	feed_copy(&f, &one, 2000);
	feed_kernel(&f, &one, 2200);
	assert_int_equal(count(&f, "graph"), 0);
	feed_launch(&f, &one, 3);
	feed_close(&f, 1, 1);
	graph = nth(&f, "graph", 0);
	assert_int_equal(graph->start_unix_ns, 2000);
	assert_int_equal(graph->end_unix_ns, 2205);
	assert_child(nth(&f, "add", 0), graph);
	assert_child(nth(&f, "add", 1), graph);
	assert_child(nth(&f, "memcpy", 0), graph);
	assert_child(graph, nth(&f, "gpu_execute", 0));
	assert_int_equal(span_log_get(&f.log, RK_SPAN_ROOT, 0)->ops, 3);
	close_fixture(&f);
}

/* The same correlation id, as after a restart of CUPTI, and launches whose nodes mingle. */
static void test_launches_are_told_apart(void **state)
{
	static const struct launch first = { 1, 1000, 9, 4 }, again = { 1, 1500, 9, 4 },
				   other = { 1, 1510, 10, 5 };
	struct fixture f = { .ordinal = 0 };

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	feed_kernel(&f, &first, 2000);
	feed_launch(&f, &first, 1);
	feed_kernel(&f, &again, 3000);
	feed_kernel(&f, &other, 3001);
	feed_kernel(&f, &again, 3010);
	feed_launch(&f, &other, 1);
	feed_launch(&f, &again, 2);
	feed_close(&f, 1, 3);
	assert_int_equal(count(&f, "graph"), 3);
	assert_child(nth(&f, "add", 0), nth(&f, "graph", 0));
	assert_child(nth(&f, "add", 1), nth(&f, "graph", 2));
	assert_child(nth(&f, "add", 2), nth(&f, "graph", 1));
	assert_child(nth(&f, "add", 3), nth(&f, "graph", 2));
	assert_int_equal(nth(&f, "graph", 2)->end_unix_ns, 3015);
	close_fixture(&f);
}

#define GRAPHS_MAX 8u

/* How many of the graphs' spans are the parent of @span, in its trace. */
static uint32_t count_parents(const struct rk_span *const graphs[GRAPHS_MAX], uint32_t count,
			      const struct rk_span *span)
{
	uint32_t parents = 0;

	for (uint32_t i = 0; i < count; i++)
		parents += !memcmp(graphs[i]->span_id, span->parent_id, 8) &&
			   !memcmp(graphs[i]->trace_id, span->trace_id, 16);
	return parents;
}

/* Every span below a graph's has it in its own trace, and no trace is too large. */
static void check_whole(const struct fixture *f)
{
	const struct rk_span *graphs[GRAPHS_MAX];
	uint32_t graph_count = count(f, "graph");
	uint32_t in_trace = 0;

	assert_true(graph_count <= GRAPHS_MAX);
	for (uint32_t i = 0; i < graph_count; i++)
		graphs[i] = nth(f, "graph", i);
	for (uint32_t i = 0; i < f->log.count; i++) {
		const struct rk_span *span = &f->log.spans[i];

		in_trace = i && !memcmp(span->trace_id, span[-1].trace_id, 16) ? in_trace + 1 : 1;
		assert_true(in_trace <= 10000);
		if (strcmp(span->name, "add") == 0)
			assert_int_equal(count_parents(graphs, graph_count, span), 1);
	}
}

static void test_larger_than_a_trace(void **state)
{
	static const struct launch big = { 1, 1000, 9, 4 };
	struct fixture f = { .ordinal = 0 };

	(void)state;
	for (int has_parent = 0; has_parent < 2; has_parent++) {
		test_config_init(&f.config);
		open_fixture(&f, has_parent ? PARENT : "");
		for (uint64_t i = 0; i < 25000; i++)
			feed_kernel(&f, &big, 2000 + i);
		feed_close(&f, 1, 1);
		feed_launch(&f, &big, 25000);
		assert_int_equal(count(&f, "add"), 25000);
		assert_int_equal(count(&f, "graph"), 3);
		assert_int_equal(span_log_count(&f.log, RK_SPAN_ROOT), 3);
		check_whole(&f);
		close_fixture(&f);
	}
}

/* Held back until it is known whether the execution fails: then all of it is sent. */
static void test_held_with_its_nodes(void **state)
{
	static const struct launch one = { 1, 1000, 9, 4 };
	struct fixture f = { .ordinal = 0 };
	struct rk_op failure;

	(void)state;
	test_config_init(&f.config);
	f.config.tracing_sampling_rate = 0;
	f.config.tracing_keep_errors = true;
	open_fixture(&f, "");
	feed_kernel(&f, &one, 2000);
	feed_launch(&f, &one, 1);
	assert_int_equal(f.log.count, 0);
	failure = op_of(&one, RK_OP_ERROR, 0, 0);
	failure.result = 700;
	feed(&f, failure);
	feed_close(&f, 1, 1);
	assert_child(nth(&f, "add", 0), nth(&f, "graph", 0));
	assert_int_equal(nth(&f, "add", 0)->trace_flags & 1, 1);
	assert_int_equal(nth(&f, "graph", 0)->trace_flags & 1, 1);
	close_fixture(&f);
}

/* The process ended before its launch was known to be complete. */
static void test_never_ended(void **state)
{
	static const struct launch one = { 1, 1000, 9, 4 };
	struct fixture f = { .ordinal = 0 };
	struct rk_op end;

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	feed_kernel(&f, &one, 2000);
	memset(&end, 0, sizeof(end));
	end.kind = RK_OP_END;
	feed(&f, end);
	assert_child(nth(&f, "add", 0), nth(&f, "graph", 0));
	close_fixture(&f);
}

static void test_orphan_has_no_launch(void **state)
{
	static const struct launch nobody = { 0, 0, 77, 4 };
	struct fixture f = { .ordinal = 0 };
	struct rk_op op = op_of(&nobody, RK_OP_KERNEL, 2000, 2005);

	(void)state;
	test_config_init(&f.config);
	open_fixture(&f, "");
	op.flags = RK_OP_F_ORPHAN | RK_OP_F_FIRST;
	op.name = rk_intern("_Z3addPfS_i");
	op.kernel.graph = 4;
	op.host_end = 0;
	op.api = 0;
	feed(&f, op);
	assert_int_equal(count(&f, "graph"), 0);
	assert_int_equal(count(&f, "add"), 1);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span_covers_nodes),
		cmocka_unit_test(test_launches_are_told_apart),
		cmocka_unit_test(test_larger_than_a_trace),
		cmocka_unit_test(test_held_with_its_nodes),
		cmocka_unit_test(test_never_ended),
		cmocka_unit_test(test_orphan_has_no_launch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
