/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/flame_tree.h - call stacks as one tree, with what they led to on top of them.
 *
 *   (all) -> main -> train_step -> forward -> [kernel axpy]
 *
 * A frame is as wide as the work above it. Which work counts how much is up to the weight:
 * GPU time, launches, or bytes that were copied, set or allocated.
 */
#ifndef RK_TOOLS_FLAME_TREE_H
#define RK_TOOLS_FLAME_TREE_H

#include <stdint.h>

#include "core/config.h"
#include "core/op.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/join/stack_names.h"

enum rk_flame_weight { RK_FLAME_TIME, RK_FLAME_LAUNCHES, RK_FLAME_BYTES };

enum rk_flame_kind { RK_FLAME_PROGRAM, RK_FLAME_CUDA, RK_FLAME_WORK, RK_FLAME_UNKNOWN };

struct rk_flame_node {
	uint32_t name; /* string */
	uint32_t parent, child, sibling; /* places; 0 = none, as nobody's child is the root */
	uint64_t weight, count; /* of the frame and of all above it */
	uint8_t kind;		/* enum rk_flame_kind */
};

struct rk_flame_tree {
	enum rk_flame_weight weight;
	const struct rk_config *config; /* borrowed; how kernels are called */
	struct rk_stack_names *names;
	struct rk_flame_node *nodes; /* the first one is the root */
	uint32_t count, capacity;
	struct rk_handle_map index; /* parent and name -> tag: place */
	uint32_t *top_of; /* by number of the stack: place of its innermost frame; 0 = look */
	uint64_t without_stack; /* calls whose work is in the tree, under "(no call stack)" */
};

/**
 * Context: tools. Ownership: the caller, destroy(). Return: 0, -ENOMEM.
 */
int rk_flame_tree_create(struct rk_flame_tree **out, enum rk_flame_weight weight,
			 const struct rk_config *config);
void rk_flame_tree_destroy(struct rk_flame_tree *tree);

/**
 * Take one op of the file, in its order.
 *
 * Context: tools. Return: 0, -ENOMEM.
 */
int rk_flame_tree_feed(struct rk_flame_tree *tree, const struct rk_op *op);

/**
 * There are no more ops: put the heaviest of siblings first.
 *
 * Context: tools. Return: 0, -ENOMEM.
 */
int rk_flame_tree_end(struct rk_flame_tree *tree);

#endif
