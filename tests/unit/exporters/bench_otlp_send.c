/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU time of the exporter's thread to encode and send spans through librknet.so to a receiver
 * that only reads, beside a bare write() of as many bytes to the same receiver; medians of
 * rounds in turn. Receiver and sender share the machine, so wall time is told too but means
 * less.
 *
 * usage: bench_otlp_send MODULE [none|gzip]
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/config.h"
#include "core/intern.h"
#include "core/log.h"
#include "core/resource.h"
#include "otlp_span_mix.h"
#include "pipeline/live/net_module.h"

#define ROUNDS	     5
#define STEPS	     8000 /* of one round */
#define REQUEST	     (512u << 10) /* of the bare writes; what the sender's default makes */
#define POLL_STEPS   5		  /* as often as the exporter's loop comes round at this rate */
#define QUEUED_MAX   1500 /* spans, not two batches; then we wait for the receiver */
#define FINISH_MS    20000u
#define LIMIT_S	     120 /* a receiver that hangs must not hang the suite */
#define HEAD_MAX     4096

struct round {
	double encode_ns, send_ns, wall_ns, bare_ns; /* per span */
};

static _Atomic uint64_t received; /* bytes of bodies */
static struct mix mixes[POLL_STEPS];

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t cpu_ns(void)
{
	return now_ns(CLOCK_THREAD_CPUTIME_ID);
}

static bool send_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

/* Read one request. Return: false at the end of the connection. */
static bool read_request(int fd)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"
				    "Content-Length: 0\r\n\r\n";
	char body[64 << 10];
	char head[HEAD_MAX + 1], *end = NULL, *length_at;
	size_t used = 0, left;

	while (!end) {
		ssize_t got = recv(fd, head + used, HEAD_MAX - used, 0);

		if (got <= 0)
			return false;
		used += (size_t)got;
		head[used] = '\0';
		end = strstr(head, "\r\n\r\n");
	}
	length_at = strcasestr(head, "\r\nContent-Length:");
	if (!length_at || length_at > end)
		return false;
	left = strtoul(length_at + sizeof("\r\nContent-Length:") - 1, NULL, 10);
	atomic_fetch_add(&received, left);
	left -= used - (size_t)(end + 4 - head);
	while (left) {
		ssize_t got = recv(fd, body, left < sizeof(body) ? left : sizeof(body), 0);

		if (got <= 0)
			return false;
		left -= (size_t)got;
	}
	return send_all(fd, reply, sizeof(reply) - 1);
}

static void *serve(void *data)
{
	int fd = (int)(intptr_t)data;

	while (read_request(fd))
		;
	close(fd);
	return NULL;
}

/* A sender may leave its connection open, so each has a thread. */
static void *receive(void *data)
{
	int listener = *(int *)data;
	pthread_t thread;

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
			return NULL;
		pthread_detach(thread);
	}
}

static int start_receiver(struct sockaddr_in *address)
{
	static int listener;
	socklen_t length = sizeof(*address);
	pthread_t thread;

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)address, length) ||
	    listen(listener, 8) || getsockname(listener, (struct sockaddr *)address, &length) ||
	    pthread_create(&thread, NULL, receive, &listener))
		return -1;
	pthread_detach(thread);
	return 0;
}

/* What no exporter can do without: the same bytes, written as they are. */
static double bare_writes(const struct sockaddr_in *address, uint64_t bytes)
{
	static char request[HEAD_MAX + REQUEST];
	char reply[HEAD_MAX];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int head = snprintf(request, HEAD_MAX, "POST / HTTP/1.1\r\nContent-Length: %u\r\n\r\n",
			    REQUEST);
	uint64_t start;

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return -1;
	start = cpu_ns();
	for (uint64_t sent = 0; sent < bytes; sent += REQUEST) {
		if (!send_all(fd, request, (size_t)head + REQUEST) ||
		    recv(fd, reply, sizeof(reply), 0) <= 0)
			return -1;
	}
	start = cpu_ns() - start;
	close(fd);
	return (double)start;
}

/* Some steps at once: reading the thread's clock is a system call. */
static void give(struct rk_net *net, struct round *round)
{
	uint64_t start;

	for (int step = 0; step < POLL_STEPS; step++)
		mix_next(&mixes[step]);
	start = cpu_ns();
	for (int step = 0; step < POLL_STEPS; step++) {
		for (int i = 0; i < MIX_SPANS; i++)
			net->sink.span(&net->sink, &mixes[step].spans[i]);
	}
	round->encode_ns += (double)(cpu_ns() - start);
}

static void turn(struct rk_net *net, struct round *round)
{
	struct rk_net_stats stats;
	uint64_t start = cpu_ns();

	net->poll(net, 0);
	net->get_stats(net, &stats);
	while (stats.queued > QUEUED_MAX && !stats.dropped) {
		net->poll(net, 10);
		net->get_stats(net, &stats);
	}
	round->send_ns += (double)(cpu_ns() - start);
}

/* Return: false when not every span arrived. */
static bool run(struct rk_net *net, struct round *round, uint64_t *bytes)
{
	uint64_t wall = now_ns(CLOCK_MONOTONIC), before = atomic_load(&received), start;
	const double spans = (double)STEPS * MIX_SPANS;
	struct rk_net_stats stats;

	for (int step = 0; step < STEPS; step += POLL_STEPS) {
		give(net, round);
		turn(net, round);
	}
	start = cpu_ns();
	net->finish(net, FINISH_MS);
	round->send_ns += (double)(cpu_ns() - start);
	round->wall_ns = (double)(now_ns(CLOCK_MONOTONIC) - wall) / spans;
	round->encode_ns /= spans;
	round->send_ns /= spans;
	net->get_stats(net, &stats);
	*bytes = atomic_load(&received) - before;
	if (stats.sent == (uint64_t)spans)
		return true;
	fprintf(stderr, "sent %" PRIu64 " of %.0f: %s\n", stats.sent, spans, stats.last_error);
	return false;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* @offset: of the field in struct round. */
static double median(const struct round *rounds, size_t offset)
{
	double values[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		memcpy(&values[i], (const char *)&rounds[i] + offset, sizeof(double));
	qsort(values, ROUNDS, sizeof(double), compare);
	return values[ROUNDS / 2];
}

static void print(const struct round *rounds, double bytes)
{
	double encode = median(rounds, offsetof(struct round, encode_ns));
	double send = median(rounds, offsetof(struct round, send_ns));
	double bare = median(rounds, offsetof(struct round, bare_ns));

	printf("%.0f bytes per span on the wire\n", bytes);
	printf("encode into the queue %7.1f ns/span CPU\n", encode);
	printf("send                  %7.1f ns/span CPU = %.2f x bare writes (goal 2.2)\n", send,
	       send / bare);
	printf("encode and send       %7.1f ns/span CPU (goal 250)\n", encode + send);
	printf("bare writes           %7.1f ns/span CPU\n", bare);
	printf("goal export_ns %.1f | encoded %.1f, sent %.1f; %.0f bytes per span\n",
	       encode + send, encode, send, bytes);
	printf("goal export_write %.2f | sent by libcurl %.1f ns/span, raw write %.1f\n",
	       send / bare, send, bare);
	printf("wall                  %7.1f ns/span, the receiver beside\n",
	       median(rounds, offsetof(struct round, wall_ns)));
}

static int measure(rk_net_open_fn open_module, const struct rk_net_host *host,
		   const struct sockaddr_in *address)
{
	static struct round rounds[ROUNDS];
	uint64_t bytes = 0;

	for (int step = 0; step < POLL_STEPS; step++)
		mix_init(&mixes[step]);
	for (int i = 0; i < ROUNDS; i++) {
		struct rk_net *net;
		bool is_complete;

		if (open_module(&net, host))
			return 1;
		is_complete = run(net, &rounds[i], &bytes);
		net->close(net);
		if (!is_complete)
			return 1;
		rounds[i].bare_ns = bare_writes(address, bytes) / STEPS / MIX_SPANS;
		if (rounds[i].bare_ns <= 0)
			return 1;
	}
	print(rounds, (double)bytes / STEPS / MIX_SPANS);
	return 0;
}

static void on_log(enum rk_log_level level, const char *line, void *data)
{
	(void)data;
	if (level <= RK_LOG_WARN)
		fprintf(stderr, "%s\n", line);
}

static void set_environment(const struct sockaddr_in *address, const char *compression)
{
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(address->sin_port));
	setenv("RUSTKERNEL_OTLP_ENDPOINT", url, 1);
	setenv("RUSTKERNEL_TRACING_OTLP_COMPRESSION", compression, 1);
	setenv("RUSTKERNEL_TRACING_OTLP_QUEUE_SIZE", "64MiB", 1);
	setenv("RUSTKERNEL_METRICS_ENABLED", "false", 1);
	setenv("no_proxy", "127.0.0.1", 1);
}

int main(int argc, char **argv)
{
	struct rk_net_host host = { .abi = RK_NET_ABI, .log = on_log, .live = true };
	struct sockaddr_in address;
	rk_net_open_fn open_module = NULL;
	struct rk_config *config;
	struct rk_env *env;
	void *module;
	int status;

	module = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!module || start_receiver(&address))
		return 64;
	alarm(LIMIT_S);
	set_environment(&address, argc > 2 ? argv[2] : "none");
	env = rk_env_create(NULL);
	if (rk_config_create(&config, env))
		return 1;
	*(void **)&open_module = dlsym(module, "rk_net_open");
	host.config = config;
	host.env = env;
	host.strings = rk_intern_table();
	host.log_level = RK_LOG_WARN;
	host.resource = "service.name=bench";
	host.instance = "test-host";
	status = open_module ? measure(open_module, &host, &address) : 66;
	rk_config_destroy(config);
	rk_env_destroy(env);
	return status;
}
