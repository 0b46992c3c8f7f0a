/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span.h - one span as OTLP protobuf, written into the send buffer.
 *
 * Byte-identical to what a generated encoder makes of the same message. No allocation, no
 * intermediate form: sizes of attributes are known before they are written, and the length of
 * the span itself is two bytes in all but very small and very large ones, which are moved.
 */
#ifndef RK_EXPORTERS_OTLP_SPAN_H
#define RK_EXPORTERS_OTLP_SPAN_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/span.h"

/**
 * Bytes that rk_otlp_span_encode() may need for @span at most.
 *
 * Context: exporter.
 */
size_t rk_otlp_span_bound(const struct rk_span *span);

/**
 * Write @span as field `spans` of a ScopeSpans, tag and length included.
 *
 * @out: rk_otlp_span_bound() bytes.
 * Context: exporter. Does not allocate.
 * Return: bytes written.
 */
size_t rk_otlp_span_encode(uint8_t *out, const struct rk_span *span);

/**
 * Name of a copy direction, "HtoD" and so on; "unknown".
 *
 * Context: any. Return: a static string.
 */
const char *rk_otlp_span_copy_name(uint8_t copy_kind);

#endif
