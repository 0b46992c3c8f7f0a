/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span_said.h - the part of a span that its program told: attributes of any type,
 * events, links, a status.
 *
 * Nothing of it is ready-made: no two such spans are alike.
 */
#ifndef RK_EXPORTERS_OTLP_SPAN_SAID_H
#define RK_EXPORTERS_OTLP_SPAN_SAID_H

#include <stddef.h>
#include <stdint.h>

#include "exporters/otlp_span.h"
#include "exporters/otlp_span_put.h"
#include "pipeline/span/span.h"

/**
 * Bytes that all of it may need at most.
 *
 * Context: exporter. Does not allocate.
 */
size_t rk_otlp_span_said_bound(const struct rk_span_api *said);

/**
 * The kind, as OTLP numbers it; never unspecified.
 *
 * Context: any.
 */
uint8_t rk_otlp_span_said_kind(const struct rk_span_api *said);

/**
 * Whether the program set @key on the span: then nobody else may.
 *
 * Context: any.
 */
bool rk_otlp_span_said_has_key(const struct rk_span_api *said, const char *key);

/**
 * Write the attributes. Those with a key of ours are left out, and counted as dropped.
 *
 * Context: exporter. Does not allocate.
 */
void rk_otlp_span_said_put_attributes(struct rk_otlp_span_writer *writer,
				      const struct rk_span_api *said);

/**
 * Write the events as fields 11. What was and is dropped is added to *@dropped.
 *
 * Context: exporter. Does not allocate. Return: where the next byte goes.
 */
uint8_t *rk_otlp_span_said_put_events(uint8_t *p, const struct rk_span_api *said,
				      const struct rk_otlp_span_limits *limits, uint32_t *dropped);

/**
 * Write the links as fields 13, and 14 for those that were dropped; the status as field 15.
 *
 * Context: exporter. Does not allocate. Return: where the next byte goes.
 */
uint8_t *rk_otlp_span_said_put_links(uint8_t *p, const struct rk_span_api *said,
				     const struct rk_otlp_span_limits *limits);
uint8_t *rk_otlp_span_said_put_status(uint8_t *p, const struct rk_span_api *said);

#endif
