/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_span.h - executions and ops as spans.
 */
#ifndef RK_PIPELINE_SPAN_ASSEMBLER_SPAN_H
#define RK_PIPELINE_SPAN_ASSEMBLER_SPAN_H

#include "core/activity.h"
#include "pipeline/span/assembler_state.h"

/* When a leaf happened. */
struct rk_leaf_time {
	uint64_t start, end; /* UNIX ns */
	uint64_t queue_ns;
	bool host_time;
};

/**
 * UNIX times of a leaf; the call's where the GPU's are unusable.
 *
 * Context: any. Return: false when it has none.
 */
bool rk_assembler_span_time(const struct rk_op *op, int64_t wall_offset, struct rk_leaf_time *time);

/**
 * The stage of an execution that @op belongs to.
 *
 * Context: any.
 */
static inline enum rk_stage rk_assembler_span_stage(const struct rk_op *op)
{
	if (op->kind != RK_OP_MEMCPY)
		return RK_STAGE_GPU_EXECUTE;
	switch (op->copy.copy_kind) {
	case RK_COPY_HTOD:
	case RK_COPY_HTOA:
		return RK_STAGE_PREPARE_INPUT;
	case RK_COPY_DTOH:
	case RK_COPY_ATOH:
		return RK_STAGE_COLLECT_OUTPUT;
	default:
		return RK_STAGE_GPU_EXECUTE;
	}
}

/**
 * Number a span, count it against the limit, and pass it on.
 *
 * Context: the feeding thread.
 */
void rk_assembler_span_give(struct rk_assembler *a, struct rk_span *span);

/**
 * The name of a thread.
 *
 * Context: the feeding thread. Return: interned; NULL = none known.
 */
const char *rk_assembler_span_thread(const struct rk_assembler *a, uint32_t tid);

/**
 * A part begins: it gets the ids of its stages.
 *
 * Context: the feeding thread.
 */
void rk_assembler_span_begin(const struct rk_assembler *a, struct rk_exec *exec);

/**
 * A kernel is from this file: so its spans say, from here on.
 *
 * Context: the feeding thread. May allocate; without memory nothing is said.
 */
void rk_assembler_note_module(struct rk_assembler *a, const struct rk_op *op);

/**
 * Give a leaf. An execution with number 0 is an orphan's: its leaf has no stage and no root.
 *
 * Context: the feeding thread.
 */
void rk_assembler_span_leaf(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op,
			    const struct rk_leaf_time *time);

/**
 * Give the stages and the root of the open part.
 *
 * Context: the feeding thread.
 */
void rk_assembler_span_part(struct rk_assembler *a, struct rk_exec *exec);

#endif
