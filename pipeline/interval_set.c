/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/interval_set.c - the union, mostly by extending its last interval.
 */
#include "pipeline/interval_set.h"

#include <string.h>

static void fold_half(struct rk_interval_set *set)
{
	uint32_t half = set->count / 2;

	for (uint32_t i = 0; i < half; i++)
		set->folded += set->items[i].end - set->items[i].start;
	set->floor = set->items[half - 1].end;
	set->count -= half;
	memmove(set->items, set->items + half, set->count * sizeof(set->items[0]));
}

/* First item that ends at or after @start. */
static uint32_t find(const struct rk_interval_set *set, uint64_t start)
{
	uint32_t low = 0;
	uint32_t high = set->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (set->items[middle].end < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct rk_interval_set *set, uint64_t start, uint64_t end)
{
	uint32_t from = find(set, start);
	uint32_t to = from;

	for (; to < set->count && set->items[to].start <= end; to++) {
		if (set->items[to].start < start)
			start = set->items[to].start;
		if (set->items[to].end > end)
			end = set->items[to].end;
	}
	memmove(set->items + from + 1, set->items + to, (set->count - to) * sizeof(set->items[0]));
	set->items[from] = (struct rk_interval){ start, end };
	set->count = set->count - (to - from) + 1;
}

void rk_interval_set_add(struct rk_interval_set *set, uint64_t start, uint64_t end)
{
	struct rk_interval *last = set->count ? &set->items[set->count - 1] : NULL;

	if (start < set->floor)
		start = set->floor;
	if (end <= start)
		return;
	if (last && start >= last->start && start <= last->end) {
		if (end > last->end)
			last->end = end;
		return;
	}
	if (set->count == RK_INTERVALS_KEPT)
		fold_half(set);
	if (start < set->floor)
		start = set->floor;
	if (end > start)
		insert(set, start, end);
}

uint64_t rk_interval_set_length(const struct rk_interval_set *set)
{
	uint64_t length = set->folded;

	for (uint32_t i = 0; i < set->count; i++)
		length += set->items[i].end - set->items[i].start;
	return length;
}
