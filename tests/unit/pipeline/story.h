/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/story.h - a made-up run through the join, as a list of ops.
 */
#ifndef RK_TEST_STORY_H
#define RK_TEST_STORY_H

#include <string.h>

#include "core/intern.h"
#include "op_log.h"

static void story_clock(struct rk_join *join, uint64_t now, int64_t offset)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = RK_OP_CLOCK;
	op.start = op.end = now;
	op.clock.wall_offset_ns = offset;
	rk_join_emit(join, &op);
}

static void story_tick(struct rk_join *join, enum rk_op_kind kind, uint64_t now)
{
	struct rk_op op;

	memset(&op, 0, sizeof(op));
	op.kind = (uint8_t)kind;
	op.start = op.end = now;
	op.tick.cpu_ns = now / 100;
	rk_join_get_ledger(join, &op.tick.ledger);
	rk_join_get_active(join, op.tick.active);
	rk_join_emit(join, &op);
}

/* 3 threads, 600 calls of every kind, some orphans and open calls, clock steps. */
static void story_tell(struct op_log *log)
{
	static const char *const names[] = { "_Z3addPfS_i", "_ZN3foo3mulEPf", "_Z5scalePff" };
	struct rk_join *join = make_join(log, 0);

	story_clock(join, 1, 1700000000000000000);
	for (uint32_t i = 0; i < 600; i++) {
		uint64_t now = 10000ull * (i + 1);
		struct rk_record record = i % 7 == 0  ? make_copy(API_COPY_IN, i + 1, now, 256) :
					  i % 11 == 0 ? make_copy(API_COPY_OUT, i + 1, now, 64) :
					  i % 50 == 1 ? make_sync(RK_SYNC_CONTEXT, now, 0) :
							make_launch(i + 1, now, 0xf);
		struct rk_activity activity =
			make_activity(record.kind == RK_REC_MEMCPY ? RK_ACT_MEMCPY : RK_ACT_KERNEL,
				      i % 97 == 0 ? 100000 + i : i + 1, now + 500,
				      now + 1500 + 10 * i);

		activity.name = rk_intern(names[i % 3]);
		activity.bytes = record.kind == RK_REC_MEMCPY ? record.copy.bytes : 0;
		activity.copy_kind = i % 7 == 0 ? RK_COPY_HTOD : RK_COPY_DTOH;
		rk_join_host(join, 1 + i % 3, &record);
		if (record.kind != RK_REC_SYNC && i % 89 != 3)
			rk_join_activity(join, &activity);
		if (i % 20 == 19) {
			struct rk_activity flushed = make_flushed(now);

			rk_join_activity(join, &flushed);
			rk_join_tick(join, now);
			story_tick(join, RK_OP_TICK, now);
			story_clock(join, now, 1700000000000000000 + (int64_t)i);
		}
	}
	rk_join_finish(join);
	story_tick(join, RK_OP_END, 10000000);
	rk_join_destroy(join);
}

#endif
