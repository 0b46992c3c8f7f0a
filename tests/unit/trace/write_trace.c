/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/write_trace.c - a file for other readers: every kind of op, then steps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/trace_said.h"
#include "trace_fixture.h"

#define ROUNDS 3

/* Of versions to come: readers pass over them, and are in step behind them. */
static const unsigned later_kinds[] = { RK_TRACE_LATE_KIND_END - 2, RK_TRACE_LATE_KIND_END - 1 };

static int write_later_kinds(struct rk_trace_writer *writer, uint64_t *ordinal)
{
	static const uint8_t text[] = "what nobody knows today";
	struct rk_op op = { .text = text, .text_bytes = sizeof(text), .host_start = 5 };

	for (unsigned i = 0; i < sizeof(later_kinds) / sizeof(later_kinds[0]); i++) {
		op.kind = (uint8_t)later_kinds[i];
		op.ordinal = ++*ordinal;
		if (rk_trace_writer_add(writer, &op))
			return 1;
	}
	return 0;
}

static int write_kinds(struct rk_trace_writer *writer, uint64_t *ordinal)
{
	struct fixture_random random = { .state = 42 };
	struct rk_op op;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned kind = 1; kind < RK_OP_KIND_COUNT; kind++) {
			if (kind == RK_OP_END)
				continue;
			fixture_op(&random, kind, &op);
			op.ordinal = ++*ordinal;
			if (rk_trace_writer_add(writer, &op))
				return 1;
		}
		if (write_later_kinds(writer, ordinal))
			return 1;
		if (rk_trace_writer_seal(writer))
			return 1;
	}
	return 0;
}

static int write_steps(struct rk_trace_writer *writer, uint64_t *ordinal, uint32_t count,
		       uint32_t tick_ns)
{
	struct fixture_step step;
	struct rk_op op;

	fixture_step_init(&step, 9);
	step.ordinal = *ordinal;
	step.gpu_tick_ns = tick_ns;
	for (uint32_t i = 0; i < count; i++) {
		fixture_step_next(&step, &op);
		*ordinal = op.ordinal;
		if (rk_trace_writer_add(writer, &op))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct rk_op end = { .kind = RK_OP_END };
	struct rk_trace_writer *writer;
	uint64_t ordinal = 0;

	if (argc != 4 || rk_trace_writer_open(&writer, argv[1], &fixture_meta, &fixture_options)) {
		fprintf(stderr, "usage: write_trace NEWFILE STEPS TICK_NS\n");
		return 1;
	}
	if (write_kinds(writer, &ordinal) ||
	    write_steps(writer, &ordinal, (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3])))
		return 1;
	end.ordinal = ordinal + 1;
	return rk_trace_writer_add(writer, &end) || rk_trace_writer_close(writer);
}
