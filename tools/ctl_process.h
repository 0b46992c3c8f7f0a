/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/ctl_process.h - which process is meant, and which ones there are.
 */
#ifndef RK_TOOLS_CTL_PROCESS_H
#define RK_TOOLS_CTL_PROCESS_H

#include <sys/types.h>

#include "tools/tool.h"

/**
 * Say why @pid did not answer; @err is that of rk_ctl_socket_ask().
 *
 * Context: tools. Return: RK_TOOL_NETWORK.
 */
int rk_ctl_process_tell_unreachable(pid_t pid, const char *verb, int err);

/**
 * The process that @text means: its number, or the name of its executable, if only one process of
 * that name has the library in it. What is wrong has been said.
 *
 * Context: tools. Return: 0, or the status to end with.
 */
int rk_ctl_process_find(const char *text, const char *verb, pid_t *pid);

/**
 * The process that listens, if there is one; of several, the one that is chosen on the terminal.
 * What is wrong has been said.
 *
 * Context: tools. Return: 0, or the status to end with.
 */
int rk_ctl_process_choose(const char *verb, pid_t *pid);

/**
 * Print the processes that have the library in them.
 *
 * Context: tools. Return: the status to end with.
 */
int rk_ctl_process_list(void);

#endif
