/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape.c - libmicrohttpd behind the loop.
 */
#include "exporters/scrape.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "core/log.h"
#include "exporters/gzip.h"
#include "exporters/negotiate.h"

#define PORTS_TRIED	     100 /* ranks of one host, and then some */
#define BACKLOG		     32
#define CONNECTIONS_MAX	     64u
#define CONNECTION_TIMEOUT_S 10u
#define CONNECTION_BYTES     (16u << 10)
#define HEALTH_BYTES	     4096
#define GZIP_MIN_BYTES	     512 /* smaller bodies do not get smaller */

struct rk_scrape {
	const struct rk_net_host *host; /* borrowed; outlives this */
	struct rk_loop *loop;		/* borrowed; outlives this */
	struct MHD_Daemon *daemon;	/* NULL after libmicrohttpd gave up */
	struct rk_gzip *gzip;		/* may be NULL */
	int epoll_fd;			/* of the daemon */
	unsigned port;
	uint64_t due_ns, count;
	char path[256];
};

/* Where libmicrohttpd's fatal errors lead on this thread; NULL = not inside of it. */
static __thread jmp_buf *panic_exit;

static void on_panic(void *data, const char *file, unsigned line, const char *reason)
{
	(void)data;
	(void)file;
	/* The program's own server, on its own thread: end as the library would by itself. */
	while (!panic_exit) {
		raise(SIGABRT);
		pause();
	}
	rk_log_error("scrape: libmicrohttpd gave up (line %u: %s); no more scrapes", line,
		     reason ? reason : "");
	longjmp(*panic_exit, 1);
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

bool rk_scrape_is_wanted(const struct rk_config *config)
{
	return config->metrics_enabled &&
	       (config->source[RK_CONFIG_metrics_enabled] >= RK_SOURCE_OTEL ||
		config->source[RK_CONFIG_metrics_port] >= RK_SOURCE_OTEL);
}

/* Queue @body, which becomes libmicrohttpd's. */
static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type,
			     void *body, size_t length, const char *encoding)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", type);
	if (encoding)
		MHD_add_response_header(response, "Content-Encoding", encoding);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned status,
				  const char *text)
{
	char *body = strdup(text);

	if (!body)
		return MHD_NO;
	return reply(connection, status, "text/plain; charset=utf-8", body, strlen(body), NULL);
}

static enum MHD_Result reply_metrics(struct rk_scrape *scrape, struct MHD_Connection *connection)
{
	const struct rk_net_host *host = scrape->host;
	const char *encodings =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept-Encoding");
	struct rk_negotiated format;
	char *text = NULL;
	uint8_t *packed;
	ptrdiff_t length;
	size_t packed_length;

	rk_negotiate_format(&format,
			    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept"));
	length = host->render(host->metrics, host->config->metrics_include_runtime,
			      format.is_openmetrics, &text);
	if (length < 0)
		return reply_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory\n");
	scrape->count++;
	if (scrape->gzip && length >= GZIP_MIN_BYTES && rk_negotiate_gzip(encodings)) {
		packed_length = rk_gzip_compress(scrape->gzip, text, (size_t)length, &packed);
		if (packed_length) {
			free(text);
			return reply(connection, MHD_HTTP_OK, format.content_type, packed,
				     packed_length, "gzip");
		}
	}
	return reply(connection, MHD_HTTP_OK, format.content_type, text, (size_t)length, NULL);
}

static enum MHD_Result reply_health(struct rk_scrape *scrape, struct MHD_Connection *connection,
				    const char *what)
{
	const struct rk_net_host *host = scrape->host;
	char *body = calloc(1, HEALTH_BYTES);
	int status;

	if (!body)
		return MHD_NO;
	status = host->health(what, body, HEALTH_BYTES, host->health_data);
	return reply(connection, (unsigned)status, "application/json", body, strlen(body), NULL);
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	static const char *const probes[] = { "live", "ready", "startup" };
	struct rk_scrape *scrape = data;
	bool is_metrics = strcmp(url, scrape->path) == 0;
	const char *probe = NULL;

	(void)version;
	(void)upload;
	for (size_t i = 0; scrape->host->health && i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (strncmp(url, "/health/", 8) == 0 && strcmp(url + 8, probes[i]) == 0)
			probe = probes[i];
	}
	if (!is_metrics && !probe)
		return reply_text(connection, MHD_HTTP_NOT_FOUND, "not found\n");
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				  "only GET and HEAD are allowed here\n");
	if (!*state) {
		*state = scrape; /* the headers are in; answer at the next call */
		return MHD_YES;
	}
	*upload_size = 0;
	return probe ? reply_health(scrape, connection, probe) : reply_metrics(scrape, connection);
}

/* Only numbers and localhost: a name server must not be waited for. */
static bool parse_address(const char *text, unsigned port, struct sockaddr_storage *address,
			  socklen_t *length)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (strcmp(text, "localhost") == 0)
		text = "127.0.0.1";
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		*length = sizeof(*in);
		return true;
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		*length = sizeof(*in6);
		return true;
	}
	return false;
}

static int try_listen(const struct sockaddr_storage *address, socklen_t length)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)address, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static unsigned bound_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length))
		return 0;
	/* The port lies at the same place in both families. */
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* A listening socket on the asked or the next free port; -errno. */
static int listen_near(const char *text, uint64_t asked)
{
	struct sockaddr_storage address;
	socklen_t length;
	int fd = -EADDRINUSE;

	for (uint64_t port = asked; port <= UINT16_MAX && port < asked + PORTS_TRIED; port++) {
		if (!parse_address(text, (unsigned)port, &address, &length))
			return -EINVAL;
		fd = try_listen(&address, length);
		if (fd != -EADDRINUSE)
			break;
	}
	return fd;
}

static void announce(const struct rk_scrape *scrape, const char *address, uint64_t asked)
{
	bool is_other = asked && scrape->port != asked;
	bool is_v6 = strchr(address, ':') != NULL;

	if (is_other)
		rk_log_warn("scrape: port %llu is taken; scrape on port %u",
			    (unsigned long long)asked, scrape->port);
	rk_log_info("scrape: listening on http://%s%s%s:%u%s", is_v6 ? "[" : "", address,
		    is_v6 ? "]" : "", scrape->port, scrape->path);
}

static void on_ready(void *data, int fd, uint32_t events)
{
	struct rk_scrape *scrape = data;

	(void)fd;
	(void)events;
	scrape->due_ns = 0; /* rk_scrape_run() follows in the same round */
}

static int start_daemon(struct rk_scrape *scrape, int listen_fd)
{
	const union MHD_DaemonInfo *info;

	MHD_set_panic_func(on_panic, NULL);
	scrape->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL,
					  on_request, scrape, MHD_OPTION_LISTEN_SOCKET, listen_fd,
					  MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
					  MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
					  MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_S,
					  MHD_OPTION_CONNECTION_MEMORY_LIMIT,
					  (size_t)CONNECTION_BYTES, MHD_OPTION_END);
	if (!scrape->daemon)
		return -EIO;
	info = MHD_get_daemon_info(scrape->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	scrape->epoll_fd = info ? info->epoll_fd : -1;
	if (scrape->epoll_fd < 0)
		return -EIO;
	return rk_loop_watch(scrape->loop, RK_LOOP_SCRAPE, scrape->epoll_fd, EPOLLIN);
}

int rk_scrape_open(struct rk_scrape **out, struct rk_loop *loop, const struct rk_net_host *host)
{
	const struct rk_config *config = host->config;
	struct rk_scrape *scrape = calloc(1, sizeof(*scrape));
	int fd = -1, err = -ENOMEM;

	*out = NULL;
	if (!scrape)
		return -ENOMEM;
	scrape->host = host;
	scrape->loop = loop;
	snprintf(scrape->path, sizeof(scrape->path), "%s%s",
		 config->metrics_endpoint[0] == '/' ? "" : "/", config->metrics_endpoint);
	loop->owners[RK_LOOP_SCRAPE].ready = on_ready;
	loop->owners[RK_LOOP_SCRAPE].data = scrape;
	fd = listen_near(config->metrics_address, config->metrics_port);
	if (fd < 0) {
		err = fd;
		goto fail;
	}
	scrape->port = bound_port(fd);
	err = start_daemon(scrape, fd);
	if (err) {
		if (!scrape->daemon)
			close(fd);
		goto fail;
	}
	scrape->gzip = rk_gzip_create();
	announce(scrape, config->metrics_address, config->metrics_port);
	*out = scrape;
	return 0;
fail:
	rk_log_warn("scrape: could not listen on %s port %llu: %s", config->metrics_address,
		    (unsigned long long)config->metrics_port, rk_strerror(err));
	rk_scrape_close(scrape);
	return err;
}

void rk_scrape_close(struct rk_scrape *scrape)
{
	if (!scrape)
		return;
	scrape->loop->owners[RK_LOOP_SCRAPE].ready = NULL;
	if (scrape->daemon) {
		jmp_buf exit_point;

		panic_exit = &exit_point;
		if (!setjmp(exit_point))
			MHD_stop_daemon(scrape->daemon);
		panic_exit = NULL;
	}
	rk_gzip_destroy(scrape->gzip);
	free(scrape);
}

uint64_t rk_scrape_due_ns(const struct rk_scrape *scrape)
{
	return scrape->due_ns;
}

void rk_scrape_run(struct rk_scrape *scrape, uint64_t now_ns)
{
	jmp_buf exit_point;
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (!scrape->daemon || now_ns < scrape->due_ns)
		return;
	scrape->due_ns = RK_NEVER;
	panic_exit = &exit_point;
	if (setjmp(exit_point)) {
		/* Its state is unknown: leave it alone, descriptors included. */
		rk_loop_watch(scrape->loop, RK_LOOP_SCRAPE, scrape->epoll_fd, 0);
		scrape->daemon = NULL;
		panic_exit = NULL;
		return;
	}
	MHD_run(scrape->daemon);
	if (MHD_get_timeout(scrape->daemon, &timeout_ms) == MHD_YES)
		scrape->due_ns = now_ns + timeout_ms * 1000000u;
	panic_exit = NULL;
}

unsigned rk_scrape_port(const struct rk_scrape *scrape)
{
	return scrape->port;
}

uint64_t rk_scrape_count(const struct rk_scrape *scrape)
{
	return scrape->count;
}
