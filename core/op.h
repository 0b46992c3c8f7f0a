/* SPDX-License-Identifier: Apache-2.0
 *
 * core/op.h - one joined operation: the unit of the trace file and of everything after it.
 *
 * Host record and GPU activity become one op in pipeline/join. From here on live and replay
 * are the same path: the file holds exactly the sequence of ops, ticks included, and spans,
 * metrics, alerts and the verdict are functions of that sequence alone. Therefore nothing
 * downstream may look at a clock, a global or the order of arrival: only at ops.
 *
 * Strings are rk_intern ids. Times are ns of rk_clock; UNIX time by the latest RK_OP_CLOCK.
 */
#ifndef RK_CORE_OP_H
#define RK_CORE_OP_H

#include <stdint.h>

#include "core/ledger.h"
#include "core/op_kind.h"
#include "core/op_said.h"

/* rk_op.flags; on-disk values */
enum {
	RK_OP_F_HOST_TIME = 1 << 0,    /* start/end are the call's, not the GPU's */
	RK_OP_F_ORPHAN = 1 << 1,       /* the host record is missing */
	RK_OP_F_OPEN = 1 << 2,	       /* submitted, never seen complete: no GPU time;
					* ERROR: what the ALLOC asked for is told later */
	RK_OP_F_INVALID_TIME = 1 << 3, /* the GPU time was unusable: no duration */
	RK_OP_F_FIRST = 1 << 4,	       /* first GPU record of its call (one call, many records) */
	RK_OP_F_ASYNC = 1 << 5,
	RK_OP_F_QUESTION = 1 << 6, /* ERROR: of a call that asks; it fails nothing */
	RK_OP_F_SUSPECT = 1 << 7,  /* IN_FLIGHT: under way when the next op, a fault, was told */
	RK_OP_F_LATE = 1 << 7,	   /* SYNC: its execution was closed before it returned */
};

enum rk_exec_close_reason {
	RK_CLOSE_SYNC = 0, /* own synchronisation, or a covering one elsewhere */
	RK_CLOSE_QUERY = 1,
	RK_CLOSE_COUNT = 2, /* 10,000 operations */
	RK_CLOSE_AGE = 3,   /* 1 s */
	RK_CLOSE_THREAD_EXIT = 4,
	RK_CLOSE_END = 5,
	RK_CLOSE_CONTEXT = 6, /* the thread went on in another context */
};

/* Devices whose active kernels a tick tells apart; later ones count for the last. */
#define RK_ACTIVE_DEVICES 16

struct rk_op {
	uint64_t ordinal;	       /* 1, 2, 3... of the file; span ids derive from it */
	uint64_t exec;		       /* execution it belongs to, 1...; 0 = none */
	uint64_t host_start, host_end; /* the call; 0 when unknown */
	uint64_t start, end;	/* GPU time, or the call's with RK_OP_F_HOST_TIME; 0 = none */
	uint64_t stream_handle; /* the program's CUstream; 0 = default stream */
	uint32_t stream;	/* CUPTI's stream id, else a small number per handle */
	uint32_t tid;		/* launching thread; 0 = unknown */
	uint32_t device;
	uint32_t context;
	uint32_t correlation;
	uint32_t api;	 /* string: the CUDA function; 0 = unknown */
	uint32_t name;	 /* string: mangled kernel name; thread or device name */
	uint32_t stack;	 /* where the call was made, by its RK_OP_STACK; 24 bits; 0 = unknown */
	uint16_t result; /* CUresult of the call */
	uint8_t kind;	 /* enum rk_op_kind */
	uint8_t flags;
	union {
		struct {
			uint32_t grid[3], block[3];
			uint32_t registers, static_shared_bytes, dynamic_shared_bytes;
			uint32_t local_bytes_per_thread;
			uint32_t graph;
			uint64_t graph_node;
		} kernel;
		struct {
			uint64_t bytes, graph_node;
			uint32_t graph;
			uint32_t value; /* memset */
			uint32_t peer_device;
			uint8_t copy_kind; /* enum rk_copy_kind */
			uint8_t src_memory, dst_memory;
		} copy; /* MEMCPY, MEMSET */
		struct {
			uint64_t exec_handle;
			uint32_t graph;
			uint32_t nodes; /* GPU records seen for this launch */
			/* in spans, not in files: which launch of the graph, kernels among nodes */
			uint32_t launch, kernels;
		} graph;
		struct {
			/* FREE: bytes of the allocation, 0 = unknown. ALLOC with RK_OP_F_OPEN:
			 * nothing was taken, .ptr is how much was asked for; .result says
			 * whether that failed, 0 = a graph takes it whenever it runs. */
			uint64_t ptr, bytes;
			uint8_t pool; /* enum rk_pool */
		} memory;
		struct {
			uint64_t object;
			uint8_t scope; /* enum rk_sync_scope */
		} sync;
		struct {
			uint32_t ops;	/* GPU calls assigned to the execution */
			uint8_t reason; /* enum rk_exec_close_reason */
		} close;
		struct {
			struct rk_ledger ledger;
			uint64_t cpu_ns; /* spent by the tracer's own threads */
			uint64_t rss_bytes;
			uint64_t ring_depth_max; /* records, since the last tick */
			uint64_t lag_ns;	 /* oldest record drained in this round */
			/* where there is a budget, so far: threads of the program in hooks; what
			 * CUPTI says it took of them; time of those that used the GPU */
			uint64_t hook_ns, gpu_overhead_ns, busy_ns;
			uint64_t step; /* enum rk_governor_step */
			uint64_t active[RK_ACTIVE_DEVICES]; /* kernels under way, by device */
		} tick;				 /* TICK, END */
		struct {
			int64_t wall_offset_ns; /* UNIX time - rk_clock */
			uint64_t uncertainty_ns;
		} clock;
		struct {
			uint8_t uuid[16];
			uint64_t memory_bytes;
			uint32_t major, minor; /* compute capability */
		} device_info;
		struct {
			uint64_t ordinal, on; /* ordinals: what waited, and for what */
		} dependency;
		struct rk_op_said said; /* SPAN_*, ATTRIBUTE, LINK, CONTEXT, LOG */
		struct rk_op_instrument instrument;
		struct rk_op_sample sample;
	};
	const uint8_t *text; /* core/op_said.h; borrowed until the receiver returns */
	uint32_t text_bytes;
};

#endif
