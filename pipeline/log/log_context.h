/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_context.h - whose work a line of the program belongs to.
 *
 * A line says in which span it was said, and nothing else. What is known of the span (the
 * execution it is part of, the baggage it came with) was told when it began, so the latest
 * spans are remembered, by id. A table of a fixed size: a newer span takes the place of one that
 * is over, else of the oldest; a line of a span that is forgotten has only its ids.
 */
#ifndef RK_PIPELINE_LOG_LOG_CONTEXT_H
#define RK_PIPELINE_LOG_LOG_CONTEXT_H

#include <stdint.h>

#include "core/baggage.h"
#include "core/op.h"

#define RK_LOG_BAGGAGE_MAX 16u

struct rk_log_origin {
	uint8_t span_id[8];
	const char *kernel_id; /* lives for ever; "" = none */
	uint32_t baggage_count;
	struct rk_baggage_entry baggage[RK_LOG_BAGGAGE_MAX];
};

struct rk_log_contexts;

/**
 * @keys: which entries of a baggage count: a,b,c. @baggage: of the process, for lines outside
 * of any span that is known; may be NULL. Both borrowed.
 * Context: exporter or tools. Ownership: the caller, rk_log_contexts_destroy().
 * Return: NULL when memory is short.
 */
struct rk_log_contexts *rk_log_contexts_create(const char *keys, const char *baggage);
void rk_log_contexts_destroy(struct rk_log_contexts *contexts);

/**
 * Remember what RK_OP_SPAN_BEGIN or RK_OP_CONTEXT says; RK_OP_SPAN_END makes it dispensable.
 *
 * Context: exporter or tools.
 */
void rk_log_contexts_note(struct rk_log_contexts *contexts, const struct rk_op *op);

/**
 * Where a line of span @span_id comes from.
 *
 * Context: exporter or tools. Ownership: borrowed until the next note.
 * Return: never NULL; the process, for a span that is not known.
 */
const struct rk_log_origin *rk_log_contexts_find(const struct rk_log_contexts *contexts,
						 const uint8_t span_id[8]);

#endif
