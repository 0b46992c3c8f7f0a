/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_fault.c - what was under way when a context was lost, and the message.
 */
#include "op_log.h"

#include <string.h>

#include "core/intern.h"
#include "pipeline/join/fault.h"

#define ILLEGAL_ADDRESS 700
#define OUT_OF_MEMORY	2

static struct rk_config config;

static struct rk_op make_suspect(const char *name)
{
	return (struct rk_op){ .kind = RK_OP_IN_FLIGHT,
			       .flags = RK_OP_F_SUSPECT,
			       .name = rk_intern(name) };
}

static struct rk_op make_error(uint16_t result)
{
	return (struct rk_op){ .kind = RK_OP_ERROR,
			       .result = result,
			       .api = rk_intern("cuStreamSynchronize") };
}

static const char *message(struct rk_fault *fault, uint16_t result)
{
	struct rk_op op = make_error(result);

	return rk_intern_get(rk_fault_message(fault, &config, &op));
}

static void test_suspects_are_named_once(void **state)
{
	const char *names[] = { "_Z4axpyfPfS_", "spin", "", "spin" };
	const char *text;
	struct rk_fault fault = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct rk_op op = make_suspect(names[i]);

		rk_fault_note(&fault, &op);
	}
	text = message(&fault, ILLEGAL_ADDRESS);
	assert_string_equal(text,
			    "cuStreamSynchronize failed: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal "
			    "memory access was encountered); in flight: axpy, spin, a graph");
	assert_null(strstr(message(&fault, ILLEGAL_ADDRESS), "in flight"));
}

static void test_other_errors_accuse_nobody(void **state)
{
	struct rk_op suspect = make_suspect("spin");
	struct rk_op hanging = make_suspect("hung");
	struct rk_fault fault = { 0 };

	(void)state;
	rk_fault_note(&fault, &suspect);
	assert_string_equal(message(&fault, OUT_OF_MEMORY),
			    "cuStreamSynchronize failed: CUDA_ERROR_OUT_OF_MEMORY (out of memory)");
	hanging.flags = 0;
	rk_fault_note(&fault, &hanging);
	assert_null(strstr(message(&fault, ILLEGAL_ADDRESS), "hung"));
}

static void test_no_function_no_message(void **state)
{
	struct rk_op op = make_error(ILLEGAL_ADDRESS);
	struct rk_fault fault = { 0 };

	(void)state;
	op.api = 0;
	assert_int_equal(rk_fault_message(&fault, &config, &op), 0);
}

static void test_long_names_are_bounded(void **state)
{
	static char name[9000];
	struct rk_fault fault = { 0 };

	(void)state;
	memset(name, 'k', sizeof(name) - 1);
	for (unsigned i = 0; i < 2 * RK_FAULT_SUSPECTS; i++) {
		struct rk_op op;

		name[i] = 'x';
		op = make_suspect(name);
		rk_fault_note(&fault, &op);
	}
	assert_int_equal(fault.count, RK_FAULT_SUSPECTS);
	assert_true(strlen(message(&fault, ILLEGAL_ADDRESS)) < 1024);
}

static struct rk_record failed(struct rk_record record, uint16_t result, uint16_t context)
{
	record.result = result;
	record.context = context;
	return record;
}

static struct rk_record in_context(struct rk_record record, uint16_t context)
{
	record.context = context;
	return record;
}

/* Launches of that context, not what was waited for, once. */
static void test_join_tells_them(void **state)
{
	struct op_log log;
	struct rk_join *join = make_join(&log, 0);
	struct rk_record records[] = {
		in_context(make_launch(5, 100, 0xa), 1),
		in_context(make_sync(RK_SYNC_CONTEXT, 200, 0), 1),
		in_context(make_launch(6, 300, 0xb), 1),
		in_context(make_launch(7, 310, 0xc), 2),
		in_context(make_graph(8, 320), 1),
		failed(make_sync(RK_SYNC_CONTEXT, 400, 0), ILLEGAL_ADDRESS, 1),
		failed(make_launch(9, 500, 0xd), ILLEGAL_ADDRESS, 1),
	};
	const struct rk_op *first;

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		rk_join_host(join, 1, &records[i]);
	assert_int_equal(op_log_count(&log, RK_OP_IN_FLIGHT), 2);
	first = op_log_get(&log, RK_OP_IN_FLIGHT, 0);
	assert_int_equal(first->correlation, 6);
	assert_true(first->flags & RK_OP_F_SUSPECT);
	assert_int_equal(op_log_get(&log, RK_OP_IN_FLIGHT, 1)->correlation, 8);
	assert_true(first->ordinal < op_log_get(&log, RK_OP_ERROR, 0)->ordinal);
	assert_int_equal(op_log_count(&log, RK_OP_ERROR), 2);
	/* Nor are they told as hanging later. */
	rk_join_tick(join, 5000000000ull);
	assert_int_equal(op_log_count(&log, RK_OP_IN_FLIGHT), 3);
	assert_int_equal(op_log_get(&log, RK_OP_IN_FLIGHT, 2)->correlation, 7);
	rk_join_destroy(join);
	op_log_finish(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suspects_are_named_once),
		cmocka_unit_test(test_other_errors_accuse_nobody),
		cmocka_unit_test(test_no_function_no_message),
		cmocka_unit_test(test_long_names_are_bounded),
		cmocka_unit_test(test_join_tells_them),
	};

	test_config_init(&config);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
