/* SPDX-License-Identifier: Apache-2.0
 *
 * core/record.h - one intercepted CUDA call, as the application thread writes it.
 *
 * Stage 1 of the data path: [call -> record] -> ring -> join -> op -> spans, metrics, file.
 *
 * Why 64 bytes: one record is one cache line, so two producers never share one and the
 * drain thread reads a slot with one miss. Whatever the GPU side knows better (registers,
 * shared memory, names) is deliberately absent and arrives as a struct rk_activity.
 * Times are raw clock ticks: converting is the drain thread's work.
 */
#ifndef RK_CORE_RECORD_H
#define RK_CORE_RECORD_H

#include <assert.h>
#include <stdint.h>

#include "core/record_kind.h"

/* rk_record.flags */
enum {
	RK_REC_CAPTURED = 1 << 0,	   /* went into a stream capture: not launched */
	RK_REC_PER_THREAD_STREAM = 1 << 1, /* default stream means the per-thread one */
	RK_REC_ASYNC = 1 << 2,		   /* the call does not wait for the work */
	RK_REC_OVERFLOW = 1 << 3,	   /* from the shared ring: .tid_hint holds the thread */
};

enum rk_pool {
	RK_POOL_DEVICE,
	RK_POOL_MANAGED,
	RK_POOL_PINNED,
	RK_POOL_ASYNC,
	RK_POOL_ARRAY,
	RK_POOL_VMM,
	RK_POOL_USER,
	RK_POOL_COUNT
};

/* What an ALLOC or FREE does beyond its kind. */
enum rk_memory_act {
	RK_MEMORY_OWN,	   /* memory is taken, or given back */
	RK_MEMORY_FOREIGN, /* ALLOC: of somebody else, or counted elsewhere; only to be known */
	RK_MEMORY_PROMISE, /* ALLOC: a node of a graph, which takes it when the graph runs */
	RK_MEMORY_RETAIN,  /* ALLOC: one more handle of the same memory */
	RK_MEMORY_MAP,	   /* ALLOC: at .ptr; .stream is the handle */
	RK_MEMORY_UNMAP,   /* FREE: what is mapped at .ptr */
};

/* rk_record.mem.place: 0 = the device of the stream or the context, else device + 1. */
#define RK_MEMORY_HOST 255

enum rk_sync_scope {
	RK_SYNC_CONTEXT,
	RK_SYNC_STREAM,
	RK_SYNC_EVENT,
	RK_SYNC_STREAM_QUERY, /* result 0: everything before is complete */
	RK_SYNC_EVENT_QUERY,
	RK_SYNC_MEMORY, /* op only: a stream waited until memory changed */
};

enum rk_lifecycle { RK_LIFE_CREATE, RK_LIFE_DESTROY, RK_LIFE_RECORD, RK_LIFE_WAIT, RK_LIFE_UPDATE };

struct rk_record {
	uint64_t start;	      /* ticks, before the real call */
	uint64_t end;	      /* ticks, after it */
	uint32_t correlation; /* CUPTI's id of this call; 0 when CUPTI did not say */
	uint16_t api;	      /* enum rk_api of cuda_api.def */
	uint8_t kind;	      /* enum rk_record_kind */
	uint8_t flags;
	uint16_t result;   /* CUresult */
	uint16_t context;  /* index of the current context + 1, 0 = unknown */
	uint32_t tid_hint; /* only with RK_REC_OVERFLOW */
	union {
		struct {
			uint64_t function; /* CUfunction or CUkernel */
			uint64_t stream;
			uint32_t grid_x;
			uint16_t grid_y, grid_z;
			uint16_t block[3];
			uint16_t reserved;
		} launch;
		struct {
			uint64_t exec; /* CUgraphExec */
			uint64_t stream;
		} graph;
		struct {
			uint64_t dst, src, bytes, stream;
		} copy;
		struct {
			uint64_t dst, bytes, stream;
			uint32_t value;
		} set;
		struct {
			uint64_t ptr, bytes, stream;
			uint8_t pool;  /* enum rk_pool */
			uint8_t act;   /* enum rk_memory_act */
			uint8_t place; /* where it lies */
		} mem;
		struct {
			uint64_t object; /* stream, event or context */
			uint8_t scope;	 /* enum rk_sync_scope */
		} sync;
		struct {
			uint64_t stream;
			uint32_t flags;
			int32_t priority;
			uint8_t life; /* enum rk_lifecycle */
		} stream;
		struct {
			uint64_t event, stream; /* WAIT for event 0: for memory to change */
			uint8_t life;
		} event;
		struct {
			uint64_t context;
			int32_t device;
			uint8_t life;
		} ctx;
		struct {
			uint64_t stream;
			uint8_t life; /* CREATE = begin, DESTROY = end */
		} capture;
		struct {
			uint64_t handle; /* CUfunction or CUkernel; 0 = all that .owner has */
			uint64_t owner;	 /* module, library or kernel it came from; 0 = unknown */
			uint32_t name;	 /* rk_intern id of the mangled name; 0 = gone */
		} name;
		struct {
			uint64_t handle; /* module or library; its end is a name record's */
			uint64_t image;	 /* where the code was in memory; 0 = in .file */
			uint64_t owner;	 /* library that the module is of; 0 = none */
			uint32_t file;	 /* rk_intern id of the path; 0 = none */
		} module;
		struct {
			uint64_t exec;	/* CUgraphExec */
			uint64_t graph; /* CUgraph it was made from; 0 = unknown */
			uint32_t nodes; /* of that graph, without those of its children */
			uint8_t life;	/* CREATE, UPDATE, DESTROY */
		} graph_info;
		struct {
			uint32_t id; /* of core/stack_pool.h */
		} stack;
		uint64_t raw[4];
	};
};

static_assert(sizeof(struct rk_record) == 64, "one record is one cache line");

#endif
