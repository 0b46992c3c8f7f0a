/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_column.c - columns in byte planes.
 */
#include "trace/trace_column.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "trace/trace_format.h"
#include "trace/trace_ledger.h"
#include "trace/trace_split.h"

/* Below this a plane does not earn an entropy table of its own (about 100 bytes). */
#define CUT_BYTES 2048u
/* More filled numbers than one in so many, and the planes are shorter. */
#define SPARSE_PARTS 16u

static uint8_t *put_header(struct rk_trace_buffer *buffer, unsigned id, unsigned encoding,
			   unsigned width, uint32_t count, size_t bytes)
{
	uint8_t *at = buffer->data + buffer->size;

	rk_trace_store(at, id, 2);
	at[2] = (uint8_t)encoding;
	at[3] = (uint8_t)width;
	rk_trace_store(at + 4, count, 4);
	rk_trace_store(at + 8, bytes, 4);
	buffer->size += RK_TRACE_COLUMN_BYTES + bytes;
	return at + RK_TRACE_COLUMN_BYTES;
}

static void cut(struct rk_trace_buffer *buffer, const uint8_t *at)
{
	if (buffer->cut_count < RK_TRACE_CUTS_MAX)
		buffer->cuts[buffer->cut_count++] = (uint32_t)(at - buffer->data);
}

static void put_plane(uint8_t *restrict out, const uint64_t *restrict values, uint32_t count,
		      unsigned shift)
{
	uint32_t i = 0;

	/* Eight at a time: the compiler makes one store of it. */
	for (; i + 8 <= count; i += 8) {
		uint64_t word = 0;

		for (unsigned k = 0; k < 8; k++)
			word |= (values[i + k] >> shift & 0xff) << (8 * k);
		rk_trace_store(out + i, word, 8);
	}
	for (; i < count; i++)
		out[i] = (uint8_t)(values[i] >> shift);
}

/* The low bits of eight values at a time: as many bytes as a value has bits there. */
static void put_bits(uint8_t *out, const uint64_t *values, uint32_t count, unsigned bits)
{
	uint64_t mask = (UINT64_C(1) << bits) - 1;

	for (uint32_t i = 0; i < count; i += 8, out += bits) {
		unsigned n = count - i < 8 ? count - i : 8;
		uint64_t word = 0;

		for (unsigned k = 0; k < n; k++)
			word |= (values[i + k] & mask) << (k * bits);
		rk_trace_store(out, word, n == 8 ? bits : (n * bits + 7) / 8);
	}
}

static size_t bits_bytes(uint32_t count, unsigned bits)
{
	return ((size_t)count * bits + 7) / 8;
}

/* One byte of every value, or the sign that it does not fit: then it follows in full behind
 * everything else. */
static uint8_t *put_symbols(uint8_t *out, uint8_t *escapes, const uint64_t *values, uint32_t count,
			    const struct rk_trace_split *split)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t high = values[i] >> split->shift;

		out[i] = high < RK_TRACE_ESCAPE ? (uint8_t)high : RK_TRACE_ESCAPE;
		if (__builtin_expect(high >= RK_TRACE_ESCAPE, 0)) {
			rk_trace_store(escapes, high, split->width);
			escapes += split->width;
		}
	}
	return escapes;
}

static void put_split(struct rk_trace_buffer *buffer, unsigned id, const uint64_t *values,
		      uint32_t count, const struct rk_trace_split *split)
{
	uint8_t *symbols = buffer->data + buffer->size + RK_TRACE_COLUMN_BYTES + 1;
	uint8_t *bits = symbols + count, *escapes = bits + bits_bytes(count, split->shift);

	cut(buffer, buffer->data + buffer->size);
	cut(buffer, bits);
	cut(buffer, escapes);
	symbols[-1] = (uint8_t)split->shift;
	escapes = put_symbols(symbols, escapes, values, count, split);
	if (split->shift)
		put_bits(bits, values, count, split->shift);
	put_header(buffer, id, RK_TRACE_ENC_SPLIT, split->width, count,
		   (size_t)(escapes - symbols) + 1);
}

static void put_planes(struct rk_trace_buffer *buffer, unsigned id, const uint64_t *values,
		       uint32_t count, unsigned width)
{
	uint8_t *out;

	if (count >= CUT_BYTES)
		cut(buffer, buffer->data + buffer->size);
	out = put_header(buffer, id, RK_TRACE_ENC_PLANES, width, count, (size_t)width * count);
	for (unsigned plane = 0; plane < width; plane++, out += count) {
		put_plane(out, values, count, plane * 8);
		if (count >= CUT_BYTES)
			cut(buffer, out + count);
	}
}

void rk_trace_column_put(struct rk_trace_buffer *buffer, unsigned id, const uint64_t *values,
			 uint32_t count)
{
	uint64_t any = 0, different = 0;
	struct rk_trace_split split;
	unsigned width;
	uint8_t *out;

	for (uint32_t i = 0; i < count; i++) {
		any |= values[i];
		different |= values[i] ^ values[0];
	}
	if (!any)
		return;
	width = rk_trace_column_width(any);
	if (different) {
		if (rk_trace_split_choose(&split, values, count, any))
			put_split(buffer, id, values, count, &split);
		else
			put_planes(buffer, id, values, count, width);
		return;
	}
	out = put_header(buffer, id, RK_TRACE_ENC_CONST, width, count, width);
	rk_trace_store(out, values[0], width);
}

void rk_trace_column_put_sparse(struct rk_trace_buffer *buffer, unsigned id,
				const struct rk_trace_sparse *sparse, uint64_t *scratch)
{
	uint8_t *start = buffer->data + buffer->size + RK_TRACE_COLUMN_BYTES;
	uint8_t *out = start;
	uint32_t behind = 0;

	if (sparse->filled == 0)
		return;
	if (sparse->filled > sparse->count / SPARSE_PARTS) {
		memset(scratch, 0, sparse->count * sizeof(*scratch));
		for (uint32_t i = 0; i < sparse->filled; i++)
			scratch[sparse->at[i]] = sparse->values[i];
		rk_trace_column_put(buffer, id, scratch, sparse->count);
		return;
	}
	for (uint32_t i = 0; i < sparse->filled; i++) {
		out += rk_trace_varint_put(out, sparse->at[i] - behind);
		out += rk_trace_varint_put(out, sparse->values[i]);
		behind = sparse->at[i] + 1;
	}
	put_header(buffer, id, RK_TRACE_ENC_SPARSE, 1, sparse->count, (size_t)(out - start));
}

void rk_trace_column_put_bytes(struct rk_trace_buffer *buffer, unsigned id, const void *bytes,
			       uint32_t count)
{
	if (count == 0)
		return;
	memcpy(buffer->data + buffer->size + RK_TRACE_COLUMN_BYTES, bytes, count);
	rk_trace_column_claim_bytes(buffer, id, count);
}

void rk_trace_column_put_apart(struct rk_trace_buffer *buffer, unsigned id, const void *bytes,
			       uint32_t count)
{
	if (count >= CUT_BYTES)
		cut(buffer, buffer->data + buffer->size);
	rk_trace_column_put_bytes(buffer, id, bytes, count);
	if (count >= CUT_BYTES)
		cut(buffer, buffer->data + buffer->size);
}

void rk_trace_column_claim_bytes(struct rk_trace_buffer *buffer, unsigned id, uint32_t count)
{
	if (count)
		put_header(buffer, id, RK_TRACE_ENC_BYTES, 1, count, count);
}

int rk_trace_column_parse(const uint8_t *block, size_t size, size_t *offset,
			  struct rk_trace_column_view *view)
{
	const uint8_t *at = block + *offset;
	uint64_t expected;

	if (size - *offset < RK_TRACE_COLUMN_BYTES)
		return -EBADMSG;
	view->id = (uint16_t)rk_trace_load(at, 2);
	view->encoding = at[2];
	view->width = at[3];
	view->count = (uint32_t)rk_trace_load(at + 4, 4);
	view->bytes = (uint32_t)rk_trace_load(at + 8, 4);
	view->data = at + RK_TRACE_COLUMN_BYTES;
	if (size - *offset - RK_TRACE_COLUMN_BYTES < view->bytes)
		return -EBADMSG;
	*offset += RK_TRACE_COLUMN_BYTES + view->bytes;
	switch (view->encoding) {
	case RK_TRACE_ENC_PLANES:
		expected = (uint64_t)view->width * view->count;
		break;
	case RK_TRACE_ENC_CONST:
		expected = view->width;
		break;
	case RK_TRACE_ENC_BYTES:
		expected = view->count;
		break;
	case RK_TRACE_ENC_SPARSE:
		expected = view->bytes;
		break;
	case RK_TRACE_ENC_SPLIT:
		if (view->bytes == 0 || view->data[0] > RK_TRACE_SHIFT_MAX || view->width < 1 ||
		    view->width > 8)
			return -EBADMSG;
		expected = 1 + view->count + bits_bytes(view->count, view->data[0]);
		return view->bytes >= expected ? 0 : -EBADMSG;
	default:
		return 0; /* a newer encoding: an error only for who needs this column */
	}
	return view->bytes == expected && view->width >= 1 && view->width <= 8 ? 0 : -EBADMSG;
}

static void get_plane(uint64_t *restrict values, const uint8_t *restrict in, uint32_t count,
		      unsigned shift)
{
	for (uint32_t i = 0; i < count; i++)
		values[i] |= (uint64_t)in[i] << shift;
}

static void get_bits(uint64_t *restrict values, const uint8_t *restrict in, uint32_t count,
		     unsigned bits)
{
	const uint8_t *end = in + bits_bytes(count, bits);
	uint64_t mask = (UINT64_C(1) << bits) - 1;
	uint32_t i = 0;

	/* While eight bytes can be read, of which eight values are the first ones. */
	for (; i + 8 <= count && end - in >= 8; i += 8, in += bits) {
		uint64_t word = rk_trace_load(in, 8);

		for (unsigned k = 0; k < 8; k++, word >>= bits)
			values[i + k] = word & mask;
	}
	for (; i < count; i += 8, in += bits) {
		unsigned n = count - i < 8 ? count - i : 8;
		uint64_t word = rk_trace_load(in, n == 8 ? bits : (n * bits + 7) / 8);

		for (unsigned k = 0; k < n; k++)
			values[i + k] = word >> (k * bits) & mask;
	}
}

static int get_symbols(const struct rk_trace_column_view *view, uint32_t first, size_t *offset,
		       uint64_t *restrict values, uint32_t count)
{
	const uint8_t *symbols = view->data + 1 + first;
	unsigned shift = view->data[0];
	uint64_t high;

	for (uint32_t i = 0; i < count; i++) {
		high = symbols[i];
		if (__builtin_expect(high == RK_TRACE_ESCAPE, 0)) {
			if (view->bytes - *offset < view->width)
				return -EBADMSG;
			high = rk_trace_load(view->data + *offset, view->width);
			*offset += view->width;
		}
		values[i] |= high << shift;
	}
	return 0;
}

size_t rk_trace_column_escapes(const struct rk_trace_column_view *view)
{
	return 1 + (size_t)view->count + bits_bytes(view->count, view->data[0]);
}

int rk_trace_column_get_part(const struct rk_trace_column_view *view, uint32_t first,
			     size_t *offset, uint64_t *values, uint32_t count)
{
	uint64_t value;

	switch (view->encoding) {
	case RK_TRACE_ENC_CONST:
		value = rk_trace_load(view->data, view->width);
		for (uint32_t i = 0; i < count; i++)
			values[i] = value;
		return 0;
	case RK_TRACE_ENC_PLANES:
		memset(values, 0, (size_t)count * sizeof(*values));
		for (unsigned plane = 0; plane < view->width; plane++)
			get_plane(values, view->data + (size_t)plane * view->count + first, count,
				  plane * 8);
		return 0;
	case RK_TRACE_ENC_SPLIT:
		get_bits(values, view->data + 1 + view->count + bits_bytes(first, view->data[0]),
			 count, view->data[0]);
		return get_symbols(view, first, offset, values, count);
	default:
		return -EBADMSG;
	}
}

int rk_trace_column_get_filled(const struct rk_trace_column_view *view, size_t *offset,
			       uint64_t *zeros, uint64_t *value)
{
	if (*offset == view->bytes)
		return 0;
	if (rk_trace_varint_get(view->data, view->bytes, offset, zeros) ||
	    rk_trace_varint_get(view->data, view->bytes, offset, value))
		return -EBADMSG;
	return 1;
}

static int get_sparse(const struct rk_trace_column_view *view, uint64_t *values, uint32_t count)
{
	uint64_t zeros, value, at = 0;
	size_t offset = 0;
	int more;

	memset(values, 0, (size_t)count * sizeof(*values));
	while ((more = rk_trace_column_get_filled(view, &offset, &zeros, &value)) == 1) {
		if (zeros >= count - at)
			return -EBADMSG;
		at += zeros;
		values[at++] = value;
	}
	return more;
}

int rk_trace_column_get(const struct rk_trace_column_view *view, uint64_t *values, uint32_t count)
{
	size_t offset;

	if (view->data && view->count != count)
		return -EBADMSG;
	if (!view->data) {
		memset(values, 0, (size_t)count * sizeof(*values));
		return 0;
	}
	if (view->encoding == RK_TRACE_ENC_SPARSE)
		return get_sparse(view, values, count);
	offset = view->encoding == RK_TRACE_ENC_SPLIT ? rk_trace_column_escapes(view) : 0;
	return rk_trace_column_get_part(view, 0, &offset, values, count);
}
