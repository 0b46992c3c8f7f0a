/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/assembler_part.h - the trace of an execution, and whether it is sent.
 */
#ifndef RK_PIPELINE_ASSEMBLER_PART_H
#define RK_PIPELINE_ASSEMBLER_PART_H

#include "pipeline/assembler_span.h"
#include "pipeline/assembler_state.h"

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
 * A GPU record without its call: a trace of its own, or a child of the process's parent.
 *
 * Context: the feeding thread.
 */
void rk_assembler_part_orphan(struct rk_assembler *a, const struct rk_op *op);

/**
 * A call of @exec failed, which @op tells about.
 *
 * Context: the feeding thread.
 */
void rk_assembler_part_fail(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op,
			    uint32_t message);

/**
 * Decide about the open part, if it is undecided, and give its stages and root. An execution
 * that failed has a root even where none of its work has a time: its calls', marked so.
 *
 * Context: the feeding thread.
 */
void rk_assembler_part_end(struct rk_assembler *a, struct rk_exec *exec);

#endif
