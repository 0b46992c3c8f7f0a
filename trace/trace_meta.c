/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_meta.c - the description block.
 */
#include "trace/trace_meta.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/trace_column.h"
#include "trace/trace_encoder.h"
#include "trace/trace_ledger.h"

enum meta_type { META_U64, META_U32, META_STRING, META_PART /* a META_U64 that only parts have */ };

/* Keys are on-disk names. */
static const struct {
	const char *key;
	enum meta_type type;
	size_t offset;
} fields[] = {
	{ "seed", META_U64, offsetof(struct rk_trace_meta, seed) },
	{ "start_wall_ns", META_U64, offsetof(struct rk_trace_meta, start_wall_ns) },
	{ "start_ns", META_U64, offsetof(struct rk_trace_meta, start_ns) },
	{ "pid", META_U32, offsetof(struct rk_trace_meta, pid) },
	{ "cupti_version", META_U32, offsetof(struct rk_trace_meta, cupti_version) },
	{ "cuda_version", META_U32, offsetof(struct rk_trace_meta, cuda_version) },
	{ "loss_bound_ns", META_U64, offsetof(struct rk_trace_meta, loss_bound_ns) },
	{ "part_ordinal", META_PART, offsetof(struct rk_trace_meta, part_ordinal) },
	{ "part_kernels", META_PART, offsetof(struct rk_trace_meta, part_kernels) },
	{ "part_memcpys", META_PART, offsetof(struct rk_trace_meta, part_memcpys) },
	{ "part_memsets", META_PART, offsetof(struct rk_trace_meta, part_memsets) },
	{ "executable", META_STRING, offsetof(struct rk_trace_meta, executable) },
	{ "host", META_STRING, offsetof(struct rk_trace_meta, host) },
	{ "version", META_STRING, offsetof(struct rk_trace_meta, version) },
	{ "command_line", META_STRING, offsetof(struct rk_trace_meta, command_line) },
	{ "gpu_time_source", META_STRING, offsetof(struct rk_trace_meta, gpu_time_source) },
	{ "host_time_reason", META_STRING, offsetof(struct rk_trace_meta, host_time_reason) },
	{ "traceparent", META_STRING, offsetof(struct rk_trace_meta, traceparent) },
	{ "tracestate", META_STRING, offsetof(struct rk_trace_meta, tracestate) },
	{ "baggage", META_STRING, offsetof(struct rk_trace_meta, baggage) },
	{ "resource", META_STRING, offsetof(struct rk_trace_meta, resource) },
	{ "sampling", META_STRING, offsetof(struct rk_trace_meta, sampling) },
};
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* What does not depend on the process: for people and other readers. */
static const char *const constants[][2] = {
	{ "format", "rkpreload trace" },
	{ "schema", "1.0" },
	{ "time_unit", "ns" },
	{ "clock", "rk_clock: near CLOCK_MONOTONIC; UNIX time = rk_clock + offset of the latest "
		   "clock op" },
};

static size_t put_text(uint8_t *out, const char *text)
{
	size_t length = strlen(text);
	size_t size;

	if (length > RK_TRACE_META_VALUE_MAX)
		length = RK_TRACE_META_VALUE_MAX;
	size = rk_trace_varint_put(out, length);
	memcpy(out + size, text, length);
	return size + length;
}

static size_t put_pair(uint8_t *out, const char *key, const char *value)
{
	size_t size = put_text(out, key);

	return size + put_text(out + size, value);
}

static size_t put_field(uint8_t *out, unsigned index, const struct rk_trace_meta *meta)
{
	const char *at = (const char *)meta + fields[index].offset;
	const char *text = NULL;
	uint64_t number = 0;
	char digits[24];

	switch (fields[index].type) {
	case META_STRING:
		memcpy(&text, at, sizeof(text));
		return put_pair(out, fields[index].key, text ? text : "");
	case META_U32:
		memcpy(&number, at, 4);
		break;
	case META_PART:
		if (!meta->part_ordinal)
			return 0;
		__attribute__((fallthrough));
	case META_U64:
		memcpy(&number, at, 8);
		break;
	}
	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	return put_pair(out, fields[index].key, digits);
}

size_t rk_trace_meta_put(uint8_t *out, const struct rk_trace_meta *meta)
{
	struct rk_trace_header header = {
		.major = RK_TRACE_MAJOR,
		.minor = RK_TRACE_MINOR,
		.type = RK_TRACE_BLOCK_DESCRIPTION,
		.header_bytes = RK_TRACE_HEADER_BYTES,
	};
	struct rk_trace_buffer buffer = {
		.data = out,
		.size = RK_TRACE_HEADER_BYTES,
		.capacity = RK_TRACE_META_BYTES,
	};
	uint8_t *data = out + RK_TRACE_HEADER_BYTES + RK_TRACE_COLUMN_BYTES;
	size_t size = 0;

	for (unsigned i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		size += put_pair(data + size, constants[i][0], constants[i][1]);
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		size += put_field(data + size, i, meta);
	rk_trace_column_claim_bytes(&buffer, RK_COL_META, (uint32_t)size);
	header.payload_bytes = (uint32_t)(buffer.size - RK_TRACE_HEADER_BYTES);
	rk_trace_header_put(out, &header);
	return buffer.size;
}

static bool set_number(const char *text, uint64_t limit, void *at, size_t size)
{
	uint64_t number = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || number > (limit - (uint64_t)(*text - '0')) / 10)
			return false;
		number = number * 10 + (uint64_t)(*text - '0');
	}
	memcpy(at, &number, size);
	return true;
}

static bool set_field(struct rk_trace_meta *meta, const char *key, const char *value)
{
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		char *at = (char *)meta + fields[i].offset;

		if (strcmp(fields[i].key, key) != 0)
			continue;
		switch (fields[i].type) {
		case META_STRING:
			memcpy(at, &value, sizeof(value));
			return true;
		case META_U32:
			return set_number(value, UINT32_MAX, at, 4);
		case META_PART:
		case META_U64:
			return set_number(value, UINT64_MAX, at, 8);
		}
	}
	return true;
}

/* One text of @view, copied with a NUL behind it to *to. */
static const char *take_text(const struct rk_trace_column_view *view, size_t *offset, char **to)
{
	const char *text = *to;
	uint64_t length;

	if (rk_trace_varint_get(view->data, view->bytes, offset, &length) ||
	    length > view->bytes - *offset)
		return NULL;
	memcpy(*to, view->data + *offset, length);
	(*to)[length] = '\0';
	*to += length + 1;
	*offset += length;
	return text;
}

static int read_pairs(const struct rk_trace_column_view *view, struct rk_trace_meta *meta, char *to)
{
	size_t offset = 0;

	while (offset < view->bytes) {
		const char *key = take_text(view, &offset, &to);
		const char *value = key ? take_text(view, &offset, &to) : NULL;

		if (!value || !set_field(meta, key, value))
			return -EBADMSG;
	}
	return 0;
}

int rk_trace_meta_get(const uint8_t *block, const struct rk_trace_header *header,
		      struct rk_trace_meta *meta, char **strings)
{
	size_t size = (size_t)header->header_bytes + header->payload_bytes;
	size_t offset = header->header_bytes;
	struct rk_trace_column_view view;
	static const char empty[] = "";

	*strings = NULL;
	memset(meta, 0, sizeof(*meta));
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		const char *text = empty;

		if (fields[i].type == META_STRING)
			memcpy((char *)meta + fields[i].offset, &text, sizeof(text));
	}
	do {
		if (offset >= size || rk_trace_column_parse(block, size, &offset, &view))
			return -EBADMSG;
	} while (view.id != RK_COL_META);
	if (view.encoding != RK_TRACE_ENC_BYTES)
		return -EBADMSG;
	/* Every text is at least one byte longer in the block than here without its NUL. */
	*strings = malloc((size_t)view.bytes + 1);
	if (!*strings)
		return -ENOMEM;
	return read_pairs(&view, meta, *strings);
}
