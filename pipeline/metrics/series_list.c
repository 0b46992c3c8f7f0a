/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/series_list.c - found by key, folded beyond the cap.
 */
#include "pipeline/metrics/series_list.h"

#include <stdlib.h>

void rk_series_list_init(struct rk_series_list *list, size_t size, uint32_t others, uint32_t most)
{
	*list = (struct rk_series_list){
		.size = (uint32_t)size,
		.others = others,
		.most = most && most < RK_SERIES_MAX ? most : RK_SERIES_MAX,
	};
	rk_handle_map_init(&list->index, RK_SERIES_MAX);
}

void rk_series_list_finish(struct rk_series_list *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	rk_handle_map_finish(&list->index);
}

/* A zeroed element at the end. Return: its number + 1; 0 without memory. */
static uint32_t append(struct rk_series_list *list)
{
	uint32_t capacity = list->capacity ? list->capacity * 2 : 16;
	void **grown;

	if (list->count == list->capacity) {
		grown = realloc(list->items, capacity * sizeof(*grown));
		if (!grown)
			return 0;
		list->items = grown;
		list->capacity = capacity;
	}
	list->items[list->count] = calloc(1, list->size);
	return list->items[list->count] ? ++list->count : 0;
}

/* Return: number of the @which-th "other" + 1; 0 without memory. */
static uint32_t get_other(struct rk_series_list *list, uint32_t which)
{
	if (!list->other[which]) {
		list->other[which] = append(list);
		if (list->other[which])
			((struct rk_series *)list->items[list->other[which] - 1])->is_other = true;
	}
	return list->other[which];
}

void *rk_series_list_get(struct rk_series_list *list, uint64_t key, uint32_t which)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&list->index, key);
	uint32_t tag = slot ? slot->tag : 0;

	if (!tag && slot && list->count + list->others < list->most) {
		tag = append(list);
	} else if (!tag) {
		tag = get_other(list, which);
		list->folded += slot && tag;
	}
	if (!tag)
		return NULL;
	if (slot)
		slot->tag = tag;
	return list->items[tag - 1];
}
