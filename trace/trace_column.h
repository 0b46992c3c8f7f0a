/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_column.h - numbers in byte planes, inside a bounded buffer.
 *
 * Byte planes instead of varints: the noise of a timestamp stays in its low plane, which
 * zstd stores as it is, and the quiet high planes shrink to nothing. The buffer remembers
 * where columns end, so that the compressor can give each its own entropy table.
 */
#ifndef RK_TRACE_TRACE_COLUMN_H
#define RK_TRACE_TRACE_COLUMN_H

#include <stddef.h>
#include <stdint.h>

#define RK_TRACE_CUTS_MAX 160u /* every plane of every column, and some */

struct rk_trace_buffer {
	uint8_t *data;
	size_t size, capacity; /* size may never pass capacity */
	uint32_t cut_count;
	uint32_t cuts[RK_TRACE_CUTS_MAX]; /* offsets where the compressor may start anew */
};

/* One column as found in a block. */
struct rk_trace_column_view {
	const uint8_t *data; /* borrowed from the block; NULL = absent: zeros */
	uint32_t count;
	uint32_t bytes;
	uint16_t id;
	uint8_t encoding; /* enum rk_trace_encoding */
	uint8_t width;
};

/**
 * Bytes that hold @value: 0 to 8.
 *
 * Context: any.
 */
static inline unsigned rk_trace_column_width(uint64_t value)
{
	return value ? (71u - (unsigned)__builtin_clzll(value)) / 8u : 0;
}

/**
 * Append a column of numbers. Nothing is written when all are zero.
 *
 * Context: any. The caller's bounds make sure that the buffer suffices.
 */
void rk_trace_column_put(struct rk_trace_buffer *buffer, unsigned id, const uint64_t *values,
			 uint32_t count);

/**
 * Append a column of bytes. Nothing is written when @count is 0.
 *
 * Context: any.
 */
void rk_trace_column_put_bytes(struct rk_trace_buffer *buffer, unsigned id, const void *bytes,
			       uint32_t count);

/**
 * The same for bytes that resemble neither what stands before nor behind them.
 *
 * Context: any.
 */
void rk_trace_column_put_apart(struct rk_trace_buffer *buffer, unsigned id, const void *bytes,
			       uint32_t count);

/**
 * The same as rk_trace_column_put_bytes() for bytes that already lie where the column's data
 * will be, RK_TRACE_COLUMN_BYTES behind the end of the buffer.
 *
 * Context: any.
 */
void rk_trace_column_claim_bytes(struct rk_trace_buffer *buffer, unsigned id, uint32_t count);

/**
 * Read the column header at @offset of @block and step behind its data.
 *
 * Context: any.
 * Return: 0; -EBADMSG when it does not fit into @size bytes or contradicts itself.
 */
int rk_trace_column_parse(const uint8_t *block, size_t size, size_t *offset,
			  struct rk_trace_column_view *view);

/**
 * Unpack a column of numbers. An absent one gives @count zeros.
 *
 * Context: any. Return: 0; -EBADMSG when it does not hold exactly @count numbers.
 */
int rk_trace_column_get(const struct rk_trace_column_view *view, uint64_t *values, uint32_t count);

#endif
