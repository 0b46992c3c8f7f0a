/* SPDX-License-Identifier: Apache-2.0
 *
 * core/process_id.h - the process that is traced, whichever one the exporter runs in.
 *
 * Under `rktrace run` rk-exporter is no thread of the program's but a process beside it, which
 * has the program's memory and another number. What it says about the process, and what it reads
 * in /proc of it, is about the program all the same.
 */
#ifndef RK_CORE_PROCESS_ID_H
#define RK_CORE_PROCESS_ID_H

#include <stddef.h>
#include <sys/types.h>

/**
 * getpid() / getppid(), but the program's for an exporter that runs beside it.
 *
 * Context: any.
 */
pid_t rk_process_id(void);
pid_t rk_process_parent_id(void);

/**
 * The calling process works for @program, a child of @parent, from now on / none does any more.
 *
 * Context: exporter.
 */
void rk_process_id_take(pid_t program, pid_t parent);
void rk_process_id_give_back(void);

/**
 * "/proc/self/@name", or what it would be in the program.
 *
 * Context: any. Return: @out.
 */
const char *rk_process_path(char *out, size_t size, const char *name);

#endif
