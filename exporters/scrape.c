/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape.c - libmicrohttpd behind the loop.
 *
 * We accept, it speaks HTTP.
 */
#include "exporters/scrape.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "core/log.h"
#include "exporters/port_registry.h"
#include "exporters/scrape_auth.h"
#include "exporters/scrape_body.h"
#include "exporters/scrape_clients.h"
#include "exporters/scrape_listen.h"

#define S		 1000000000ull /* ns */
#define CONNECTION_BYTES (16u << 10) /* the head of a request, and the buffer for sending */
#define PAUSE_NS	 (S / 10)  /* when there are no descriptors */
#define ACCEPTS_A_ROUND	 32
#define ROUNDS_MAX	 8 /* of libmicrohttpd in one of ours, while it has work */
#define HEALTH_BYTES	 4096
#define HEADER_BYTES	 2048

struct rk_scrape {
	const struct rk_net_host *host; /* borrowed; outlives this */
	struct rk_loop *loop;		/* borrowed; outlives this */
	struct MHD_Daemon *daemon;	/* NULL after libmicrohttpd gave up */
	struct rk_scrape_auth *auth;
	struct rk_scrape_body *body;
	struct rk_port_registry *registry; /* may be NULL */
	struct rk_scrape_unix unix_socket;
	int epoll_fd;  /* of the daemon; -1 = none */
	int listen_fd; /* -1 = none */
	unsigned port;
	uint64_t due_ns, count;
	uint64_t accept_after_ns;
	bool is_paused; /* nothing is accepted until then */
	char path[256];
	struct rk_scrape_clients clients;
};

/*
 * Where libmicrohttpd's fatal errors lead on the thread that serves; NULL = not inside of it. Not
 * thread-local: in a library that is opened late that takes an allocation at the first access,
 * and glibc ends the process where it is refused.
 */
static jmp_buf *_Atomic panic_exit;
static _Atomic pid_t panic_thread;

static void expect_panic(jmp_buf *exit_point)
{
	atomic_store(&panic_thread, gettid());
	atomic_store(&panic_exit, exit_point);
}

static void on_panic(void *data, const char *file, unsigned line, const char *reason)
{
	(void)data;
	(void)file;
	/* The program's own server, on its own thread: end as the library would by itself. */
	while (!atomic_load(&panic_exit) || atomic_load(&panic_thread) != gettid()) {
		raise(SIGABRT);
		pause();
	}
	rk_log_error("scrape: libmicrohttpd gave up (line %u: %s); no more scrapes", line,
		     reason ? reason : "");
	longjmp(*atomic_load(&panic_exit), 1);
}

static void on_log(void *data, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void on_log(void *data, const char *format, va_list args)
{
	char line[256];

	(void)data;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	rk_log_debug("scrape: %s", line);
}

static bool wants_port(const struct rk_config *config)
{
	return config->source[RK_CONFIG_metrics_enabled] >= RK_SOURCE_OTEL ||
	       config->source[RK_CONFIG_metrics_port] >= RK_SOURCE_OTEL;
}

bool rk_scrape_is_wanted(const struct rk_config *config)
{
	return config->metrics_enabled && (wants_port(config) || config->metrics_unix_socket[0]);
}

static void on_connection(void *data, struct MHD_Connection *connection, void **place,
			  enum MHD_ConnectionNotificationCode code)
{
	struct rk_scrape *scrape = data;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		rk_scrape_clients_set(*place, RK_SCRAPE_FREE);
		*place = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	/* The daemon has the same limit, so there is a place. */
	*place = info ? rk_scrape_clients_add(&scrape->clients, info->connect_fd) : NULL;
}

static struct rk_scrape_client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void on_completed(void *data, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	(void)data;
	(void)state;
	(void)code;
	rk_scrape_clients_set(client_of(connection), RK_SCRAPE_IDLE);
}

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status,
			     struct MHD_Response *response)
{
	enum MHD_Result result = MHD_queue_response(connection, status, response);

	MHD_destroy_response(response);
	return result;
}

static struct MHD_Response *text_response(const char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);

	if (response)
		MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
	return response;
}

/* @name: of a further header; NULL = none. */
static enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned status,
				  const char *text, const char *name, const char *value)
{
	struct MHD_Response *response = text_response(text);

	if (!response)
		return MHD_NO;
	if (name)
		MHD_add_response_header(response, name, value);
	return queue(connection, status, response);
}

static enum MHD_Result refuse(const struct rk_scrape *scrape, struct MHD_Connection *connection)
{
	struct MHD_Response *response = text_response("who asks?\n");
	const char *challenge;

	if (!response)
		return MHD_NO;
	for (int i = 0; (challenge = rk_scrape_auth_challenge(scrape->auth, i)); i++)
		MHD_add_response_header(response, "WWW-Authenticate", challenge);
	return queue(connection, MHD_HTTP_UNAUTHORIZED, response);
}

/* A header that comes in several lines is one list. */
struct header {
	const char *name;
	bool is_there;
	char value[HEADER_BYTES];
};

static enum MHD_Result join_line(void *data, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	struct header *header = data;
	size_t used = strlen(header->value);

	(void)kind;
	if (strcasecmp(name, header->name) != 0 || !value)
		return MHD_YES;
	header->is_there = true;
	snprintf(header->value + used, sizeof(header->value) - used, "%s%s", used ? "," : "",
		 value);
	return MHD_YES;
}

static const char *get_list(struct MHD_Connection *connection, struct header *header,
			    const char *name)
{
	*header = (struct header){ .name = name };
	MHD_get_connection_values(connection, MHD_HEADER_KIND, join_line, header);
	return header->is_there ? header->value : NULL;
}

/* Its answer is being compressed. on_request() follows again when it goes on. */
static enum MHD_Result suspend(struct MHD_Connection *connection)
{
	struct rk_scrape_client *client = client_of(connection);

	if (!client)
		return MHD_NO;
	client->suspended = connection;
	MHD_suspend_connection(connection);
	return MHD_YES;
}

static void resume_all(struct rk_scrape *scrape)
{
	for (unsigned i = 0; i < RK_SCRAPE_CLIENTS_MAX; i++) {
		struct rk_scrape_client *client = &scrape->clients.all[i];

		if (client->suspended)
			MHD_resume_connection(client->suspended);
		client->suspended = NULL;
	}
}

static enum MHD_Result reply_metrics(struct rk_scrape *scrape, struct MHD_Connection *connection)
{
	struct header accept, encodings;
	struct MHD_Response *response;
	unsigned status;

	if (!rk_scrape_auth_allows(scrape->auth,
				   MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							       "Authorization")))
		return refuse(scrape, connection);
	status = rk_scrape_body_get(scrape->body, get_list(connection, &accept, "Accept"),
				    get_list(connection, &encodings, "Accept-Encoding"),
				    rk_loop_now(), &response);
	if (status == MHD_HTTP_PROCESSING)
		return suspend(connection);
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE) {
		rk_scrape_clients_cut_reader(&scrape->clients);
		return reply_text(connection, status, "too many slow readers\n", "Retry-After",
				  "1");
	}
	if (status != MHD_HTTP_OK)
		return reply_text(connection, status, "no memory\n", NULL, NULL);
	scrape->count++;
	return MHD_queue_response(connection, status, response);
}

static enum MHD_Result reply_health(struct rk_scrape *scrape, struct MHD_Connection *connection,
				    const char *what)
{
	const struct rk_net_host *host = scrape->host;
	struct MHD_Response *response;
	char body[HEALTH_BYTES] = "";
	int status = host->health(what, body, sizeof(body), host->health_data);

	response = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/json");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	return queue(connection, (unsigned)status, response);
}

static const char *probe_of(const struct rk_scrape *scrape, const char *url)
{
	static const char *const probes[] = { "live", "ready", "startup" };

	if (!scrape->host->health || strncmp(url, "/health/", 8) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (strcmp(url + 8, probes[i]) == 0)
			return probes[i];
	}
	return NULL;
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct rk_scrape *scrape = data;
	const char *probe = probe_of(scrape, url);

	(void)version;
	(void)upload;
	if (!*state)
		rk_scrape_clients_set(client_of(connection), RK_SCRAPE_REPLYING);
	if (!probe && strcmp(url, scrape->path) != 0)
		return reply_text(connection, MHD_HTTP_NOT_FOUND, "not found\n", NULL, NULL);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				  "only GET and HEAD are allowed here\n", "Allow", "GET, HEAD");
	if (!*state || *upload_size) {
		*state = scrape; /* the headers are in; a body is read and not looked at */
		*upload_size = 0;
		return MHD_YES;
	}
	return probe ? reply_health(scrape, connection, probe) : reply_metrics(scrape, connection);
}

static void announce(const struct rk_scrape *scrape, const char *address, uint64_t asked)
{
	bool needs_brackets = strchr(address, ':') && address[0] != '[';

	if (asked && scrape->port != asked)
		rk_log_warn("scrape: port %llu is taken; scrape on port %u",
			    (unsigned long long)asked, scrape->port);
	rk_log_info("scrape: listening on http://%s%s%s:%u%s", needs_brackets ? "[" : "", address,
		    needs_brackets ? "]" : "", scrape->port, scrape->path);
}

static void on_ready(void *data, int fd, uint32_t events)
{
	struct rk_scrape *scrape = data;

	(void)fd;
	(void)events;
	scrape->due_ns = 0; /* rk_scrape_run() follows in the same round */
}

static int start_daemon(struct rk_scrape *scrape)
{
	const union MHD_DaemonInfo *info;

	MHD_set_panic_func(on_panic, NULL);
	scrape->daemon =
		MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG |
					 MHD_ALLOW_SUSPEND_RESUME,
				 0, NULL, NULL, on_request, scrape, MHD_OPTION_EXTERNAL_LOGGER,
				 on_log, NULL, MHD_OPTION_CONNECTION_LIMIT, RK_SCRAPE_CLIENTS_MAX,
				 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
				 MHD_OPTION_NOTIFY_CONNECTION, on_connection, scrape,
				 MHD_OPTION_NOTIFY_COMPLETED, on_completed, scrape,
				 MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!scrape->daemon)
		return -EIO;
	info = MHD_get_daemon_info(scrape->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	scrape->epoll_fd = info ? info->epoll_fd : -1;
	if (scrape->epoll_fd < 0)
		return -EIO;
	return rk_loop_watch(scrape->loop, RK_LOOP_SCRAPE, scrape->epoll_fd, EPOLLIN);
}

static void watch_listeners(struct rk_scrape *scrape, uint32_t events)
{
	if (scrape->listen_fd >= 0)
		rk_loop_watch(scrape->loop, RK_LOOP_SCRAPE, scrape->listen_fd, events);
	if (scrape->unix_socket.fd >= 0)
		rk_loop_watch(scrape->loop, RK_LOOP_SCRAPE, scrape->unix_socket.fd, events);
}

static int open_port(struct rk_scrape *scrape)
{
	const struct rk_config *config = scrape->host->config;
	struct rk_port_registry_setup setup = {
		.env = scrape->host->env,
		.address = config->metrics_address,
		.path = scrape->path,
		.resource = scrape->host->resource,
	};
	int fd;

	if (!wants_port(config))
		return 0;
	fd = rk_scrape_listen(config->metrics_address, config->metrics_port, &scrape->port);
	if (fd < 0) {
		rk_log_warn("scrape: could not listen on %s port %llu: %s", config->metrics_address,
			    (unsigned long long)config->metrics_port, rk_strerror(fd));
		return fd;
	}
	scrape->listen_fd = fd;
	announce(scrape, config->metrics_address, config->metrics_port);
	setup.port = scrape->port;
	if (config->metrics_service_discovery &&
	    rk_port_registry_open(&scrape->registry, &setup) == 0)
		rk_port_registry_run(scrape->registry, rk_loop_now());
	return 0;
}

static int open_unix(struct rk_scrape *scrape)
{
	const char *pattern = scrape->host->config->metrics_unix_socket;
	int err;

	if (!*pattern)
		return 0;
	err = rk_scrape_listen_unix(&scrape->unix_socket, pattern);
	if (err)
		rk_log_warn("scrape: could not listen on unix socket %s: %s", pattern,
			    err == -EEXIST ? "there is a file that is not ours to replace" :
					     rk_strerror(err));
	else
		rk_log_info("scrape: listening on unix socket %s", scrape->unix_socket.path);
	return err;
}

/* One of two listeners is better than none. */
static int open_listeners(struct rk_scrape *scrape)
{
	int port_error = open_port(scrape);
	int unix_error = open_unix(scrape);

	if (scrape->listen_fd >= 0 || scrape->unix_socket.fd >= 0)
		return 0;
	return port_error ? port_error : unix_error;
}

int rk_scrape_open(struct rk_scrape **out, struct rk_loop *loop, const struct rk_net_host *host)
{
	const char *path = host->config->metrics_endpoint;
	struct rk_scrape *scrape = calloc(1, sizeof(*scrape));
	int err;

	*out = NULL;
	if (!scrape)
		return -ENOMEM;
	scrape->host = host;
	scrape->loop = loop;
	scrape->epoll_fd = scrape->listen_fd = scrape->unix_socket.fd = -1;
	snprintf(scrape->path, sizeof(scrape->path), "%s%s", path[0] == '/' ? "" : "/", path);
	loop->owners[RK_LOOP_SCRAPE].ready = on_ready;
	loop->owners[RK_LOOP_SCRAPE].data = scrape;
	err = rk_scrape_auth_open(&scrape->auth, host->config);
	if (err)
		goto fail;
	scrape->body = rk_scrape_body_create(host);
	err = scrape->body ? start_daemon(scrape) : -ENOMEM;
	if (err) {
		rk_log_warn("scrape: could not start the server: %s", rk_strerror(err));
		goto fail;
	}
	err = open_listeners(scrape);
	if (err)
		goto fail;
	watch_listeners(scrape, EPOLLIN);
	*out = scrape;
	return 0;
fail:
	rk_scrape_close(scrape);
	return err;
}

void rk_scrape_finish(struct rk_scrape *scrape)
{
	watch_listeners(scrape, 0);
	if (scrape->listen_fd >= 0)
		close(scrape->listen_fd);
	scrape->listen_fd = -1;
	rk_scrape_unlisten_unix(&scrape->unix_socket);
	rk_port_registry_close(scrape->registry);
	scrape->registry = NULL;
}

void rk_scrape_close(struct rk_scrape *scrape)
{
	if (!scrape)
		return;
	rk_scrape_finish(scrape);
	scrape->loop->owners[RK_LOOP_SCRAPE].ready = NULL;
	if (scrape->daemon) {
		jmp_buf exit_point;

		expect_panic(&exit_point);
		if (!setjmp(exit_point)) {
			resume_all(scrape);
			MHD_stop_daemon(scrape->daemon);
		}
		expect_panic(NULL);
	}
	rk_scrape_body_destroy(scrape->body);
	rk_scrape_auth_close(scrape->auth);
	free(scrape);
}

uint64_t rk_scrape_due_ns(const struct rk_scrape *scrape)
{
	return scrape->due_ns;
}

/* Without descriptors the listeners would wake the loop for ever: look away for a while. */
static void pause_accepting(struct rk_scrape *scrape, uint64_t now_ns)
{
	watch_listeners(scrape, 0);
	scrape->is_paused = true;
	scrape->accept_after_ns = now_ns + PAUSE_NS;
}

static void accept_from(struct rk_scrape *scrape, int listen_fd, uint64_t now_ns)
{
	for (int i = 0; listen_fd >= 0 && !scrape->is_paused && i < ACCEPTS_A_ROUND; i++) {
		struct sockaddr_storage address = { 0 };
		socklen_t length = sizeof(address);
		int fd = accept4(listen_fd, (struct sockaddr *)&address, &length,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			    errno == ENOBUFS)
				pause_accepting(scrape, now_ns);
			return;
		}
		rk_scrape_clients_make_room(&scrape->clients);
		/* Whatever comes of it, the descriptor is the daemon's now. */
		MHD_add_connection(scrape->daemon, fd, (struct sockaddr *)&address, length);
	}
}

static void accept_all(struct rk_scrape *scrape, uint64_t now_ns)
{
	if (scrape->is_paused && now_ns >= scrape->accept_after_ns) {
		scrape->is_paused = false;
		watch_listeners(scrape, EPOLLIN);
	}
	accept_from(scrape, scrape->listen_fd, now_ns);
	accept_from(scrape, scrape->unix_socket.fd, now_ns);
}

/* Return: when libmicrohttpd wants to be called again. */
static uint64_t run_daemon(struct rk_scrape *scrape, uint64_t now_ns)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms = 0;

	for (int i = 0; i < ROUNDS_MAX && !timeout_ms; i++) {
		MHD_run(scrape->daemon);
		if (MHD_get_timeout(scrape->daemon, &timeout_ms) != MHD_YES)
			return RK_NEVER;
	}
	return now_ns + timeout_ms * (S / 1000);
}

static void run_round(struct rk_scrape *scrape, uint64_t now_ns)
{
	uint64_t due, next;

	accept_all(scrape, now_ns);
	if (rk_scrape_body_work(scrape->body))
		resume_all(scrape);
	due = run_daemon(scrape, now_ns);
	next = rk_scrape_clients_expire(&scrape->clients, now_ns);
	due = next < due ? next : due;
	next = rk_scrape_body_expire(scrape->body, now_ns);
	due = next < due ? next : due;
	if (scrape->is_paused && scrape->accept_after_ns < due)
		due = scrape->accept_after_ns;
	if (scrape->registry) {
		rk_port_registry_run(scrape->registry, now_ns);
		next = rk_port_registry_due_ns(scrape->registry);
		due = next < due ? next : due;
	}
	scrape->due_ns = due;
}

void rk_scrape_run(struct rk_scrape *scrape, uint64_t now_ns)
{
	jmp_buf exit_point;

	if (!scrape->daemon || now_ns < scrape->due_ns)
		return;
	expect_panic(&exit_point);
	if (setjmp(exit_point)) {
		/* Its state is unknown: leave it alone, descriptors included. */
		expect_panic(NULL);
		rk_loop_watch(scrape->loop, RK_LOOP_SCRAPE, scrape->epoll_fd, 0);
		rk_scrape_finish(scrape);
		scrape->daemon = NULL;
		scrape->due_ns = RK_NEVER;
		return;
	}
	run_round(scrape, now_ns);
	expect_panic(NULL);
}

unsigned rk_scrape_port(const struct rk_scrape *scrape)
{
	return scrape->port;
}

uint64_t rk_scrape_count(const struct rk_scrape *scrape)
{
	return scrape->count;
}
