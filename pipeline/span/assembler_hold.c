/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_hold.c - the store of chunks.
 */
#include "pipeline/span/assembler_hold.h"

#include <stdlib.h>
#include <string.h>

void rk_hold_init(struct rk_hold *hold, size_t limit_bytes)
{
	memset(hold, 0, sizeof(*hold));
	hold->limit_bytes = limit_bytes;
}

void rk_hold_finish(struct rk_hold *hold)
{
	while (hold->free) {
		struct rk_held_chunk *next = hold->free->next;

		free(hold->free);
		hold->free = next;
	}
}

static struct rk_held_chunk *chunk_take(struct rk_hold *hold)
{
	struct rk_held_chunk *chunk = hold->free;

	if (chunk) {
		hold->free = chunk->next;
	} else {
		if (hold->bytes + sizeof(*chunk) > hold->limit_bytes)
			return NULL;
		chunk = malloc(sizeof(*chunk));
		if (!chunk)
			return NULL;
		hold->bytes += sizeof(*chunk);
	}
	hold->used_bytes += sizeof(*chunk);
	chunk->next = NULL;
	chunk->count = 0;
	return chunk;
}

bool rk_hold_push(struct rk_hold *hold, struct rk_hold_queue *queue, const struct rk_op *op,
		  int64_t wall_offset)
{
	struct rk_held_chunk *chunk = queue->last;
	struct rk_held_op *held;

	if (!chunk || chunk->count == RK_HOLD_CHUNK_OPS) {
		chunk = chunk_take(hold);
		if (!chunk)
			return false;
		if (queue->last)
			queue->last->next = chunk;
		else
			queue->first = chunk;
		queue->last = chunk;
	}
	held = &chunk->ops[chunk->count++];
	held->wall_offset = wall_offset;
	memcpy(held->op, op, sizeof(held->op));
	return true;
}

void rk_hold_clear(struct rk_hold *hold, struct rk_hold_queue *queue)
{
	while (queue->first) {
		struct rk_held_chunk *chunk = queue->first;

		queue->first = chunk->next;
		chunk->next = hold->free;
		hold->free = chunk;
		hold->used_bytes -= sizeof(*chunk);
	}
	queue->last = NULL;
}
