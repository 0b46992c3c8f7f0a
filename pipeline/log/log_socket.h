/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_socket.h - entries for syslog and journald, one datagram each.
 *
 * The C library's syslog() and openlog() belong to the program: they keep one connection and
 * one name for the whole process. This talks to the socket itself, and never waits for it.
 */
#ifndef RK_PIPELINE_LOG_LOG_SOCKET_H
#define RK_PIPELINE_LOG_LOG_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/log/log_event.h"
#include "pipeline/log/log_line.h"

#define RK_LOG_SYSLOG_PATH  "/dev/log"
#define RK_LOG_JOURNAL_PATH "/run/systemd/journal/socket"
/* What rsyslog takes by default, and a datagram of journald holds in any case. */
#define RK_LOG_ENTRY_BYTES 8192u

struct rk_log_socket {
	char path[108]; /* as much as sun_path holds */
	int fd;	       /* -1 = not connected */
	uint64_t tried_ns; /* the last attempt to connect */
};

/**
 * Connect to @path.
 *
 * Context: exporter. Return: 0; -errno.
 */
int rk_log_socket_open(struct rk_log_socket *socket, const char *path);

/**
 * Send one datagram. A receiver that was started anew is found again, tried once a second.
 *
 * @now_ns: of any clock that only goes forward.
 * Context: exporter; does not block.
 * Return: 0; -errno: it is lost.
 */
int rk_log_socket_send(struct rk_log_socket *socket, const char *bytes, size_t length,
		       uint64_t now_ns);
void rk_log_socket_close(struct rk_log_socket *socket);

/**
 * @event as local syslogs want it: "<14>Nov 23 12:00:00 rkpreload[123]: text". The time is UTC.
 *
 * @out: RK_LOG_ENTRY_BYTES. Context: exporter. Return: bytes written, without a line end.
 */
size_t rk_log_syslog_format(char *out, const struct rk_log_event *event,
			    const struct rk_log_style *style, uint32_t pid);

/**
 * @event in journald's native protocol: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, TRACE_ID, SPAN_ID
 * and RK_<KEY>.
 *
 * @style: TEXT: the message is the bare line, for `journalctl`; JSON: the message alone.
 * @out: RK_LOG_ENTRY_BYTES. Context: exporter. Return: bytes written.
 */
size_t rk_log_journal_format(char *out, const struct rk_log_event *event,
			     const struct rk_log_style *style);

#endif
