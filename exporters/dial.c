/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/dial.c - the steps before a connection speaks its protocol.
 */
#include "exporters/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sandbox.h"
#include "exporters/otlp_reply.h"
#include "exporters/resolver.h"

#define NS_PER_S       1000000000ull
#define PATIENCE_NS    (20 * NS_PER_S) /* for the last address; gRPC's own minimum */
#define NEXT_NS	       (2 * NS_PER_S)  /* for those before it */
#define PROXY_NS       (20 * NS_PER_S)
#define HEAD_BYTES_MAX 8192u /* of a proxy's answer */

enum state { START, RESOLVE, CONNECT, PROXY_SEND, PROXY_READ, CONNECTED };

struct rk_dial {
	struct rk_loop *loop;			 /* borrowed */
	const struct rk_grpc_endpoint *endpoint; /* borrowed */
	const struct rk_grpc_proxy *proxy;	 /* borrowed */
	enum state state;
	struct rk_resolver *resolver;
	struct rk_address_list list;
	unsigned next; /* address */
	int fd;	       /* -1 = none */
	uint64_t due_ns;
	char *head; /* the request to the proxy, then its answer */
	size_t head_length, head_done;
	char why[768];
};

int rk_dial_create(struct rk_dial **out, struct rk_loop *loop,
		   const struct rk_grpc_endpoint *endpoint, const struct rk_grpc_proxy *proxy)
{
	struct rk_dial *dial = calloc(1, sizeof(*dial));

	*out = dial;
	if (!dial)
		return -ENOMEM;
	dial->loop = loop;
	dial->endpoint = endpoint;
	dial->proxy = proxy;
	dial->fd = -1;
	dial->due_ns = RK_NEVER;
	return 0;
}

static void close_socket(struct rk_dial *dial)
{
	if (dial->fd < 0)
		return;
	rk_loop_watch(dial->loop, RK_LOOP_GRPC, dial->fd, 0);
	close(dial->fd);
	dial->fd = -1;
}

static void drop_resolver(struct rk_dial *dial)
{
	if (dial->resolver)
		rk_loop_watch(dial->loop, RK_LOOP_GRPC, rk_resolver_fd(dial->resolver), 0);
	rk_resolver_stop(dial->resolver);
	dial->resolver = NULL;
}

static void drop_head(struct rk_dial *dial)
{
	if (dial->head)
		explicit_bzero(dial->head, HEAD_BYTES_MAX);
	free(dial->head);
	dial->head = NULL;
}

void rk_dial_destroy(struct rk_dial *dial)
{
	if (!dial)
		return;
	drop_resolver(dial);
	close_socket(dial);
	drop_head(dial);
	free(dial);
}

static bool has_proxy(const struct rk_dial *dial)
{
	return dial->proxy->host[0];
}

static const char *peer_host(const struct rk_dial *dial)
{
	return has_proxy(dial) ? dial->proxy->host : dial->endpoint->host;
}

static uint16_t peer_port(const struct rk_dial *dial)
{
	return has_proxy(dial) ? dial->proxy->port : dial->endpoint->port;
}

static int could_not_resolve(struct rk_dial *dial, const char *why)
{
	snprintf(dial->why, sizeof(dial->why), "could not resolve %s%s: %s",
		 has_proxy(dial) ? "the proxy " : "", peer_host(dial), why);
	return -EHOSTUNREACH;
}

static int could_not_connect(struct rk_dial *dial, int err)
{
	if (has_proxy(dial))
		snprintf(dial->why, sizeof(dial->why), "could not connect to the proxy %s:%u: %s",
			 dial->proxy->host, (unsigned)dial->proxy->port, rk_strerror(err));
	else
		snprintf(dial->why, sizeof(dial->why), "could not connect to %s: %s",
			 dial->endpoint->shown, rk_strerror(err));
	return err;
}

/* Return: 0 with addresses; -EAGAIN: the resolver has it; else it failed. */
static int start(struct rk_dial *dial)
{
	int err;

	dial->state = CONNECT;
	if (dial->endpoint->is_path)
		return rk_resolver_read_path(&dial->list, dial->endpoint->host) ?
			       0 :
			       could_not_resolve(dial, "the path is too long");
	if (rk_resolver_read_numeric(&dial->list, peer_host(dial), peer_port(dial)))
		return 0;
	err = rk_resolver_start(&dial->resolver, peer_host(dial), peer_port(dial));
	if (err == -EAGAIN)
		return could_not_resolve(dial, "earlier look-ups still hang");
	if (err)
		return could_not_resolve(dial, rk_strerror(err));
	dial->state = RESOLVE;
	err = rk_loop_watch(dial->loop, RK_LOOP_GRPC, rk_resolver_fd(dial->resolver), EPOLLIN);
	return err ? could_not_resolve(dial, rk_strerror(err)) : -EAGAIN;
}

static int read_resolver(struct rk_dial *dial)
{
	const char *why = NULL;
	int err = rk_resolver_get(dial->resolver, &dial->list, &why);

	if (err == -EAGAIN)
		return err;
	drop_resolver(dial);
	if (err)
		return could_not_resolve(dial, why ? why : "no address");
	dial->state = CONNECT;
	return 0;
}

static void set_options(int fd, int family)
{
	int on = 1;

	if (family == AF_UNIX)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* Begin with the next address. Return: 0 or -EAGAIN when the kernel took it. */
static int try_next(struct rk_dial *dial, uint64_t now_ns)
{
	const struct rk_address *address = &dial->list.items[dial->next++];
	int family = address->storage.ss_family, err;

	dial->fd = rk_sandbox_socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dial->fd < 0)
		return -errno;
	set_options(dial->fd, family);
	dial->due_ns = now_ns + (dial->next < dial->list.count ? NEXT_NS : PATIENCE_NS);
	err = rk_loop_watch(dial->loop, RK_LOOP_GRPC, dial->fd, EPOLLOUT);
	if (err)
		return err;
	if (connect(dial->fd, (const struct sockaddr *)&address->storage, address->length) == 0)
		return 0;
	/* A full backlog of a local socket is EAGAIN: nothing is under way then. */
	if (errno == EAGAIN)
		return -ECONNREFUSED;
	return errno == EINPROGRESS ? -EAGAIN : -errno;
}

/* Whether the connection stands. */
static int check_connect(struct rk_dial *dial, uint64_t now_ns)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer), err_length = sizeof(int);
	int err = 0;

	getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &err, &err_length);
	if (err)
		return -err;
	if (getpeername(dial->fd, (struct sockaddr *)&peer, &length) == 0)
		return 0;
	return now_ns >= dial->due_ns ? -ETIMEDOUT : -EAGAIN;
}

static int connect_any(struct rk_dial *dial, uint64_t now_ns)
{
	int err = dial->fd >= 0 ? check_connect(dial, now_ns) : -ENOENT;

	while (err && err != -EAGAIN) {
		close_socket(dial);
		if (dial->next == dial->list.count)
			return could_not_connect(dial, err);
		err = try_next(dial, now_ns);
	}
	if (err)
		return err;
	dial->due_ns = RK_NEVER;
	dial->state = CONNECTED;
	return 0;
}

static int ask_proxy(struct rk_dial *dial, uint64_t now_ns)
{
	const struct rk_grpc_endpoint *to = dial->endpoint;
	const char *secret = dial->proxy->authorization;
	bool is_v6 = strchr(to->host, ':');
	char target[RK_GRPC_HOST_MAX + 16];
	int length;

	snprintf(target, sizeof(target), "%s%s%s:%u", is_v6 ? "[" : "", to->host, is_v6 ? "]" : "",
		 (unsigned)to->port);
	dial->head = malloc(HEAD_BYTES_MAX);
	if (!dial->head)
		return could_not_connect(dial, -ENOMEM);
	length = snprintf(dial->head, HEAD_BYTES_MAX,
			  "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", target, target,
			  *secret ? "Proxy-Authorization: " : "", secret, *secret ? "\r\n" : "");
	dial->head_length = (size_t)length;
	dial->head_done = 0;
	dial->due_ns = now_ns + PROXY_NS;
	dial->state = PROXY_SEND;
	return 0;
}

static int send_head(struct rk_dial *dial)
{
	ssize_t sent = send(dial->fd, dial->head + dial->head_done,
			    dial->head_length - dial->head_done, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN :
							   could_not_connect(dial, -errno);
	dial->head_done += (size_t)sent;
	if (dial->head_done < dial->head_length)
		return -EAGAIN;
	explicit_bzero(dial->head, HEAD_BYTES_MAX);
	dial->head_length = 0;
	dial->state = PROXY_READ;
	return rk_loop_watch(dial->loop, RK_LOOP_GRPC, dial->fd, EPOLLIN);
}

static int judge_head(struct rk_dial *dial)
{
	char line[128];
	size_t length = strcspn(dial->head, "\r\n");
	int status = 0;

	if (sscanf(dial->head, "HTTP/1.%*1d %3d", &status) == 1 && status / 100 == 2) {
		dial->due_ns = RK_NEVER;
		dial->state = CONNECTED;
		return 0;
	}
	rk_otlp_reply_quote(line, sizeof(line), (const uint8_t *)dial->head, length);
	snprintf(dial->why, sizeof(dial->why), "the proxy %s:%u refused to connect to %s: %s%s",
		 dial->proxy->host, (unsigned)dial->proxy->port, dial->endpoint->shown, line,
		 status == 407 ? " (it wants a user and a password)" : "");
	return -ECONNREFUSED;
}

/* Byte by byte at the end, because what follows the head belongs to the server behind. */
static int read_head(struct rk_dial *dial)
{
	for (;;) {
		size_t room = HEAD_BYTES_MAX - 1 - dial->head_length;
		char *at = dial->head + dial->head_length;
		ssize_t length = recv(dial->fd, at, room, MSG_PEEK);
		char *end;

		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			return -EAGAIN;
		if (length < 0)
			return could_not_connect(dial, -errno);
		if (length == 0)
			return could_not_connect(dial, room ? -ECONNRESET : -EMSGSIZE);
		at[length] = '\0';
		end = strstr(dial->head, "\r\n\r\n");
		if (end)
			length = end + 4 - at;
		if (recv(dial->fd, at, (size_t)length, 0) != length)
			return could_not_connect(dial, -EIO);
		dial->head_length += (size_t)length;
		if (end)
			return judge_head(dial);
	}
}

int rk_dial_run(struct rk_dial *dial, uint64_t now_ns)
{
	int err = 0;

	if (dial->state == START)
		err = start(dial);
	if (!err && dial->state == RESOLVE)
		err = read_resolver(dial);
	if (!err && dial->state == CONNECT) {
		err = connect_any(dial, now_ns);
		if (!err && has_proxy(dial))
			err = ask_proxy(dial, now_ns);
	}
	if (!err && dial->state == PROXY_SEND)
		err = send_head(dial);
	if (!err && dial->state == PROXY_READ)
		err = read_head(dial);
	if (err == -EAGAIN && now_ns >= dial->due_ns)
		err = could_not_connect(dial, -ETIMEDOUT);
	return err;
}

uint64_t rk_dial_due_ns(const struct rk_dial *dial)
{
	return dial->due_ns;
}

bool rk_dial_is_resolving(const struct rk_dial *dial)
{
	return dial->state == RESOLVE;
}

int rk_dial_take(struct rk_dial *dial)
{
	int fd = dial->fd;

	dial->fd = -1;
	return fd;
}

bool rk_dial_owns(const struct rk_dial *dial, int fd)
{
	return fd == dial->fd || (dial->resolver && fd == rk_resolver_fd(dial->resolver));
}

const char *rk_dial_why(const struct rk_dial *dial)
{
	return dial->why;
}
