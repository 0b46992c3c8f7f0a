/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_decode.h - a buffer of CUPTI's records becomes struct rk_activity.
 *
 *	buffer -> cuptiActivityGetNextRecord() -> layout table -> rk_activity -> emit()
 *
 * No byte beyond the valid size is read, whatever the buffer says. A record whose time is
 * unusable is passed on and flagged: it happened, but how long it took is not known.
 */
#ifndef RK_CUPTI_CUPTI_DECODE_H
#define RK_CUPTI_CUPTI_DECODE_H

#include <cupti.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/activity.h"
#include "cupti/cupti_layout.h"
#include "cupti/cupti_names.h"

typedef void (*rk_activity_fn)(const struct rk_activity *activity, void *data);
typedef __typeof__(&cuptiActivityGetNextRecord) rk_next_record_fn;

struct rk_cupti_decoder {
	struct rk_cupti_layouts layouts;
	rk_next_record_fn next; /* NULL = by the sizes in the layouts */
	struct rk_cupti_names *names; /* borrowed */
	rk_activity_fn emit;
	void *data;
	int64_t offset_ns; /* taken off every time; 0 when records are in our clock */
	bool forced;	   /* the buffer comes from a forced flush: no end = still running */
	/* counted here */
	uint64_t records;   /* passed to emit() */
	uint64_t invalid;   /* of these, flagged RK_ACT_INVALID_TIME */
	uint64_t open;	    /* still running at a forced flush: not passed on */
	uint64_t overhead_ns; /* that CUPTI took, as it says */
	uint64_t malformed; /* buffers that ended inside a record */
};

/**
 * The row of the tables for records of CUPTI's @kind; -1 = none of ours.
 *
 * Context: any.
 */
int rk_cupti_record_of_kind(uint32_t kind);

/**
 * Decode @valid bytes of @buffer.
 *
 * Context: cupti, outside CUPTI's callbacks; one thread at a time.
 */
void rk_cupti_decode_buffer(struct rk_cupti_decoder *decoder, uint8_t *buffer, size_t valid);

#endif
