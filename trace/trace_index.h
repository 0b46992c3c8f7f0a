/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_index.h - where the frames of a file lie and which times they cover.
 *
 * Written behind a clean end in a skippable frame, which `zstd` passes over. It has a fixed
 * number of entries in memory: when they are used up, neighbours are merged, so that an
 * entry covers more frames but never less of the file.
 */
#ifndef RK_TRACE_TRACE_INDEX_H
#define RK_TRACE_TRACE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "trace/trace_format.h"

#define RK_TRACE_INDEX_ENTRIES 4096u

/* A run of frames of ops; 48 bytes on disk, in this order. */
struct rk_trace_index_entry {
	uint64_t offset; /* of the first frame in the file */
	uint64_t bytes;
	uint64_t first_ordinal;
	uint64_t first_ns, last_ns;
	uint32_t op_count;
	uint32_t frames;
};

static_assert(sizeof(struct rk_trace_index_entry) == RK_TRACE_INDEX_ENTRY, "on-disk layout");

struct rk_trace_index {
	uint64_t data_bytes; /* all frames before the index */
	uint32_t frames;     /* the description included */
	uint32_t count;
	uint32_t merged; /* entries cover up to 2^merged frames */
	struct rk_trace_index_entry entries[RK_TRACE_INDEX_ENTRIES];
};

/**
 * Note a frame that was written. The description (no ops) gets no entry.
 *
 * Context: exporter.
 */
void rk_trace_index_add(struct rk_trace_index *index, uint64_t bytes,
			const struct rk_trace_header *header);

/**
 * Write the skippable frame, merging entries until it fits.
 *
 * @out: room for RK_TRACE_INDEX_FIXED and all entries.
 * Context: exporter. Return: its length; 0 when not even an empty one fits into @room.
 */
size_t rk_trace_index_put(struct rk_trace_index *index, uint8_t *out, uint64_t room);

/**
 * Length of the skippable frame as it would be written now.
 *
 * Context: any.
 */
size_t rk_trace_index_size(const struct rk_trace_index *index);

/**
 * What the last bytes of a file say about an index.
 *
 * @tail: the last 8 bytes. Context: any.
 * Return: length of the skippable frame at the end of the file; 0 = none.
 */
uint64_t rk_trace_index_length(const uint8_t *tail);

/**
 * Read the skippable frame.
 *
 * Context: any. Return: 0; -EBADMSG (also: damaged; -ENOTSUP: newer major version).
 */
int rk_trace_index_get(struct rk_trace_index *index, const uint8_t *frame, size_t size);

#endif
