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
	for (uint32_t i = pieces->capacity; i < capacity; i++)
		keys[i].place = i;
	pieces->capacity = capacity;
	return true;
}

/* The keys in use go to the front, those before them behind them. */
static void move_to_front(struct rk_gpu_pieces *pieces)
{
	struct rk_gpu_key *keys = pieces->keys;
	uint32_t first = pieces->first, count = pieces->count;

	memcpy(pieces->spare, keys, first * sizeof(*keys));
	memmove(keys, keys + first, count * sizeof(*keys));
	memcpy(keys + count, pieces->spare, first * sizeof(*keys));
	pieces->first = 0;
}

bool rk_gpu_pieces_make_room(struct rk_gpu_pieces *pieces)
{
	if (pieces->count == pieces->capacity && !grow(pieces))
		return false;
	if (pieces->first + pieces->count == pieces->capacity)
		move_to_front(pieces);
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
static void merge(struct rk_gpu_key *keys, struct rk_gpu_key *spare, uint32_t old, uint32_t count)
{
	uint32_t right = count - old;

	if (!old || keys[old - 1].start <= keys[old].start)
		return;
	memcpy(spare, keys + old, right * sizeof(*keys));
	for (uint32_t to = count; right;) {
		bool is_old = old && keys[old - 1].start > spare[right - 1].start;

		keys[--to] = is_old ? keys[--old] : spare[--right];
	}
}

void rk_gpu_pieces_sort(struct rk_gpu_pieces *pieces)
{
	struct rk_gpu_key *keys = pieces->keys + pieces->first;
	uint32_t old = pieces->sorted;

	if (old == pieces->count)
		return;
	sort_keys(keys + old, pieces->spare, pieces->count - old);
	merge(keys, pieces->spare, old, pieces->count);
	pieces->sorted = pieces->count;
}

uint64_t rk_gpu_pieces_get_end(const struct rk_gpu_pieces *pieces)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < pieces->count; i++) {
		const struct rk_gpu_piece *piece = rk_gpu_pieces_get(pieces, i);

		end = piece->end > end ? piece->end : end;
	}
	return end;
}

/* What is kept of those that began before goes next to the others, in its order. */
void rk_gpu_pieces_drop_until(struct rk_gpu_pieces *pieces, uint64_t until)
{
	struct rk_gpu_key *keys = pieces->keys + pieces->first;
	uint32_t begun = 0, kept;

	while (begun < pieces->count && keys[begun].start < until)
		begun++;
	kept = begun;
	for (uint32_t i = begun; i-- > 0;) {
		struct rk_gpu_key key = keys[i];

		if (pieces->items[key.place].end <= until)
			continue;
		pieces->items[key.place].start = key.start = until;
		keys[i] = keys[--kept];
		keys[kept] = key;
	}
	pieces->first += kept;
	pieces->count -= kept;
	pieces->sorted = pieces->count;
}
