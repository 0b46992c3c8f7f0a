/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler.h - ops become spans.
 *
 *   root   kernel:<kernel_id>                      one per execution
 *    +- prepare_input      copies to the device    only where there are any
 *    +- gpu_execute        kernels and the rest
 *    +- collect_output     copies to the host
 *    |   +- leaves         one per kernel, copy, memset
 *    +- wait:<function>    one per synchronisation
 *
 * A leaf goes out when its op comes; its parents' ids are known without them, because ids are
 * functions of (seed, ordinal). Stages and root follow when the execution is closed and all
 * of its calls have come. Only an execution that sampling drops and that may still have to be
 * kept (it fails, it is slow) holds its leaves back until that is known.
 *
 * Where the program is within a span of its own (C API), the leaves are children of that one, and
 * there is no root and no stage of ours. In any other context it attached, the root is a child of
 * that context.
 *
 * A wait is a leaf as well, of the execution that it ends. It is no work: the root covers it, but
 * no stage does, and counts and GPU time are without it. One with nothing under way is a child of
 * the program's span around it, and without such a span it gets none.
 *
 * A trace holds at most 10,000 spans of ours. An execution that has more (a graph of many
 * nodes) goes on as a second part: a root and stages of its own in a new trace.
 */
#ifndef RK_PIPELINE_SPAN_ASSEMBLER_H
#define RK_PIPELINE_SPAN_ASSEMBLER_H

#include "core/config.h"
#include "pipeline/span/span.h"

#define RK_TRACE_SPANS_MAX 10000u
/* Executions that are not complete yet; beyond it the oldest is ended as it is. */
#define RK_ASSEMBLER_PENDING_MAX 16384u

struct rk_assembler;

struct rk_assembler_setup {
	const struct rk_config *config; /* borrowed; outlives the assembler */
	uint64_t seed;
	const char *traceparent; /* "" or invalid = none */
	const char *tracestate;	 /* read only with a valid traceparent */
	const char *baggage;	 /* "" or NULL = none */
	size_t hold_bytes;	 /* of undecided leaves; 0 = RK_HOLD_BYTES_MAX */
	size_t api_bytes;	 /* of the program's spans under way; 0 = RK_API_SPANS_BYTES_MAX */
	bool follows_settings;	 /* RK_OP_SETTINGS counts */
	void (*span)(const struct rk_span *span, void *data);
	void *data;
};

/**
 * Context: exporter or tools. Return: 0, -ENOMEM.
 */
int rk_assembler_create(struct rk_assembler **out, const struct rk_assembler_setup *setup);
void rk_assembler_destroy(struct rk_assembler *assembler);

/**
 * Take one op; spans that it completes are given away at once.
 *
 * Context: the feeding thread.
 */
void rk_assembler_feed(struct rk_assembler *assembler, const struct rk_op *op);

/**
 * End every execution and every span of the program as it is, oldest first.
 *
 * Context: the feeding thread.
 */
void rk_assembler_finish(struct rk_assembler *assembler);

/**
 * Whether a span is complete and waits for ticks to go out.
 *
 * Context: the feeding thread.
 */
bool rk_assembler_is_waiting(const struct rk_assembler *assembler);

/* Roots kept against the sampling, or that might have been; parts count as roots. */
struct rk_assembler_stats {
	uint64_t lost;	       /* operations that got no span because memory was short */
	uint64_t kept_slow, kept_error;
	uint64_t kept_refused; /* worth keeping, but the limit of spans was overdrawn enough */
	uint64_t undecided;    /* let go because there was no room to hold them */
	uint64_t unjudged;     /* kernels without a history of their own, as they ran */
	uint64_t hold_bytes;   /* of undecided leaves, now */
	uint64_t api_strays;   /* spans of the program of which only parts came */
	uint64_t api_unfinished; /* that were given without their end */
	uint64_t api_early;	 /* that made room before all that is theirs may have come */
	uint64_t api_bytes;	 /* of those under way, now */
};

/**
 * Context: the feeding thread.
 */
void rk_assembler_get_stats(const struct rk_assembler *assembler, struct rk_assembler_stats *stats);

/**
 * Operations that got no span because memory was short.
 *
 * Context: the feeding thread.
 */
uint64_t rk_assembler_lost(const struct rk_assembler *assembler);

#endif
