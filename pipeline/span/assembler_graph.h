/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_graph.h - launches of CUDA graphs that are traced by their nodes.
 *
 * The nodes come one by one, in any order and with those of other launches between them; the
 * op of the launch comes last. Their parent's id must be known with the first of them, so it is
 * a function of what every node knows of its call. When all have come, or the trace is full, the
 * launch becomes a span that covers those of its nodes that went into this trace.
 *
 *   gpu_execute
 *     graph (launch 3 of graph 7)    one per launch and trace
 *       kernel, kernel, memcpy ...   the nodes; a loop in the graph repeats them
 */
#ifndef RK_PIPELINE_SPAN_ASSEMBLER_GRAPH_H
#define RK_PIPELINE_SPAN_ASSEMBLER_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"
#include "pipeline/join/handle_map.h"

#define RK_GRAPH_NONE UINT32_MAX

struct rk_assembler;
struct rk_exec;
struct rk_graph_open;

/* Launches under way, of all executions. */
struct rk_graph_launches {
	struct rk_graph_open *open; /* a pool */
	uint32_t capacity, free_first;
	struct rk_handle_map index;    /* span id -> tag: place */
	struct rk_handle_map launched; /* graph -> host start of its newest launch, their number */
	uint32_t names[2];	       /* strings: the functions that launch graphs */
};

/**
 * Context: the feeding thread. Does not allocate.
 */
void rk_assembler_graph_init(struct rk_graph_launches *launches);
void rk_assembler_graph_finish(struct rk_graph_launches *launches);

/**
 * Whether @op is the node of a launch that is known.
 *
 * Context: the feeding thread.
 */
bool rk_assembler_graph_is_node(const struct rk_assembler *a, const struct rk_op *op);

/**
 * The id of the launch's span in the open part of @exec, for a node or the launch itself.
 *
 * Context: the feeding thread.
 */
uint64_t rk_assembler_graph_id(const struct rk_assembler *a, const struct rk_exec *exec,
			       const struct rk_op *op);

/**
 * Whether @op is a node whose launch has no span in the open part yet.
 *
 * Context: the feeding thread.
 */
bool rk_assembler_graph_begins(const struct rk_assembler *a, const struct rk_exec *exec,
			       const struct rk_op *op);

/**
 * A node went into the open part: its launch covers it.
 *
 * Context: the feeding thread.
 */
void rk_assembler_graph_note(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op);

/**
 * All nodes have come: give the span of the launch.
 *
 * Context: the feeding thread.
 */
void rk_assembler_graph_end(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op);

/**
 * The part ends: give the spans of all launches that are under way in it.
 *
 * Context: the feeding thread.
 */
void rk_assembler_graph_end_part(struct rk_assembler *a, struct rk_exec *exec);

/**
 * The launch of a graph that is traced as a whole: which one of this graph it is.
 *
 * Context: the feeding thread.
 */
uint32_t rk_assembler_graph_count(struct rk_assembler *a, const struct rk_op *op);

#endif
