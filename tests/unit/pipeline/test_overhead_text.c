/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_overhead_text.c - steps of the governor out of ops, and in words.
 */
#include "op_log.h"

#include <string.h>

#include "pipeline/use/overhead_text.h"

static struct rk_overhead_told told;

static int begin(void **state)
{
	(void)state;
	memset(&told, 0, sizeof(told));
	return 0;
}

static void tell(const struct rk_overhead_step *step)
{
	struct rk_overhead_step read;
	struct rk_fields_writer writer;
	struct rk_op op;
	uint8_t text[256];

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_SETTINGS;
	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_overhead_text_pack(step, &writer);
	op.text = text;
	op.text_bytes = (uint32_t)writer.used;
	assert_false(writer.is_cut);
	assert_true(rk_overhead_text_read(&read, &op));
	assert_int_equal(read.step, step->step);
	assert_int_equal(read.before, step->before);
	assert_float_equal(read.share, step->share, 0);
	assert_float_equal(read.budget, step->budget, 0);
	rk_overhead_told_feed(&told, &op);
}

static void move(enum rk_governor_step before, enum rk_governor_step step)
{
	const struct rk_overhead_step said = {
		.step = step, .before = before, .share = 0.0341, .budget = 0.02
	};

	tell(&said);
}

static void test_lines(void **state)
{
	const struct rk_overhead_step down = { RK_STEP_NO_STACKS, RK_STEP_FULL, 0.0341, 0.02 };
	const struct rk_overhead_step up = { RK_STEP_FULL, RK_STEP_NO_STACKS, 0.001, 0.02 };
	char line[RK_OVERHEAD_LINE_MAX];

	(void)state;
	rk_overhead_text_line(&down, line);
	assert_string_equal(line, "tracing costs 3.41 %, 2 % is allowed: down from full to "
				  "no_stacks: no call stacks");
	rk_overhead_text_line(&up, line);
	assert_string_equal(line, "tracing costs 0.10 %, 2 % is allowed: up from no_stacks to "
				  "full");
}

static void test_nothing_is_said_where_nothing_is_left_out(void **state)
{
	const struct rk_ledger ledger = { .calls = { 5 } };
	char line[RK_OVERHEAD_LINE_MAX];
	struct rk_op op;

	(void)state;
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_SETTINGS;
	rk_overhead_told_feed(&told, &op);
	op.kind = RK_OP_TICK;
	op.tick.busy_ns = 1000;
	op.tick.hook_ns = 1;
	op.tick.gpu_overhead_ns = 2;
	op.tick.cpu_ns = 4;
	rk_overhead_told_feed(&told, &op);
	assert_true(told.is_governed);
	assert_int_equal(told.cost_ns, 7);
	assert_string_equal(rk_overhead_told_line(&told, &ledger, line), "");
}

static void test_a_recording_is_summed_up(void **state)
{
	const struct rk_ledger ledger = { .withheld = { 40, 1, 1, 0 }, .withheld_stacks = 7 };
	const struct rk_ledger nothing = { .calls = { 1 } };
	char line[RK_OVERHEAD_LINE_MAX];

	(void)state;
	move(RK_STEP_FULL, RK_STEP_FULL); /* at the beginning */
	assert_string_equal(rk_overhead_told_line(&told, &ledger, line), "");
	assert_float_equal(told.last.budget, 0.02, 0);
	move(RK_STEP_FULL, RK_STEP_NO_STACKS);
	move(RK_STEP_NO_STACKS, RK_STEP_KERNELS_ONLY);
	assert_string_equal(rk_overhead_told_line(&told, &nothing, line),
			    "overhead budget 2 %: 2 steps down, 0 up, now kernels_only");
	move(RK_STEP_KERNELS_ONLY, RK_STEP_NO_STACKS);
	assert_string_equal(rk_overhead_told_line(&told, &ledger, line),
			    "overhead budget 2 %: 2 steps down, 1 up, now no_stacks, lowest "
			    "kernels_only; 42 calls counted and not recorded; 7 stacks not taken");
}

/* The step itself may be in the file before, or outside of what is looked at. */
static void test_a_tick_knows_the_step(void **state)
{
	const struct rk_ledger ledger = { .withheld = { 3 } };
	char line[RK_OVERHEAD_LINE_MAX];
	struct rk_op op;

	(void)state;
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_TICK;
	op.tick.busy_ns = 1;
	op.tick.step = RK_STEP_COUNTERS_ONLY;
	rk_overhead_told_feed(&told, &op);
	op.tick.step = RK_STEP_KERNELS_ONLY;
	rk_overhead_told_feed(&told, &op);
	op.tick.step = RK_STEP_COUNT; /* of a later version */
	rk_overhead_told_feed(&told, &op);
	assert_string_equal(rk_overhead_told_line(&told, &ledger, line),
			    "overhead budget: 0 steps down, 0 up, now kernels_only, lowest "
			    "counters_only; 3 calls counted and not recorded");
}

/* A line of a file that somebody else made does not grow beyond its room. */
static void test_the_longest_line_fits(void **state)
{
	struct rk_ledger ledger;
	char line[RK_OVERHEAD_LINE_MAX];

	(void)state;
	memset(&ledger, 0xff, sizeof(ledger));
	told = (struct rk_overhead_told){ .last = { RK_STEP_SAMPLED_SPANS, RK_STEP_FULL, 1,
						    1e-300 },
					  .lowest = RK_STEP_COUNTERS_ONLY,
					  .down = UINT32_MAX,
					  .up = UINT32_MAX };
	rk_overhead_told_line(&told, &ledger, line);
	assert_in_range(strlen(line), 100, sizeof(line) - 1);
	assert_non_null(strstr(line, "stacks not taken"));
}

static void test_other_settings_are_no_steps(void **state)
{
	struct rk_fields_writer writer;
	struct rk_overhead_step step;
	uint8_t text[64];
	struct rk_op op;
	const struct rk_field field = { .key = "overhead.step",
					.type = RK_FIELD_TEXT,
					.text = "sideways" };

	(void)state;
	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_SETTINGS;
	rk_fields_writer_init(&writer, text, sizeof(text));
	rk_fields_put(&writer, &field);
	op.text = text;
	op.text_bytes = (uint32_t)writer.used;
	assert_false(rk_overhead_text_read(&step, &op));
	op.kind = RK_OP_LOG;
	assert_false(rk_overhead_text_read(&step, &op));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lines, begin),
		cmocka_unit_test_setup(test_nothing_is_said_where_nothing_is_left_out, begin),
		cmocka_unit_test_setup(test_a_recording_is_summed_up, begin),
		cmocka_unit_test_setup(test_a_tick_knows_the_step, begin),
		cmocka_unit_test_setup(test_the_longest_line_fits, begin),
		cmocka_unit_test_setup(test_other_settings_are_no_steps, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
