/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/flame_tree.c - nodes in one array, found by their parent and their name.
 */
#include "tools/flame_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/stack_pool.h"
#include "pipeline/join/kernel_name.h"
#include "tools/report_table.h"
#include "tools/symbol.h"

#define NODES_MAX 1000000u

int rk_flame_tree_create(struct rk_flame_tree **out, enum rk_flame_weight weight,
			 const struct rk_config *config)
{
	struct rk_flame_tree *tree = calloc(1, sizeof(*tree));

	*out = NULL;
	if (!tree)
		return -ENOMEM;
	tree->weight = weight;
	tree->config = config;
	rk_handle_map_init(&tree->index, NODES_MAX);
	tree->capacity = 256;
	tree->nodes = calloc(tree->capacity, sizeof(*tree->nodes));
	tree->top_of = calloc(RK_STACK_IDS_MAX + 1, sizeof(*tree->top_of));
	if (!tree->nodes || !tree->top_of || rk_symbol_names_create(&tree->names)) {
		rk_flame_tree_destroy(tree);
		return -ENOMEM;
	}
	tree->nodes[0] =
		(struct rk_flame_node){ .name = rk_intern("all"), .kind = RK_FLAME_UNKNOWN };
	tree->count = 1;
	*out = tree;
	return 0;
}

void rk_flame_tree_destroy(struct rk_flame_tree *tree)
{
	if (!tree)
		return;
	if (tree->names)
		rk_stack_names_destroy(tree->names);
	rk_handle_map_finish(&tree->index);
	free(tree->nodes);
	free(tree->top_of);
	free(tree);
}

static bool has_room(struct rk_flame_tree *tree)
{
	struct rk_flame_node *grown;

	if (tree->count < tree->capacity)
		return true;
	grown = realloc(tree->nodes, 2 * tree->capacity * sizeof(*grown));
	if (!grown)
		return false;
	tree->nodes = grown;
	tree->capacity *= 2;
	return true;
}

/* The frame @name on top of @parent. Return: 0 without memory. */
static uint32_t child_of(struct rk_flame_tree *tree, uint32_t parent, uint32_t name,
			 enum rk_flame_kind kind)
{
	struct rk_handle_slot *slot =
		rk_handle_map_put(&tree->index, (uint64_t)(parent + 1) << 32 | name);

	if (!slot || slot->tag)
		return slot ? slot->tag : 0;
	if (!has_room(tree))
		return 0;
	tree->nodes[tree->count] = (struct rk_flame_node){
		.name = name,
		.parent = parent,
		.sibling = tree->nodes[parent].child,
		.kind = (uint8_t)kind,
	};
	tree->nodes[parent].child = tree->count;
	slot->tag = tree->count++;
	return slot->tag;
}

/* Without lines: calls from two lines of a function are still that function. */
static uint32_t frame_name(const struct rk_stack_frame *frame)
{
	char text[1024];

	if (*frame->function)
		return rk_intern(frame->function);
	return rk_intern(rk_stack_names_format(text, sizeof(text), frame));
}

/* Return: the innermost frame of @stack; 0 without memory. */
static uint32_t top_of(struct rk_flame_tree *tree, uint32_t stack)
{
	const struct rk_stack_frame *frames = NULL;
	uint32_t count, at = 0;

	if (stack > RK_STACK_IDS_MAX)
		stack = 0;
	if (stack && tree->top_of[stack])
		return tree->top_of[stack];
	count = rk_stack_names_get(tree->names, stack, &frames);
	if (!count)
		return child_of(tree, 0, rk_intern("(no call stack)"), RK_FLAME_UNKNOWN);
	do {
		const struct rk_stack_frame *frame = &frames[--count];

		at = child_of(tree, at, frame_name(frame),
			      frame->is_cuda ? RK_FLAME_CUDA : RK_FLAME_PROGRAM);
	} while (at && count);
	tree->top_of[stack] = at;
	return at;
}

static bool is_work(const struct rk_op *op)
{
	return op->kind == RK_OP_KERNEL || op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET ||
	       (op->kind == RK_OP_GRAPH && !op->graph.nodes);
}

/* A graph that is told by its nodes is one launch all the same. */
static bool is_launch(const struct rk_op *op)
{
	return op->flags & RK_OP_F_FIRST && !(op->flags & RK_OP_F_ORPHAN) &&
	       (op->kind == RK_OP_KERNEL || op->kind == RK_OP_GRAPH);
}

static uint64_t weight_of(const struct rk_flame_tree *tree, const struct rk_op *op)
{
	const uint8_t timeless = RK_OP_F_HOST_TIME | RK_OP_F_OPEN | RK_OP_F_INVALID_TIME;

	switch (tree->weight) {
	case RK_FLAME_LAUNCHES:
		return is_launch(op);
	case RK_FLAME_BYTES:
		if (op->kind == RK_OP_ALLOC)
			return op->flags & RK_OP_F_OPEN ? 0 : op->memory.bytes;
		return op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET ? op->copy.bytes : 0;
	default:
		return is_work(op) && !(op->flags & timeless) && op->end > op->start ?
			       op->end - op->start :
			       0;
	}
}

static uint32_t work_name(const struct rk_flame_tree *tree, const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
		return op->name ? rk_kernel_name_get(tree->config, op->name)->readable :
				  rk_intern("(unknown kernel)");
	case RK_OP_MEMCPY:
		return rk_intern(rk_report_copy_name(op->copy.copy_kind));
	case RK_OP_MEMSET:
		return rk_intern("[CUDA memset]");
	case RK_OP_ALLOC:
		return rk_intern("[CUDA allocation]");
	default:
		return rk_intern("[CUDA graph]");
	}
}

int rk_flame_tree_feed(struct rk_flame_tree *tree, const struct rk_op *op)
{
	uint64_t weight = weight_of(tree, op);
	uint32_t at;

	if (op->kind == RK_OP_STACK && op->stack && op->stack <= RK_STACK_IDS_MAX)
		tree->top_of[op->stack] = 0;
	if (rk_stack_names_feed(tree->names, op))
		return -ENOMEM;
	if (!weight)
		return 0;
	tree->without_stack += !op->stack;
	at = top_of(tree, op->stack);
	if (at)
		at = child_of(tree, at, work_name(tree, op), RK_FLAME_WORK);
	if (!at)
		return -ENOMEM;
	for (;; at = tree->nodes[at].parent) {
		tree->nodes[at].weight += weight;
		tree->nodes[at].count++;
		if (!at)
			return 0;
	}
}

struct ranked {
	const struct rk_flame_node *node;
	uint32_t place;
};

static int by_weight(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->node->weight != y->node->weight)
		return x->node->weight < y->node->weight ? 1 : -1;
	return strcmp(rk_intern_get(x->node->name), rk_intern_get(y->node->name));
}

static void sort_children(struct rk_flame_tree *tree, uint32_t parent, struct ranked *ranked)
{
	uint32_t count = 0, last = 0;

	for (uint32_t at = tree->nodes[parent].child; at; at = tree->nodes[at].sibling)
		ranked[count++] = (struct ranked){ &tree->nodes[at], at };
	if (count > 1)
		qsort(ranked, count, sizeof(*ranked), by_weight);
	while (count) {
		tree->nodes[ranked[--count].place].sibling = last;
		last = ranked[count].place;
	}
	tree->nodes[parent].child = last;
}

int rk_flame_tree_end(struct rk_flame_tree *tree)
{
	struct ranked *ranked = malloc(tree->count * sizeof(*ranked));

	if (!ranked)
		return -ENOMEM;
	for (uint32_t i = 0; i < tree->count; i++)
		sort_children(tree, i, ranked);
	free(ranked);
	return 0;
}
