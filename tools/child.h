/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/child.h - start a program, pass signals on, wait for its end.
 */
#ifndef RK_TOOLS_CHILD_H
#define RK_TOOLS_CHILD_H

#include <sys/types.h>

struct rk_child_end {
	pid_t pid;
	int status;	/* exit status, when signal is 0 */
	int signal;	/* that ended it; 0 = it exited */
};

/**
 * Run @path with the dispositions and the terminal this process was given.
 *
 * SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 are passed on; SIGINT and SIGQUIT reach the program
 * from the terminal and are ignored here.
 * Context: tools; one child at a time. Return: 0; -errno when it could not be started.
 */
int rk_child_run(struct rk_child_end *end, const char *path, char *const *argv, char *const *envp);

#endif
