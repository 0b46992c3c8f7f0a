/* SPDX-License-Identifier: Apache-2.0
 *
 * core/proc_stat.h - the fields of /proc/PID/stat that we use.
 */
#ifndef RK_CORE_PROC_STAT_H
#define RK_CORE_PROC_STAT_H

#include <stdbool.h>

struct rk_proc_stat {
	unsigned long long start_ticks; /* when the process began, after boot */
	unsigned long long virtual_bytes;
	long long resident_pages;
	char state; /* R, S, Z... */
};

/**
 * @pid: of a process or a thread; 0 = this process.
 *
 * Context: any but hooks. Does not allocate.
 * Return: false when there is no such process, or no /proc.
 */
bool rk_proc_stat_read(struct rk_proc_stat *process, int pid);

/**
 * From now on the calling thread reads of this process by a descriptor that it keeps: nothing is
 * opened when a sandbox may have forbidden it.
 *
 * Context: a thread with a descriptor table of its own.
 */
void rk_proc_stat_keep_own(void);

/**
 * When a process began, in UNIX seconds.
 *
 * Context: any but hooks. Return: false when a clock cannot be had.
 */
bool rk_proc_stat_start_unix(const struct rk_proc_stat *process, double *seconds);

#endif
