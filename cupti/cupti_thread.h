/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_thread.h - the thread rk-cupti: flush, decode, hand on.
 *
 *	wait -> cuptiActivityFlushAll -> decode what came back -> ring -> FLUSHED mark
 *
 * A default flush withholds every buffer with an incomplete record, so "flushed at t" does
 * not mean "all that ended before t was delivered". The mark therefore carries the time at
 * which the oldest buffer that is still out was lent: what was submitted before is in.
 *
 * It calls CUPTI only outside CUPTI's callbacks and holds no lock while it does; it never
 * touches a file or a socket. It waits for the drain thread for a bounded time only.
 */
#ifndef RK_CUPTI_CUPTI_THREAD_H
#define RK_CUPTI_CUPTI_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ring.h"
#include "cupti/cupti_buffers.h"
#include "cupti/cupti_decode.h"
#include "cupti/cupti_names.h"
#include "cupti/cupti_session.h"

/* What other threads ask for; bits. */
enum {
	RK_CUPTI_DO_FLUSH = 1 << 0,
	RK_CUPTI_DO_YIELD = 1 << 1,
	RK_CUPTI_DO_RETURN = 1 << 2,
	RK_CUPTI_DO_STOP = 1 << 3,
	RK_CUPTI_DO_START = 1 << 4, /* recording begins: take CUPTI */
	RK_CUPTI_DO_REST = 1 << 5,  /* it ends: collect everything and let go */
};

struct rk_cupti_thread {
	/* set before start, immutable after */
	struct rk_cupti_session *session;
	struct rk_cupti_buffers *buffers;
	struct rk_ring *ring; /* of struct rk_activity; this thread is the producer */
	struct rk_cupti_names *names;
	uint64_t interval_ns;
	/* called on the thread: open what is not open yet, and the session; as that answers */
	int (*connect)(char *reason, size_t size);
	/* called on the thread when the session was closed or opened anew; @err as from open, or
	 * -EBUSY and "" when it was let go on demand, or -ECANCELED: nothing is recorded */
	void (*changed)(int err, const char *reason);
	/* any thread */
	_Atomic uint32_t word;	  /* futex: +1 = look around */
	_Atomic uint32_t is_up; /* a futex: it has opened what it opens at its start */
	_Atomic uint32_t waiting; /* 1 while the thread sleeps on word */
	_Atomic uint32_t commands;
	_Atomic uint64_t return_ns; /* monotonic: RETURN by itself then; 0 = no */
	_Atomic bool abandoned; /* the process is exiting without us: call CUPTI no more */
	_Atomic uint32_t done;	/* futex: commands that were carried out */
	/* written by the thread only */
	_Atomic uint64_t cpu_ns;
	_Atomic uint64_t flushes;
	_Atomic uint64_t open; /* still running at the forced flush */
	_Atomic uint64_t malformed;
	_Atomic uint64_t overhead_ns; /* that CUPTI took, as it says */
	bool active;	     /* the session is open */
	bool resting;	     /* nothing is recorded; set before start, too */
	uint64_t recorded_since; /* ns of a watched session: the gate was seen open; 0 = not yet */
	bool is_settled; /* and nobody is left who began before that */
	bool paused;	     /* too many buffers out: kinds are off */
	bool pause_is_told;
	uint64_t pauses, pauses_told_ns; /* monotonic: when the log had it last */
	bool stalled;	     /* the ring stayed full: do not wait again */
	uint32_t quiet;	     /* rounds in a row without a submission */
	uint64_t lost;	     /* not yet reported: the ring was full */
	uint64_t flushed_ns; /* of the last mark; never goes back */
	struct rk_cupti_decoder decoder;
};

/**
 * Start it, detached, all signals blocked. @active: whether the session is open already.
 *
 * Context: init.
 * Return: 0, or the error of pthread_create() as -errno.
 */
int rk_cupti_thread_start(struct rk_cupti_thread *thread, bool active);

/**
 * Ask for @command (RK_CUPTI_DO_*), and wait for it when @timeout_ms is not 0.
 *
 * Context: any but hooks.
 * Return: 0; -ETIMEDOUT: it may still happen later.
 */
int rk_cupti_thread_request(struct rk_cupti_thread *thread, uint32_t command, uint32_t timeout_ms);

/**
 * Ask for RK_CUPTI_DO_RETURN in @delay_ms, unless a YIELD comes first. Does not wait.
 *
 * Context: any.
 */
void rk_cupti_thread_return_later(struct rk_cupti_thread *thread, uint32_t delay_ms);

/**
 * Whether what was asked for last by @command has been carried out.
 *
 * Context: any.
 */
bool rk_cupti_thread_is_done(const struct rk_cupti_thread *thread, uint32_t command);

/**
 * Make it look at the complete buffers.
 *
 * Context: any, CUPTI's callbacks included. A system call only when the thread sleeps.
 */
void rk_cupti_thread_wake(struct rk_cupti_thread *thread);

#endif
