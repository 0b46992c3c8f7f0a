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

/* The numbers of a column that are not 0, by their place among all @count of them. */
struct rk_trace_sparse {
	uint32_t *at;
	uint64_t *values;
	uint32_t filled, count;
};

/**
 * Append a column of which most numbers are 0.
 *
 * @scratch: room for all of its numbers, used when they are not so few.
 * Context: any.
 */
void rk_trace_column_put_sparse(struct rk_trace_buffer *buffer, unsigned id,
				const struct rk_trace_sparse *sparse, uint64_t *scratch);

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
 * Where the numbers begin, in the data of a split column, that did not fit into its bytes.
 *
 * Context: any.
 */
size_t rk_trace_column_escapes(const struct rk_trace_column_view *view);

/**
 * Unpack @count numbers from the one at @first on, a multiple of 8, into @values. Not for an
 * absent or a sparse column; what is asked for must be there.
 *
 * @offset: of a split column: of its next number that did not fit.
 * Context: any. Return: 0; -EBADMSG.
 */
int rk_trace_column_get_part(const struct rk_trace_column_view *view, uint32_t first,
			     size_t *offset, uint64_t *values, uint32_t count);

/**
 * The next number of a sparse column that is not 0.
 *
 * @offset: into the column's data. @zeros: how many come before it.
 * Context: any. Return: 1; 0 when there is none; -EBADMSG.
 */
int rk_trace_column_get_filled(const struct rk_trace_column_view *view, size_t *offset,
			       uint64_t *zeros, uint64_t *value);

/**
 * Unpack a column of numbers. An absent one gives @count zeros.
 *
 * Context: any. Return: 0; -EBADMSG when it does not hold exactly @count numbers.
 */
int rk_trace_column_get(const struct rk_trace_column_view *view, uint64_t *values, uint32_t count);

#endif
