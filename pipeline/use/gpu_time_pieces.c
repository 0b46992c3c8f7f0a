/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/gpu_time_pieces.c - keys sorted by digits, what is new merged with what was there.
 */
#include "pipeline/use/gpu_time_pieces.h"

#include <stdlib.h>
#include <string.h>

#define PIECES_FIRST 256u
#define DIGIT_BITS   11u
#define DIGITS	     (1u << DIGIT_BITS)

void rk_gpu_pieces_finish(struct rk_gpu_pieces *pieces)
{
	free(pieces->items);
	free(pieces->keys);
	free(pieces->spare);
	memset(pieces, 0, sizeof(*pieces));
}

void rk_gpu_pieces_clear(struct rk_gpu_pieces *pieces)
{
	pieces->count = pieces->sorted = 0;
}

/* A part that could be had stays, whether or not the others could. */
static bool grow(struct rk_gpu_pieces *pieces)
{
	uint32_t capacity = pieces->capacity ? pieces->capacity * 2 : PIECES_FIRST;
	struct rk_gpu_piece *items;
	struct rk_gpu_key *keys, *spare;

	if (capacity > RK_GPU_PIECES_MAX)
		return false;
	items = realloc(pieces->items, capacity * sizeof(*items));
	if (items)
		pieces->items = items;
	keys = realloc(pieces->keys, capacity * sizeof(*keys));
	if (keys)
		pieces->keys = keys;
	spare = realloc(pieces->spare, capacity * sizeof(*spare));
	if (spare)
		pieces->spare = spare;
	if (!items || !keys || !spare)
		return false;
	pieces->capacity = capacity;
	return true;
}

bool rk_gpu_pieces_push(struct rk_gpu_pieces *pieces, const struct rk_gpu_piece *piece)
{
	uint32_t place = pieces->count;

	if (place == pieces->capacity && !grow(pieces))
		return false;
	pieces->items[place] = *piece;
	pieces->keys[place] = (struct rk_gpu_key){ piece->start, place };
	if (pieces->sorted == place && (!place || pieces->keys[place - 1].start <= piece->start))
		pieces->sorted++;
	pieces->count++;
	return true;
}

/* Order @from by one digit of the distance to @base, into @to. */
static void sort_digit(struct rk_gpu_key *to, const struct rk_gpu_key *from, uint32_t count,
		       uint64_t base, uint32_t shift)
{
	uint32_t places[DIGITS] = { 0 }, before = 0;

	for (uint32_t i = 0; i < count; i++)
		places[(from[i].start - base) >> shift & (DIGITS - 1)]++;
	for (uint32_t digit = 0; digit < DIGITS; digit++) {
		uint32_t of_digit = places[digit];

		places[digit] = before;
		before += of_digit;
	}
	for (uint32_t i = 0; i < count; i++)
		to[places[(from[i].start - base) >> shift & (DIGITS - 1)]++] = from[i];
}

/* Order by all digits in which the keys differ. @spare: room for as many. */
static void sort_keys(struct rk_gpu_key *keys, struct rk_gpu_key *spare, uint32_t count)
{
	struct rk_gpu_key *from = keys, *to = spare, *other;
	uint64_t base = UINT64_MAX, top = 0;

	for (uint32_t i = 0; i < count; i++) {
		base = keys[i].start < base ? keys[i].start : base;
		top = keys[i].start > top ? keys[i].start : top;
	}
	for (uint32_t shift = 0; shift < 64 && (top - base) >> shift; shift += DIGIT_BITS) {
		sort_digit(to, from, count, base, shift);
		other = from;
		from = to;
		to = other;
	}
	if (from != keys)
		memcpy(keys, from, count * sizeof(*keys));
}

/* Put what was in order, until @old, and what now is behind it together. */
static void merge(struct rk_gpu_pieces *pieces, uint32_t old)
{
	struct rk_gpu_key *keys = pieces->keys, *merged = pieces->spare;
	uint32_t left = old, right = old;

	while (left && keys[left - 1].start > keys[old].start)
		left--;
	memcpy(merged, keys, left * sizeof(*keys));
	for (uint32_t to = left; to < pieces->count; to++) {
		bool is_old = left < old &&
			      (right == pieces->count || keys[left].start <= keys[right].start);

		merged[to] = keys[is_old ? left++ : right++];
	}
	pieces->keys = merged;
	pieces->spare = keys;
}

void rk_gpu_pieces_sort(struct rk_gpu_pieces *pieces)
{
	uint32_t old = pieces->sorted;

	if (old == pieces->count)
		return;
	sort_keys(pieces->keys + old, pieces->spare, pieces->count - old);
	merge(pieces, old);
	pieces->sorted = pieces->count;
}

uint64_t rk_gpu_pieces_get_end(const struct rk_gpu_pieces *pieces)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < pieces->count; i++)
		end = pieces->items[i].end > end ? pieces->items[i].end : end;
	return end;
}

/* Pieces move up in the order they came; their new places stand in the spare keys meanwhile. */
void rk_gpu_pieces_drop_until(struct rk_gpu_pieces *pieces, uint64_t until)
{
	uint32_t kept = 0, kept_keys = 0;

	for (uint32_t i = 0; i < pieces->count; i++) {
		struct rk_gpu_piece *piece = &pieces->items[i];
		bool is_kept = piece->end > until || piece->start >= until;

		pieces->spare[i].place = is_kept ? kept : UINT32_MAX;
		if (!is_kept)
			continue;
		if (piece->start < until)
			piece->start = until;
		if (kept != i)
			pieces->items[kept] = *piece;
		kept++;
	}
	for (uint32_t i = 0; i < pieces->count; i++) {
		uint32_t place = pieces->spare[pieces->keys[i].place].place;

		if (place != UINT32_MAX)
			pieces->keys[kept_keys++] =
				(struct rk_gpu_key){ pieces->items[place].start, place };
	}
	pieces->count = pieces->sorted = kept;
}
