/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_part.h - the trace of an execution, and whether it is sent.
 */
#ifndef RK_PIPELINE_SPAN_ASSEMBLER_PART_H
#define RK_PIPELINE_SPAN_ASSEMBLER_PART_H

#include "pipeline/span/assembler_span.h"
#include "pipeline/span/assembler_state.h"

/**
 * Whether a root passes the limit of spans per second / one that is kept against the sampling,
 * which is counted.
 *
 * Context: the feeding thread.
 */
bool rk_assembler_part_admit(struct rk_assembler *a);
bool rk_assembler_part_admit_kept(struct rk_assembler *a, enum rk_kept why);

/**
 * One leaf of an open part; may be held back.
 *
 * Context: the feeding thread.
 */
void rk_assembler_part_leaf(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op);

/**
 * Give what became a leaf of the open part, or hold it back.
 *
 * Context: the feeding thread.
 */
void rk_assembler_part_give(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op,
			    const struct rk_leaf_time *time);

/**
 * Count @op, no node of a graph, into the open part; where that is full, or there is none, begin
 * the next one.
 *
 * Context: the feeding thread.
 */
void rk_assembler_part_make_room(struct rk_assembler *a, struct rk_exec *exec,
				 const struct rk_op *op);

/**
 * What belongs to no execution that is known, as a GPU record without its call: a child of the
 * parent in @origin, or a trace of its own.
 *
 * @origin: NULL = that of the process.
 * Context: the feeding thread.
 */
void rk_assembler_part_orphan(struct rk_assembler *a, const struct rk_op *op,
			      struct rk_origin *origin);

/**
 * A call of @exec failed, which @op tells about.
 *
 * Context: the feeding thread.
 */
void rk_assembler_part_fail(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op,
			    uint32_t message);

/**
 * Decide about the open part, if it is undecided, and give its stages and root. An execution
 * that failed, or that was waited for, has a root even where none of its work has a time: that of
 * its calls, marked so.
 *
 * Context: the feeding thread.
 */
void rk_assembler_part_end(struct rk_assembler *a, struct rk_exec *exec);

#endif
