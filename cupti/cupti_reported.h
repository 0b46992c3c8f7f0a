/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_reported.h - layouts of records as CUPTI says them, instead of from our tables.
 *
 * Only where the library is newer than the tables. A layout that does not add up is not read by:
 * its kind of records is left out, as if CUPTI had refused it.
 */
#ifndef RK_CUPTI_CUPTI_REPORTED_H
#define RK_CUPTI_CUPTI_REPORTED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cupti/cupti_layout.h"
#include "cupti/cupti_v2.h"

#define RK_CUPTI_FIELDS_MAX 32 /* that we choose of one kind */

enum rk_cupti_reported_state {
	RK_CUPTI_UNREPORTED,
	RK_CUPTI_REPORTED,
	RK_CUPTI_UNREADABLE,
	RK_CUPTI_CONTRADICTED, /* two layouts of one kind: not even the size is certain */
};

struct rk_cupti_reported {
	atomic_flag busy; /* held for some hundred instructions, in CUPTI's callback */
	/* written under busy, before the state */
	struct rk_cupti_layout rows[RK_CUPTI_RECORD_COUNT];
	_Atomic uint32_t state[RK_CUPTI_RECORD_COUNT]; /* enum rk_cupti_reported_state */
};

/**
 * What to ask for of a kind of records: CUPTI's numbers, the kind first.
 *
 * Context: any. Return: how many; 0 when the kind is none of ours.
 */
uint32_t rk_cupti_reported_select(uint32_t kind, int ids[RK_CUPTI_FIELDS_MAX]);

/**
 * Take what came with a buffer. Of one kind the first layout holds; another one that differs
 * makes the kind unreadable from then on.
 *
 * Context: cupti callback, before the buffer is handed on. Does not allocate or block.
 */
void rk_cupti_reported_take(struct rk_cupti_reported *reported,
			    const struct rk_cupti_v2_complete *info);

/**
 * The layouts known so far, for the decoder: those that are not, with .size 0 or, where records
 * can be skipped, with their size and .needed 0.
 *
 * Context: rk-cupti.
 */
void rk_cupti_reported_get(struct rk_cupti_reported *reported, struct rk_cupti_layouts *layouts);

/**
 * Kinds of work that cannot be read: bits of enum rk_gpu_missing.
 *
 * Context: any.
 */
uint32_t rk_cupti_reported_missing(struct rk_cupti_reported *reported);

#endif
