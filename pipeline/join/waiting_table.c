/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/waiting_table.c - a slab with a free list and an index of chains.
 */
#include "pipeline/join/waiting_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256u
#define NONE	     RK_CORR_NONE

static uint32_t grown(uint32_t capacity, uint32_t limit)
{
	uint32_t wanted = capacity ? capacity * 2 : CAPACITY_MIN;

	return wanted < limit ? wanted : limit;
}

int rk_waiting_table_init(struct rk_waiting_table *table, uint32_t limit)
{
	memset(table, 0, sizeof(*table));
	table->limit = limit;
	table->free_first = NONE;
	table->first = table->last = NONE;
	return rk_corr_index_init(&table->index);
}

void rk_waiting_table_finish(struct rk_waiting_table *table)
{
	free(table->items);
	rk_corr_index_finish(&table->index);
	memset(table, 0, sizeof(*table));
}

static bool items_grow(struct rk_waiting_table *table)
{
	uint32_t capacity = grown(table->capacity, table->limit);
	struct rk_waiting_activity *items;

	if (capacity <= table->capacity)
		return false;
	items = realloc(table->items, capacity * sizeof(*items));
	if (!items)
		return false;
	for (uint32_t i = capacity; i-- > table->capacity;) {
		items[i].next = table->free_first;
		table->free_first = i;
	}
	table->items = items;
	table->capacity = capacity;
	return true;
}

/* Put item @at at the end of the chain of its id. */
static bool chain_append(struct rk_waiting_table *table, uint32_t at)
{
	uint32_t key = table->items[at].activity.correlation;
	uint32_t head = rk_corr_index_get(&table->index, key);

	if (head == NONE) {
		table->items[at].chain_last = at;
		return rk_corr_index_put(&table->index, key, at) == 0;
	}
	table->items[table->items[head].chain_last].chain = at;
	table->items[head].chain_last = at;
	return true;
}

bool rk_waiting_table_add(struct rk_waiting_table *table, const struct rk_activity *activity,
			  uint64_t now)
{
	struct rk_waiting_activity *item;
	uint32_t at;

	if (table->free_first == NONE && !items_grow(table))
		return false;
	at = table->free_first;
	item = &table->items[at];
	uint32_t next_free = item->next;

	item->activity = *activity;
	item->arrived = now;
	item->chain = NONE;
	item->prev = table->last;
	item->next = NONE;
	if (!chain_append(table, at)) {
		item->next = next_free;
		return false;
	}
	table->free_first = next_free;
	if (table->last == NONE)
		table->first = at;
	else
		table->items[table->last].next = at;
	table->last = at;
	table->count++;
	return true;
}

/* Remove the head of a chain. Oldest of its id and first of the order are always heads. */
static void head_remove(struct rk_waiting_table *table, uint32_t at)
{
	struct rk_waiting_activity *item = &table->items[at];

	if (item->chain == NONE) {
		rk_corr_index_remove(&table->index, item->activity.correlation);
	} else {
		table->items[item->chain].chain_last = item->chain_last;
		rk_corr_index_put(&table->index, item->activity.correlation, item->chain);
	}
	if (item->prev == NONE)
		table->first = item->next;
	else
		table->items[item->prev].next = item->next;
	if (item->next == NONE)
		table->last = item->prev;
	else
		table->items[item->next].prev = item->prev;
	item->next = table->free_first;
	table->free_first = at;
	table->count--;
}

bool rk_waiting_table_take(struct rk_waiting_table *table, uint32_t correlation,
			   struct rk_activity *out)
{
	uint32_t at = rk_corr_index_get(&table->index, correlation);

	if (at == NONE)
		return false;
	*out = table->items[at].activity;
	head_remove(table, at);
	return true;
}

bool rk_waiting_table_take_oldest(struct rk_waiting_table *table, uint64_t before,
				  struct rk_activity *out)
{
	uint32_t at = table->first;

	if (at == NONE || table->items[at].arrived >= before)
		return false;
	*out = table->items[at].activity;
	head_remove(table, at);
	return true;
}
