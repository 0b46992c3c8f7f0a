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

/**
 * Remember what filters of system calls there are now.
 *
 * Context: exporter, at its start, in its own table of descriptors.
 */
void rk_sandbox_watch(void);

/**
 * Whether filters were added since. Filters that were there at the start (a container's) are
 * none: what they forbid has been answered with an error.
 *
 * Context: exporter. One pread() of a descriptor that is open already.
 * Return: false where rk_sandbox_watch() was not called, or the kernel does not tell.
 */
bool rk_sandbox_was_entered(void);

#endif
