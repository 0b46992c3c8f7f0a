/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/gpu_time_pieces.h - a bounded list of pieces that is sorted when somebody looks.
 *
 * GPU records come in runs of one buffer each, so any order is possible. What is sorted is not
 * the pieces but keys of them, by their digits: the same few ns per piece in whatever order
 * they came, and equal ones stay as they came.
 */
#ifndef RK_PIPELINE_USE_GPU_TIME_PIECES_H
#define RK_PIPELINE_USE_GPU_TIME_PIECES_H

#include "pipeline/use/gpu_time.h"

/* 1.5 MiB, reached by a device with more than 8,000 operations a second. */
#define RK_GPU_PIECES_MAX 16384u

struct rk_gpu_key {
	uint64_t start;
	uint32_t place; /* of the piece */
};

/* All zero = empty. */
struct rk_gpu_pieces {
	struct rk_gpu_piece *items; /* as they came */
	struct rk_gpu_key *keys;    /* by start, as far as is sorted */
	struct rk_gpu_key *spare;
	uint32_t count, capacity;
	uint32_t sorted; /* the first keys that are in order */
};

/**
 * Free the memory / drop all of them.
 *
 * Context: the feeding thread, as all here.
 */
void rk_gpu_pieces_finish(struct rk_gpu_pieces *pieces);
void rk_gpu_pieces_clear(struct rk_gpu_pieces *pieces);

/**
 * Keep a copy of @piece.
 *
 * Context: the feeding thread. May allocate.
 * Return: false at the bound or without memory; nothing has changed then.
 */
bool rk_gpu_pieces_push(struct rk_gpu_pieces *pieces, const struct rk_gpu_piece *piece);

/**
 * Put all in the order of their starts, equal ones as they came.
 *
 * Context: the feeding thread.
 */
void rk_gpu_pieces_sort(struct rk_gpu_pieces *pieces);

/**
 * The piece at a place of that order.
 *
 * Context: the feeding thread, sorted. Ownership: borrowed until the next push.
 */
static inline const struct rk_gpu_piece *rk_gpu_pieces_get(const struct rk_gpu_pieces *pieces,
							   uint32_t place)
{
	return &pieces->items[pieces->keys[place].place];
}

/**
 * When the last of them ends.
 *
 * Context: the feeding thread.
 */
uint64_t rk_gpu_pieces_get_end(const struct rk_gpu_pieces *pieces);

/**
 * Drop what lies before @until; of what reaches beyond it the rest stays.
 *
 * Context: the feeding thread, sorted.
 */
void rk_gpu_pieces_drop_until(struct rk_gpu_pieces *pieces, uint64_t until);

#endif
