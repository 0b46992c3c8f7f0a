/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/waiting_table.h - GPU records that came before their call.
 *
 * Oldest first, and chained per correlation id: the call takes its own in the order they came,
 * and who has waited for too long is an orphan.
 */
#ifndef RK_PIPELINE_JOIN_WAITING_TABLE_H
#define RK_PIPELINE_JOIN_WAITING_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/activity.h"
#include "pipeline/join/corr_index.h"

struct rk_waiting_activity {
	struct rk_activity activity;
	uint64_t arrived;    /* ns, time of the join */
	uint32_t chain;	     /* next one with the same id */
	uint32_t chain_last; /* valid in the head of a chain */
	uint32_t prev, next; /* by arrival */
};

struct rk_waiting_table {
	struct rk_waiting_activity *items;
	uint32_t capacity, limit, count;
	uint32_t free_first;
	struct rk_corr_index index; /* id -> head of the chain */
	uint32_t first, last; /* by arrival */
};

/**
 * Context: exporter. Return: 0, -ENOMEM.
 */
int rk_waiting_table_init(struct rk_waiting_table *table, uint32_t limit);
void rk_waiting_table_finish(struct rk_waiting_table *table);

/**
 * Context: exporter. Return: false when full or without memory.
 */
bool rk_waiting_table_add(struct rk_waiting_table *table, const struct rk_activity *activity,
			  uint64_t now);

/**
 * Take the first waiting activity of @correlation, in order of arrival.
 *
 * Context: exporter. Return: false when there is none.
 */
bool rk_waiting_table_take(struct rk_waiting_table *table, uint32_t correlation,
			   struct rk_activity *out);

/**
 * Take the oldest one if it arrived before @before.
 *
 * Context: exporter. Return: false when there is none.
 */
bool rk_waiting_table_take_oldest(struct rk_waiting_table *table, uint64_t before,
				  struct rk_activity *out);

#endif
