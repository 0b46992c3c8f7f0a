/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_key.h - the fields of an op that repeat, packed: what makes a shape.
 *
 * Two ops with equal keys differ in their times, ids and numbers only. The fields are a table,
 * so that the writer, the reader and the page on the format agree on each.
 */
#ifndef RK_TRACE_TRACE_KEY_H
#define RK_TRACE_TRACE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"
#include "trace/trace_format.h"

#define RK_TRACE_SHAPE_WORDS 12u

/* Every field of an op that repeats, packed; strings are ids of whoever packs them. */
struct rk_trace_key {
	uint64_t words[RK_TRACE_SHAPE_WORDS];
};

/* Where a field of a shape lies in the key. */
struct rk_trace_field {
	uint16_t column; /* enum rk_trace_column */
	uint64_t kinds;	 /* bit per enum rk_op_kind; 0 = every kind */
	uint8_t word, shift, bits;
};

extern const struct rk_trace_field rk_trace_fields[];
extern const unsigned rk_trace_field_count;

/**
 * Whether shapes of @kind have @field.
 *
 * Context: any.
 */
static inline bool rk_trace_field_applies(const struct rk_trace_field *field, unsigned kind)
{
	return !field->kinds || (kind < 64 && (field->kinds >> kind & 1));
}

/**
 * Pack the repeating fields of @op.
 *
 * Context: any.
 */
void rk_trace_key_pack(struct rk_trace_key *key, const struct rk_op *op);

/**
 * The reverse: fill the repeating fields of @op and zero the others, the ledger excepted.
 *
 * Context: any.
 */
void rk_trace_key_unpack(const struct rk_trace_key *key, struct rk_op *op);

static inline unsigned rk_trace_key_kind(const struct rk_trace_key *key)
{
	return key->words[0] & 0xff;
}

static inline unsigned rk_trace_key_absent(const struct rk_trace_key *key)
{
	return key->words[0] >> 32 & 0xff;
}

/**
 * RK_TRACE_NO_*: the fields of @op that are 0.
 *
 * Context: any.
 */
static inline unsigned rk_trace_absent_of(const struct rk_op *op)
{
	return (op->host_start ? 0 : RK_TRACE_NO_HOST_START) |
	       (op->host_end ? 0 : RK_TRACE_NO_HOST_END) | (op->start ? 0 : RK_TRACE_NO_START) |
	       (op->end ? 0 : RK_TRACE_NO_END) | (op->correlation ? 0 : RK_TRACE_NO_CORRELATION) |
	       (op->exec ? 0 : RK_TRACE_NO_EXEC);
}

#endif
