/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_unrecorded.h - calls that CUPTI saw and no hook recorded, at the edges of a rest.
 *
 * Recording goes on when CUPTI is there and the gate is open, and these cannot happen at once:
 * what a thread submits in between has a GPU record and no host record. So it has when the gate
 * was closed and CUPTI is still to be let go. Such records are not lost host records, of which
 * the ledger knows, but no recorded calls at all. Their correlation ids are noted here when the
 * call begins, and their records left out when they are decoded.
 *
 * One bit per id, for a window of 2^20 ids around the first one that was noted.
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
 * A call has begun while the edges are watched. Ids rise: what has a lower one than any that was
 * seen here began before we were there to see it, and was not recorded either.
 *
 * Context: cupti callback, any thread. Does not lock, allocate or block.
 */
void rk_cupti_unrecorded_see(uint32_t correlation, bool is_recorded);

/**
 * Context: rk-cupti.
 */
bool rk_cupti_unrecorded_has(uint32_t correlation);

/**
 * Forget all of them: a record that comes from now on is of a later call.
 *
 * Context: rk-cupti, before a session is opened.
 */
void rk_cupti_unrecorded_forget(void);

#endif
