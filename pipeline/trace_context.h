/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/trace_context.h - W3C trace context: who asked for this work.
 */
#ifndef RK_PIPELINE_TRACE_CONTEXT_H
#define RK_PIPELINE_TRACE_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RK_TRACE_FLAG_SAMPLED 0x01
#define RK_TRACE_FLAG_RANDOM  0x02

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
 * Whether a trace is kept at @rate: the rightmost 56 bits of its id against (1 - rate) * 2^56.
 * A higher rate keeps everything a lower one keeps.
 *
 * Context: any.
 */
bool rk_trace_context_is_kept(const uint8_t trace_id[16], double rate);

#endif
