/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_decode.c - fields by offset, never by struct.
 */
#include "cupti/cupti_decode.h"

#include <string.h>

#define ASYNC 1 /* CUPTI_ACTIVITY_FLAG_MEMCPY_ASYNC and _MEMSET_ASYNC */

static uint64_t get_64(const uint8_t *record, uint16_t offset)
{
	uint64_t value = 0;

	if (offset != RK_CUPTI_ABSENT)
		memcpy(&value, record + offset, sizeof(value));
	return value;
}

static uint32_t get_32(const uint8_t *record, uint16_t offset)
{
	uint32_t value = 0;

	if (offset != RK_CUPTI_ABSENT)
		memcpy(&value, record + offset, sizeof(value));
	return value;
}

static uint16_t get_16(const uint8_t *record, uint16_t offset)
{
	uint16_t value = 0;

	if (offset != RK_CUPTI_ABSENT)
		memcpy(&value, record + offset, sizeof(value));
	return value;
}

static uint8_t get_8(const uint8_t *record, uint16_t offset)
{
	return offset == RK_CUPTI_ABSENT ? 0 : record[offset];
}

int rk_cupti_record_of_kind(uint32_t kind)
{
	switch (kind) {
	case CUPTI_ACTIVITY_KIND_KERNEL:
	case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
		return RK_CUPTI_KERNEL;
	case CUPTI_ACTIVITY_KIND_MEMCPY:
		return RK_CUPTI_MEMCPY;
	case CUPTI_ACTIVITY_KIND_MEMCPY2:
		return RK_CUPTI_MEMCPY_PEER;
	case CUPTI_ACTIVITY_KIND_MEMSET:
		return RK_CUPTI_MEMSET;
	case CUPTI_ACTIVITY_KIND_GRAPH_TRACE:
		return RK_CUPTI_GRAPH;
	case CUPTI_ACTIVITY_KIND_CDP_KERNEL:
		return RK_CUPTI_DEVICE_KERNEL;
	default:
		return -1;
	}
}

static void fill_common(struct rk_activity *out, const uint8_t *record,
			const struct rk_cupti_layout *layout, int64_t offset_ns)
{
	uint64_t start = get_64(record, layout->start_64);
	uint64_t end = get_64(record, layout->end_64);

	if (!start || !end || end < start)
		out->flags |= RK_ACT_INVALID_TIME;
	out->start = start ? start - (uint64_t)offset_ns : 0;
	out->end = end ? end - (uint64_t)offset_ns : 0;
	out->device = get_32(record, layout->device);
	out->peer_device = out->device;
	out->context = get_32(record, layout->context);
	out->stream = get_32(record, layout->stream);
	out->correlation = get_32(record, layout->correlation);
	out->graph = get_32(record, layout->graph);
	out->graph_node = get_64(record, layout->graph_node_64);
}

static void fill_kernel(struct rk_activity *out, const uint8_t *record,
			const struct rk_cupti_layout *layout)
{
	for (int i = 0; i < 3; i++) {
		out->grid[i] = get_32(record, layout->grid[i]);
		out->block[i] = get_32(record, layout->block[i]);
	}
	out->registers = get_16(record, layout->registers_16);
	out->static_shared_bytes = get_32(record, layout->static_shared);
	out->dynamic_shared_bytes = get_32(record, layout->dynamic_shared);
	out->local_bytes_per_thread = get_32(record, layout->local);
}

static void fill_memory(struct rk_activity *out, const uint8_t *record,
			const struct rk_cupti_layout *layout)
{
	out->bytes = get_64(record, layout->bytes_64);
	out->value = get_32(record, layout->value);
	out->copy_kind = get_8(record, layout->copy_kind_8);
	out->src_memory = get_8(record, layout->src_memory_8);
	out->dst_memory = get_8(record, layout->dst_memory_8);
	if (layout->memory_16 != RK_CUPTI_ABSENT)
		out->dst_memory = (uint8_t)get_16(record, layout->memory_16);
	if (layout->peer_device != RK_CUPTI_ABSENT)
		out->peer_device = get_32(record, layout->peer_device);
	if (get_8(record, layout->flags_8) & ASYNC)
		out->flags |= RK_ACT_ASYNC;
}

static void decode_record(struct rk_cupti_decoder *decoder, const uint8_t *record, int kind)
{
	static const uint8_t kinds[RK_CUPTI_RECORD_COUNT] = {
		[RK_CUPTI_KERNEL] = RK_ACT_KERNEL,	[RK_CUPTI_MEMCPY] = RK_ACT_MEMCPY,
		[RK_CUPTI_MEMCPY_PEER] = RK_ACT_MEMCPY, [RK_CUPTI_MEMSET] = RK_ACT_MEMSET,
		[RK_CUPTI_GRAPH] = RK_ACT_GRAPH,	[RK_CUPTI_DEVICE_KERNEL] = RK_ACT_KERNEL,
	};
	const struct rk_cupti_layout *layout = decoder->layouts.of[kind];
	struct rk_activity out = { .kind = kinds[kind] };

	if (decoder->forced && !get_64(record, layout->end_64)) {
		decoder->open++;
		return;
	}
	fill_common(&out, record, layout, decoder->offset_ns);
	if (kind == RK_CUPTI_DEVICE_KERNEL)
		out.flags |= RK_ACT_DEVICE_LAUNCH;
	if (kind == RK_CUPTI_KERNEL || kind == RK_CUPTI_DEVICE_KERNEL)
		fill_kernel(&out, record, layout);
	else if (kind != RK_CUPTI_GRAPH)
		fill_memory(&out, record, layout);
	if (layout->name_64 != RK_CUPTI_ABSENT)
		out.name = rk_cupti_names_get(decoder->names, get_64(record, layout->name_64));
	decoder->records++;
	if (out.flags & RK_ACT_INVALID_TIME)
		decoder->invalid++;
	decoder->emit(&out, decoder->data);
}

/* A record that is passed on when the next one is known. */
struct held {
	uint8_t *record; /* NULL = none */
	int kind;
};

static void let_go(struct rk_cupti_decoder *decoder, struct held *held)
{
	if (held->record)
		decode_record(decoder, held->record, held->kind);
	held->record = NULL;
}

/* A launch waits no longer when it has its own record: kernels that were launched on the device
 * and come right behind it go first. */
static void take_record(struct rk_cupti_decoder *decoder, struct held *held, uint8_t *record,
			int kind)
{
	if (kind == RK_CUPTI_DEVICE_KERNEL) {
		decode_record(decoder, record, kind);
		return;
	}
	let_go(decoder, held);
	*held = (struct held){ record, kind };
}

/* What the driver needs of itself, its compiler for one, would be needed without us as well. */
static void note_overhead(struct rk_cupti_decoder *decoder, const uint8_t *record, size_t left)
{
	CUpti_ActivityOverhead overhead;

	if (left < sizeof(overhead))
		return;
	memcpy(&overhead, record, sizeof(overhead));
	switch ((uint32_t)overhead.overheadKind) {
	case CUPTI_ACTIVITY_OVERHEAD_CUPTI_BUFFER_FLUSH:
	case CUPTI_ACTIVITY_OVERHEAD_CUPTI_INSTRUMENTATION:
	case CUPTI_ACTIVITY_OVERHEAD_CUPTI_RESOURCE:
	case CUPTI_ACTIVITY_OVERHEAD_ACTIVITY_BUFFER_REQUEST:
		if (overhead.end > overhead.start)
			decoder->overhead_ns += overhead.end - overhead.start;
		break;
	default:
		break;
	}
}

/* The sizes are CUPTI's own. Behind a record whose size nobody knows nothing can be found. */
static bool walk(struct rk_cupti_decoder *decoder, uint8_t *buffer, size_t valid,
		 CUpti_Activity **record)
{
	uint8_t *at = buffer;

	if (*record) {
		int kind = rk_cupti_record_of_kind(get_32((uint8_t *)*record, 0));
		size_t size = kind < 0 ? 0 : decoder->layouts.of[kind]->size;
		size_t left = valid - (size_t)((uint8_t *)*record - buffer);

		if (!size || size > left) {
			decoder->malformed++;
			return false;
		}
		at = (uint8_t *)*record + size;
	}
	if (at == buffer + valid)
		return false;
	*record = (CUpti_Activity *)at;
	return true;
}

static bool advance(struct rk_cupti_decoder *decoder, uint8_t *buffer, size_t valid,
		    CUpti_Activity **record)
{
	if (!decoder->next)
		return walk(decoder, buffer, valid, record);
	return decoder->next(buffer, valid, record) == CUPTI_SUCCESS;
}

void rk_cupti_decode_buffer(struct rk_cupti_decoder *decoder, uint8_t *buffer, size_t valid)
{
	uint8_t *last = NULL;
	CUpti_Activity *next = NULL;
	struct held held = { NULL, 0 };

	while (advance(decoder, buffer, valid, &next)) {
		uint8_t *record = (uint8_t *)next;
		size_t left;
		int kind;

		/* Forward and inside: an iterator gone astray must not take us along. */
		if (!record || record < buffer || (last && record <= last) ||
		    (size_t)(record - buffer) >= valid)
			break;
		left = valid - (size_t)(record - buffer);
		if (left < sizeof(uint32_t)) {
			decoder->malformed++;
			break;
		}
		kind = rk_cupti_record_of_kind(get_32(record, 0));
		if (kind >= 0 && left < decoder->layouts.of[kind]->needed) {
			decoder->malformed++;
			break;
		}
		if (get_32(record, 0) == CUPTI_ACTIVITY_KIND_OVERHEAD)
			note_overhead(decoder, record, left);
		if (kind >= 0 && !decoder->layouts.unreadable[kind])
			take_record(decoder, &held, record, kind);
		last = record;
	}
	let_go(decoder, &held);
}
