/* SPDX-License-Identifier: Apache-2.0
 *
 * core/trace_context.h - W3C trace context: who asked for this work.
 */
#ifndef RK_CORE_TRACE_CONTEXT_H
#define RK_CORE_TRACE_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RK_TRACE_FLAG_SAMPLED 0x01
#define RK_TRACE_FLAG_RANDOM  0x02
#define RK_TRACE_PARENT_BYTES 56  /* version-traceid-spanid-flags, and its end */
#define RK_TRACE_STATE_BYTES  513 /* the least that the W3C asks to pass on, and its end */

struct rk_trace_context {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t flags; /* SAMPLED and RANDOM only: outgoing flags know no others */
};

/**
 * Parse a traceparent (level 2): lower-case hex only, version ff and zero ids are invalid, a
 * higher version may carry more behind a '-'. Blanks around the value are dropped.
 *
 * Context: any. Return: false when it has to be ignored as a whole.
 */
bool rk_trace_context_parse(const char *traceparent, struct rk_trace_context *out);

/**
 * Check a tracestate and write it in normal form: no blanks around members, no empty ones,
 * whole entries left out beyond @size (those over 128 characters first, then from the right).
 *
 * Context: any. Return: false when it is to be dropped; @out is then "".
 */
bool rk_trace_context_parse_state(const char *tracestate, char *out, size_t size);

/**
 * The value of the member @key in a tracestate that was parsed by the function above.
 *
 * @length: of the value; may be NULL.
 * Context: any. Ownership: a part of @tracestate. Return: NULL where there is none.
 */
const char *rk_trace_context_find_member(const char *tracestate, const char *key, size_t *length);

/**
 * As rk_trace_context_parse_state(), with the member @key set to @value and moved to the
 * front; taken out for an empty @value. At most 32 members stay.
 *
 * Context: any. Return: false when @tracestate was dropped; @out holds @key alone then.
 */
bool rk_trace_context_put_member(const char *tracestate, const char *key, const char *value,
				 char *out, size_t size);

/**
 * The traceparent of a child: version 00.
 *
 * Context: any.
 */
void rk_trace_context_format(const struct rk_trace_context *context,
			     char out[RK_TRACE_PARENT_BYTES]);

/**
 * Whether @name (tracecontext, baggage) is in a list of propagators as OTEL_PROPAGATORS has
 * it: separated by commas, any case. "none" is the name of no propagator.
 *
 * Context: any.
 */
bool rk_trace_context_is_propagated(const char *list, const char *name);

#endif
