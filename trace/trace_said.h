/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_said.h - which kinds of ops say something, and the ids in them.
 *
 * Ids are noise to a compressor: only those that are not zero are stored, side by side and
 * apart from everything else.
 */
#ifndef RK_TRACE_TRACE_SAID_H
#define RK_TRACE_TRACE_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/api_record.h"
#include "core/op.h"
#include "trace/trace_format.h"
#include "trace/trace_model.h"

/* Kinds with rk_op.said: one bit per enum rk_op_kind. */
#define RK_TRACE_SAID_KINDS                                                                        \
	(1u << RK_OP_SPAN_BEGIN | 1u << RK_OP_SPAN_END | 1u << RK_OP_ATTRIBUTE |                   \
	 1u << RK_OP_SPAN_EVENT | 1u << RK_OP_LINK | 1u << RK_OP_CONTEXT | 1u << RK_OP_LOG)

/* Kinds with rk_op.text and nothing else. */
#define RK_TRACE_TEXT_KINDS                                                                        \
	(1u << RK_OP_SETTINGS | 1u << RK_OP_STACK | 1u << RK_OP_MODULE | 1u << RK_OP_RECORDING |   \
	 1u << RK_OP_GRAPH_INFO | 1u << RK_OP_KERNEL_INFO)

/* From here on a kind has rk_op.text and nothing else, whatever it will be, in columns of its own:
 * so a reader stays in step with kinds that it does not know. */
#define RK_TRACE_LATE_KIND     32u
#define RK_TRACE_LATE_KIND_END 64u

/* Ids, bounds and text of one op. */
#define RK_TRACE_SAID_MAX (RK_API_TEXT_MAX + RK_INSTRUMENT_BOUNDS * 8u)

/**
 * Whether an op of @kind has rk_op.said / is of the later kinds / has rk_op.text alone /
 * rk_op.text.
 *
 * Context: any.
 */
static inline bool rk_trace_is_said(unsigned kind)
{
	return kind < 32 && (RK_TRACE_SAID_KINDS >> kind & 1);
}

static inline bool rk_trace_is_late(unsigned kind)
{
	return kind >= RK_TRACE_LATE_KIND && kind < RK_TRACE_LATE_KIND_END;
}

static inline bool rk_trace_is_text(unsigned kind)
{
	return rk_trace_is_late(kind) || (kind < 32 && (RK_TRACE_TEXT_KINDS >> kind & 1));
}

static inline bool rk_trace_has_text(unsigned kind)
{
	return kind == RK_OP_INSTRUMENT || rk_trace_is_text(kind) || rk_trace_is_said(kind);
}

/**
 * Bytes of text / bounds of an instrument that are stored.
 *
 * Context: any.
 */
static inline uint32_t rk_trace_text_of(const struct rk_op *op)
{
	if (!op->text)
		return 0;
	return op->text_bytes < RK_API_TEXT_MAX ? op->text_bytes : RK_API_TEXT_MAX;
}

static inline uint32_t rk_trace_bounds_of(const struct rk_op *op)
{
	return op->instrument.bound_count < RK_INSTRUMENT_BOUNDS ? op->instrument.bound_count :
								   RK_INSTRUMENT_BOUNDS;
}

/**
 * RK_TRACE_HAS_*: what of @said is stored / was stored in a shape with this key.
 *
 * Context: any.
 */
unsigned rk_trace_said_present(const struct rk_op_said *said);

static inline unsigned rk_trace_said_key_present(const struct rk_trace_key *key)
{
	return key->words[5] >> 32 & 0xff;
}

/**
 * The ids one after the other: how many bytes they take, to and from there.
 *
 * Context: any. Return: bytes.
 */
size_t rk_trace_ids_bytes(unsigned present);
size_t rk_trace_ids_put(uint8_t *out, const struct rk_op_said *said);
void rk_trace_ids_get(const uint8_t *in, unsigned present, struct rk_op_said *said);

#endif
