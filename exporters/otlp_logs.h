/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_logs.h - one event as an OTLP log record, written into the send buffer.
 *
 * As with spans: no allocation, and byte-identical to what a generated encoder makes.
 */
#ifndef RK_EXPORTERS_OTLP_LOGS_H
#define RK_EXPORTERS_OTLP_LOGS_H

#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "pipeline/log/log_event.h"

/**
 * Bytes that rk_otlp_log_encode() may need for @event at most.
 *
 * Context: exporter.
 */
size_t rk_otlp_log_bound(const struct rk_log_event *event);

/**
 * Write @event as field `log_records` of a ScopeLogs, tag and length included.
 *
 * @out: rk_otlp_log_bound() bytes.
 * @config: limits of attributes, logging_attribute_*. What the number of attributes forbids is
 *          counted in the record; of two with one key the first is sent.
 * Context: exporter. Does not allocate.
 * Return: bytes written.
 */
size_t rk_otlp_log_encode(uint8_t *out, const struct rk_log_event *event,
			  const struct rk_config *config);

#endif
