/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_definitions.h - the definitions among the ops so far, for a file that begins later.
 *
 * Threads, devices, stacks, instruments: what later ops are read with (core/op_kind.h). The newest
 * one of each holds. They keep their ordinals, which rise, so that they can stand before
 * everything that is told after them.
 */
#ifndef RK_TRACE_TRACE_DEFINITIONS_H
#define RK_TRACE_TRACE_DEFINITIONS_H

#include <stdint.h>

#include "core/op.h"

/* All of them together; what comes when they take as much is not kept, and counted. Some 6,000
 * call stacks. */
#define RK_TRACE_DEFINITIONS_BYTES (4u << 20)

struct rk_trace_definitions;

/**
 * Context: exporter. Ownership: the caller, rk_trace_definitions_destroy(), which accepts NULL.
 * Return: 0, -ENOMEM.
 */
int rk_trace_definitions_create(struct rk_trace_definitions **out);
void rk_trace_definitions_destroy(struct rk_trace_definitions *definitions);

/**
 * Keep @op, if it is a definition, in place of the one that it replaces.
 *
 * Context: exporter.
 */
void rk_trace_definitions_take(struct rk_trace_definitions *definitions, const struct rk_op *op);

/**
 * Call @visit for each, in the order of their ordinals. Ops are borrowed until it returns.
 *
 * Context: exporter.
 */
void rk_trace_definitions_visit(const struct rk_trace_definitions *definitions,
				void (*visit)(const struct rk_op *op, void *data), void *data);

/**
 * How many found no room.
 *
 * Context: exporter.
 */
uint64_t rk_trace_definitions_refused(const struct rk_trace_definitions *definitions);

#endif
