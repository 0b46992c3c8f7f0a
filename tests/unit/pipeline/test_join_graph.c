/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_join_graph.c - what becomes known of graphs and of kernel handles.
 */
#include "op_log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fields.h"
#include "core/intern.h"

static void host(struct rk_join *join, struct rk_record record)
{
	rk_join_host(join, 1, &record);
}

static void gpu(struct rk_join *join, struct rk_activity activity)
{
	rk_join_activity(join, &activity);
}

static struct rk_record make_name(uint64_t handle, uint64_t owner, const char *name)
{
	struct rk_record record = { .kind = RK_REC_NAME, .start = 50, .end = 60 };

	record.name.handle = handle;
	record.name.owner = owner;
	record.name.name = rk_intern(name);
	return record;
}

/* Without CUPTI: the name that a launch through @handle has. */
static const char *name_of(struct rk_join *join, struct op_log *log, uint64_t handle)
{
	uint32_t before = op_log_count(log, RK_OP_KERNEL);

	host(join, make_launch(0, 100, handle));
	return rk_intern_get(op_log_get(log, RK_OP_KERNEL, before)->name);
}

static void test_names_go_with_their_code(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	rk_join_set_gpu_time(join, false);
	host(join, make_name(0x10, 0xa, "first"));
	host(join, make_name(0x20, 0xb, "other"));
	host(join, make_name(0x30, 0xa, "second"));
	host(join, make_name(0x40, 0x30, "function of second"));
	host(join, make_name(0x10, 0, "first")); /* asked for: says nothing of the module */
	assert_string_equal(name_of(join, &log, 0x10), "first");
	assert_string_equal(name_of(join, &log, 0x40), "function of second");
	host(join, make_name(0, 0xa, ""));
	assert_string_equal(name_of(join, &log, 0x10), "");
	assert_string_equal(name_of(join, &log, 0x30), "");
	assert_string_equal(name_of(join, &log, 0x40), "");
	assert_string_equal(name_of(join, &log, 0x20), "other");
	host(join, make_name(0x10, 0xc, "new"));
	assert_string_equal(name_of(join, &log, 0x10), "new");
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_unload_of_many(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);

	(void)state;
	rk_join_set_gpu_time(join, false);
	for (uint64_t i = 1; i <= 2000; i++)
		host(join, make_name(i << 8, 0xa + i % 2, i % 2 ? "odd" : "even"));
	host(join, make_name(0, 0xa, ""));
	for (uint64_t i = 1; i <= 2000; i++)
		assert_string_equal(name_of(join, &log, i << 8), i % 2 ? "odd" : "");
	rk_join_destroy(join);
	op_log_finish(&log);
}

static struct rk_record make_module(uint64_t handle, const char *file, const void *image)
{
	struct rk_record record = { .kind = RK_REC_MODULE, .start = 50, .end = 60 };

	record.module.handle = handle;
	record.module.file = rk_intern(file);
	record.module.image = (uint64_t)image;
	return record;
}

/* That the @n-th thing told of kernels is that @kernel is from @file. */
static void expect_module(const struct op_log *log, uint32_t n, const char *kernel,
			  const char *file)
{
	const struct rk_op *op = op_log_get(log, RK_OP_KERNEL_INFO, n);

	assert_string_equal(rk_intern_get(op->name), kernel);
	assert_string_equal(rk_fields_find_text(op->text, op->text_bytes, "module"), file);
}

static void test_the_file_of_a_kernel(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_record of_library = make_module(0xd, "", NULL);

	(void)state;
	host(join, make_name(0x10, 0xa, "first")); /* of code that was loaded unseen */
	host(join, make_module(0xa, "a.cubin", NULL));
	host(join, make_name(0x20, 0xa, "first"));
	host(join, make_name(0x30, 0xa, "first"));
	host(join, make_name(0x40, 0xa, "second"));
	/* A function of a kernel of a library, and one of its module. */
	host(join, make_module(0xb, "b.cubin", NULL));
	host(join, make_name(0x50, 0xb, "third"));
	host(join, make_name(0x60, 0x50, "fourth"));
	of_library.module.owner = 0xb;
	host(join, of_library);
	host(join, make_name(0x70, 0xd, "fifth"));
	/* The handle comes again for other code. */
	host(join, make_name(0, 0xa, ""));
	host(join, make_name(0x80, 0xa, "sixth"));
	host(join, make_module(0xa, "other.cubin", NULL));
	host(join, make_name(0x80, 0xa, "first"));
	assert_int_equal(op_log_count(&log, RK_OP_KERNEL_INFO), 6);
	expect_module(&log, 0, "first", "a.cubin");
	expect_module(&log, 1, "second", "a.cubin");
	expect_module(&log, 2, "third", "b.cubin");
	expect_module(&log, 3, "fourth", "b.cubin");
	expect_module(&log, 4, "fifth", "b.cubin");
	expect_module(&log, 5, "first", "other.cubin");
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_the_file_of_what_lies_in_memory(void **state)
{
	static const char built_in[] = "code";
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	char self[4096] = "", *image = strdup(built_in);

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	host(join, make_module(0xa, "", built_in));
	host(join, make_name(0x10, 0xa, "first"));
	host(join, make_module(0xb, "", built_in + 1));
	host(join, make_name(0x20, 0xb, "second"));
	host(join, make_module(0xc, "", image));
	host(join, make_name(0x30, 0xc, "third"));
	assert_int_equal(op_log_count(&log, RK_OP_KERNEL_INFO), 3);
	expect_module(&log, 0, "first", self);
	expect_module(&log, 1, "second", self);
	expect_module(&log, 2, "third", "(memory)");
	free(image);
	rk_join_destroy(join);
	op_log_finish(&log);
}

static void test_graph_is_told(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_record record = { .kind = RK_REC_GRAPH_INFO, .start = 50, .end = 60 };
	struct rk_fields_reader reader;
	const struct rk_op *op;
	struct rk_field field;

	(void)state;
	record.graph_info.exec = 0x9000;
	record.graph_info.nodes = 17;
	record.graph_info.life = RK_LIFE_UPDATE;
	host(join, record);
	op = op_log_get(&log, RK_OP_GRAPH_INFO, 0);
	assert_int_equal(op->host_start, 50);
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	assert_true(rk_fields_next(&reader, &field));
	assert_string_equal(field.key, "what");
	assert_string_equal(field.text, "updated");
	assert_true(rk_fields_next(&reader, &field));
	assert_string_equal(field.key, "exec");
	assert_int_equal(field.integer, 0x9000);
	assert_true(rk_fields_next(&reader, &field));
	assert_string_equal(field.key, "nodes");
	assert_int_equal(field.integer, 17);
	assert_false(rk_fields_next(&reader, &field));
	rk_join_destroy(join);
	op_log_finish(&log);
}

static struct rk_activity node(uint32_t correlation, uint64_t start)
{
	struct rk_activity activity = make_activity(RK_ACT_KERNEL, correlation, start, start + 5);

	activity.graph = 4;
	activity.graph_node = 40; /* a loop: the same node again and again */
	return activity;
}

/* CUPTI began anew, or 2^32 calls were made: the id comes again while the old call waits. */
static void test_correlation_comes_again(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_ledger ledger;

	(void)state;
	memset(&ledger, 0, sizeof(ledger));
	host(join, make_graph(9, 100));
	for (uint64_t i = 0; i < 3; i++)
		gpu(join, node(9, 200 + 10 * i));
	host(join, make_graph(9, 1000));
	gpu(join, node(9, 1100));
	host(join, make_sync(RK_SYNC_CONTEXT, 1200, 0));
	gpu(join, make_flushed(1300));
	assert_int_equal(op_log_count(&log, RK_OP_GRAPH), 2);
	assert_int_equal(op_log_get(&log, RK_OP_GRAPH, 0)->graph.nodes, 3);
	assert_int_equal(op_log_get(&log, RK_OP_GRAPH, 0)->host_start, 100);
	assert_int_equal(op_log_get(&log, RK_OP_GRAPH, 1)->graph.nodes, 1);
	assert_int_equal(op_log_get(&log, RK_OP_KERNEL, 3)->host_start, 1000);
	rk_join_get_ledger(join, &ledger);
	assert_int_equal(ledger.joined[RK_WORK_GRAPH_LAUNCH], 2);
	assert_int_equal(ledger.gpu_joined, 4);
	assert_int_equal(ledger.gpu_orphan, 0);
	rk_join_destroy(join);
	op_log_finish(&log);
}

/* A kernel of a graph that the device launched has an id that no call of the host has. */
static void test_launched_by_the_device(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	const struct rk_op *op;

	(void)state;
	host(join, make_graph(9, 100));
	gpu(join, node(9, 200));
	gpu(join, node(0, 210));
	gpu(join, node(77, 220));
	rk_join_finish(join);
	assert_int_equal(op_log_count(&log, RK_OP_KERNEL), 3);
	for (uint32_t i = 1; i < 3; i++) {
		op = op_log_get(&log, RK_OP_KERNEL, i);
		assert_true(op->flags & RK_OP_F_ORPHAN);
		assert_int_equal(op->kernel.graph, 4);
		assert_int_equal(op->exec, 0);
	}
	rk_join_destroy(join);
	op_log_finish(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_go_with_their_code),
		cmocka_unit_test(test_unload_of_many),
		cmocka_unit_test(test_the_file_of_a_kernel),
		cmocka_unit_test(test_the_file_of_what_lies_in_memory),
		cmocka_unit_test(test_graph_is_told),
		cmocka_unit_test(test_correlation_comes_again),
		cmocka_unit_test(test_launched_by_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
