/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/exec_cut.h - where one execution ends and the next begins.
 *
 * Host records come in each thread's order, so the cut is made here, in that order, and not
 * when GPU records happen to arrive:
 *
 *   submit opens ---+--- submit --- submit ---+--- own synchronisation    closes
 *                   |                         +--- covering one elsewhere closes
 *                   |                         +--- successful query       closes
 *                   |                         +--- 10,000 calls, 1 s      closes
 *                   |                         +--- thread exit, end       closes
 *                   |                         +--- another trace context  closes
 *
 * A covering synchronisation elsewhere (of the whole context) closes what was submitted before
 * it began. The other thread's records may still lie in its ring at that moment, so the mark
 * is applied at that thread's next record, or one round of draining later.
 *
 * What a change of the trace context closed is still waited for by the thread: the next
 * synchronisation that covers it tells by when it was complete.
 *
 * An execution also remembers by when all of its GPU work was certainly complete: that lets
 * the join retire calls whose number of GPU records nobody knows.
 */
#ifndef RK_PIPELINE_JOIN_EXEC_CUT_H
#define RK_PIPELINE_JOIN_EXEC_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"
#include "core/record.h"
#include "pipeline/join/corr_index.h"

#define RK_EXEC_CALLS_MAX 10000u
#define RK_EXEC_AGE_NS	  1000000000ull

/* Called when an execution closes; @calls were assigned to it. */
typedef void (*rk_exec_close_fn)(void *data, uint64_t exec, uint32_t tid, uint32_t calls,
				 enum rk_exec_close_reason reason);

struct rk_exec_state {
	uint64_t exec;
	uint64_t done_by; /* ns; all its GPU work was complete by then. 0 = unknown */
	uint32_t waiting; /* calls in the table that belong to it */
	uint32_t next_free;
	bool closed;
};

struct rk_exec_cut {
	rk_exec_close_fn close;
	void *data;
	struct rk_exec_thread *threads;
	uint32_t thread_count, thread_capacity, thread_limit;
	struct rk_corr_index by_tid;
	uint32_t last_tid, last_thread; /* records come in runs of one thread; place + 1 */
	struct rk_exec_state *states;
	uint32_t state_count, state_capacity, state_free;
	struct rk_exec_mark *marks; /* by context index */
	uint32_t mark_count;
	uint32_t round;
	bool has_full; /* the call that came last was the 10,000th */
	uint64_t last_exec;
};

/* One submitting or synchronising call. */
struct rk_exec_call {
	uint32_t tid;
	uint64_t start, end; /* ns */
	uint64_t stream;     /* handle */
	uint16_t context;
};

/* Context: exporter. Return: 0, -ENOMEM. */
int rk_exec_cut_init(struct rk_exec_cut *cut, rk_exec_close_fn close, void *data);
void rk_exec_cut_finish(struct rk_exec_cut *cut);

/**
 * A call that put work on a GPU: the execution it belongs to, opened if need be.
 *
 * @slot: of the execution, for rk_exec_cut_state(). May close the previous one.
 * Context: exporter. Return: number of the execution; 0 when memory is short.
 */
uint64_t rk_exec_cut_submit(struct rk_exec_cut *cut, const struct rk_exec_call *call,
			    uint32_t *slot);

/* With .has_full: close what the call came to. Context: exporter, after it was recorded. */
void rk_exec_cut_close_full(struct rk_exec_cut *cut, uint32_t tid);

/* A synchronisation that returned, or a query that said "complete". Context: exporter. */
void rk_exec_cut_sync(struct rk_exec_cut *cut, const struct rk_exec_call *call,
		      enum rk_sync_scope scope);

/* Close the execution of a thread, which changes its trace context / its number, 0 = none.
 * Context: exporter. */
void rk_exec_cut_leave(struct rk_exec_cut *cut, uint32_t tid);
uint64_t rk_exec_cut_current(const struct rk_exec_cut *cut, uint32_t tid);

/**
 * The execution of a thread that was closed for its age, while nothing of the thread's has come
 * since: what it waits for now is that one.
 *
 * Context: exporter. Return: its number; 0 = none.
 */
uint64_t rk_exec_cut_aged(const struct rk_exec_cut *cut, uint32_t tid);

/* Apply marks of earlier rounds, close executions older than 1 s. Starts a new round.
 * Context: exporter. */
void rk_exec_cut_tick(struct rk_exec_cut *cut, uint64_t now);

/* A thread ended: close its execution, forget it / close all. Context: exporter. */
void rk_exec_cut_thread_exit(struct rk_exec_cut *cut, uint32_t tid);
void rk_exec_cut_end(struct rk_exec_cut *cut);

/**
 * A call of the execution in @slot entered / left the table of waiting calls.
 *
 * Context: exporter. The slot is recycled when it is closed and none waits.
 */
static inline void rk_exec_cut_hold(struct rk_exec_cut *cut, uint32_t slot)
{
	if (slot != RK_CORR_NONE)
		cut->states[slot].waiting++;
}

/* Part of the next. Context: exporter. */
void rk_exec_cut_recycle(struct rk_exec_cut *cut, uint32_t slot);
static inline void rk_exec_cut_release(struct rk_exec_cut *cut, uint32_t slot)
{
	if (slot != RK_CORR_NONE && !--cut->states[slot].waiting && cut->states[slot].closed)
		rk_exec_cut_recycle(cut, slot);
}

/**
 * By when the GPU work of a call was complete, as far as synchronisations tell; 0 = unknown.
 *
 * @slot: of its execution. @context, @host_end: of the call.
 * Context: exporter.
 */
uint64_t rk_exec_cut_done_by(const struct rk_exec_cut *cut, uint32_t slot, uint16_t context,
			     uint64_t host_end);

/**
 * The GPU side was collected: the newest marks become the settled ones. Without them a program
 * that synchronises all the time would always have a mark too new to be used.
 * Context: exporter, after the calls of this collection were looked at.
 */
void rk_exec_cut_settle(struct rk_exec_cut *cut);

#endif
