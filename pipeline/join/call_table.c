/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/call_table.c - a slab with a free list, chains and order lists.
 */
#include "pipeline/join/call_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256u
#define CHAIN_BITS_MIN 8u
#define NONE	     RK_CALL_NONE

static uint32_t grown(uint32_t capacity, uint32_t limit)
{
	uint32_t wanted = capacity ? capacity * 2 : CAPACITY_MIN;

	return wanted < limit ? wanted : limit;
}

static void chain_add(struct rk_call_table *table, uint32_t at)
{
	uint32_t *first = rk_call_table_chain(table, table->calls[at].correlation);

	table->calls[at].chain = *first;
	*first = at;
}

static void chain_remove(struct rk_call_table *table, uint32_t at)
{
	uint32_t *link = rk_call_table_chain(table, table->calls[at].correlation);

	while (*link != at)
		link = &table->calls[*link].chain;
	*link = table->calls[at].chain;
}

/* Places for the chains of @capacity calls; those that wait move to them. */
static bool chains_grow(struct rk_call_table *table, uint32_t capacity)
{
	uint32_t bits = table->chains ? table->chain_bits : CHAIN_BITS_MIN;
	uint32_t *chains;

	while (1u << bits < capacity)
		bits++;
	if (table->chains && bits == table->chain_bits)
		return true;
	chains = malloc(sizeof(*chains) << bits);
	if (!chains)
		return false;
	memset(chains, 0xff, sizeof(*chains) << bits); /* every one empty */
	free(table->chains);
	table->chains = chains;
	table->chain_bits = bits;
	for (int list = 0; list < RK_CALL_LIST_COUNT; list++) {
		uint32_t at = table->order[list].first;

		for (; at != NONE; at = table->calls[at].next)
			chain_add(table, at);
	}
	return true;
}

int rk_call_table_init(struct rk_call_table *table, uint32_t limit)
{
	memset(table, 0, sizeof(*table));
	table->limit = limit;
	table->free_first = NONE;
	for (int i = 0; i < RK_CALL_LIST_COUNT; i++)
		table->order[i] = (struct rk_call_order){ NONE, NONE };
	return chains_grow(table, 0) ? 0 : -ENOMEM;
}

void rk_call_table_finish(struct rk_call_table *table)
{
	free(table->calls);
	free(table->chains);
	memset(table, 0, sizeof(*table));
}

static bool calls_grow(struct rk_call_table *table)
{
	uint32_t capacity = grown(table->capacity, table->limit);
	struct rk_call *calls;

	if (capacity <= table->capacity || !chains_grow(table, capacity))
		return false;
	calls = realloc(table->calls, capacity * sizeof(*calls));
	if (!calls)
		return false;
	for (uint32_t i = capacity; i-- > table->capacity;) {
		calls[i].next = table->free_first;
		table->free_first = i;
	}
	table->calls = calls;
	table->capacity = capacity;
	return true;
}

struct rk_call *rk_call_table_add(struct rk_call_table *table, uint32_t correlation,
				  enum rk_call_list list)
{
	struct rk_call_order *order = &table->order[list];
	struct rk_call *call;
	uint32_t at;

	if (table->free_first == NONE && !calls_grow(table))
		return NULL;
	at = table->free_first;
	call = &table->calls[at];
	table->free_first = call->next;
	call->correlation = correlation;
	chain_add(table, at);
	call->list = (uint8_t)list;
	call->prev = order->last;
	call->next = NONE;
	if (order->last == NONE)
		order->first = at;
	else
		table->calls[order->last].next = at;
	order->last = at;
	table->count++;
	return call;
}

void rk_call_table_remove(struct rk_call_table *table, struct rk_call *call)
{
	struct rk_call_order *order = &table->order[call->list];
	uint32_t at = (uint32_t)(call - table->calls);

	chain_remove(table, at);
	if (call->prev == NONE)
		order->first = call->next;
	else
		table->calls[call->prev].next = call->next;
	if (call->next == NONE)
		order->last = call->prev;
	else
		table->calls[call->next].prev = call->prev;
	call->next = table->free_first;
	table->free_first = at;
	table->count--;
}

struct rk_call *rk_call_table_first(struct rk_call_table *table, enum rk_call_list list)
{
	uint32_t at = table->order[list].first;

	return at == NONE ? NULL : &table->calls[at];
}

struct rk_call *rk_call_table_next(struct rk_call_table *table, const struct rk_call *call)
{
	return call->next == NONE ? NULL : &table->calls[call->next];
}
