/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/ctl_switch.h - requests that take a moment: start and stop.
 *
 * The process says at once that it has understood; then it is asked until it is so.
 */
#ifndef RK_TOOLS_CTL_SWITCH_H
#define RK_TOOLS_CTL_SWITCH_H

#include <stdint.h>
#include <sys/types.h>

/**
 * Have @pid record, or not, and print what came of it. Gives up after 10 s.
 *
 * @for_ns: stop again after this time; 0 = when it is told to.
 * Context: tools. Return: the status to end with; 1 = it was so already.
 */
int rk_ctl_switch_start(pid_t pid, uint64_t for_ns);
int rk_ctl_switch_stop(pid_t pid);

/**
 * Have @pid write a second trace file of all it has recorded so far, and print its name.
 *
 * @path: NULL = beside the trace file. Never an overwrite.
 * Context: tools. Return: the status to end with.
 */
int rk_ctl_switch_snapshot(pid_t pid, const char *path);

#endif
