/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_frame.h - one block as one standard zstd frame, with checksum and size.
 */
#ifndef RK_TRACE_TRACE_FRAME_H
#define RK_TRACE_TRACE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "trace/trace_column.h"

struct rk_trace_packer;

/**
 * @level: of zstd; values out of range are taken to its ends.
 * @content_max: longest block that will be packed.
 * Context: exporter. Ownership: the caller, rk_trace_packer_destroy(). Return: 0, -ENOMEM.
 */
int rk_trace_packer_create(struct rk_trace_packer **out, uint32_t level, size_t content_max);
void rk_trace_packer_destroy(struct rk_trace_packer *packer);

/**
 * Compress @block. Every cut of it ends a zstd block, so that each column gets the entropy
 * table that suits it.
 *
 * @data: the frame, the packer's until the next call.
 * Context: exporter. Return: 0; -ENOMEM, -EIO (zstd refused).
 */
int rk_trace_frame_pack(struct rk_trace_packer *packer, const struct rk_trace_buffer *block,
			const uint8_t **data, size_t *size);

/* What lies at the start of some bytes. */
enum rk_trace_frame_kind {
	RK_TRACE_FRAME_DATA,
	RK_TRACE_FRAME_SKIPPABLE,
	RK_TRACE_FRAME_INCOMPLETE, /* more bytes are needed */
	RK_TRACE_FRAME_FOREIGN,	   /* no zstd frame */
	RK_TRACE_FRAME_DAMAGED,	   /* zstd, but broken or not as this format wants it */
};

/**
 * Look at the frame at the start of @data.
 *
 * @frame_size: its length, for DATA and SKIPPABLE (which may be longer than @size).
 * @content_size: of a DATA frame.
 * Context: any.
 */
enum rk_trace_frame_kind rk_trace_frame_look(const uint8_t *data, size_t size, uint64_t *frame_size,
					     size_t *content_size);

#endif
