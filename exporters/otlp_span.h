/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span.h - one span as OTLP protobuf, written into the send buffer.
 *
 * Byte-identical to what a generated encoder makes of the same message, without an intermediate
 * form and without an allocation per span. Programs launch the same kernels in the same shapes
 * again and again: of such spans only ids, times and a few numbers differ, so an encoder keeps
 * the rest ready-made and copies it.
 *
 * code.function.name is deliberately absent: it means the function of the host program that
 * made the call, which is not known here. The kernel is what was called, and has its names in
 * attributes of our own.
 */
#ifndef RK_EXPORTERS_OTLP_SPAN_H
#define RK_EXPORTERS_OTLP_SPAN_H

#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "pipeline/span/span.h"

/* What a span may hold at most; what is beyond is left out and counted in the span. */
struct rk_otlp_span_limits {
	uint32_t attributes;
	uint32_t characters; /* of an attribute's text, of events as well */
	uint32_t events, links;
	uint32_t event_attributes, link_attributes;
};

struct rk_otlp_span_encoder;

/**
 * The limits of @config; NULL: those of the specification.
 *
 * Context: any.
 */
void rk_otlp_span_limits_get(struct rk_otlp_span_limits *limits, const struct rk_config *config);

/**
 * An encoder with its memory for ready-made parts, which is all it will ever take (1.1 MiB,
 * touched as shapes of spans are seen).
 *
 * @config: NULL = defaults. Read here only.
 * Context: exporter. Ownership: the caller, rk_otlp_span_encoder_destroy(). Return: 0; -ENOMEM.
 */
int rk_otlp_span_encoder_create(struct rk_otlp_span_encoder **out, const struct rk_config *config);
void rk_otlp_span_encoder_destroy(struct rk_otlp_span_encoder *encoder);

/**
 * Bytes that rk_otlp_span_encoder_encode() may need for @span at most. Texts of spans are
 * recognised by address: those that span.h calls interned must be.
 *
 * Context: exporter. Does not allocate.
 */
size_t rk_otlp_span_encoder_bound(struct rk_otlp_span_encoder *encoder, const struct rk_span *span);

/**
 * Write @span as field `spans` of a ScopeSpans, tag and length included.
 *
 * @span: the one that rk_otlp_span_encoder_bound() was last asked for, unchanged since.
 * @out: as many bytes as it said.
 * Context: exporter. Does not allocate.
 * Return: bytes written.
 */
size_t rk_otlp_span_encoder_encode(struct rk_otlp_span_encoder *encoder, uint8_t *out,
				   const struct rk_span *span);

/**
 * The same without an encoder: slower, default limits, and no text needs to be interned.
 *
 * Context: exporter. Does not allocate.
 */
size_t rk_otlp_span_bound(const struct rk_span *span);
size_t rk_otlp_span_encode(uint8_t *out, const struct rk_span *span);

/**
 * Name of a copy direction, "HtoD" and so on; "unknown".
 *
 * Context: any. Return: a static string.
 */
const char *rk_otlp_span_copy_name(uint8_t copy_kind);

#endif
