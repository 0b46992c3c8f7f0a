/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_ledger.h - the numbers of TICK and END, as differences to the tick before.
 *
 * Most of the numbers do not move between two ticks, so only those that do are
 * written: (distance of the number's id + 1, zigzag difference) as varints, then a 0. Ids
 * have gaps, so that a new reason or kind of work finds a place.
 */
#ifndef RK_TRACE_TRACE_LEDGER_H
#define RK_TRACE_TRACE_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "core/op.h"

#define RK_TRACE_LEDGER_IDS 256u

/* One tick at its longest: an id and a 64-bit difference each, and the 0. */
#define RK_TRACE_TICK_MAX (RK_TRACE_LEDGER_IDS * 11u + 1u)

/* The numbers of one tick by their on-disk ids. */
struct rk_trace_ledger {
	uint64_t values[RK_TRACE_LEDGER_IDS];
};

/**
 * Append the tick of @op, as the difference to @last, and remember it there.
 *
 * @out: room for RK_TRACE_TICK_MAX bytes.
 * Context: any. Return: bytes written.
 */
size_t rk_trace_ledger_put(uint8_t *out, struct rk_trace_ledger *last, const struct rk_op *op);

/**
 * Read one tick into @op and @last. Ids of a newer minor version are skipped.
 *
 * Context: any. Return: 0 and *offset behind it; -EBADMSG.
 */
int rk_trace_ledger_get(const uint8_t *data, size_t size, size_t *offset,
			struct rk_trace_ledger *last, struct rk_op *op);

/**
 * Varints, least significant seven bits first.
 *
 * Context: any. Return: bytes written; 0 and *offset behind it, -EBADMSG.
 */
size_t rk_trace_varint_put(uint8_t *out, uint64_t value);
int rk_trace_varint_get(const uint8_t *data, size_t size, size_t *offset, uint64_t *value);

#endif
