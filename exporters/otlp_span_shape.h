/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span_shape.h - the part of a span that all spans of its shape share.
 *
 *   [trace_id span_id trace_state parent]  name kind start end attributes...  [numbers] [tail]
 *                                          \______ the shape: one run ______/
 *
 * Only the two times in it differ, at a known place. Attributes that are another number in each
 * span (correlation id, queue time, bytes) come behind it, so no length within it changes. The
 * node of a graph is such a number, too: graphs have thousands, and few kinds of them.
 */
#ifndef RK_EXPORTERS_OTLP_SPAN_SHAPE_H
#define RK_EXPORTERS_OTLP_SPAN_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "exporters/otlp_span_cache.h"
#include "exporters/otlp_span_put.h"
#include "pipeline/span/span.h"

/**
 * Everything that rk_otlp_span_shape_put() looks at, but for the times. Texts by address.
 *
 * Context: exporter.
 */
void rk_otlp_span_shape_get_key(struct rk_otlp_span_key *key, const struct rk_span *span);

/**
 * Whether @key is one of ours, which nobody else may use.
 *
 * Context: any.
 */
bool rk_otlp_span_is_own_key(const char *key, size_t length);

/**
 * Bytes that the shape may need at most.
 *
 * Context: exporter.
 */
size_t rk_otlp_span_shape_bound(const struct rk_span *span);

/**
 * Write fields 5 to 9.
 *
 * Context: exporter. Does not allocate.
 * Return: where the value of the start time stands; that of the end time is 9 bytes behind. Of
 *         use only where neither is 0: a 0 is not written.
 */
uint8_t *rk_otlp_span_shape_put(struct rk_otlp_span_writer *writer, const struct rk_span *span);

#endif
