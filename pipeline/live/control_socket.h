/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/control_socket.h - <pid>.sock of the run-time folder, and whose it is.
 *
 * It listens before it has its name: so a name that refuses a connection is one that a killed
 * process has left, and may be removed by whoever finds it.
 */
#ifndef RK_PIPELINE_LIVE_CONTROL_SOCKET_H
#define RK_PIPELINE_LIVE_CONTROL_SOCKET_H

#include <sys/types.h>

#include "core/env.h"
#include "core/runtime_dir.h"

struct rk_control_socket {
	int folder_fd, fd;
	uid_t user;	 /* who may ask, beside root */
	pid_t pid;	 /* a forked child leaves the name of its parent alone */
	char name[32];	 /* in the folder */
	char path[RK_RUNTIME_DIR_BYTES + 32]; /* for messages */
};

/**
 * Listen, and remove what killed processes have left in the folder.
 *
 * @env: may be NULL.
 * Context: exporter. Return: 0; -EADDRINUSE: a process of this number in another container is
 * there already; another -errno. path is set in any case.
 */
int rk_control_socket_open(struct rk_control_socket *socket, const struct rk_env *env);

/**
 * Remove the name and stop listening.
 *
 * Context: exporter.
 */
void rk_control_socket_close(struct rk_control_socket *socket);

/**
 * The next client that may ask; others are turned away.
 *
 * Context: exporter; never waits. Ownership: the caller closes it. Return: -1: there is none.
 */
int rk_control_socket_accept(const struct rk_control_socket *socket);

#endif
