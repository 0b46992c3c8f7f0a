/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/graph_use.h - launches of CUDA graphs, added up by graph.
 *
 * "graph 7: 412 launches x 1,049 kernels". Nodes come before the op of their launch, which is
 * the first to tell the instantiated graph: what they add up to waits per launch. CUPTI gives
 * ids of destroyed graphs to new ones, and the driver their handles; what is told of a graph when
 * it is instantiated sets one apart from the next. Graphs that were there before recording began
 * are known by id and handle alone.
 */
#ifndef RK_PIPELINE_USE_GRAPH_USE_H
#define RK_PIPELINE_USE_GRAPH_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/op.h"

struct rk_graph_use;

/* What one name adds up to among the nodes of a graph. */
struct rk_graph_node_use {
	uint32_t name; /* string: mangled */
	uint64_t count, ns;
};

/* Of the nodes of one launch, or of all. */
struct rk_graph_nodes {
	uint64_t kernels, memcpys, memsets;
	uint64_t ns, kernel_ns; /* their GPU times, added up */
	struct rk_graph_node_use *by_name; /* kernels; NULL unless names were asked for */
	uint32_t names, room, newest;
};

struct rk_graph_row {
	uint32_t graph;	 /* CUPTI's id; 0 = unknown */
	uint64_t handle; /* of the instantiated graph; 0 = unknown */
	uint64_t instance; /* 1, 2, 3...: which graph had the handle; 0 = before recording began */
	uint64_t instantiated_nodes; /* when it was made; 0 = unknown */
	uint64_t updates;
	bool is_destroyed;
	bool from_device; /* launched by a kernel: no call of the host belongs to it */
	bool host_time;	  /* total_ns is the calls', not the GPU's */
	uint64_t launches, without_time;
	uint64_t whole; /* launches traced as a whole: their nodes are not known */
	uint64_t total_ns; /* from the first to the last node of every launch */
	uint64_t min_kernels, max_kernels; /* of one launch */
	struct rk_graph_nodes nodes;
};

/**
 * @names: add up by kernel, too.
 * Context: exporter or tools; one thread. Ownership: the caller.
 * Return: NULL when no memory could be had.
 */
struct rk_graph_use *rk_graph_use_create(bool names);
void rk_graph_use_destroy(struct rk_graph_use *use);

/**
 * Any op; what does not belong to a graph is ignored.
 *
 * Context: as above. Return: 0, -ENOMEM.
 */
int rk_graph_use_push(struct rk_graph_use *use, const struct rk_op *op);

/**
 * Lay launches that were not told to be complete to their graphs, and order the graphs: most
 * GPU time first.
 *
 * Context: as above, at the end. Return: number of graphs.
 */
size_t rk_graph_use_finish(struct rk_graph_use *use);

/**
 * Context: as above. Ownership: borrowed until the next call.
 */
const struct rk_graph_row *rk_graph_use_get(const struct rk_graph_use *use, size_t index);

/**
 * The graph whose kernels took most GPU time so far; launches under way do not count.
 *
 * Context: as above. Return: NULL when there is none.
 */
const struct rk_graph_row *rk_graph_use_top(const struct rk_graph_use *use);

/**
 * GPU time of all kernels, in graphs or not.
 *
 * Context: as above.
 */
uint64_t rk_graph_use_kernel_ns(const struct rk_graph_use *use);

#define RK_GRAPH_TITLE_SIZE 192

/**
 * "graph 7: 412 launches x 1,049 kernels".
 *
 * Context: any.
 */
void rk_graph_row_title(const struct rk_graph_row *row, char title[RK_GRAPH_TITLE_SIZE]);

#endif
