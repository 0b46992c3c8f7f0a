/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/http.h - HTTP requests that never block: libcurl's multi interface on our loop.
 *
 * A call is one reusable exchange with one server: it keeps its connection, and one request at
 * a time is under way on it. Name resolution runs on libcurl's helper thread, which inherits
 * the blocked signals and the descriptor table of the thread that runs the loop.
 *
 * Guest law: no signal handler is touched, no exit handler of OpenSSL is registered, no
 * environment variable is read (proxies are passed in), and nothing waits for a resolver.
 */
#ifndef RK_EXPORTERS_HTTP_H
#define RK_EXPORTERS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporters/loop.h"

#define RK_HTTP_REPLY_MAX (4u << 20) /* bytes after decompression; the OTLP limit */

struct rk_http;
struct rk_http_call;

/* What came of a request. Borrowed until the callback returns. */
struct rk_http_reply {
	int status;	     /* 0 = no complete reply */
	bool is_unreachable; /* nothing was sent: refused, no route, no such name, no trust */
	bool is_cut;	     /* the connection ended before there was a reply */
	bool is_too_large;   /* the reply went over RK_HTTP_REPLY_MAX */
	bool has_retry_after;
	uint64_t retry_after_s;
	const uint8_t *body; /* nothing where it could not be decompressed */
	size_t length;
	const char *why; /* status 0: the reason, for a log line */
};

typedef void (*rk_http_done_fn)(void *data, const struct rk_http_reply *reply);

struct rk_http_request {
	const char *method;
	const char *url;
	const void *body; /* borrowed until done or cancelled; may be NULL */
	size_t length;
	bool is_gzip;	     /* body is compressed: Content-Encoding says so */
	uint32_t timeout_ms; /* 0 = none */
};

/* Proxies as the environment named them at start; NULL or "" = none. */
struct rk_http_proxy {
	const char *http, *https, *no_proxy;
};

/**
 * @loop: borrowed; its owner RK_LOOP_HTTP is taken.
 *
 * Context: exporter. Ownership: the caller, rk_http_close().
 * Return: 0; -ENOMEM; -ENOSYS when this libcurl resolves names on the calling thread.
 */
int rk_http_open(struct rk_http **out, struct rk_loop *loop, const struct rk_http_proxy *proxy);

/**
 * @is_exiting: the process is about to end: libcurl's objects are left alone, because its
 * clean-up changes the disposition of SIGPIPE for a moment.
 *
 * Context: exporter; after every call was destroyed.
 */
void rk_http_close(struct rk_http *http, bool is_exiting);

/**
 * When rk_http_run() must be called next, and whether a request is under way.
 *
 * Context: exporter.
 */
uint64_t rk_http_due_ns(const struct rk_http *http);
bool rk_http_is_busy(const struct rk_http *http);

/**
 * Timers of libcurl, then the callbacks of what is done.
 *
 * Context: exporter.
 */
void rk_http_run(struct rk_http *http, uint64_t now_ns);

/**
 * @done: called from rk_http_run(), once per started and not cancelled request. May start the
 * next one.
 *
 * Context: exporter. Ownership: the caller, rk_http_call_destroy().
 * Return: 0; -ENOMEM.
 */
int rk_http_call_create(struct rk_http_call **out, struct rk_http *http, rk_http_done_fn done,
			void *data);
void rk_http_call_destroy(struct rk_http_call *call);

/**
 * Send "@name: @value" with every request from now on.
 *
 * Context: exporter.
 * Return: 0; -EINVAL for a name or value that cannot be in a header; -ENOMEM.
 */
int rk_http_call_add_header(struct rk_http_call *call, const char *name, const char *value);

/**
 * Forget every header that was added.
 *
 * Context: exporter; while no request is under way. Return: 0; -ENOMEM.
 */
int rk_http_call_clear_headers(struct rk_http_call *call);

/* PEM files; NULL or "" = the system's authorities, no certificate of our own. */
struct rk_http_tls {
	const char *authorities, *certificate, *key;
};

/**
 * How https is spoken from now on. A file that is missing is the failure of each request,
 * which names it.
 *
 * Context: exporter. The strings are copied.
 */
void rk_http_call_set_tls(struct rk_http_call *call, const struct rk_http_tls *tls);

/**
 * Start a request. None may be under way on @call.
 *
 * Context: exporter. Return: 0; -EIO when libcurl refused it (done is not called then).
 */
int rk_http_call_start(struct rk_http_call *call, const struct rk_http_request *request);

/**
 * Forget a request: its callback is not called. Does nothing when none is under way.
 *
 * Context: exporter.
 */
void rk_http_call_cancel(struct rk_http_call *call);
bool rk_http_call_is_active(const struct rk_http_call *call);

#endif
