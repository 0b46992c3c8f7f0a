/* SPDX-License-Identifier: Apache-2.0
 *
 * core/sandbox.h - whether the program has gone into a sandbox since we started.
 *
 * A program may forbid itself, and all its threads, to open files; the kernel then kills the
 * process for an open of ours. So who opens something in the course of the run asks first.
 * What was opened before stays in use.
 */
#ifndef RK_CORE_SANDBOX_H
#define RK_CORE_SANDBOX_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/**
 * Remember what filters of system calls there are now.
 *
 * Context: exporter, at its start, in its own table of descriptors.
 */
void rk_sandbox_watch(void);

/**
 * Have glibc read now what it reads when a thread's arena first shrinks: for that free() opens a
 * file.
 *
 * Context: exporter, at its start.
 */
void rk_sandbox_settle_malloc(void);

/**
 * Whether filters were added since. Filters that were there at the start (a container's) are
 * none: what they forbid has been answered with an error.
 *
 * Context: exporter. One pread() of a descriptor that is open already.
 * Return: false where rk_sandbox_watch() was not called, or the kernel does not tell.
 */
bool rk_sandbox_was_entered(void);

/**
 * Ask @was_entered from now on (librknet.so: the host, which watches).
 *
 * Context: init.
 */
void rk_sandbox_attach(bool (*was_entered)(void));

/**
 * open(), fopen() and socket() that fail with EPERM in a sandbox, without being tried.
 *
 * Context: exporter.
 * Ownership: the caller. Return: as theirs.
 */
int rk_sandbox_open(const char *path, int flags, mode_t mode);
FILE *rk_sandbox_fopen(const char *path, const char *mode);
int rk_sandbox_socket(int family, int type, int protocol);

#endif
