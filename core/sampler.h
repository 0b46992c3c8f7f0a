/* SPDX-License-Identifier: Apache-2.0
 *
 * core/sampler.h - which traces are sent, decided the same in every process.
 *
 * Consistent probability sampling: a trace has a randomness R of 56 bits (ot=rv of its
 * tracestate, else the end of its id), a rate p has a threshold T = (1 - p) * 2^56, and the
 * trace is kept where R >= T. So whoever sees the trace id decides alike, and a higher rate
 * keeps everything that a lower one keeps. Who keeps a trace writes ot=th:<T>: from it a
 * receiver knows how many traces one of them stands for.
 *
 *                        no remote parent    remote parent
 *   always_on            all, th:0           all, th:0
 *   always_off           none                none
 *   traceidratio         R >= T, th:T        R >= T of the shared trace, th:T
 *   parentbased_X        as X                as the parent's flag says; its th stays if it is
 *                                            true (R >= th), else it goes
 *
 * th:0 is written too, where everything is kept: nine bytes of a span say that its count is
 * exact; without them a receiver has to take it for unknown.
 */
#ifndef RK_CORE_SAMPLER_H
#define RK_CORE_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/trace_context.h"

/* A threshold beyond every R. "Never" is not a probability: it has no th. */
#define RK_SAMPLER_NEVER ((uint64_t)1 << 56)
/* Up to 14 digits and the end. */
#define RK_SAMPLER_THRESHOLD_BYTES 15

struct rk_sampling {
	uint64_t threshold; /* of traces that begin here */
	bool has_parent;
	bool is_parent_sampled; /* what becomes of the remote parent's trace */
	bool is_off;		/* someone said always_off: nothing is to be kept at all */
	bool parent_decides;	/* parentbased_: who has a parent does as its flag says */
	/* Tracestates, interned. Known: of a trace kept by its threshold. Unknown: kept for
	 * another reason, so without th. */
	const char *own_known, *own_unknown;	   /* a trace that begins here */
	const char *parent_known, *parent_unknown; /* the remote parent's trace */
	const char *next_known;			   /* one that goes on for the parent's, full */
};

/**
 * Prepare from the settings and the remote parent.
 *
 * @parent: NULL = none. @tracestate: of the parent; as it came.
 * Context: exporter or tools.
 */
void rk_sampler_init(struct rk_sampling *sampling, const struct rk_config *config,
		     const struct rk_trace_context *parent, const char *tracestate);

/* What becomes of the trace of one parent; the tracestates as in struct rk_sampling. */
struct rk_sampler_fate {
	bool is_sampled;
	char known[RK_TRACE_STATE_BYTES], unknown[RK_TRACE_STATE_BYTES];
	char next[RK_TRACE_STATE_BYTES];
};

/**
 * Decide about the trace of @parent, of which a process may have many.
 *
 * @tracestate: of the parent; as it came. @parent_decides: whether its flag does; else the
 * threshold of @sampling.
 * Context: any. Nothing is interned.
 */
void rk_sampler_follow(const struct rk_sampling *sampling, const struct rk_trace_context *parent,
		       const char *tracestate, bool parent_decides, struct rk_sampler_fate *fate);

/**
 * Whether a trace that begins here is kept.
 *
 * Context: any.
 */
bool rk_sampler_keeps(const struct rk_sampling *sampling, const uint8_t trace_id[16]);

/**
 * The threshold of @rate, rounded to four digits behind the leading f's as th is written;
 * RK_SAMPLER_NEVER below 2^-56.
 *
 * Context: any.
 */
uint64_t rk_sampler_threshold(double rate);

/**
 * Text of th: no trailing zeros, "0" for 0.
 *
 * Context: any.
 */
void rk_sampler_format(uint64_t threshold, char out[RK_SAMPLER_THRESHOLD_BYTES]);

/**
 * The 56 bits that decide about a trace.
 *
 * Context: any.
 */
uint64_t rk_sampler_randomness(const uint8_t trace_id[16], const char *tracestate);

/**
 * @tracestate with the sub-key th of ot set to @threshold, or erased (RK_SAMPLER_NEVER).
 *
 * Other sub-keys stay, rv above all. When ot would be longer than 256 characters it stays as
 * it was but for th.
 * Context: any. Return: false when @tracestate is invalid; @out is then as if it were "".
 */
bool rk_sampler_put_threshold(const char *tracestate, uint64_t threshold, char *out, size_t size);

#endif
