/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_join_stack.c - stacks meet their calls, are told once, and get names.
 *
 * The addresses are those of functions of this very test, so the modules and the names are real.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/intern.h"
#include "core/stack_pool.h"
#include "op_log.h"
#include "pipeline/join/elf_symbols.h"
#include "pipeline/join/module_map.h"
#include "pipeline/join/stack_names.h"

#define MS 1000000ull

static struct op_log ops;

static struct rk_join *join_new(void)
{
	const struct rk_join_setup setup = { .api_names = test_api_names,
					     .api_count = API_COUNT,
					     .emit = op_log_take,
					     .data = &ops };
	struct rk_join *join;

	assert_int_equal(rk_join_create(&join, &setup), 0);
	return join;
}

static int teardown(void **state)
{
	(void)state;
	op_log_finish(&ops);
	return 0;
}

/* Two functions whose names the tests know. */
__attribute__((noinline)) int stack_test_outer(int value);
__attribute__((noinline)) int stack_test_inner(int value);

int stack_test_inner(int value)
{
	__asm__ volatile("" : "+r"(value));
	return value + 1;
}

int stack_test_outer(int value)
{
	return stack_test_inner(value) * 2;
}

static uint32_t put_stack(uint64_t more)
{
	const uint64_t frames[] = { (uint64_t)(uintptr_t)stack_test_inner + 1 + more,
				    (uint64_t)(uintptr_t)stack_test_outer + 1 };

	return rk_stack_pool_put(frames, 2);
}

static void push_stack(struct rk_join *join, uint32_t tid, uint32_t id, uint64_t at)
{
	const struct rk_record record = {
		.kind = RK_REC_STACK, .start = at, .end = at, .stack = { id }
	};

	rk_join_host(join, tid, &record);
}

static void push(struct rk_join *join, uint32_t tid, struct rk_record record)
{
	rk_join_host(join, tid, &record);
}

static void test_it_is_of_the_next_call_and_no_other(void **state)
{
	struct rk_join *join = join_new();
	uint32_t id = put_stack(0);

	(void)state;
	push_stack(join, 7, id, 100);
	push(join, 7, make_launch(0, 100, 0xf));
	push(join, 7, make_launch(0, 200, 0xf));
	push_stack(join, 7, id, 300);
	push(join, 7, make_memory(RK_REC_ALLOC, 0x1000, 64, RK_POOL_DEVICE));
	push(join, 7, make_memory(RK_REC_FREE, 0x1000, 0, RK_POOL_DEVICE));
	rk_join_finish(join); /* what is done with memory waits for the other threads' */
	assert_int_equal(op_log_get(&ops, RK_OP_KERNEL, 0)->stack, id);
	assert_int_equal(op_log_get(&ops, RK_OP_KERNEL, 1)->stack, 0);
	assert_int_equal(op_log_get(&ops, RK_OP_ALLOC, 0)->stack, id);
	assert_int_equal(op_log_get(&ops, RK_OP_FREE, 0)->stack, 0);
	rk_join_destroy(join);
}

static void test_a_launch_that_waits_keeps_it(void **state)
{
	struct rk_join *join = join_new();
	uint32_t id = put_stack(0);
	struct rk_record failed = make_launch(6, 500 * MS, 0xf);

	(void)state;
	rk_join_set_gpu_time(join, true);
	push_stack(join, 7, id, MS);
	push(join, 7, make_launch(5, MS, 0xf));
	failed.result = 700;
	push_stack(join, 7, id, 500 * MS);
	push(join, 7, failed);
	rk_join_tick(join, 3000 * MS);
	assert_int_equal(op_log_get(&ops, RK_OP_IN_FLIGHT, 0)->stack, id);
	assert_int_equal(op_log_get(&ops, RK_OP_ERROR, 0)->stack, id);
	rk_join_finish(join);
	assert_int_equal(op_log_get(&ops, RK_OP_KERNEL, 0)->stack, id);
	rk_join_destroy(join);
}

static void test_a_stack_and_its_file_are_told_once_before_their_use(void **state)
{
	struct rk_join *join = join_new();
	uint32_t id = put_stack(0), other = put_stack(1);

	(void)state;
	for (int i = 0; i < 3; i++) {
		push_stack(join, 7, i == 1 ? other : id, 100);
		push(join, 7, make_launch(0, 100, 0xf));
		rk_join_tick(join, 200);
	}
	assert_int_equal(op_log_count(&ops, RK_OP_STACK), 2);
	assert_int_equal(op_log_count(&ops, RK_OP_MODULE), 1);
	assert_int_equal(ops.ops[0].kind, RK_OP_MODULE);
	assert_int_equal(ops.ops[1].kind, RK_OP_STACK);
	assert_int_equal(ops.ops[1].stack, id);
	assert_int_equal(ops.ops[2].kind, RK_OP_KERNEL);
	rk_join_destroy(join);
}

static void test_an_unknown_number_is_no_stack_and_counted(void **state)
{
	struct rk_join *join = join_new();
	struct rk_ledger ledger = { 0 };

	(void)state;
	push_stack(join, 7, RK_STACK_IDS_MAX, 100);
	push(join, 7, make_launch(0, 100, 0xf));
	assert_int_equal(op_log_get(&ops, RK_OP_KERNEL, 0)->stack, 0);
	rk_join_get_ledger(join, &ledger);
	assert_int_equal(ledger.dropped[RK_LOSS_LIMIT], 1);
	rk_join_destroy(join);
}

/* What the join has told, as read again by who gives names. */
static struct rk_stack_names *names_of_ops(void)
{
	struct rk_stack_names *names;

	assert_int_equal(rk_stack_names_create(&names, NULL), 0);
	for (uint32_t i = 0; i < ops.count; i++)
		assert_int_equal(rk_stack_names_feed(names, &ops.ops[i]), 0);
	return names;
}

static void test_names_are_those_of_the_symbol_table(void **state)
{
	struct rk_join *join = join_new();
	uint32_t id = put_stack(0);
	const struct rk_stack_frame *frames;
	struct rk_stack_names *names;
	char text[256], small[40];

	(void)state;
	push_stack(join, 7, id, 100);
	names = names_of_ops();
	assert_int_equal(rk_stack_names_get(names, id, &frames), 2);
	assert_string_equal(frames[0].function, "stack_test_inner");
	assert_string_equal(frames[1].function, "stack_test_outer");
	assert_ptr_equal(rk_stack_names_first(frames, 2), frames);
	assert_string_equal(rk_stack_names_write(names, id, text, sizeof(text)),
			    "stack_test_inner in test_join_stack\n"
			    "stack_test_outer in test_join_stack");
	assert_string_equal(rk_stack_names_write(names, id, small, sizeof(small)),
			    "stack_test_inner in test_join_stack");
	assert_int_equal(rk_stack_names_get(names, 12345, &frames), 0);
	assert_int_equal(rk_stack_names_get(NULL, id, &frames), 0);
	rk_stack_names_destroy(names);
	rk_join_destroy(join);
}

static void test_another_build_gives_no_name(void **state)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	struct rk_module_map map = { 0 };
	const struct rk_module *module;
	struct rk_elf_query query;
	uint64_t address = (uint64_t)(uintptr_t)stack_test_inner;

	(void)state;
	assert_true(length > 0);
	path[length] = '\0';
	assert_true(rk_module_map_refresh(&map, true));
	assert_false(rk_module_map_refresh(&map, false));
	module = rk_module_map_find(&map, address);
	assert_non_null(module);
	assert_string_equal(module->path, path);
	assert_int_equal(strlen(module->build_id), 40);
	query.offset = address - module->start + module->offset;
	assert_int_equal(rk_elf_symbols_find(path, module->build_id, &query, 1, NULL), 0);
	assert_string_equal(rk_intern_get(query.name), "stack_test_inner");
	assert_int_equal(rk_elf_symbols_find(path, "0123456789abcdef0123456789abcdef01234567",
					     &query, 1, NULL),
			 -ESTALE);
	assert_int_equal(query.name, 0);
	assert_int_equal(rk_elf_symbols_find("/nowhere", "", &query, 1, NULL), -ENOENT);
	assert_int_equal(rk_elf_symbols_find("/proc/self/maps", "", &query, 1, NULL), -ENOEXEC);
	rk_module_map_finish(&map);
}

static void test_an_address_in_no_file(void **state)
{
	const uint64_t frames[] = { 0x10, 0x20 };
	struct rk_join *join = join_new();
	uint32_t id = rk_stack_pool_put(frames, 2);
	struct rk_stack_names *names;
	char text[64];

	(void)state;
	push_stack(join, 7, id, 100);
	assert_int_equal(op_log_count(&ops, RK_OP_MODULE), 0);
	names = names_of_ops();
	assert_string_equal(rk_stack_names_write(names, id, text, sizeof(text)), "0x10\n0x20");
	rk_stack_names_destroy(names);
	rk_join_destroy(join);
}

static void test_broken_ops_are_no_stacks(void **state)
{
	static const uint8_t text[9] = { 's', 'x' };
	struct rk_op op = { .kind = RK_OP_STACK, .stack = 1, .text = text, .text_bytes = 7 };
	const struct rk_stack_frame *frames;
	struct rk_stack_names *names;

	(void)state;
	assert_int_equal(rk_stack_names_create(&names, NULL), 0);
	assert_int_equal(rk_stack_names_feed(names, &op), 0);
	assert_int_equal(rk_stack_names_get(names, 1, &frames), 0);
	op.stack = 0xffffff;
	op.text_bytes = 8;
	assert_int_equal(rk_stack_names_feed(names, &op), 0);
	assert_int_equal(rk_stack_names_get(names, 0xffffff, &frames), 0);
	op.kind = RK_OP_MODULE;
	assert_int_equal(rk_stack_names_feed(names, &op), 0);
	rk_stack_names_destroy(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_it_is_of_the_next_call_and_no_other, teardown),
		cmocka_unit_test_teardown(test_a_launch_that_waits_keeps_it, teardown),
		cmocka_unit_test_teardown(test_a_stack_and_its_file_are_told_once_before_their_use,
					  teardown),
		cmocka_unit_test_teardown(test_an_unknown_number_is_no_stack_and_counted, teardown),
		cmocka_unit_test_teardown(test_names_are_those_of_the_symbol_table, teardown),
		cmocka_unit_test_teardown(test_another_build_gives_no_name, teardown),
		cmocka_unit_test_teardown(test_an_address_in_no_file, teardown),
		cmocka_unit_test_teardown(test_broken_ops_are_no_stacks, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
