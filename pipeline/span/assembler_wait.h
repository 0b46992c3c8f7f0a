/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_wait.h - synchronisations: how long a thread waited for the GPU.
 *
 * An execution is closed by its synchronisation, so the wait is its last leaf. It lies beside the
 * stages, under the root: it overlaps what it waits for, and no stage takes longer because the
 * program came late to ask. A blocking copy is no wait of its own; its leaf says how long it
 * blocked.
 */
#ifndef RK_PIPELINE_SPAN_ASSEMBLER_WAIT_H
#define RK_PIPELINE_SPAN_ASSEMBLER_WAIT_H

#include <stdint.h>

#include "core/op.h"

struct rk_assembler;
struct rk_exec;

/**
 * The name of a wait, by its function: a string.
 *
 * Context: the feeding thread.
 */
uint32_t rk_assembler_wait_name(struct rk_assembler *a, const struct rk_op *op);

/**
 * One wait for @exec; may be held back.
 *
 * Context: the feeding thread.
 */
void rk_assembler_wait_take(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op);

#endif
