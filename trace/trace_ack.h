/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_ack.h - which spans have reached a receiver, as blocks of their own.
 *
 * Spans are not stored: they follow from the ops, always in the same order. So a range of
 * their numbers (span.sequence) is enough to say what was delivered; what a file has no
 * range for was held back by an outage, and can be sent again. Readers of another kind pass
 * over these blocks.
 */
#ifndef RK_TRACE_TRACE_ACK_H
#define RK_TRACE_TRACE_ACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/trace_column.h"
#include "trace/trace_format.h"

#define RK_TRACE_ACKS_MAX	  256u /* ranges in a block */
#define RK_TRACE_DESTINATION_MAX  128u /* bytes of a name; longer ones are cut there */
#define RK_TRACE_DESTINATIONS_MAX 16u  /* in a block */
#define RK_TRACE_ACK_BYTES                                                                         \
	(RK_TRACE_HEADER_BYTES + RK_TRACE_COLUMN_BYTES +                                           \
	 RK_TRACE_ACKS_MAX * (RK_TRACE_DESTINATION_MAX + 25u))

/* Ranges that wait for their block. */
struct rk_trace_acks {
	uint32_t count, destination_count;
	struct {
		uint64_t first, last;
		uint32_t destination;
	} ranges[RK_TRACE_ACKS_MAX];
	char destinations[RK_TRACE_DESTINATIONS_MAX][RK_TRACE_DESTINATION_MAX];
};

/**
 * Add a range; one that goes on where the latest ended makes that one longer.
 *
 * Context: any. Return: false when there is no room: write a block first.
 */
bool rk_trace_ack_push(struct rk_trace_acks *acks, const char *destination, uint64_t first,
		       uint64_t last);

/**
 * The block of all ranges, header included.
 *
 * @out: room for RK_TRACE_ACK_BYTES. @header: its sequence is the caller's, the rest is set.
 * Context: any. Return: its length.
 */
size_t rk_trace_ack_put(uint8_t *out, const struct rk_trace_acks *acks,
			struct rk_trace_header *header);

/* Receives one range; @destination lives until it returns. */
typedef void (*rk_trace_ack_fn)(void *data, const char *destination, uint64_t first, uint64_t last);

/**
 * Visit the ranges of a block.
 *
 * @visit: may be NULL. Context: any. Return: 0; -EBADMSG.
 */
int rk_trace_ack_get(const uint8_t *block, const struct rk_trace_header *header,
		     rk_trace_ack_fn visit, void *data);

#endif
