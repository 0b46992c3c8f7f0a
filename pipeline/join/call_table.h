/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/call_table.h - submitted calls that wait for their GPU records, by correlation id.
 *
 * Two order lists, oldest first: launches, which have one record each and leave with it, and
 * the calls whose number of records nobody knows beforehand (copies, memsets, graphs), which
 * the watermark of the GPU side retires. Bounded: the owner evicts the oldest.
 *
 * Ids rise, so the place of a chain is the id itself: calls that neighbour each other share a
 * cache line of it, and mostly each is alone in its chain. What the id has above the size of the
 * table is added, so that ids of equal distances and runs that are a table apart spread as well.
 */
#ifndef RK_PIPELINE_JOIN_CALL_TABLE_H
#define RK_PIPELINE_JOIN_CALL_TABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RK_CALL_NONE UINT32_MAX

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
	uint32_t prev, next; /* by age; next of what is free */
	uint32_t chain;	     /* next one of the same place */
};

static_assert(sizeof(struct rk_call) == 128, "two cache lines");

struct rk_call_order {
	uint32_t first, last;
};

struct rk_call_table {
	struct rk_call *calls;
	uint32_t capacity;
	uint32_t limit;
	uint32_t count;
	uint32_t free_first;
	uint32_t *chains;    /* first call of every place */
	uint32_t chain_bits; /* log2 of their number */
	struct rk_call_order order[RK_CALL_LIST_COUNT];
};

/**
 * @limit: calls that wait at the same time, at most.
 * Context: exporter. Return: 0, -ENOMEM.
 */
int rk_call_table_init(struct rk_call_table *table, uint32_t limit);
void rk_call_table_finish(struct rk_call_table *table);

/* Where the chain of an id begins. */
static inline uint32_t *rk_call_table_chain(const struct rk_call_table *table, uint32_t correlation)
{
	uint32_t place = correlation + (correlation >> table->chain_bits);

	return &table->chains[place & ((1u << table->chain_bits) - 1)];
}

/**
 * Context: exporter. Ownership: borrowed until the next add.
 * Return: NULL when no call with this id waits.
 */
static inline struct rk_call *rk_call_table_get(const struct rk_call_table *table,
						uint32_t correlation)
{
	uint32_t at = *rk_call_table_chain(table, correlation);

	while (at != RK_CALL_NONE && table->calls[at].correlation != correlation)
		at = table->calls[at].chain;
	return at == RK_CALL_NONE ? NULL : &table->calls[at];
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

#endif
