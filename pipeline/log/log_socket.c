/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_socket.c - datagrams to a unix socket, and what is in them.
 */
#include "pipeline/log/log_socket.h"
#include "core/sandbox.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IDENTIFIER     "rkpreload"
#define FACILITY_USER  (1u << 3)
#define RETRY_AFTER_NS 1000000000ull
#define FIELD_NAME_MAX 64u /* of journald */

static int connect_socket(struct rk_log_socket *socket_)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = rk_sandbox_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path, socket_->path, sizeof(address.sun_path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		err = -errno;
		close(fd);
		return err;
	}
	socket_->fd = fd;
	return 0;
}

int rk_log_socket_open(struct rk_log_socket *socket, const char *path)
{
	memset(socket, 0, sizeof(*socket));
	socket->fd = -1;
	if ((size_t)snprintf(socket->path, sizeof(socket->path), "%s", path) >=
	    sizeof(socket->path))
		return -ENAMETOOLONG;
	return connect_socket(socket);
}

void rk_log_socket_close(struct rk_log_socket *socket)
{
	if (socket->fd >= 0)
		close(socket->fd);
	socket->fd = -1;
}

static int send_once(const struct rk_log_socket *socket, const char *bytes, size_t length)
{
	ssize_t sent;

	do
		sent = send(socket->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Whether the receiver is gone, rather than busy. */
static bool is_gone(int err)
{
	return err == -ECONNREFUSED || err == -ECONNRESET || err == -ENOTCONN || err == -EPIPE ||
	       err == -EBADF;
}

int rk_log_socket_send(struct rk_log_socket *socket, const char *bytes, size_t length,
		       uint64_t now_ns)
{
	int err = socket->fd < 0 ? -ENOTCONN : send_once(socket, bytes, length);

	if (!is_gone(err) || (socket->tried_ns && now_ns < socket->tried_ns + RETRY_AFTER_NS))
		return err;
	socket->tried_ns = now_ns;
	rk_log_socket_close(socket);
	err = connect_socket(socket);
	return err ? err : send_once(socket, bytes, length);
}

/* RFC 5424: severities. */
static unsigned severity_of(enum rk_log_level level)
{
	switch (level) {
	case RK_LOG_ERROR:
		return 3;
	case RK_LOG_WARN:
		return 4;
	case RK_LOG_INFO:
		return 6;
	default:
		return 7;
	}
}

/* "Nov 23 12:00:00", from the time of a line: 2026-11-23T12:00:00.123456789Z. */
static void put_month_and_time(char out[16], const struct rk_log_event *event)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const struct rk_log_style json = { .format = RK_LOG_JSON };
	const struct rk_log_event bare = { .unix_ns = event->unix_ns ? event->unix_ns :
								       event->observed_unix_ns,
					   .message = "",
					   .duration_ms = -1 };
	char line[RK_LOG_LINE_MIN_BYTES];
	const char *time = line + sizeof("{\"timestamp\":\"") - 1;
	int month;

	rk_log_line_format(line, sizeof(line), &bare, &json);
	month = (time[5] - '0') * 10 + time[6] - '0';
	snprintf(out, 16, "%.3s %c%c %.8s", months + 3 * (month - 1),
		 time[8] == '0' ? ' ' : time[8], time[9], time + 11);
}

size_t rk_log_syslog_format(char *out, const struct rk_log_event *event,
			    const struct rk_log_style *style, uint32_t pid)
{
	struct rk_log_style bare = *style;
	char time[16];
	size_t length;

	bare.is_bare = true;
	bare.has_color = false;
	put_month_and_time(time, event);
	length = (size_t)snprintf(out, RK_LOG_ENTRY_BYTES, "<%u>%s " IDENTIFIER "[%" PRIu32 "]: ",
				  FACILITY_USER | severity_of(event->level), time, pid);
	length += rk_log_line_format(out + length, RK_LOG_ENTRY_BYTES - length, event, &bare);
	return length - 1;
}

struct entry {
	char *out;
	size_t used;
};

/* KEY, the length as eight bytes, the text: safe for any text. One that does not fit is cut. */
static void put_field(struct entry *entry, const char *name, const char *text, size_t length)
{
	size_t name_length = strlen(name), head = name_length + 1 + 8 + 1;
	uint64_t left = RK_LOG_ENTRY_BYTES - entry->used;
	uint8_t bytes[8];

	if (!length || left <= head)
		return;
	if (length > left - head)
		length = left - head;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)((uint64_t)length >> (8 * i));
	memcpy(entry->out + entry->used, name, name_length);
	entry->used += name_length;
	entry->out[entry->used++] = '\n';
	memcpy(entry->out + entry->used, bytes, sizeof(bytes));
	entry->used += sizeof(bytes);
	memcpy(entry->out + entry->used, text, length);
	entry->used += length;
	entry->out[entry->used++] = '\n';
}

static void put_text(struct entry *entry, const char *name, const char *text)
{
	if (text)
		put_field(entry, name, text, strlen(text));
}

/* RK_ and the key in the letters that journald takes. */
static void put_keyed(struct entry *entry, const char *key, const char *text)
{
	char name[FIELD_NAME_MAX + 1] = "RK_";
	size_t length = 3;

	for (; *key && length < FIELD_NAME_MAX; key++)
		name[length++] =
			isalnum((unsigned char)*key) ? (char)toupper((unsigned char)*key) : '_';
	name[length] = '\0';
	put_text(entry, name, text);
}

static void put_message(struct entry *entry, const struct rk_log_event *event,
			const struct rk_log_style *style)
{
	const struct rk_log_style bare = { .format = RK_LOG_TEXT, .is_bare = true };
	char line[RK_LOG_LINE_PIPE_BYTES];

	if (style->format == RK_LOG_JSON)
		put_text(entry, "MESSAGE", event->message);
	else
		put_field(entry, "MESSAGE", line,
			  rk_log_line_format(line, sizeof(line), event, &bare) - 1);
}

size_t rk_log_journal_format(char *out, const struct rk_log_event *event,
			     const struct rk_log_style *style)
{
	struct entry entry = { .out = out };
	char text[40];

	snprintf(text, sizeof(text), "%u", severity_of(event->level));
	put_text(&entry, "PRIORITY", text);
	put_text(&entry, "SYSLOG_IDENTIFIER", IDENTIFIER);
	put_text(&entry, "TRACE_ID", rk_log_line_hex(text, event->trace_id, 16));
	put_text(&entry, "SPAN_ID", rk_log_line_hex(text, event->span_id, 8));
	put_text(&entry, "RK_KERNEL_ID", event->kernel_id);
	put_text(&entry, "RK_DOMAIN", event->domain);
	put_text(&entry, "RK_TENANT_ID", event->tenant_id);
	if (event->duration_ms >= 0) {
		const struct rk_log_field duration = { .number = event->duration_ms };

		put_text(&entry, "RK_DURATION_MS", rk_log_line_value(&duration, text));
	}
	snprintf(text, sizeof(text), "%" PRIu64,
		 event->unix_ns ? event->unix_ns : event->observed_unix_ns);
	put_text(&entry, "RK_TIMESTAMP_NS", text);
	put_message(&entry, event, style);
	for (size_t i = 0; i < event->field_count; i++) {
		char renamed[160];
		const char *key = rk_log_line_key(event->fields[i].key, renamed);

		if (*key && !rk_log_line_is_repeated(event, i))
			put_keyed(&entry, key, rk_log_line_value(&event->fields[i], text));
	}
	return entry.used;
}
