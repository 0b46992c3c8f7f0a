/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/child.h - start a program, pass signals on, wait for its end.
 */
#ifndef RK_TOOLS_CHILD_H
#define RK_TOOLS_CHILD_H

#include <stdint.h>
#include <sys/types.h>

struct rk_child_end {
	pid_t pid;
	int status;	/* exit status, when signal is 0 */
	int signal;	/* that ended it; 0 = it exited */
};

/* Somebody who looks at the program now and then while it runs. */
struct rk_child_watcher {
	void (*look)(void *data, pid_t pid);
	void *data;
	uint32_t every_ms;
};

/**
 * Run @path with the dispositions and the terminal this process was given.
 *
 * SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 are passed on; SIGINT and SIGQUIT reach the program
 * from the terminal and are ignored here.
 * What programs below have left to be written is waited for as well.
 * @watcher: NULL = nobody. While it looks, the end of the program is not noticed.
 * Context: tools; one child at a time. Return: 0; -errno when it could not be started.
 */
int rk_child_run(struct rk_child_end *end, const char *path, char *const *argv, char *const *envp,
		 const struct rk_child_watcher *watcher);

#endif
