/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/test_trace_window.c - a part of a file by time: all of it, its definitions
 * and little else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace_fixture.h"

#define FRAMES 100
#define OPS    50 /* per frame; op i of all lies at 1000 * (i + 1) */

static struct rk_op op_at(uint64_t i)
{
	struct rk_op op = { .ordinal = i + 1, .kind = RK_OP_KERNEL, .tid = 1 };

	op.start = 1000 * (i + 1);
	op.end = op.start + 10;
	/* One definition in a frame far from any window. */
	if (i == 10 * OPS + 7)
		op = (struct rk_op){ .ordinal = i + 1,
				     .kind = RK_OP_CLOCK,
				     .clock = { .wall_offset_ns = 77 } };
	return op;
}

static void write_file(const char *path)
{
	struct rk_trace_writer *writer;

	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	for (uint64_t i = 0; i < FRAMES * OPS; i++) {
		struct rk_op op = op_at(i);

		assert_int_equal(rk_trace_writer_add(writer, &op), 0);
		if (i % OPS == OPS - 1)
			assert_int_equal(rk_trace_writer_seal(writer), 0);
	}
	assert_int_equal(rk_trace_writer_close(writer), 0);
}

static void test_window(void **state)
{
	const char *path = fixture_path(*state, "window.rkt.zst");
	const uint64_t first = 1000 * (50 * OPS + 20), last = 1000 * (52 * OPS + 20);
	uint64_t inside = 0, got = 0, clocks = 0;
	struct rk_trace_reader *reader;
	struct rk_trace_info info;
	struct rk_op op;

	write_file(path);
	assert_int_equal(rk_trace_reader_open(&reader, path, NULL), 0);
	assert_int_equal(rk_trace_reader_last_ns(reader), 1000 * FRAMES * OPS + 10);
	rk_trace_reader_set_window(reader, first, last);
	while (rk_trace_reader_next(reader, &op) == 1) {
		got++;
		clocks += op.kind == RK_OP_CLOCK;
		inside += op.start >= first && op.start <= last;
	}
	rk_trace_reader_get_info(reader, &info);
	rk_trace_reader_close(reader);
	assert_int_equal(inside, 2 * OPS + 1);
	assert_int_equal(clocks, 1);
	/* Three frames that are touched, and the one with the clock. */
	assert_int_equal(got, 4 * OPS);
	assert_int_equal(info.passed_over, (FRAMES - 4) * OPS);
	assert_int_equal(info.ops + info.passed_over, FRAMES * OPS);
	assert_false(info.truncated);
}

static int setup(void **state)
{
	*state = fixture_folder();
	return 0;
}

static int teardown(void **state)
{
	fixture_remove(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_window, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
