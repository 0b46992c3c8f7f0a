/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_state.h - the inside of the assembler.
 *
 *   assembler.c        ops come in; the table of executions under way
 *   assembler_part.c   which trace they go to, and whether it is sent
 *   assembler_span.c   the spans they become
 *   assembler_graph.c  launches of graphs, above their nodes
 *   assembler_api.c    spans that the program made
 *   assembler_wait.c   synchronisations
 */
#ifndef RK_PIPELINE_SPAN_ASSEMBLER_STATE_H
#define RK_PIPELINE_SPAN_ASSEMBLER_STATE_H

#include "core/baggage.h"
#include "core/sampler.h"
#include "core/trace_context.h"
#include "pipeline/join/fault.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/join/origin.h"
#include "pipeline/span/api_span.h"
#include "pipeline/span/assembler.h"
#include "pipeline/span/assembler_graph.h"
#include "pipeline/span/assembler_hold.h"
#include "pipeline/span/assembler_slow.h"
#include "pipeline/span/shared_traces.h"

#define RK_EXEC_NONE UINT32_MAX
/* Executions under way that are found without the index: one per thread. */
#define RK_EXEC_RECENT 64u

struct rk_extent {
	uint64_t start, end; /* UNIX ns */
	bool used, host_time;
};

/* Make @extent cover what happened from @start to @end. */
static inline void rk_extent_extend(struct rk_extent *extent, uint64_t start, uint64_t end,
				    bool host_time)
{
	if (!extent->used || start < extent->start)
		extent->start = start;
	if (!extent->used || end > extent->end)
		extent->end = end;
	extent->used = true;
	extent->host_time = extent->host_time || host_time;
}

/* Where spans go: the trace of the origin's parent, or one of our own. */
struct rk_own_trace {
	uint8_t id[16];
	uint8_t flags;
	uint32_t spans;	      /* given, held or reserved; of one of our own */
	bool has_parent;      /* its roots are children of the origin's parent */
	bool is_direct;	      /* there are no roots: its leaves are */
	bool is_continuation; /* its roots link to the origin's parent */
	const char *state;    /* tracestate of its spans; of the sampling or the origin */
};

struct rk_exec {
	uint64_t number;
	uint64_t part;		   /* 0, 1...: of an execution that did not fit one trace */
	struct rk_origin *origin;  /* NULL = that of the process */
	struct rk_own_trace trace; /* of the open part */
	struct rk_extent whole, stages[RK_STAGE_COUNT];
	uint64_t stage_ids[RK_STAGE_COUNT]; /* of the open part */
	struct rk_extent calls; /* that failed, and of work that never came back */
	uint64_t first_kernel;	/* host start of the kernel that names it */
	uint64_t gpu_ns;
	const char *thread_name;	       /* may be NULL */
	struct rk_hold_queue held;	       /* leaves of the open part while it is undecided */
	uint32_t root_name, kernel_id, domain; /* strings */
	uint32_t open_kernel; /* string; of one that never came back */
	uint32_t tid;
	uint32_t threads_seen; /* thread_name is as of so many names */
	uint32_t calls_seen, calls_expected;
	uint32_t ops, kernels;
	uint32_t error, error_message;	/* CUresult; string */
	uint32_t prev, next;		/* by age */
	uint32_t held_prev, held_next;	/* of those that hold something, by age */
	uint32_t graphs;		/* launches under way in the open part: first place + 1 */
	uint8_t kept;			/* enum rk_kept */
	bool closed, admitted, has_part;
	bool undecided; /* would be dropped, and may still prove to be worth keeping */
	bool is_holding;
	bool is_awaited; /* by the span of the program that it was opened in */
	struct rk_extent waits; /* of the open part; behind what every operation touches */
};

/* Whether a span of the program passed the limit of spans, by its id. */
#define RK_FATE_SETS 512u
#define RK_FATE_WAYS 4u
struct rk_span_fate {
	uint64_t key; /* 0 = free place */
	uint64_t used_at;
	bool is_admitted;
};

struct rk_span_fates {
	struct rk_span_fate sets[RK_FATE_SETS][RK_FATE_WAYS];
	uint64_t uses;
};

struct rk_assembler {
	struct rk_assembler_setup setup;
	struct rk_origin process;
	struct rk_sampling sampling;
	bool keeps_errors, keeps_slow;
	double span_limit; /* per second; 0 = none */
	bool is_short; /* the limit of spans made a root wait; until a second's worth is there */
	struct rk_shared_traces traces;
	struct rk_api_spans *api_spans;
	struct rk_span_fates fates;
	struct rk_leaf_links *links; /* NULL until a dependency is told */
	struct rk_fault fault; /* what was under way when the next call failed */
	struct rk_origin *outside; /* of the next wait or failed call, outside of any execution */
	struct rk_exec *execs;
	uint32_t capacity, free_first, oldest, newest;
	uint32_t held_oldest, held_newest;
	uint32_t recent[RK_EXEC_RECENT]; /* place + 1; the execution there tells whether it is it */
	struct rk_handle_map index;	 /* execution -> tag: place + 1 */
	struct rk_handle_map threads;	 /* tid -> tag: name */
	struct rk_handle_map modules;	 /* mangled name -> tag: its file, a string */
	uint32_t threads_named;		 /* names that came, old ones counted again */
	struct rk_hold hold;
	struct rk_slow slow;
	struct rk_graph_launches graphs;
	struct rk_op scratch; /* a held op put together again */
	int64_t wall_offset;
	double tokens;	    /* spans that may leave now */
	uint64_t tokens_at; /* ns of the newest op */
	uint64_t sequence;  /* spans given */
	struct rk_assembler_stats stats;
	struct rk_baggage_entry baggage[RK_BAGGAGE_MEMBERS_MAX]; /* of the process */
	uint32_t stage_names[RK_STAGE_COUNT]; /* strings, as the next ones */
	uint32_t transfer_root, memcpy_name, memset_name, graph_name, unknown;
	uint32_t wait_api, wait_name; /* strings: the function that waited last, and its name */
};

/* Who asked for the work of @exec. */
static inline const struct rk_origin *rk_assembler_origin(const struct rk_assembler *a,
							  const struct rk_exec *exec)
{
	return exec->origin ? exec->origin : &a->process;
}

#endif
