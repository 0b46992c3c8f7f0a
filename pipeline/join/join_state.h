/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_state.h - the inside of the join, shared by its files.
 *
 *   join_host.c    host records: executions, handles, failures; calls that wait
 *   join_api.c     what the program says; the context of every thread
 *   join_flight.c  launches that stay open
 *   join_stack.c   where calls were made
 *   join_module.c  which file a kernel comes from
 *   join_memory.c  whose memory an address is, when it is gone
 *   join_gpu.c     activities, the watermark, orphans
 *   join.c         building ops, time, the end, the ledger
 */
#ifndef RK_PIPELINE_JOIN_JOIN_STATE_H
#define RK_PIPELINE_JOIN_JOIN_STATE_H

#include "core/instrument.h"
#include "pipeline/join/call_table.h"
#include "pipeline/join/exec_cut.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/join/join.h"
#include "pipeline/join/join_order.h"
#include "pipeline/join/join_parts.h"
#include "pipeline/join/waiting_table.h"

/* A GPU record may come this much before its host record, or after the watermark said all. */
#define RK_JOIN_GRACE_NS 2000000000ull
/* A graph without a covering synchronisation may have further nodes for this long. */
#define RK_JOIN_GRAPH_GRACE_NS 10000000000ull
/* Error of GPU times that CUPTI converted: a record this much before its call is not its. */
#define RK_JOIN_CLOCK_SLACK_NS 1000000ull
/* A small pageable upload returns when it is staged; the DMA follows at once. */
#define RK_JOIN_STAGING_NS 100000000ull

struct rk_join_attached;
struct rk_join_memory;

/* What the name of a CUDA function tells about a copy. */
struct rk_join_api {
	uint32_t name;	       /* string */
	uint8_t copy_kind;     /* enum rk_copy_kind */
	bool is_readback;      /* blocking copy to the host: a synchronisation */
	bool is_multi_device;  /* one kernel on each of several devices */
	bool is_blocking_copy; /* when it has returned the copy is as good as done */
	bool is_question;      /* "no" is an answer, not a failure of what the program does */
};

struct rk_join_context {
	uint32_t cupti_id;
	uint32_t device;
	bool has_cupti_id, has_device;
	bool has_faulted; /* nothing that was under way comes back */
};

/* Streams whose CUPTI id is known to be in the map, by hash of the key. */
#define RK_JOIN_LEARNED 64

struct rk_join_learned {
	uint64_t key;
	uint32_t id;
};

struct rk_join {
	struct rk_join_setup setup;
	struct rk_join_api *apis;
	struct rk_join_context *contexts; /* by index + 1 */
	uint32_t context_count;
	struct rk_call_table calls;
	struct rk_waiting_table waiting;
	uint32_t looked_at[RK_CALL_LIST_COUNT]; /* correlation id of the newest of these calls */
	struct rk_exec_cut cut;
	struct rk_handle_map names;   /* kernel handle -> string */
	struct rk_handle_map streams; /* stream key -> id in .tag */
	struct rk_join_memory *memory; /* NULL until there is some */
	struct rk_handle_map threads; /* tid -> name */
	struct rk_join_order *order; /* NULL until an event is recorded */
	struct rk_handle_map attached; /* tid -> struct rk_join_attached */
	struct rk_join_attached *attached_first;
	size_t attached_bytes; /* of text in them */
	uint64_t told_instruments[RK_INSTRUMENTS_MAX / 64 + 1]; /* one bit each */
	struct rk_join_learned learned[RK_JOIN_LEARNED];
	uint32_t next_stream;
	uint64_t ordinal;
	uint64_t now;		  /* ns; newest tick */
	uint64_t watermark;	  /* GPU records that ended before have all come */
	uint64_t host_time_since; /* ns; 0 = GPU time is on, or never was */
	uint64_t left_ns;	  /* when CUPTI was let go for the last time; 0 = never */
	uint32_t missing;	  /* bits of enum rk_gpu_missing */
	bool gpu_time, had_gpu_time;
	bool is_resting; /* nothing is recorded; gpu_time is that of before */
	uint64_t joined[RK_WORK_COUNT];
	uint64_t evicted[RK_WORK_COUNT];       /* told as open, no longer in the table */
	uint64_t waiting_calls[RK_WORK_COUNT]; /* in the table without a GPU record */
	uint64_t lost[RK_WORK_COUNT];
	uint64_t gpu_records[RK_ACT_KIND_COUNT];
	uint64_t gpu_joined, gpu_orphan, gpu_invalid, gpu_dropped;
	uint64_t dropped[RK_LOSS_COUNT]; /* GPU records that never came, by reason */
	uint64_t records_missing;	 /* of these, not yet laid to a call */
	uint64_t invalid_times, limited;
	uint64_t active[RK_ACTIVE_DEVICES];
	uint32_t stack;			 /* of the host record that comes next, or is being taken */
	struct rk_join_stacks *stacks;	 /* NULL until the first one */
	struct rk_join_modules *modules; /* NULL until one is loaded */
	struct rk_op op; /* under construction */
};

#endif
