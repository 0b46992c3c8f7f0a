/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_meta.h - the first frame: what a file says about itself, as keys and values.
 *
 * Everything is text, so that a file explains itself to whoever decompresses it, and a new
 * key needs no new version: readers pass over keys they do not know.
 */
#ifndef RK_TRACE_TRACE_META_H
#define RK_TRACE_TRACE_META_H

#include <stddef.h>
#include <stdint.h>

#include "trace/trace_format.h"
#include "trace/trace_writer.h"

/* Longer values are cut there: with all keys the block stays below RK_TRACE_BLOCK_RAW. */
#define RK_TRACE_META_VALUE_MAX (64u << 10)
#define RK_TRACE_META_BYTES	(1u << 20)

/**
 * The description block of @meta, header included.
 *
 * @out: room for RK_TRACE_META_BYTES.
 * Context: any. Return: its length.
 */
size_t rk_trace_meta_put(uint8_t *out, const struct rk_trace_meta *meta);

/**
 * Read a description block.
 *
 * @strings: takes the memory that the strings of @meta lie in.
 * Context: any. Ownership: *strings is the caller's, free().
 * Return: 0; -EBADMSG, -ENOMEM.
 */
int rk_trace_meta_get(const uint8_t *block, const struct rk_trace_header *header,
		      struct rk_trace_meta *meta, char **strings);

#endif
