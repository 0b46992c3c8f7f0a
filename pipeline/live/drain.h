/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/drain.h - rings into the join, and the host side of the ledger.
 *
 * One round: note how many GPU records there are, drain every host ring, then take that many
 * GPU records. Their host records were committed before they were written, so a record that
 * waits for its call is the exception.
 */
#ifndef RK_PIPELINE_LIVE_DRAIN_H
#define RK_PIPELINE_LIVE_DRAIN_H

#include "core/api_record.h"
#include "core/ring.h"
#include "pipeline/join/join.h"

struct rk_drain_place;

struct rk_drain {
	struct rk_join *join;		   /* borrowed */
	struct rk_ring *(*gpu_ring)(void); /* may be NULL */
	struct rk_drain_place *places;	   /* by place in the registry */
	uint32_t place_count;
	uint64_t now;	       /* of the round */
	uint32_t names_left;   /* names that may still be read in it */
	uint32_t overflow_tid; /* last thread without a ring that was named */
	bool has_gap;	       /* of the ring being drained: contexts before it are not believed */
	uint32_t losses;       /* of that ring, read after what was committed */
	uint32_t text_bytes;
	uint8_t text[RK_API_TEXT_MAX + RK_TEXT_RECORD_BYTES]; /* of the record; slots are whole */
	/* counters of rings that were recycled */
	uint64_t calls[RK_WORK_COUNT], failed[RK_WORK_COUNT], captured[RK_WORK_COUNT];
	uint64_t lost[RK_WORK_COUNT], lost_other;
	uint64_t withheld[RK_WORK_COUNT], withheld_other, withheld_stacks;
	bool is_quiet;	    /* nothing is told so far, the names of threads neither */
	uint64_t broken;    /* records of the API whose text is not there, and texts without one */
	uint64_t depth_max; /* since rk_drain_take_depth() */
	uint64_t oldest;    /* ns; oldest host record of the last round, 0 = none */
};

/**
 * Context: exporter. @gpu_ring may be NULL or return NULL.
 */
void rk_drain_init(struct rk_drain *drain, struct rk_join *join, struct rk_ring *(*gpu_ring)(void));
void rk_drain_finish(struct rk_drain *drain);

/**
 * One round.
 *
 * Context: exporter. Return: records taken.
 */
uint64_t rk_drain_round(struct rk_drain *drain);

/**
 * Fill the host side of @ledger; what the join knows must be in it already. Calls that were
 * counted and whose records are still on their way are open.
 *
 * Context: exporter, after a round.
 */
void rk_drain_fill_ledger(const struct rk_drain *drain, struct rk_ledger *ledger);

/**
 * Most records that lay in one ring since the last call.
 *
 * Context: exporter.
 */
uint64_t rk_drain_take_depth(struct rk_drain *drain);

#endif
