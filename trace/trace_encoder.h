/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_encoder.h - ops into the content of one block.
 *
 * Memory is taken once; pages a quiet program never needs are never touched.
 */
#ifndef RK_TRACE_TRACE_ENCODER_H
#define RK_TRACE_TRACE_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "core/op.h"
#include "trace/trace_column.h"
#include "trace/trace_format.h"
#include "trace/trace_numbers.h"

/* A block is full when its shapes, names, texts and ids reach this. */
#define RK_TRACE_BLOCK_RAW (1u << 20)

struct rk_trace_encoder;

/**
 * Context: exporter. Ownership: the caller, rk_trace_encoder_destroy(). Return: 0, -ENOMEM.
 */
int rk_trace_encoder_create(struct rk_trace_encoder **out);
void rk_trace_encoder_destroy(struct rk_trace_encoder *encoder);

/**
 * Take one op.
 *
 * Context: exporter. Does not allocate.
 * Return: 0; -ENOBUFS when the block is full and nothing was taken (an empty block takes any
 *         op); -EINVAL for a kind that cannot be stored.
 */
int rk_trace_encoder_add(struct rk_trace_encoder *encoder, const struct rk_op *op);

/**
 * Ops taken since the last reset.
 *
 * Context: any.
 */
uint32_t rk_trace_encoder_count(const struct rk_trace_encoder *encoder);

/**
 * The block as bytes, header included.
 *
 * @header: sequence and lost are the caller's; the rest is filled in.
 * Context: exporter. Ownership: the buffer is the encoder's, valid until the next call.
 */
const struct rk_trace_buffer *rk_trace_encoder_finish(struct rk_trace_encoder *encoder,
						      struct rk_trace_header *header);

/**
 * Start the next block.
 *
 * Context: any.
 */
void rk_trace_encoder_reset(struct rk_trace_encoder *encoder);

/**
 * Write @header in its on-disk form, RK_TRACE_HEADER_BYTES long.
 *
 * Context: any.
 */
void rk_trace_header_put(uint8_t *out, const struct rk_trace_header *header);

#endif
