/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_decoder.h - the content of one block into ops.
 *
 * Believes nothing: counts and lengths are checked against the limits of the format before
 * memory is taken, and every number against its column before it is used.
 */
#ifndef RK_TRACE_TRACE_DECODER_H
#define RK_TRACE_TRACE_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/op.h"
#include "trace/trace_format.h"

struct rk_trace_decoder;

/**
 * Context: exporter or tools. Ownership: the caller, rk_trace_decoder_destroy().
 * Return: 0, -ENOMEM.
 */
int rk_trace_decoder_create(struct rk_trace_decoder **out);
void rk_trace_decoder_destroy(struct rk_trace_decoder *decoder);

/**
 * Read and check the header of a block.
 *
 * Context: any.
 * Return: 0; -EPROTO (not a block of ours), -ENOTSUP (newer major version; header->major and
 *         minor are set), -EBADMSG (contradicts itself or a limit).
 */
int rk_trace_header_get(const uint8_t *block, size_t size, struct rk_trace_header *header);

/**
 * Start reading the ops of @block.
 *
 * Context: exporter or tools. Ownership: @block is borrowed until the last op was taken.
 * Return: 0; -EBADMSG, -ENOMEM.
 */
int rk_trace_decoder_load(struct rk_trace_decoder *decoder, const uint8_t *block,
			  const struct rk_trace_header *header);

/**
 * The next op of the block. Ops of kinds this version does not know are passed over.
 *
 * Context: exporter or tools.
 * Return: 1 and @op (fields of other kinds and the tick of ops without one are undefined);
 *         0 behind the last; -EBADMSG.
 */
int rk_trace_decoder_next(struct rk_trace_decoder *decoder, struct rk_op *op);

/**
 * Whether the block that was loaded holds ops that later ones are read with: clocks, devices,
 * names of threads, stacks, instruments, graphs, settings, what was recorded and when.
 *
 * Context: exporter or tools, after rk_trace_decoder_load() returned 0.
 */
bool rk_trace_decoder_has_definitions(const struct rk_trace_decoder *decoder);

/**
 * Take no further op of the block that was loaded.
 *
 * Context: exporter or tools.
 */
void rk_trace_decoder_drop(struct rk_trace_decoder *decoder);

#endif
