/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_unrecorded.h - calls that CUPTI saw and no hook recorded, at the edges of a rest.
 *
 * Recording goes on when CUPTI is there and the gate is open, and these cannot happen at once:
 * what a thread submits in between has a GPU record and no host record. So it has when the gate
 * was closed and CUPTI is still to be let go. Such records are not lost host records, of which
 * the ledger knows, but no recorded calls at all, and are left out when they are decoded.
 *
 *      session opens      gate opens    settled        gate closes       session ends
 *           |                 |            |                |                 |
 *   kept:   | ids that a hook recorded ... | all of them    | all but the ids |
 *           |                              |                | noted here      |
 *
 * The two edges need opposite lists. After the gate was closed every call is seen when it begins,
 * so that those which nobody records can be noted. At a start a thread may be inside the driver
 * already: its call is never seen, nobody knows its id, and only what was seen is known to be
 * recorded.
 *
 * One bit per id, for 2^20 ids from the lowest one at each edge.
 */
#ifndef RK_CUPTI_CUPTI_UNRECORDED_H
#define RK_CUPTI_CUPTI_UNRECORDED_H

#include <stdbool.h>
#include <stdint.h>

/**
 * The record of this call is to be left out.
 *
 * Context: cupti callback, any thread. Does not lock, allocate or block.
 */
void rk_cupti_unrecorded_note(uint32_t correlation);

/**
 * This call is recorded; to be said of each that begins while an edge is watched.
 *
 * Context: cupti callback, any thread. Does not lock, allocate or block.
 */
void rk_cupti_unrecorded_keep(uint32_t correlation);

/**
 * Whether a record with this id is to be left out.
 *
 * Context: rk-cupti.
 */
bool rk_cupti_unrecorded_has(uint32_t correlation);

/**
 * Forget all ids, and from now on keep only what is seen to be recorded.
 *
 * Context: rk-cupti, before a session is opened.
 */
void rk_cupti_unrecorded_begin(void);

/**
 * Keep what has an id beyond all that were seen so far: whoever was inside the driver at the
 * start has left it. Calls that have just begun are still to be seen for a while.
 *
 * Context: rk-cupti, once after begin.
 */
void rk_cupti_unrecorded_settle(void);

#endif
