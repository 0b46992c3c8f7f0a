/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_hold.h - ops that wait until it is known whether they are sent.
 *
 * A queue per execution, all of them from one store of chunks that is bounded. What is held
 * is the op and not the span: it is smaller, and the span is a function of it.
 */
#ifndef RK_PIPELINE_SPAN_ASSEMBLER_HOLD_H
#define RK_PIPELINE_SPAN_ASSEMBLER_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/op.h"

#define RK_HOLD_BYTES_MAX ((size_t)64 << 20)
#define RK_HOLD_CHUNK_OPS 12u /* with its head a chunk is 2 KiB */
/* A leaf has no tick and no device: what lies behind its own part of the union is not kept. */
#define RK_HOLD_OP_BYTES (offsetof(struct rk_op, kernel) + sizeof(((struct rk_op *)NULL)->kernel))

struct rk_held_op {
	int64_t wall_offset; /* ns; when the op came */
	uint8_t op[RK_HOLD_OP_BYTES];
};

struct rk_held_chunk {
	struct rk_held_chunk *next;
	uint32_t count;
	struct rk_held_op ops[RK_HOLD_CHUNK_OPS];
};

static_assert(sizeof(((struct rk_op *)NULL)->copy) <= sizeof(((struct rk_op *)NULL)->kernel) &&
		      sizeof(((struct rk_op *)NULL)->graph) <=
			      sizeof(((struct rk_op *)NULL)->kernel) &&
		      sizeof(((struct rk_op *)NULL)->sync) <=
			      sizeof(((struct rk_op *)NULL)->kernel),
	      "the part of a kernel is the largest of a leaf");
static_assert(sizeof(struct rk_held_chunk) <= 2048, "12 ops are what 2 KiB hold");

/* All zero = empty. */
struct rk_hold_queue {
	struct rk_held_chunk *first, *last;
};

struct rk_hold {
	struct rk_held_chunk *free; /* chunks that were used before */
	size_t bytes;		    /* of all chunks there are */
	size_t limit_bytes;
	size_t used_bytes; /* of those in queues */
};

/**
 * Context: exporter or tools. Does not allocate.
 */
void rk_hold_init(struct rk_hold *hold, size_t limit_bytes);

/**
 * Free the chunks that no queue has; every queue was cleared before.
 *
 * Context: exporter or tools.
 */
void rk_hold_finish(struct rk_hold *hold);

/**
 * Append a copy of @op, which is a kernel, a copy, a memset or a graph.
 *
 * Context: the feeding thread. May allocate.
 * Return: false at the bound or without memory; nothing has changed then.
 */
bool rk_hold_push(struct rk_hold *hold, struct rk_hold_queue *queue, const struct rk_op *op,
		  int64_t wall_offset);

/**
 * Give every chunk of @queue back to the store.
 *
 * Context: the feeding thread.
 */
void rk_hold_clear(struct rk_hold *hold, struct rk_hold_queue *queue);

#endif
