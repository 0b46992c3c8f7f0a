/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/call_table.h - submitted calls that wait for their GPU records, by correlation id.
 *
 * Two order lists, oldest first: launches, which have one record each and leave with it, and
 * the calls whose number of records nobody knows beforehand (copies, memsets, graphs), which
 * the watermark of the GPU side retires. Bounded: the owner evicts the oldest.
 */
#ifndef RK_PIPELINE_JOIN_CALL_TABLE_H
#define RK_PIPELINE_JOIN_CALL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/activity.h"
#include "pipeline/join/corr_index.h"

enum rk_call_list { RK_CALL_ONE_RECORD, RK_CALL_MANY_RECORDS, RK_CALL_LIST_COUNT };

/* In rk_call.flags: became old and was looked at, as a launch that may be in flight. */
#define RK_CALL_LOOKED_AT (1u << 7)
/* Likewise: waits for an event of another stream. */
#define RK_CALL_WAITS (1u << 6)

struct rk_call {
	uint64_t host_start, host_end; /* ns */
	uint64_t exec;
	uint64_t stream;	     /* handle */
	uint64_t object;	     /* launch: function; graph: CUgraphExec; copy, set: bytes */
	uint64_t gpu_start, gpu_end; /* of the records seen so far; 0 = none */
	uint32_t exec_slot;	     /* of exec_cut.h */
	uint32_t correlation;
	uint32_t tid;
	uint32_t records; /* GPU records seen */
	uint32_t graph;
	uint32_t value; /* memset */
	uint32_t stack; /* as of rk_op */
	uint32_t grid[3];
	uint16_t block[3];
	uint16_t api;
	uint16_t context; /* index + 1 */
	uint8_t kind;	  /* enum rk_record_kind */
	uint8_t flags;	  /* rk_record.flags, RK_CALL_LOOKED_AT, _WAITS */
	uint8_t device;	  /* counted as active there; 0xff = not counted */
	uint8_t list;	  /* enum rk_call_list */
	uint32_t prev, next;
};

struct rk_call_order {
	uint32_t first, last;
};

struct rk_call_table {
	struct rk_call *calls;
	uint32_t capacity;
	uint32_t limit;
	uint32_t count;
	uint32_t free_first;
	struct rk_corr_index index;
	struct rk_call_order order[RK_CALL_LIST_COUNT];
};

/**
 * @limit: calls that wait at the same time, at most.
 * Context: exporter. Return: 0, -ENOMEM.
 */
int rk_call_table_init(struct rk_call_table *table, uint32_t limit);
void rk_call_table_finish(struct rk_call_table *table);

/**
 * Context: exporter. Ownership: borrowed until the next add.
 * Return: NULL when no call with this id waits.
 */
static inline struct rk_call *rk_call_table_get(struct rk_call_table *table, uint32_t correlation)
{
	uint32_t index = rk_corr_index_get(&table->index, correlation);

	return index == RK_CORR_NONE ? NULL : &table->calls[index];
}

/**
 * Append a call. Only @correlation, which must not be there yet, @list and the links are set:
 * the caller fills the rest.
 *
 * Context: exporter. Ownership: borrowed until the next add.
 * Return: NULL when the table is full or memory is short.
 */
struct rk_call *rk_call_table_add(struct rk_call_table *table, uint32_t correlation,
				  enum rk_call_list list);

/**
 * Context: exporter. @call must be one of the table's.
 */
void rk_call_table_remove(struct rk_call_table *table, struct rk_call *call);

/**
 * The oldest call of a list, and the one after @call. NULL at the end.
 *
 * Context: exporter.
 */
struct rk_call *rk_call_table_first(struct rk_call_table *table, enum rk_call_list list);
struct rk_call *rk_call_table_next(struct rk_call_table *table, const struct rk_call *call);

/* GPU records that came before their call, oldest first, chained per correlation id. */
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
	struct rk_call_order order;
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
