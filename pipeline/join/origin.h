/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/origin.h - who asked for work, and what of it is sent.
 *
 * A process has one origin, from its environment (TRACEPARENT, BAGGAGE), or none; an execution
 * whose thread was attached to a context by the C API has that context. A span of the program
 * takes the work as its own children; any other parent gets a root of ours as its child.
 */
#ifndef RK_PIPELINE_JOIN_ORIGIN_H
#define RK_PIPELINE_JOIN_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/baggage.h"
#include "core/op.h"
#include "core/sampler.h"
#include "core/trace_context.h"

struct rk_origin {
	struct rk_trace_context parent;
	const char *known, *unknown, *next; /* tracestates, as in struct rk_sampling */
	const struct rk_baggage_entry *baggage;
	uint64_t span; /* number of the span of the program that the parent is; 0 = none */
	uint32_t baggage_count;
	bool has_parent;
	bool is_remote;	  /* the parent is of another process */
	bool is_sampled;  /* what becomes of the parent's trace */
	bool is_borrowed; /* the baggage is not interned */
};

/**
 * The origin that @op, a context, names. Without ids in it: @process, with the baggage of the
 * context if there is any.
 *
 * @baggage_keys: those that become attributes.
 * Context: the feeding thread. Ownership: the caller, free(). @process outlives it.
 * Return: NULL without memory.
 */
struct rk_origin *rk_origin_create(const struct rk_op *op, const struct rk_sampling *sampling,
				   const char *baggage_keys, const struct rk_origin *process);

#endif
