/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/fault.h - what is said of a call that failed.
 *
 * An illegal address is told by whichever call comes next, which is rarely the launch that did
 * it. So the launches that were under way come with the first such error of a context: one of
 * them it was.
 */
#ifndef RK_PIPELINE_JOIN_FAULT_H
#define RK_PIPELINE_JOIN_FAULT_H

#include "core/config.h"
#include "core/op.h"

/* Named in one message; the join tells no more of them. */
#define RK_FAULT_SUSPECTS 8u

/* All zero = none. */
struct rk_fault {
	uint32_t names[RK_FAULT_SUSPECTS]; /* strings, mangled; 0 = a graph, or not known */
	uint32_t count;
};

/**
 * @op, RK_OP_IN_FLIGHT, was under way when the error that comes next was told; any other op of
 * that kind is ignored.
 *
 * Context: exporter or tools.
 */
void rk_fault_note(struct rk_fault *fault, const struct rk_op *op);

/**
 * "cuStreamSynchronize failed: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was
 * encountered); in flight: axpy, spin" for an RK_OP_ERROR. What was under way is then forgotten.
 *
 * @config: how kernels are called.
 * Context: exporter or tools. Return: a string; 0 where the function is unknown.
 */
uint32_t rk_fault_message(struct rk_fault *fault, const struct rk_config *config,
			  const struct rk_op *op);

#endif
