/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_line.h - one event as one line: JSON for machines, text for people.
 *
 *   {"timestamp":"2026-11-23T12:00:00.123456789Z","level":"INFO","message":"Kernel execution
 *    complete","kernel_id":"graph/pagerank","domain":"GraphAnalytics","duration_ms":1.5,
 *    "trace_id":"...","span_id":"...","tenant_id":"acme", fields...}
 *   2026-11-23T12:00:00.123456Z INFO  Kernel execution complete  kernel_id=graph/pagerank ...
 *
 * Whatever the bytes of an event are, a line of JSON is valid JSON and a line of text is one
 * line without control characters: a log must not be able to steer the terminal of its reader.
 * What does not fit is cut, and the line says so with "truncated".
 */
#ifndef RK_PIPELINE_LOG_LOG_LINE_H
#define RK_PIPELINE_LOG_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config.h"
#include "pipeline/log/log_event.h"

/* A write of this size into a pipe never mixes with that of another process (PIPE_BUF). */
#define RK_LOG_LINE_PIPE_BYTES 4096u
#define RK_LOG_LINE_MAX_BYTES  16384u
#define RK_LOG_LINE_MIN_BYTES  2048u /* smaller buffers have no room for the fixed keys */

struct rk_log_style {
	enum rk_log_format format;
	bool is_bare;	/* TEXT: no time, no level; the receiver adds its own */
	bool has_color; /* TEXT */
};

/**
 * Write @event into @out, with a line end and no NUL.
 *
 * @size: at least RK_LOG_LINE_MIN_BYTES. Context: any but hooks; does not allocate.
 * Return: bytes written, at most @size.
 */
size_t rk_log_line_format(char *out, size_t size, const struct rk_log_event *event,
			  const struct rk_log_style *style);

/**
 * The key under which a field of this key is shown: a field never takes the place of a fixed
 * key ("level" becomes "field.level").
 *
 * @out: 160 bytes. Context: any.
 * Return: @key, or @out.
 */
const char *rk_log_line_key(const char *key, char out[160]);

/**
 * Whether an earlier field of @event has the key of field @index. The first counts.
 *
 * Context: any.
 */
bool rk_log_line_is_repeated(const struct rk_log_event *event, size_t index);

/**
 * "ERROR", "WARN", "INFO", "DEBUG", "TRACE".
 *
 * Context: any. Return: a static string.
 */
const char *rk_log_line_level(enum rk_log_level level);

/**
 * @id as lower-case hex, or "" where all of it is zero.
 *
 * @out: 2 * @size + 1 bytes. Context: any. Return: @out.
 */
const char *rk_log_line_hex(char *out, const uint8_t *id, size_t size);

/**
 * The value of a field as text, of a number the shortest that reads back the same.
 *
 * @out: 40 bytes, for what is no text. Context: any but hooks.
 * Return: the field's own text, or @out.
 */
const char *rk_log_line_value(const struct rk_log_field *field, char out[40]);

#endif
