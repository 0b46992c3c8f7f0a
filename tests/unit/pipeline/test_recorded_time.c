/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_recorded_time.c - how much of the time was recorded, by ops alone.
 */
#include "op_log.h"

#include <string.h>

#include "core/fields.h"
#include "pipeline/use/recorded_time.h"

static struct rk_recorded_time recorded;

static void tell(enum rk_op_kind kind, uint64_t at, const char *word)
{
	struct rk_fields_writer writer;
	struct rk_op op;
	uint8_t text[32];

	memset(&op, 0, sizeof(op));
	op.kind = (uint8_t)kind;
	op.start = op.end = at;
	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_fields_put_placed(&writer, word);
	op.text = text;
	op.text_bytes = (uint32_t)writer.used;
	rk_recorded_time_feed(&recorded, &op);
}

static void expect(uint64_t sum, uint64_t wall, uint32_t parts, bool has_gap)
{
	assert_int_equal(rk_recorded_time_sum(&recorded), sum);
	assert_int_equal(rk_recorded_time_wall(&recorded), wall);
	assert_int_equal(recorded.parts, parts);
	assert_int_equal(rk_recorded_time_has_gap(&recorded), has_gap);
}

static int begin(void **state)
{
	(void)state;
	memset(&recorded, 0, sizeof(recorded));
	return 0;
}

static void test_nothing_was_recorded(void **state)
{
	(void)state;
	expect(0, 0, 0, false);
	tell(RK_OP_KERNEL, 100, ""); /* has no say in it */
	tell(RK_OP_TICK, 0, "");
	expect(0, 0, 0, false);
}

static void test_as_a_whole(void **state)
{
	(void)state;
	tell(RK_OP_CLOCK, 100, "");
	tell(RK_OP_RECORDING, 110, "started");
	tell(RK_OP_TICK, 150, "");
	tell(RK_OP_KERNEL, 900, "");
	tell(RK_OP_END, 200, "");
	expect(100, 100, 1, false);
}

static void test_parts(void **state)
{
	(void)state;
	tell(RK_OP_CLOCK, 100, "");
	tell(RK_OP_RECORDING, 120, "stopped");
	expect(20, 20, 1, true);
	tell(RK_OP_TICK, 180, "");
	expect(20, 80, 1, true);
	tell(RK_OP_RECORDING, 200, "started");
	expect(20, 100, 2, true);
	tell(RK_OP_TICK, 230, "");
	expect(50, 130, 2, true);
	tell(RK_OP_RECORDING, 240, "stopped");
	tell(RK_OP_END, 300, "");
	expect(60, 200, 2, true);
}

/* A second word changes nothing, and neither does one that is unknown. */
static void test_words_that_change_nothing(void **state)
{
	(void)state;
	tell(RK_OP_CLOCK, 100, "");
	tell(RK_OP_RECORDING, 120, "stopped");
	tell(RK_OP_RECORDING, 140, "stopped");
	tell(RK_OP_RECORDING, 150, "");
	tell(RK_OP_RECORDING, 160, "started");
	tell(RK_OP_RECORDING, 170, "started");
	tell(RK_OP_RECORDING, 180, "going on");
	tell(RK_OP_END, 200, "");
	expect(60, 100, 2, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_was_recorded, begin),
		cmocka_unit_test_setup(test_as_a_whole, begin),
		cmocka_unit_test_setup(test_parts, begin),
		cmocka_unit_test_setup(test_words_that_change_nothing, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
