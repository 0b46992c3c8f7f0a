/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join_state.h - the inside of the join, shared by its files.
 *
 *   join_host.c    host records: executions, handles, failures; calls that wait
 *   join_api.c     what the program says; the context of every thread
 *   join_flight.c  launches that stay open
 *   join_stack.c   where calls were made
 *   join_memory.c  whose memory an address is, when it is gone
 *   join_gpu.c     activities, the watermark, orphans
 *   join.c         building ops, time, the end, the ledger
 */
#ifndef RK_PIPELINE_JOIN_STATE_H
#define RK_PIPELINE_JOIN_STATE_H

#include "core/instrument.h"
#include "pipeline/call_table.h"
#include "pipeline/exec_cut.h"
#include "pipeline/handle_map.h"
#include "pipeline/join.h"
#include "pipeline/join_order.h"

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
	struct rk_op op; /* under construction */
};

/**
 * Parts of join.c that the other two files use: what kind of work a call is, and the ways it
 * ends (host time alone, open, all records seen, out of the table); building ops; handles.
 *
 * Context: exporter.
 */
enum rk_work rk_join_work_of(const struct rk_call *call);
void rk_join_complete_without_record(struct rk_join *join, struct rk_call *call);
void rk_join_tell_open(struct rk_join *join, struct rk_call *call);
void rk_join_retire(struct rk_join *join, struct rk_call *call);
void rk_join_leave(struct rk_join *join, struct rk_call *call);
/* By what CUPTI refuses: such a call certainly has no record / may have none, and none is due. */
bool rk_join_gets_no_record(const struct rk_join *join, uint8_t kind, uint16_t api);
bool rk_join_may_lack_record(const struct rk_join *join, const struct rk_call *call);
void rk_join_finish_call(struct rk_join *join, struct rk_call *call);
struct rk_op *rk_join_start_op(struct rk_join *join, enum rk_op_kind kind);
void rk_join_fill_from_call(struct rk_join *join, struct rk_op *op, const struct rk_call *call);
uint32_t rk_join_stream_id(struct rk_join *join, const struct rk_call *call);
uint32_t rk_join_device_of(const struct rk_join *join, uint16_t context);
uint32_t rk_join_context_id(const struct rk_join *join, uint16_t context);
struct rk_join_context *rk_join_context_get(struct rk_join *join, uint16_t context);
uint64_t rk_join_stream_key(const struct rk_call *call);

/**
 * Parts of join_api.c: say in which context an execution that was just opened runs; a thread
 * ended; all ended.
 *
 * Context: exporter.
 */
void rk_join_tell_context(struct rk_join *join, uint64_t exec, uint32_t tid, uint64_t when);
void rk_join_forget_context(struct rk_join *join, uint32_t tid);
void rk_join_forget_contexts(struct rk_join *join);

/**
 * Parts of join_gpu.c: a record and its call, whether they can belong together, a record
 * without a call, and a call that is drained only when CUPTI was let go after it.
 *
 * Context: exporter.
 */
void rk_join_match(struct rk_join *join, struct rk_call *call, const struct rk_activity *activity);
void rk_join_settle_late(struct rk_join *join, uint32_t correlation);
bool rk_join_belongs(const struct rk_call *call, const struct rk_activity *activity);
void rk_join_orphan(struct rk_join *join, const struct rk_activity *activity);

/**
 * By when the call's GPU work was complete, as far as synchronisations tell; 0 = unknown.
 *
 * Context: exporter.
 */
uint64_t rk_join_complete_by(const struct rk_join *join, const struct rk_call *call);

/**
 * Part of join_rest.c: what came late, while nothing is recorded, is told when it has waited.
 *
 * Context: exporter.
 */
void rk_join_look_at_rest(struct rk_join *join, uint64_t now);

/**
 * Part of join_graph.c: a graph was instantiated, updated or destroyed / a kernel handle got its
 * name, or the code behind handles was unloaded.
 *
 * Context: exporter.
 */
void rk_join_tell_graph(struct rk_join *join, uint32_t tid, const struct rk_record *record);
void rk_join_note_name(struct rk_join *join, const struct rk_record *record);

/**
 * Parts of join_flight.c: tell the launches that became old, some of them at a time; those under
 * way in a context that has just faulted, the first time.
 *
 * Context: exporter.
 */
void rk_join_tell_in_flight(struct rk_join *join);
void rk_join_tell_suspects(struct rk_join *join, uint16_t context);

/**
 * Parts of join_stack.c: the next host record has this stack, which is told if it was not yet; see
 * whether what is at an address has changed; the end.
 *
 * Context: exporter.
 */
void rk_join_take_stack(struct rk_join *join, const struct rk_record *record);
void rk_join_look_at_modules(struct rk_join *join);
void rk_join_forget_stacks(struct rk_join *join);

/**
 * Part of join_host.c: an op with what every host record says.
 *
 * Context: exporter. Ownership: borrowed until the next one is started.
 */
struct rk_op *rk_join_start_host_op(struct rk_join *join, uint32_t tid,
				    const struct rk_record *record, enum rk_op_kind kind);

/**
 * Parts of join_memory.c: memory is taken, given back, or was refused; a stream is made or
 * gone; a context takes its memory with it; time passes; the end.
 *
 * Context: exporter.
 */
void rk_join_take_memory(struct rk_join *join, uint32_t tid, const struct rk_record *record);
void rk_join_tell_refused(struct rk_join *join, uint32_t tid, const struct rk_record *record);
void rk_join_note_memory_stream(struct rk_join *join, const struct rk_record *record);
void rk_join_forget_context_memory(struct rk_join *join, uint32_t tid,
				   const struct rk_record *record);
void rk_join_look_at_memory(struct rk_join *join, uint64_t now);
void rk_join_finish_memory(struct rk_join *join);
void rk_join_forget_memory(struct rk_join *join);

#endif
