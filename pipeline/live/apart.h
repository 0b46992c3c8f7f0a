/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/apart.h - rk-exporter as a process of its own, which a SIGKILL of the program
 * does not reach.
 *
 *   launcher (rktrace run)
 *     |- program: threads that write records, rk-cupti, the parked thread
 *     '- rk-exporter: drain, join, file        has the program's memory (CLONE_VM)
 *
 * The kernel ends a process, not its memory: that stays as long as somebody has it. So whatever
 * was committed to a ring when the program was killed is still there, with all the join knows,
 * and the exporter goes on to the end of it as if the program had exited.
 *
 * Why no memory that is handed to the launcher instead: the join, names of strings, open calls and
 * what the file lacks would have to be rebuilt on the other side from a log of every step, which
 * costs a copy of each record while all is well. This costs nothing and cannot differ from what
 * runs without the launcher: it is the same code on the same memory.
 *
 * The thread that asked is parked meanwhile: its thread-local memory is the exporter's now, and
 * the kernel's word that it has ended is how the exporter learns of the program's end.
 */
#ifndef RK_PIPELINE_LIVE_APART_H
#define RK_PIPELINE_LIVE_APART_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/env.h"

/* By `rktrace run`, its process: it waits for the exporter of its child. Those of processes below
 * have no parent in the tree. */
#define RK_LAUNCHER "RK_LAUNCHER"
#define RK_APART_NAME "rk-exp-%d" /* of the process, as ps shows it; the program's */

enum rk_apart_result {
	RK_APART_REFUSED,   /* not wanted, or not to be had: @serve was not called */
	RK_APART_CAME_BACK, /* @serve returned false: it is to be called again, here */
	RK_APART_ENDED,	    /* @serve returned true */
	RK_APART_KILLED,    /* somebody ended the process in the midst of it */
};

struct rk_apart {
	/* Cleared by the kernel, which wakes who waits. */
	_Atomic uint32_t exporter; /* the process; 0 = there is none */
	_Atomic uint32_t parked;   /* the thread; 0 = the program has ended */
	_Atomic uint32_t to_leave; /* the parked thread is asked to end the program */
	_Atomic uint32_t result;   /* enum rk_apart_result, of the process */
	bool (*serve)(void *data); /* false = to be called again, elsewhere */
	void *data;
	pid_t program, parent;
	int program_fd;	    /* pidfd */
	int status_fd;	    /* of the parked thread in /proc */
	uint64_t rights;    /* what that said at the start, as a number */
	uint64_t looked_ns; /* of rk_clock: at the rights */
	bool is_orphan;	    /* the process has noticed it */
};

/**
 * Whether a launcher above this process has asked for it.
 *
 * Context: exporter.
 */
bool rk_apart_is_wanted(const struct rk_env *env);

/**
 * Call @apart->serve in a process of its own and wait, parked, until that has ended. Whatever is
 * not set begins zeroed.
 *
 * @rseq_offset: of glibc's area for restartable sequences from the thread pointer; NULL = it
 * registers none.
 * Context: exporter, a thread with a table of descriptors of its own, which the process shares.
 */
enum rk_apart_result rk_apart_run(struct rk_apart *apart, const struct rk_env *env,
				  const ptrdiff_t *rseq_offset);

/**
 * Whether the program ended without a word: SIGKILL, _exit(), exec. Nothing is written to the
 * rings any more once this says yes, and it is ten seconds until the process is ended.
 *
 * Context: exporter, apart or not.
 */
bool rk_apart_is_orphan(struct rk_apart *apart);

/**
 * Whether the program has given up rights that the process still has: whoever takes the program
 * over could use them through the memory both have. @serve has to return false.
 *
 * Context: exporter, apart or not; cheap.
 */
bool rk_apart_must_return(struct rk_apart *apart);

/**
 * Have the program ended by its parked thread. Return: false when not apart: nobody is asked.
 *
 * Context: exporter.
 */
bool rk_apart_leave(struct rk_apart *apart);

#endif
