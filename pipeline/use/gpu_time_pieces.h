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

/* So many pushes before its turn the place of a piece is fetched: memory's time. */
#define RK_GPU_PIECES_AHEAD 4u

struct rk_gpu_key {
	uint64_t start;
	uint32_t place; /* of the piece */
};

/*
 *   keys   [ free | by start, as far as is sorted | free ]
 *                 first                           first + count
 *
 * Every place stands in one of the keys, those of no piece in the free ones: what is dropped is
 * stepped over, and nothing moves. All zero = empty.
 */
struct rk_gpu_pieces {
	struct rk_gpu_piece *items;
	struct rk_gpu_key *keys, *spare;
	uint32_t first, count, capacity;
	uint32_t sorted; /* the first of the keys that are in order */
};

/**
 * Free the memory / drop all of them.
 *
 * Context: the feeding thread, as all here.
 */
void rk_gpu_pieces_finish(struct rk_gpu_pieces *pieces);
void rk_gpu_pieces_clear(struct rk_gpu_pieces *pieces);

/**
 * See to it that there is a key behind those in use.
 *
 * Context: the feeding thread. May allocate. Return: false at the bound or without memory.
 */
bool rk_gpu_pieces_make_room(struct rk_gpu_pieces *pieces);

/**
 * Keep a copy of @piece, at @place of the items.
 *
 * Context: the feeding thread. May allocate.
 * Return: false at the bound or without memory; nothing has changed then.
 */
static inline bool rk_gpu_pieces_push(struct rk_gpu_pieces *pieces,
				      const struct rk_gpu_piece *piece, uint32_t *place)
{
	struct rk_gpu_key *key;

	if (pieces->first + pieces->count == pieces->capacity && !rk_gpu_pieces_make_room(pieces))
		return false;
	key = &pieces->keys[pieces->first + pieces->count];
	key->start = piece->start;
	if (pieces->sorted == pieces->count && (!pieces->count || key[-1].start <= key->start))
		pieces->sorted++;
	pieces->count++;
	if (pieces->first + pieces->count + RK_GPU_PIECES_AHEAD < pieces->capacity)
		__builtin_prefetch(&pieces->items[key[RK_GPU_PIECES_AHEAD].place], 1);
	pieces->items[key->place] = *piece;
	*place = key->place;
	return true;
}

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
	return &pieces->items[pieces->keys[pieces->first + place].place];
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
