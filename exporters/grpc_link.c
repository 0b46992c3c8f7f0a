/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_link.c - a socket, TLS on it, nghttp2 on that.
 *
 * Frames are gathered into one buffer before they are sent, and only as many as fit: what a
 * slow receiver does not take stays where it was encoded.
 */
#include "exporters/grpc_link.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nghttp2/nghttp2.h>

#include "core/log.h"
#include "exporters/dial.h"
#include "exporters/grpc_session.h"

#define OPEN_NS	       20000000000ull /* TLS and settings; gRPC's own patience */
#define WIRE_BYTES     (64u << 10)
#define READ_BYTES     (16u << 10)	  /* a TLS record, an HTTP/2 frame */
#define READS_PER_TURN 16		  /* then others have their turn */
#define SEND_PER_TURN  (1u << 20)	  /* bytes, likewise */

enum step { DIALLING, SHAKING_HANDS, SETTLING, SETTLED };

struct rk_grpc_link {
	struct rk_grpc_link_setup setup; /* borrowed pointers */
	enum rk_grpc_link_state state;
	enum step step;
	struct rk_dial *dial; /* while DIALLING */
	int fd;		      /* -1 = none */
	struct rk_tls *tls;   /* may be NULL */
	struct rk_grpc_session session;
	uint64_t due_ns, heard_ns;
	uint32_t watched; /* events */
	size_t wire_length, wire_done;
	uint8_t wire[WIRE_BYTES];
	char why[800];
};

__attribute__((format(printf, 2, 3))) static void die(struct rk_grpc_link *link, const char *format,
						      ...)
{
	va_list arguments;

	if (link->state == RK_GRPC_LINK_DEAD)
		return;
	va_start(arguments, format);
	vsnprintf(link->why, sizeof(link->why), format, arguments);
	va_end(arguments);
	link->state = RK_GRPC_LINK_DEAD;
	link->due_ns = RK_NEVER;
	if (link->fd >= 0) {
		rk_loop_watch(link->setup.loop, RK_LOOP_GRPC, link->fd, 0);
		close(link->fd);
		link->fd = -1;
	}
	rk_grpc_session_lose(&link->session, link->why);
}

int rk_grpc_link_open(struct rk_grpc_link **out, const struct rk_grpc_link_setup *setup)
{
	struct rk_grpc_link *link = calloc(1, sizeof(*link));

	*out = NULL;
	if (!link)
		return -ENOMEM;
	link->setup = *setup;
	link->fd = -1;
	link->due_ns = 0;
	link->heard_ns = rk_loop_now();
	if (rk_dial_create(&link->dial, setup->loop, setup->endpoint, setup->proxy)) {
		free(link);
		return -ENOMEM;
	}
	*out = link;
	return 0;
}

static void watch(struct rk_grpc_link *link, uint32_t events)
{
	if (link->watched == events)
		return;
	link->watched = events;
	if (rk_loop_watch(link->setup.loop, RK_LOOP_GRPC, link->fd, events))
		die(link, "could not watch the connection to %s", link->setup.endpoint->shown);
}

/* Encrypt what the session has to say until the wire buffer has enough. */
static void fill_encrypted(struct rk_grpc_link *link)
{
	uint8_t plain[READ_BYTES];
	size_t length;

	link->wire_length = rk_tls_take(link->tls, link->wire, WIRE_BYTES);
	while (link->step >= SETTLING && link->wire_length < WIRE_BYTES / 2) {
		length = rk_grpc_session_gather(&link->session, plain, sizeof(plain));
		if (!length)
			return;
		if (rk_tls_write(link->tls, plain, length)) {
			die(link, "TLS to %s: %s", link->setup.endpoint->shown,
			    rk_tls_why(link->tls));
			return;
		}
		link->wire_length += rk_tls_take(link->tls, link->wire + link->wire_length,
						 WIRE_BYTES - link->wire_length);
	}
}

static void fill_wire(struct rk_grpc_link *link)
{
	link->wire_done = 0;
	link->wire_length = 0;
	if (link->tls)
		fill_encrypted(link);
	else if (link->step >= SETTLING)
		link->wire_length = rk_grpc_session_gather(&link->session, link->wire, WIRE_BYTES);
}

static void lost(struct rk_grpc_link *link, const char *why)
{
	const char *shown = link->setup.endpoint->shown;

	if (link->state == RK_GRPC_LINK_OPENING && link->step == SETTLING)
		die(link, "%s does not speak HTTP/2 (%s); is it the port for gRPC?", shown, why);
	else if (link->state == RK_GRPC_LINK_OPENING)
		die(link, "TLS to %s: %s", shown, why);
	else
		die(link, "the connection to %s was lost: %s", shown, why);
}

static void flush(struct rk_grpc_link *link)
{
	size_t total = 0;
	bool has_more;

	while (link->state != RK_GRPC_LINK_DEAD && total < SEND_PER_TURN) {
		ssize_t sent;

		if (link->wire_done == link->wire_length)
			fill_wire(link);
		if (link->wire_done == link->wire_length || link->state == RK_GRPC_LINK_DEAD)
			break;
		sent = send(link->fd, link->wire + link->wire_done,
			    link->wire_length - link->wire_done, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN) {
			/* What the server said before it left is still to be read. */
			link->wire_done = link->wire_length;
			if (errno != EPIPE && errno != ECONNRESET)
				lost(link, rk_strerror(errno));
			break;
		}
		if (sent < 0)
			break;
		link->wire_done += (size_t)sent;
		total += (size_t)sent;
	}
	has_more = link->wire_done < link->wire_length || total >= SEND_PER_TURN;
	if (link->state != RK_GRPC_LINK_DEAD)
		watch(link, EPOLLIN | (has_more ? EPOLLOUT : 0));
}

static void start_session(struct rk_grpc_link *link)
{
	link->step = SETTLING;
	if (rk_grpc_session_start(&link->session, link->setup.endpoint->authority,
				  link->tls != NULL))
		die(link, "out of memory");
}

static void go_on(struct rk_grpc_link *link)
{
	int err = rk_tls_handshake(link->tls);

	if (err == 0)
		start_session(link);
	else if (err != -EAGAIN) {
		flush(link); /* the alert tells the server why */
		die(link, "TLS to %s: %s", link->setup.endpoint->shown, rk_tls_why(link->tls));
	}
}

static void start_wire(struct rk_grpc_link *link, uint64_t now_ns)
{
	link->fd = rk_dial_take(link->dial);
	rk_dial_destroy(link->dial);
	link->dial = NULL;
	link->due_ns = now_ns + OPEN_NS;
	watch(link, EPOLLIN);
	if (link->state == RK_GRPC_LINK_DEAD)
		return;
	if (!link->setup.tls) {
		start_session(link);
	} else if (rk_tls_create(&link->tls, link->setup.tls, link->setup.endpoint->host)) {
		die(link, "out of memory");
	} else {
		link->step = SHAKING_HANDS;
		go_on(link);
	}
	flush(link);
}

static void dial(struct rk_grpc_link *link, uint64_t now_ns)
{
	int err = rk_dial_run(link->dial, now_ns);

	if (err == 0)
		start_wire(link, now_ns);
	else if (err == -EAGAIN)
		link->due_ns = rk_dial_due_ns(link->dial);
	else
		die(link, "%s", rk_dial_why(link->dial));
}

/* What nghttp2 made of it decides what the link is now. */
static void look_at_session(struct rk_grpc_link *link)
{
	struct rk_grpc_session *session = &link->session;

	if (link->state == RK_GRPC_LINK_DEAD)
		return;
	if (session->why) {
		lost(link, session->why);
		return;
	}
	if (session->has_settings && link->step == SETTLING) {
		link->step = SETTLED;
		link->state = RK_GRPC_LINK_READY;
		link->due_ns = RK_NEVER;
	}
	if (session->is_leaving && link->state == RK_GRPC_LINK_READY)
		link->state = RK_GRPC_LINK_DRAINING;
	if (!rk_grpc_session_is_open(session))
		lost(link, "the HTTP/2 session ended");
}

static void receive_plain(struct rk_grpc_link *link, const uint8_t *bytes, size_t length)
{
	rk_grpc_session_feed(&link->session, bytes, length);
	look_at_session(link);
}

static void receive_encrypted(struct rk_grpc_link *link, const uint8_t *bytes, size_t length)
{
	uint8_t plain[READ_BYTES];
	long read;

	if (rk_tls_feed(link->tls, bytes, length)) {
		die(link, "out of memory");
		return;
	}
	if (link->step == SHAKING_HANDS)
		go_on(link);
	while (link->state != RK_GRPC_LINK_DEAD && link->step >= SETTLING) {
		read = rk_tls_read(link->tls, plain, sizeof(plain));
		if (read == -EAGAIN)
			return;
		if (read > 0)
			receive_plain(link, plain, (size_t)read);
		else if (read == 0)
			lost(link, "the server closed it");
		else
			die(link, "TLS to %s: %s", link->setup.endpoint->shown,
			    rk_tls_why(link->tls));
	}
}

/* Return: whether there may be more. */
static bool receive(struct rk_grpc_link *link, uint64_t now_ns)
{
	uint8_t bytes[READ_BYTES];
	ssize_t length = recv(link->fd, bytes, sizeof(bytes), 0);

	if (length < 0 && errno == EINTR)
		return true;
	if (length < 0 && errno == EAGAIN)
		return false;
	if (length <= 0) {
		lost(link, length < 0 ? rk_strerror(errno) : "the server closed it");
		return false;
	}
	link->heard_ns = now_ns;
	if (link->tls)
		receive_encrypted(link, bytes, (size_t)length);
	else
		receive_plain(link, bytes, (size_t)length);
	return link->state != RK_GRPC_LINK_DEAD && (size_t)length == sizeof(bytes);
}

void rk_grpc_link_note(struct rk_grpc_link *link, uint32_t events, uint64_t now_ns)
{
	if (link->state == RK_GRPC_LINK_DEAD)
		return;
	if (link->dial) {
		dial(link, now_ns);
		return;
	}
	for (int i = 0; i < READS_PER_TURN && (events & ~(uint32_t)EPOLLOUT); i++) {
		if (!receive(link, now_ns))
			break;
	}
	if (link->state != RK_GRPC_LINK_DEAD)
		flush(link);
	look_at_session(link);
}

void rk_grpc_link_run(struct rk_grpc_link *link, uint64_t now_ns)
{
	if (link->state == RK_GRPC_LINK_DEAD || now_ns < link->due_ns)
		return;
	if (link->dial)
		dial(link, now_ns);
	else
		die(link, "could not connect to %s: no answer in %llu s",
		    link->setup.endpoint->shown, OPEN_NS / 1000000000u);
}

int rk_grpc_link_submit(struct rk_grpc_link *link, struct rk_grpc_stream *stream, uint64_t now_ns)
{
	int err;

	if (link->state != RK_GRPC_LINK_READY)
		return -EIO;
	stream->sent_ns = now_ns;
	stream->link = link;
	err = rk_grpc_session_submit(&link->session, stream);
	if (err) {
		stream->link = NULL;
		link->state = RK_GRPC_LINK_DRAINING;
		return -EIO;
	}
	flush(link);
	return 0;
}

void rk_grpc_link_cancel(struct rk_grpc_stream *stream)
{
	struct rk_grpc_link *link = stream->link;

	if (!link)
		return;
	rk_grpc_session_cancel(&link->session, stream);
	if (link->state != RK_GRPC_LINK_DEAD)
		flush(link);
}

void rk_grpc_link_drain(struct rk_grpc_link *link)
{
	if (link->state == RK_GRPC_LINK_READY)
		link->state = RK_GRPC_LINK_DRAINING;
}

static void say_farewell(struct rk_grpc_link *link)
{
	rk_grpc_session_end(&link->session);
	flush(link);
	if (link->state == RK_GRPC_LINK_DEAD || !link->tls)
		return;
	rk_tls_shutdown(link->tls);
	flush(link);
}

void rk_grpc_link_close(struct rk_grpc_link *link)
{
	if (!link)
		return;
	if (link->state != RK_GRPC_LINK_DEAD && link->step >= SETTLING)
		say_farewell(link);
	die(link, "closed");
	rk_dial_destroy(link->dial);
	rk_grpc_session_finish(&link->session);
	rk_tls_destroy(link->tls);
	free(link);
}

bool rk_grpc_link_owns(const struct rk_grpc_link *link, int fd)
{
	return fd == link->fd || (link->dial && rk_dial_owns(link->dial, fd));
}

uint64_t rk_grpc_link_due_ns(const struct rk_grpc_link *link)
{
	return link->due_ns;
}

enum rk_grpc_link_state rk_grpc_link_get_state(const struct rk_grpc_link *link)
{
	return link->state;
}

const char *rk_grpc_link_why(const struct rk_grpc_link *link)
{
	return link->why;
}

bool rk_grpc_link_is_resolving(const struct rk_grpc_link *link)
{
	return link->dial && rk_dial_is_resolving(link->dial);
}

bool rk_grpc_link_is_idle(const struct rk_grpc_link *link)
{
	return !link->session.streams;
}

uint64_t rk_grpc_link_heard_ns(const struct rk_grpc_link *link)
{
	return link->heard_ns;
}
