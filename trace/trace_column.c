/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_column.c - columns in byte planes.
 */
#include "trace/trace_column.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "trace/trace_format.h"

/* Below this a plane does not earn an entropy table of its own (about 100 bytes). */
#define CUT_BYTES 2048u

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

void rk_trace_column_put(struct rk_trace_buffer *buffer, unsigned id, const uint64_t *values,
			 uint32_t count)
{
	uint64_t any = 0, different = 0;
	unsigned width;
	uint8_t *out;

	for (uint32_t i = 0; i < count; i++) {
		any |= values[i];
		different |= values[i] ^ values[0];
	}
	if (!any)
		return;
	width = rk_trace_column_width(any);
	if (!different) {
		out = put_header(buffer, id, RK_TRACE_ENC_CONST, width, count, width);
		rk_trace_store(out, values[0], width);
		return;
	}
	if (count >= CUT_BYTES)
		cut(buffer, buffer->data + buffer->size);
	out = put_header(buffer, id, RK_TRACE_ENC_PLANES, width, count, (size_t)width * count);
	for (unsigned plane = 0; plane < width; plane++, out += count) {
		put_plane(out, values, count, plane * 8);
		if (count >= CUT_BYTES)
			cut(buffer, out + count);
	}
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
	default:
		return 0; /* a newer encoding: an error only for who needs this column */
	}
	return view->bytes == expected && view->width >= 1 && view->width <= 8 ? 0 : -EBADMSG;
}

static void get_plane(uint64_t *restrict values, const uint8_t *restrict in, uint32_t count,
		      unsigned shift)
{
	uint32_t i = 0;

	for (; i + 8 <= count; i += 8) {
		uint64_t word = rk_trace_load(in + i, 8);

		for (unsigned k = 0; k < 8; k++)
			values[i + k] |= (word >> (8 * k) & 0xff) << shift;
	}
	for (; i < count; i++)
		values[i] |= (uint64_t)in[i] << shift;
}

int rk_trace_column_get(const struct rk_trace_column_view *view, uint64_t *values, uint32_t count)
{
	uint64_t value;

	if (view->data && view->count != count)
		return -EBADMSG;
	if (!view->data) {
		memset(values, 0, (size_t)count * sizeof(*values));
		return 0;
	}
	switch (view->encoding) {
	case RK_TRACE_ENC_CONST:
		value = rk_trace_load(view->data, view->width);
		for (uint32_t i = 0; i < count; i++)
			values[i] = value;
		return 0;
	case RK_TRACE_ENC_PLANES:
		memset(values, 0, (size_t)count * sizeof(*values));
		for (unsigned plane = 0; plane < view->width; plane++)
			get_plane(values, view->data + (size_t)plane * count, count, plane * 8);
		return 0;
	default:
		return -EBADMSG;
	}
}
