/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/slow/large_trace.c - a trace file of many kernels, a training step that repeats.
 *
 * usage: large_trace FILE COUNT
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/trace/trace_fixture.h"

#define NS_PER_S 1000000000u

static struct rk_op tick_at(uint64_t ordinal, uint64_t ns)
{
	struct rk_op op = { .ordinal = ordinal, .kind = RK_OP_TICK, .start = ns, .end = ns };

	op.tick.ledger.calls[RK_WORK_LAUNCH] = ordinal;
	return op;
}

/* Ordinals leave room for the ticks. */
static int fill(struct rk_trace_writer *writer, uint64_t count)
{
	struct fixture_step step;
	uint64_t ticks = 0, next = 0;
	struct rk_op op;
	int err = 0;

	fixture_step_init(&step, 1);
	for (uint64_t i = 0; i < count && !err; i++) {
		fixture_step_next(&step, &op);
		op.ordinal += ticks;
		err = rk_trace_writer_add(writer, &op);
		if (err || op.host_end < next)
			continue;
		next = op.host_end + NS_PER_S;
		op = tick_at(op.ordinal + 1, op.host_end);
		ticks++;
		err = rk_trace_writer_add(writer, &op);
		if (!err)
			err = rk_trace_writer_seal(writer);
	}
	return err;
}

int main(int argc, char **argv)
{
	const struct rk_trace_options options = { .max_bytes = 64ull << 30, .level = 1 };
	struct rk_trace_meta meta = fixture_meta;
	struct rk_trace_writer *writer;
	int err;

	if (argc != 3)
		return 64;
	meta.start_ns = 1;
	err = rk_trace_writer_open(&writer, argv[1], &meta, &options);
	if (!err)
		err = fill(writer, strtoull(argv[2], NULL, 10));
	if (!err)
		err = rk_trace_writer_close(writer);
	if (err)
		fprintf(stderr, "large_trace: %s: error %d\n", argv[1], err);
	return err ? 1 : 0;
}
