/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_graph.c - the spans of graph launches.
 */
#include "pipeline/span/assembler_graph.h"

#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/span/assembler_part.h"
#include "pipeline/span/span_id.h"

/* As many as calls can wait for their GPU records. */
#define OPEN_MAX     (1u << 17)
#define OPEN_FIRST   16u
#define LAUNCHED_MAX (1u << 16) /* graphs; launches of later ones go without a number */

struct rk_graph_open {
	uint64_t id;		   /* of the span; 0 = free place */
	uint32_t prev, next;	   /* of the same execution, or free */
	uint8_t op[RK_HOLD_OP_BYTES]; /* the launch, as far as its nodes tell */
};

void rk_assembler_graph_init(struct rk_graph_launches *launches)
{
	memset(launches, 0, sizeof(*launches));
	launches->free_first = RK_GRAPH_NONE;
	rk_handle_map_init(&launches->index, OPEN_MAX);
	rk_handle_map_init(&launches->launched, LAUNCHED_MAX);
	launches->names[0] = rk_intern("cuGraphLaunch");
	launches->names[1] = rk_intern("cuGraphLaunch_ptsz");
}

void rk_assembler_graph_finish(struct rk_graph_launches *launches)
{
	free(launches->open);
	rk_handle_map_finish(&launches->index);
	rk_handle_map_finish(&launches->launched);
}

static uint32_t graph_of(const struct rk_op *op)
{
	return op->kind == RK_OP_KERNEL ? op->kernel.graph :
	       op->kind == RK_OP_GRAPH	? op->graph.graph :
					  op->copy.graph;
}

/* Older CUPTI gives nodes no graph, but they always carry the name of their call. */
bool rk_assembler_graph_is_node(const struct rk_assembler *a, const struct rk_op *op)
{
	if (op->api != a->graphs.names[0] && op->api != a->graphs.names[1])
		return false;
	return op->api && op->kind >= RK_OP_KERNEL && op->kind <= RK_OP_MEMSET &&
	       !(op->flags & RK_OP_F_ORPHAN);
}

/* Correlation ids come round; a thread makes no two calls at the same time. */
uint64_t rk_assembler_graph_id(const struct rk_assembler *a, const struct rk_exec *exec,
			       const struct rk_op *op)
{
	uint64_t call = rk_span_id_mix(a->setup.seed, RK_ID_GRAPH, op->host_start);

	return rk_span_id_mix(call, RK_ID_GRAPH, op->correlation | exec->part << 32);
}

static struct rk_graph_open *find(const struct rk_assembler *a, uint64_t id)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&a->graphs.index, id);

	return slot ? &a->graphs.open[slot->tag] : NULL;
}

bool rk_assembler_graph_begins(const struct rk_assembler *a, const struct rk_exec *exec,
			       const struct rk_op *op)
{
	return rk_assembler_graph_is_node(a, op) && !find(a, rk_assembler_graph_id(a, exec, op));
}

static bool pool_grow(struct rk_graph_launches *launches)
{
	uint32_t capacity = launches->capacity ? launches->capacity * 2 : OPEN_FIRST;
	struct rk_graph_open *open;

	if (capacity > OPEN_MAX)
		return false;
	open = realloc(launches->open, capacity * sizeof(*open));
	if (!open)
		return false;
	for (uint32_t i = capacity; i-- > launches->capacity;) {
		open[i].id = 0;
		open[i].next = launches->free_first;
		launches->free_first = i;
	}
	launches->open = open;
	launches->capacity = capacity;
	return true;
}

/* Which launch of its graph it is; the parts of one that fills several traces count once. */
uint32_t rk_assembler_graph_count(struct rk_assembler *a, const struct rk_op *op)
{
	uint32_t graph = graph_of(op);
	struct rk_handle_slot *slot;

	if (!graph)
		return 0;
	slot = rk_handle_map_put(&a->graphs.launched, graph);
	if (!slot)
		return 0;
	if (slot->value != op->host_start || !slot->tag) {
		slot->value = op->host_start;
		slot->tag++;
	}
	return slot->tag;
}

/* What the first node knows of its launch. */
static void fill_launch(struct rk_assembler *a, struct rk_op *launch, const struct rk_op *node)
{
	memcpy(launch, node, offsetof(struct rk_op, kernel));
	memset(&launch->kernel, 0, sizeof(launch->kernel));
	launch->kind = RK_OP_GRAPH;
	launch->name = 0;
	launch->start = launch->end = 0;
	launch->flags &= RK_OP_F_ASYNC;
	launch->graph.graph = graph_of(node);
	launch->graph.launch = rk_assembler_graph_count(a, node);
}

static struct rk_graph_open *begin(struct rk_assembler *a, struct rk_exec *exec,
				   const struct rk_op *node, uint64_t id)
{
	struct rk_graph_launches *launches = &a->graphs;
	struct rk_handle_slot *slot;
	struct rk_graph_open *open;
	struct rk_op launch;

	if (launches->free_first == RK_GRAPH_NONE && !pool_grow(launches))
		return NULL;
	slot = rk_handle_map_put(&launches->index, id);
	if (!slot)
		return NULL;
	slot->tag = launches->free_first;
	open = &launches->open[slot->tag];
	launches->free_first = open->next;
	open->id = id;
	open->prev = RK_GRAPH_NONE;
	open->next = exec->graphs ? exec->graphs - 1 : RK_GRAPH_NONE;
	if (open->next != RK_GRAPH_NONE)
		launches->open[open->next].prev = slot->tag;
	exec->graphs = slot->tag + 1;
	fill_launch(a, &launch, node);
	memcpy(open->op, &launch, sizeof(open->op));
	return open;
}

static void take_out(struct rk_assembler *a, struct rk_exec *exec, struct rk_graph_open *open)
{
	struct rk_graph_launches *launches = &a->graphs;

	if (open->prev != RK_GRAPH_NONE)
		launches->open[open->prev].next = open->next;
	else
		exec->graphs = open->next == RK_GRAPH_NONE ? 0 : open->next + 1;
	if (open->next != RK_GRAPH_NONE)
		launches->open[open->next].prev = open->prev;
	rk_handle_map_remove(&launches->index, open->id);
	open->id = 0;
	open->next = launches->free_first;
	launches->free_first = (uint32_t)(open - launches->open);
}

static void cover(struct rk_op *launch, const struct rk_op *node)
{
	launch->graph.nodes++;
	launch->graph.kernels += node->kind == RK_OP_KERNEL;
	if (node->flags & (RK_OP_F_INVALID_TIME | RK_OP_F_HOST_TIME))
		return;
	if (!launch->start || node->start < launch->start)
		launch->start = node->start;
	if (node->end > launch->end)
		launch->end = node->end;
}

void rk_assembler_graph_note(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op)
{
	uint64_t id = rk_assembler_graph_id(a, exec, op);
	struct rk_graph_open *open = find(a, id);
	struct rk_op launch;

	if (!open)
		open = begin(a, exec, op, id);
	if (!open) {
		a->stats.lost++;
		return;
	}
	memcpy(&launch, open->op, sizeof(open->op));
	cover(&launch, op);
	memcpy(open->op, &launch, sizeof(open->op));
}

static void give(struct rk_assembler *a, struct rk_exec *exec, struct rk_graph_open *open)
{
	struct rk_op launch;
	struct rk_leaf_time time;

	memset(&launch, 0, sizeof(launch));
	memcpy(&launch, open->op, sizeof(open->op));
	take_out(a, exec, open);
	if (rk_assembler_span_time(&launch, a->wall_offset, &time))
		rk_assembler_part_give(a, exec, &launch, &time);
}

void rk_assembler_graph_end(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op)
{
	struct rk_graph_open *open = find(a, rk_assembler_graph_id(a, exec, op));
	struct rk_op launch;

	if (!open)
		return;
	memcpy(&launch, open->op, sizeof(open->op));
	launch.stream = op->stream; /* nodes run on streams of the driver's own */
	launch.device = op->device;
	launch.graph.exec_handle = op->graph.exec_handle;
	memcpy(open->op, &launch, sizeof(open->op));
	give(a, exec, open);
}

void rk_assembler_graph_end_part(struct rk_assembler *a, struct rk_exec *exec)
{
	while (exec->graphs)
		give(a, exec, &a->graphs.open[exec->graphs - 1]);
}
