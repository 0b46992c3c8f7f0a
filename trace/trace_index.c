/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_index.c - the index at the end of a file.
 *
 *    0 u32 skippable magic    4 u32 bytes that follow
 *    8 u32 "RKTI"            12 u16 major, u16 minor
 *   16 u64 bytes of all frames before this one
 *   24 u32 frames            28 u32 entries
 *   32 u32 bytes per entry   36 u32 reserved
 *   40 entries
 *   -12 u32 CRC-32 of everything from offset 8 to here
 *    -8 u32 length of this frame, skippable header included    -4 u32 "RKTI"
 */
#include "trace/trace_index.h"

#include <errno.h>
#include <string.h>

#define HEAD_BYTES 40u
#define TAIL_BYTES 12u
static_assert(HEAD_BYTES + TAIL_BYTES == RK_TRACE_INDEX_FIXED, "layout above");

/* CRC-32 as in zlib, four bits at a time: the index is small. */
static uint32_t crc32_of(const uint8_t *data, size_t size)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = ~0u;

	for (size_t i = 0; i < size; i++) {
		crc = table[(crc ^ data[i]) & 15] ^ crc >> 4;
		crc = table[(crc ^ data[i] >> 4) & 15] ^ crc >> 4;
	}
	return ~crc;
}

static void merge(struct rk_trace_index_entry *into, const struct rk_trace_index_entry *other)
{
	into->bytes += other->bytes;
	into->op_count += other->op_count;
	into->frames += other->frames;
	if (other->first_ns && (other->first_ns < into->first_ns || !into->first_ns))
		into->first_ns = other->first_ns;
	if (other->last_ns > into->last_ns)
		into->last_ns = other->last_ns;
}

static void coarsen(struct rk_trace_index *index)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < index->count; i += 2) {
		index->entries[count] = index->entries[i];
		if (i + 1 < index->count)
			merge(&index->entries[count], &index->entries[i + 1]);
		count++;
	}
	index->count = count;
	index->merged++;
}

void rk_trace_index_add(struct rk_trace_index *index, uint64_t bytes,
			const struct rk_trace_header *header)
{
	struct rk_trace_index_entry entry = {
		.offset = index->data_bytes,
		.bytes = bytes,
		.first_ordinal = header->first_ordinal,
		.first_ns = header->first_ns,
		.last_ns = header->last_ns,
		.op_count = header->op_count,
		.frames = 1,
	};
	struct rk_trace_index_entry *last;

	index->data_bytes += bytes;
	index->frames++;
	if (header->type != RK_TRACE_BLOCK_OPS)
		return;
	last = index->count ? &index->entries[index->count - 1] : NULL;
	if (last && last->frames < 1u << index->merged) {
		merge(last, &entry);
		return;
	}
	if (index->count == RK_TRACE_INDEX_ENTRIES)
		coarsen(index);
	index->entries[index->count++] = entry;
}

size_t rk_trace_index_size(const struct rk_trace_index *index)
{
	return RK_TRACE_INDEX_FIXED + (size_t)index->count * RK_TRACE_INDEX_ENTRY;
}

size_t rk_trace_index_put(struct rk_trace_index *index, uint8_t *out, uint64_t room)
{
	size_t size;

	if (room < RK_TRACE_INDEX_FIXED + RK_TRACE_INDEX_ENTRY)
		return 0;
	while (rk_trace_index_size(index) > room)
		coarsen(index);
	size = rk_trace_index_size(index);
	memset(out, 0, HEAD_BYTES);
	rk_trace_store(out, RK_TRACE_SKIPPABLE_MAGIC, 4);
	rk_trace_store(out + 4, size - 8, 4);
	rk_trace_store(out + 8, RK_TRACE_INDEX_MAGIC, 4);
	rk_trace_store(out + 12, RK_TRACE_MAJOR, 2);
	rk_trace_store(out + 14, RK_TRACE_MINOR, 2);
	rk_trace_store(out + 16, index->data_bytes, 8);
	rk_trace_store(out + 24, index->frames, 4);
	rk_trace_store(out + 28, index->count, 4);
	rk_trace_store(out + 32, RK_TRACE_INDEX_ENTRY, 4);
	memcpy(out + HEAD_BYTES, index->entries, (size_t)index->count * RK_TRACE_INDEX_ENTRY);
	rk_trace_store(out + size - 12, crc32_of(out + 8, size - 8 - TAIL_BYTES), 4);
	rk_trace_store(out + size - 8, size, 4);
	rk_trace_store(out + size - 4, RK_TRACE_INDEX_MAGIC, 4);
	return size;
}

uint64_t rk_trace_index_length(const uint8_t *tail)
{
	uint64_t length = rk_trace_load(tail, 4);

	if (rk_trace_load(tail + 4, 4) != RK_TRACE_INDEX_MAGIC || length < RK_TRACE_INDEX_FIXED ||
	    length > RK_TRACE_RAW_MAX)
		return 0;
	return length;
}

int rk_trace_index_get(struct rk_trace_index *index, const uint8_t *frame, size_t size)
{
	uint64_t count, entry_bytes;

	memset(index, 0, offsetof(struct rk_trace_index, entries));
	if (size < RK_TRACE_INDEX_FIXED || rk_trace_load(frame, 4) != RK_TRACE_SKIPPABLE_MAGIC ||
	    rk_trace_load(frame + 4, 4) != size - 8 ||
	    rk_trace_load(frame + 8, 4) != RK_TRACE_INDEX_MAGIC ||
	    rk_trace_load(frame + size - 12, 4) != crc32_of(frame + 8, size - 8 - TAIL_BYTES))
		return -EBADMSG;
	if (rk_trace_load(frame + 12, 2) < RK_TRACE_MAJOR_OLDEST ||
	    rk_trace_load(frame + 12, 2) > RK_TRACE_MAJOR)
		return -ENOTSUP;
	count = rk_trace_load(frame + 28, 4);
	entry_bytes = rk_trace_load(frame + 32, 4);
	if (entry_bytes < RK_TRACE_INDEX_ENTRY || count > RK_TRACE_INDEX_ENTRIES ||
	    count * entry_bytes != size - RK_TRACE_INDEX_FIXED)
		return -EBADMSG;
	index->data_bytes = rk_trace_load(frame + 16, 8);
	index->frames = (uint32_t)rk_trace_load(frame + 24, 4);
	index->count = (uint32_t)count;
	for (uint64_t i = 0; i < count; i++)
		memcpy(&index->entries[i], frame + HEAD_BYTES + i * entry_bytes,
		       sizeof(index->entries[i]));
	return 0;
}
