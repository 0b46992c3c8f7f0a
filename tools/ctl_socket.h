/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/ctl_socket.h - ask a running process one question.
 */
#ifndef RK_TOOLS_CTL_SOCKET_H
#define RK_TOOLS_CTL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define RK_CTL_REPLY_MAX (256u << 10)

/**
 * Send @request, a line without its end, and read the reply.
 *
 * Looks where the process would have made its socket: by its own environment, in its own file
 * system, under its own number. Whoever answers there must be that process.
 * @reply: ended by a NUL.
 * Context: tools; waits 5 s at most for each step. Return: length of the reply;
 *   -ENOENT      there is no socket
 *   -ECONNREFUSED  there is one, and nobody listens
 *   -EACCES, -EPERM  not for us
 *   -EXDEV       another process listens there
 *   -EAGAIN      no answer in time
 *   -EMSGSIZE    the reply is too long; another -errno
 */
ptrdiff_t rk_ctl_socket_ask(pid_t pid, const char *request, char *reply, size_t size);

/**
 * Whether @pid listens.
 *
 * Context: tools.
 */
bool rk_ctl_socket_is_there(pid_t pid);

#endif
