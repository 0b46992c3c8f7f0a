/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_api.h - spans that the program made, as spans of ours.
 *
 * Their ids and their sampling were decided by the thread that began them, because it may have
 * told others of them. What is decided here:
 *
 *   limit of spans per second   per span without a parent in this process; those below it, and
 *                               the GPU work of all of them, share its fate
 *   keep_errors                 a span whose status is an error, or whose GPU work failed, is
 *                               sent although it was not sampled, with the spans around it that
 *                               failed by it; others of its trace are not
 *   keep_slower_than            likewise the spans around a slow kernel, as long as they are not
 *                               sent yet
 *
 * The fates of spans are remembered by id in a bounded table: a child may come before its parent,
 * and long after it.
 */
#ifndef RK_PIPELINE_SPAN_ASSEMBLER_API_H
#define RK_PIPELINE_SPAN_ASSEMBLER_API_H

#include "pipeline/span/assembler_state.h"

/**
 * Context: exporter or tools. Return: 0, -ENOMEM.
 */
int rk_assembler_api_init(struct rk_assembler *a);
void rk_assembler_api_finish(struct rk_assembler *a);

/**
 * Take what the program said about a span.
 *
 * Context: the feeding thread.
 */
void rk_assembler_api_feed(struct rk_assembler *a, const struct rk_op *op);

/**
 * Whether work below the span @id passes the limit of spans per second.
 *
 * Context: the feeding thread.
 */
bool rk_assembler_api_admits(struct rk_assembler *a, const uint8_t id[8]);

#endif
