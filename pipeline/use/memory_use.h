/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/memory_use.h - who holds how much memory: heaptrack for the GPU.
 *
 *   row     one pool of one device: live, peak, counts. "registered" is a part of pinned
 *   space   one device's memory, all pools together, or the host's: its peak is the moment
 *           that top holders are told for
 *   holder  who took it: a call stack; without stacks the function and the thread
 *
 * A function of ops alone, so live and replay say the same. Sizes are those that the program
 * asked for. An allocation is temporary when the thread that made it freed it before it made
 * another one, as in heaptrack, which does not tell threads apart.
 *
 * Bounded: what is beyond RK_MEMORY_HOLDERS is held by "other" of its pool, and allocations
 * beyond RK_MEMORY_TRACKED at a time by nobody; both are counted. Sums are exact all the same.
 */
#ifndef RK_PIPELINE_USE_MEMORY_USE_H
#define RK_PIPELINE_USE_MEMORY_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/op.h"

#define RK_MEMORY_ON_HOST UINT32_MAX /* rk_memory_space.device */
#define RK_MEMORY_HOLDERS 16384u
#define RK_MEMORY_TRACKED (1u << 18)

struct rk_memory_row {
	uint32_t device; /* of pinned memory: of the context it was taken in */
	uint8_t pool;	 /* enum rk_pool */
	bool is_registered; /* the part of the pinned row that the program registered */
	int64_t live_bytes, live_count;
	uint64_t peak_bytes, peak_ns;
	uint64_t allocs, alloc_bytes, frees;
	uint64_t temporary, temporary_bytes;
	uint64_t failed, failed_bytes; /* out of memory; what was asked for */
	uint64_t with_context, with_context_bytes; /* frees: its context was destroyed */
};

struct rk_memory_space {
	uint32_t device; /* RK_MEMORY_ON_HOST: pinned and registered */
	uint32_t version; /* of the peak; private */
	int64_t live_bytes;
	uint64_t peak_bytes, peak_ns;
};

struct rk_memory_holder {
	uint32_t stack; /* 0 = unknown */
	uint32_t api;	/* string; 0 and no stack = other */
	uint32_t tid;	/* where there is no stack */
	uint32_t device;
	uint8_t pool;
	bool is_registered;
	int64_t live_bytes, live_count;
	int64_t peak_bytes; /* when its space had its peak; as rk_memory_use_top() gives it */
	uint64_t allocs, alloc_bytes, temporary, failed;
	uint64_t with_context_bytes;
	uint32_t version; /* private */
};

/* What is not in the rows. */
struct rk_memory_totals {
	uint64_t allocs, temporary, temporary_bytes, failed;
	uint64_t with_context, with_context_bytes;
	uint64_t unknown_frees;		   /* of addresses taken before recording, or lost */
	uint64_t promised, promised_bytes; /* by nodes of graphs, whenever they run */
	uint64_t folded;		   /* allocations held by "other" */
	uint64_t untracked;		   /* allocations held by nobody */
	uint64_t resets; /* recording stopped: what was live then is known no more */
	uint64_t first_ns, last_ns;	   /* of the calls */
	bool ended;			   /* cleanly: what is live now is live at exit */
};

/* The newest allocation that was refused. */
struct rk_memory_refusal {
	uint64_t ordinal; /* of its op; the failed call is the next one. 0 = none */
	uint64_t bytes;
	uint32_t device;
	uint8_t pool;
};

struct rk_memory_use;

/**
 * Context: exporter or tools. Ownership: the caller, destroy(). Return: 0, -ENOMEM.
 */
int rk_memory_use_create(struct rk_memory_use **out);
void rk_memory_use_destroy(struct rk_memory_use *use);

/**
 * Take one op; all but ALLOC, FREE, RECORDING and END are ignored.
 *
 * Context: as above. May allocate; without memory the allocation is untracked.
 */
void rk_memory_use_feed(struct rk_memory_use *use, const struct rk_op *op);

/**
 * The i-th row or space, in the order they were first seen; a registered row stands beside the
 * pinned one it is a part of.
 *
 * Context: as above. Ownership: borrowed until the next feed. Return: NULL beyond the last.
 */
const struct rk_memory_row *rk_memory_use_row(const struct rk_memory_use *use, size_t i);
const struct rk_memory_space *rk_memory_use_space(const struct rk_memory_use *use, size_t i);

/**
 * What is not in the rows; the newest allocation that was refused.
 *
 * Context: as above.
 */
void rk_memory_use_totals(const struct rk_memory_use *use, struct rk_memory_totals *totals);
void rk_memory_use_refusal(const struct rk_memory_use *use, struct rk_memory_refusal *refusal);

enum rk_memory_order {
	RK_MEMORY_BY_LIVE,
	RK_MEMORY_BY_PEAK,
	RK_MEMORY_BY_LEAK, /* live, or gone only with its context */
	RK_MEMORY_BY_TEMPORARY,
};

/**
 * Who holds, held, or took for a moment, most; those with nothing are left out.
 *
 * @space: of which memory; NULL = all.
 * Context: as above. Return: holders written, at most @max.
 */
size_t rk_memory_use_top(const struct rk_memory_use *use, const struct rk_memory_space *space,
			 enum rk_memory_order order, struct rk_memory_holder *out, size_t max);

/**
 * The memory that @row, or a holder of @device and @pool, is a part of.
 *
 * Context: as above. Return: NULL when nothing was ever taken there.
 */
const struct rk_memory_space *rk_memory_use_space_of(const struct rk_memory_use *use,
						     uint32_t device, uint8_t pool);

#endif
