/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_ack.c - one column of bytes: (length, name, first, last - first), varints.
 */
#include "trace/trace_ack.h"

#include <errno.h>
#include <string.h>

#include "trace/trace_decoder.h"
#include "trace/trace_encoder.h"
#include "trace/trace_ledger.h"

/* Bytes of @name that are kept. */
static size_t name_length(const char *name)
{
	return strnlen(name, RK_TRACE_DESTINATION_MAX - 1);
}

/* The row of @name, made if it is new; RK_TRACE_DESTINATIONS_MAX when there is no room. */
static uint32_t destination_of(struct rk_trace_acks *acks, const char *name)
{
	size_t length = name_length(name);
	uint32_t row;

	for (row = 0; row < acks->destination_count; row++) {
		if (strncmp(acks->destinations[row], name, length) == 0 &&
		    !acks->destinations[row][length])
			return row;
	}
	if (row == RK_TRACE_DESTINATIONS_MAX)
		return row;
	memcpy(acks->destinations[row], name, length);
	acks->destinations[row][length] = '\0';
	acks->destination_count++;
	return row;
}

bool rk_trace_ack_push(struct rk_trace_acks *acks, const char *destination, uint64_t first,
		       uint64_t last)
{
	uint32_t row = destination_of(acks, destination);
	uint32_t newest = acks->count - 1;

	if (row == RK_TRACE_DESTINATIONS_MAX)
		return false;
	if (acks->count && acks->ranges[newest].destination == row &&
	    acks->ranges[newest].last + 1 == first) {
		acks->ranges[newest].last = last;
		return true;
	}
	if (acks->count == RK_TRACE_ACKS_MAX)
		return false;
	acks->ranges[acks->count].first = first;
	acks->ranges[acks->count].last = last;
	acks->ranges[acks->count++].destination = row;
	return true;
}

size_t rk_trace_ack_put(uint8_t *out, const struct rk_trace_acks *acks,
			struct rk_trace_header *header)
{
	struct rk_trace_buffer buffer = {
		.data = out,
		.size = RK_TRACE_HEADER_BYTES,
		.capacity = RK_TRACE_ACK_BYTES,
	};
	uint8_t *data = out + RK_TRACE_HEADER_BYTES + RK_TRACE_COLUMN_BYTES, *at = data;

	for (uint32_t i = 0; i < acks->count; i++) {
		const char *name = acks->destinations[acks->ranges[i].destination];
		size_t length = strlen(name);

		at += rk_trace_varint_put(at, length);
		memcpy(at, name, length);
		at += length;
		at += rk_trace_varint_put(at, acks->ranges[i].first);
		at += rk_trace_varint_put(at, acks->ranges[i].last - acks->ranges[i].first);
	}
	rk_trace_column_claim_bytes(&buffer, RK_COL_ACKS, (uint32_t)(at - data));
	header->major = RK_TRACE_MAJOR;
	header->minor = RK_TRACE_MINOR;
	header->type = RK_TRACE_BLOCK_ACKS;
	header->header_bytes = RK_TRACE_HEADER_BYTES;
	header->payload_bytes = (uint32_t)(buffer.size - RK_TRACE_HEADER_BYTES);
	rk_trace_header_put(out, header);
	return buffer.size;
}

static int visit_all(const struct rk_trace_column_view *view, rk_trace_ack_fn visit, void *data)
{
	size_t offset = 0;

	while (offset < view->bytes) {
		char name[RK_TRACE_DESTINATION_MAX];
		uint64_t length, first, more;

		if (rk_trace_varint_get(view->data, view->bytes, &offset, &length) ||
		    length >= sizeof(name) || length > view->bytes - offset)
			return -EBADMSG;
		memcpy(name, view->data + offset, length);
		name[length] = '\0';
		offset += length;
		if (rk_trace_varint_get(view->data, view->bytes, &offset, &first) ||
		    rk_trace_varint_get(view->data, view->bytes, &offset, &more) ||
		    more > UINT64_MAX - first)
			return -EBADMSG;
		if (visit)
			visit(data, name, first, first + more);
	}
	return 0;
}

int rk_trace_ack_get(const uint8_t *block, const struct rk_trace_header *header,
		     rk_trace_ack_fn visit, void *data)
{
	size_t size = (size_t)header->header_bytes + header->payload_bytes;
	size_t offset = header->header_bytes;
	struct rk_trace_column_view view;

	while (offset < size) {
		if (rk_trace_column_parse(block, size, &offset, &view))
			return -EBADMSG;
		if (view.id != RK_COL_ACKS)
			continue;
		if (view.encoding != RK_TRACE_ENC_BYTES)
			return -EBADMSG;
		return visit_all(&view, visit, data);
	}
	return 0;
}
