/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_http.c - the state machine of one destination.
 */
#include "exporters/otlp_http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/log.h"
#include "exporters/gzip.h"
#include "exporters/header_list.h"
#include "exporters/otlp_queue.h"
#include "exporters/otlp_reply.h"
#include "exporters/otlp_span.h"
#include "exporters/url.h"

#define MS		  1000000ull /* ns */
#define BACKOFF_FIRST_NS  (250 * MS)
#define BACKOFF_MAX_NS	  (5000 * MS)
#define BACKOFF_EXIT_NS	  (100 * MS)   /* at exit there are 2 s in all */
#define PARK_MAX_NS	  (60000 * MS) /* a longer Retry-After is not believed */
#define LOG_PAUSE_NS	  (30000 * MS) /* the same trouble is not told again within */
#define REQUEST_BYTES_MAX (4u << 20)   /* what receivers accept by default */
#define FLUSH_BYTES_MIN	  4096u
#define GRPC_PORT	  4317

/* What was last said about the destination. */
enum mood { MOOD_NEW, MOOD_OK, MOOD_RETRYING, MOOD_GAVE_UP, MOOD_REJECTED };

struct rk_otlp_http {
	struct rk_otlp_queue *queue;
	struct rk_gzip *gzip;	   /* NULL = not compressed */
	struct rk_http_call *call; /* NULL = the destination cannot work */
	char *url;
	char shown_url[256]; /* without secrets */
	uint64_t timeout_ns; /* of one batch; 0 = none */
	bool live;

	bool has_deadline;	/* the head was tried */
	uint64_t deadline_ns;	/* of the head */
	uint64_t not_before_ns; /* of the next attempt */
	uint64_t backoff_ns;
	bool must_wait; /* not_before_ns is what the server asked for */
	bool is_finishing;
	uint64_t finish_ns;
	uint64_t now_ns; /* of the current round */
	uint64_t random;

	enum mood mood;
	uint64_t logged_ns;
	bool was_connected, said_message;
	struct rk_otlp_http_stats stats;
	char last_error[448];
};

/* Tell that the destination is in another state now; @text names it. */
static void change_mood(struct rk_otlp_http *otlp, enum mood mood, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void change_mood(struct rk_otlp_http *otlp, enum mood mood, const char *format, ...)
{
	bool is_bad = mood == MOOD_GAVE_UP || mood == MOOD_REJECTED;
	bool is_news = otlp->mood != mood;
	char text[896];
	va_list args;

	otlp->mood = mood;
	if (!is_news)
		return;
	if (is_bad) {
		if (otlp->logged_ns && otlp->now_ns - otlp->logged_ns < LOG_PAUSE_NS)
			return;
		otlp->logged_ns = otlp->now_ns;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	rk_log(is_bad ? RK_LOG_WARN : RK_LOG_INFO, "otlp: %s", text);
}

static void set_error(struct rk_otlp_http *otlp, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void set_error(struct rk_otlp_http *otlp, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(otlp->last_error, sizeof(otlp->last_error), format, args);
	va_end(args);
	otlp->stats.is_connected = false;
}

enum rk_otlp_outcome rk_otlp_http_judge(const struct rk_http_reply *reply)
{
	if (reply->is_too_large)
		return RK_OTLP_REJECTED;
	if (reply->status >= 200 && reply->status < 300)
		return RK_OTLP_SENT;
	switch (reply->status) {
	case 0:
	case 429:
	case 502:
	case 503:
	case 504:
		return RK_OTLP_RETRY;
	default:
		return RK_OTLP_REJECTED;
	}
}

/* The head leaves the queue; the next one starts afresh. */
static void pop_head(struct rk_otlp_http *otlp)
{
	rk_otlp_queue_pop(otlp->queue);
	otlp->has_deadline = false;
}

static void drop_head(struct rk_otlp_http *otlp, enum rk_loss reason)
{
	otlp->stats.lost[reason] += rk_otlp_queue_head(otlp->queue)->items;
	pop_head(otlp);
}

static void drop_all(struct rk_otlp_http *otlp)
{
	uint64_t before = otlp->stats.lost[RK_LOSS_RETRY_EXHAUSTED];

	rk_otlp_queue_seal(otlp->queue);
	while (rk_otlp_queue_head(otlp->queue))
		drop_head(otlp, RK_LOSS_RETRY_EXHAUSTED);
	change_mood(otlp, MOOD_GAVE_UP, "could not send to %s: %s; %llu spans are given up",
		    otlp->shown_url, otlp->last_error,
		    (unsigned long long)(otlp->stats.lost[RK_LOSS_RETRY_EXHAUSTED] - before));
}

/* Between half of @ns and @ns: processes that failed together do not come back together. */
static uint64_t jitter(struct rk_otlp_http *otlp, uint64_t ns)
{
	otlp->random ^= otlp->random << 13;
	otlp->random ^= otlp->random >> 7;
	otlp->random ^= otlp->random << 17;
	return ns / 2 + otlp->random % (ns / 2 + 1);
}

static void on_sent(struct rk_otlp_http *otlp, const struct rk_http_reply *http)
{
	uint64_t items = rk_otlp_queue_head(otlp->queue)->items, rejected;
	struct rk_otlp_reply reply;

	if (!rk_otlp_reply_read_success(&reply, http->body, http->length))
		rk_log_debug("otlp: could not decode the reply of %s; status %d counts",
			     otlp->shown_url, http->status);
	rejected = reply.rejected < items ? reply.rejected : items;
	otlp->stats.sent += items - rejected;
	otlp->stats.lost[RK_LOSS_REJECTED] += rejected;
	otlp->stats.is_connected = true;
	otlp->was_connected = true;
	otlp->backoff_ns = 0;
	if (rejected) {
		set_error(otlp, "%s", reply.message[0] ? reply.message : "partial success");
		otlp->stats.is_connected = true;
		change_mood(otlp, MOOD_REJECTED, "%s refused %llu of %llu spans of a batch: %s",
			    otlp->shown_url, (unsigned long long)rejected,
			    (unsigned long long)items, otlp->last_error);
	} else {
		change_mood(otlp, MOOD_OK, "%s accepts spans", otlp->shown_url);
	}
	if (!rejected && reply.message[0] && !otlp->said_message) {
		otlp->said_message = true;
		rk_log_warn("otlp: %s accepted the spans and says: %s", otlp->shown_url,
			    reply.message);
	}
	pop_head(otlp);
}

static void on_rejected(struct rk_otlp_http *otlp, const struct rk_http_reply *http)
{
	struct rk_otlp_reply reply;

	if (http->status) {
		rk_otlp_reply_read_error(&reply, http->body, http->length);
		set_error(otlp, "HTTP %d%s%.400s", http->status, reply.message[0] ? ": " : "",
			  reply.message);
	} else {
		set_error(otlp, "%.400s", http->why);
	}
	otlp->backoff_ns = 0;
	change_mood(otlp, MOOD_REJECTED,
		    "%s refuses the spans: %s; they are dropped and counted as rejected",
		    otlp->shown_url, otlp->last_error);
	drop_head(otlp, RK_LOSS_REJECTED);
}

static void describe_failure(struct rk_otlp_http *otlp, const struct rk_http_reply *http)
{
	struct rk_otlp_reply reply;

	if (!http->status) {
		set_error(otlp, "%.440s", http->why);
		return;
	}
	rk_otlp_reply_read_error(&reply, http->body, http->length);
	set_error(otlp, "HTTP %d%s%.400s", http->status, reply.message[0] ? ": " : "",
		  reply.message);
}

static void on_retry(struct rk_otlp_http *otlp, const struct rk_http_reply *http)
{
	uint64_t wait, ceiling = otlp->is_finishing ? BACKOFF_EXIT_NS : BACKOFF_MAX_NS;

	describe_failure(otlp, http);
	if (otlp->is_finishing && http->is_unreachable && (otlp->live || !otlp->was_connected)) {
		drop_all(otlp);
		return;
	}
	otlp->backoff_ns = otlp->backoff_ns ? otlp->backoff_ns * 2 : BACKOFF_FIRST_NS;
	if (otlp->backoff_ns > BACKOFF_MAX_NS)
		otlp->backoff_ns = BACKOFF_MAX_NS;
	wait = jitter(otlp, otlp->backoff_ns < ceiling ? otlp->backoff_ns : ceiling);
	otlp->must_wait = http->has_retry_after;
	if (http->has_retry_after) {
		wait = PARK_MAX_NS;
		if (http->retry_after_s < PARK_MAX_NS / 1000 / MS)
			wait = http->retry_after_s * 1000 * MS;
	}
	otlp->not_before_ns = otlp->now_ns + wait;
	if (otlp->not_before_ns < otlp->deadline_ns) {
		change_mood(otlp, otlp->mood == MOOD_GAVE_UP ? MOOD_GAVE_UP : MOOD_RETRYING,
			    "could not send to %s: %s; trying again", otlp->shown_url,
			    otlp->last_error);
		return;
	}
	change_mood(otlp, MOOD_GAVE_UP,
		    "could not send to %s: %s; spans are given up after %llu ms and counted as "
		    "retry_exhausted",
		    otlp->shown_url, otlp->last_error, (unsigned long long)(otlp->timeout_ns / MS));
	drop_head(otlp, RK_LOSS_RETRY_EXHAUSTED);
}

static void on_done(void *data, const struct rk_http_reply *reply)
{
	struct rk_otlp_http *otlp = data;

	otlp->now_ns = rk_loop_now();
	switch (rk_otlp_http_judge(reply)) {
	case RK_OTLP_SENT:
		on_sent(otlp, reply);
		break;
	case RK_OTLP_RETRY:
		on_retry(otlp, reply);
		break;
	case RK_OTLP_REJECTED:
		on_rejected(otlp, reply);
		break;
	}
}

static void send_head(struct rk_otlp_http *otlp)
{
	const struct rk_otlp_batch *batch = rk_otlp_queue_head(otlp->queue);
	struct rk_http_request request = { .method = "POST", .url = otlp->url };
	uint64_t left_ns;

	if (otlp->has_deadline) {
		otlp->stats.retries++;
	} else {
		otlp->has_deadline = true;
		otlp->deadline_ns = otlp->timeout_ns ? otlp->now_ns + otlp->timeout_ns : RK_NEVER;
		if (otlp->gzip)
			rk_otlp_queue_compress_head(otlp->queue, otlp->gzip);
	}
	if (otlp->is_finishing && otlp->deadline_ns > otlp->finish_ns)
		otlp->deadline_ns = otlp->finish_ns;
	left_ns = otlp->deadline_ns > otlp->now_ns ? otlp->deadline_ns - otlp->now_ns : MS;
	if (otlp->deadline_ns != RK_NEVER)
		request.timeout_ms = (uint32_t)(left_ns / MS < 1 ? 1 : left_ns / MS);
	request.body = batch->bytes;
	request.length = batch->length;
	request.is_gzip = batch->is_gzip;
	otlp->stats.requests++;
	otlp->stats.bytes_sent += batch->length;
	if (rk_http_call_start(otlp->call, &request)) {
		set_error(otlp, "libcurl refused the request");
		drop_head(otlp, RK_LOSS_RETRY_EXHAUSTED);
	}
}

static bool is_sending(const struct rk_otlp_http *otlp)
{
	return otlp->call && rk_http_call_is_active(otlp->call);
}

uint64_t rk_otlp_http_due_ns(const struct rk_otlp_http *otlp)
{
	if (is_sending(otlp) || !otlp->call)
		return RK_NEVER;
	if (rk_otlp_queue_head(otlp->queue))
		return otlp->not_before_ns;
	return rk_otlp_queue_due_ns(otlp->queue);
}

void rk_otlp_http_run(struct rk_otlp_http *otlp, uint64_t now_ns)
{
	otlp->now_ns = now_ns;
	if (!otlp->call || is_sending(otlp))
		return;
	if (otlp->is_finishing || rk_otlp_queue_due_ns(otlp->queue) <= now_ns)
		rk_otlp_queue_seal(otlp->queue);
	if (rk_otlp_queue_head(otlp->queue) && now_ns >= otlp->not_before_ns)
		send_head(otlp);
}

bool rk_otlp_http_has_room(const struct rk_otlp_http *otlp, const struct rk_span *span)
{
	return !otlp->call || rk_otlp_queue_has_room(otlp->queue, rk_otlp_span_bound(span));
}

void rk_otlp_http_push(struct rk_otlp_http *otlp, const struct rk_span *span, uint64_t now_ns)
{
	uint8_t *room;

	if (!otlp->call) {
		rk_otlp_queue_refuse(otlp->queue);
		otlp->stats.lost[RK_LOSS_REJECTED]++;
		return;
	}
	room = rk_otlp_queue_reserve(otlp->queue, rk_otlp_span_bound(span), now_ns);
	if (room)
		rk_otlp_queue_commit(otlp->queue, rk_otlp_span_encode(room, span));
}

void rk_otlp_http_finish(struct rk_otlp_http *otlp, uint64_t deadline_ns)
{
	otlp->now_ns = rk_loop_now();
	otlp->is_finishing = true;
	otlp->finish_ns = deadline_ns;
	if (!otlp->must_wait)
		otlp->not_before_ns = 0;
	rk_otlp_queue_seal(otlp->queue);
	/* The server asked for more time than there is. */
	if (!is_sending(otlp) && rk_otlp_queue_head(otlp->queue) &&
	    otlp->not_before_ns >= deadline_ns)
		drop_all(otlp);
}

bool rk_otlp_http_is_done(const struct rk_otlp_http *otlp)
{
	if (is_sending(otlp))
		return false;
	return rk_otlp_queue_get_counts(otlp->queue)->waiting == 0;
}

void rk_otlp_http_abandon(struct rk_otlp_http *otlp)
{
	otlp->now_ns = rk_loop_now();
	if (otlp->call)
		rk_http_call_cancel(otlp->call);
	if (rk_otlp_http_is_done(otlp))
		return;
	if (!otlp->last_error[0])
		set_error(otlp, "no answer in time");
	drop_all(otlp);
}

void rk_otlp_http_get_stats(const struct rk_otlp_http *otlp, struct rk_otlp_http_stats *stats)
{
	const struct rk_otlp_queue_counts *counts = rk_otlp_queue_get_counts(otlp->queue);

	*stats = otlp->stats;
	stats->eligible = counts->eligible;
	stats->waiting = counts->waiting;
	stats->lost[RK_LOSS_QUEUE_FULL] += counts->queue_full;
	stats->lost[RK_LOSS_TOO_LARGE] += counts->too_large;
	stats->lost[RK_LOSS_LIMIT] += counts->limit;
	stats->last_error = otlp->last_error;
}

/* The variable of one signal is a URL to be used as it is; all else is a base. */
static bool is_signal_url(const struct rk_config *config)
{
	return config->otlp_endpoint_variable &&
	       strcmp(config->otlp_endpoint_variable, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* NULL, and said why, when spans cannot go there. */
static char *build_url(struct rk_otlp_http *otlp, const struct rk_otlp_http_setup *setup)
{
	const struct rk_config *config = setup->config;
	const char *endpoint = config->tracing_otlp_endpoint;
	bool as_is = is_signal_url(config);
	char *url;

	rk_url_redact(endpoint, otlp->shown_url, sizeof(otlp->shown_url));
	if (config->tracing_otlp_protocol == RK_PROTOCOL_GRPC ||
	    (config->tracing_otlp_protocol == RK_PROTOCOL_AUTO &&
	     rk_url_port(endpoint) == GRPC_PORT)) {
		rk_log_warn("otlp: could not send to %s: OTLP/gRPC is not built in; use "
			    "http/protobuf on port 4318. No span is sent",
			    otlp->shown_url);
		return NULL;
	}
	if (config->tracing_otlp_protocol == RK_PROTOCOL_HTTP_JSON)
		rk_log_warn("otlp: http/json is not built in; http/protobuf is used");
	/* Somebody who gave us the whole path meant it. */
	if (config->source[RK_CONFIG_tracing_otlp_endpoint] != RK_SOURCE_OTEL &&
	    ends_with(endpoint, "/v1/traces"))
		as_is = true;
	url = rk_url_signal(endpoint, as_is, "v1/traces");
	if (!url)
		rk_log_warn("otlp: could not use the endpoint \"%s\": expected "
			    "http://<host>:<port>. No span is sent",
			    otlp->shown_url);
	else
		rk_url_redact(url, otlp->shown_url, sizeof(otlp->shown_url));
	return url;
}

static int create_call(struct rk_otlp_http *otlp, const struct rk_otlp_http_setup *setup)
{
	const struct rk_config *config = setup->config;
	int err = rk_http_call_create(&otlp->call, setup->http, on_done, otlp);

	if (err)
		return err;
	err = rk_http_call_add_header(otlp->call, "Content-Type", "application/x-protobuf");
	if (err)
		return err;
	if (*config->tracing_otlp_headers)
		rk_header_list_apply(otlp->call, config->tracing_otlp_headers,
				     "tracing.otlp.headers");
	if (*config->tracing_otlp_headers_file)
		rk_header_list_apply_file(otlp->call, config->tracing_otlp_headers_file,
					  "tracing.otlp.headers_file");
	return 0;
}

static int create_queue(struct rk_otlp_http *otlp, const struct rk_otlp_http_setup *setup)
{
	const struct rk_config *config = setup->config;
	struct rk_otlp_queue_setup queue = {
		.flush_bytes = config->tracing_otlp_flush_size,
		.queue_bytes = config->tracing_otlp_queue_size,
		.flush_ns = config->tracing_otlp_flush_interval,
		.resource = setup->resource,
	};

	if (queue.flush_bytes > queue.queue_bytes)
		queue.flush_bytes = queue.queue_bytes;
	if (queue.flush_bytes > REQUEST_BYTES_MAX - (128u << 10))
		queue.flush_bytes = REQUEST_BYTES_MAX - (128u << 10);
	if (queue.flush_bytes < FLUSH_BYTES_MIN)
		queue.flush_bytes = FLUSH_BYTES_MIN;
	return rk_otlp_queue_create(&otlp->queue, &queue);
}

int rk_otlp_http_create(struct rk_otlp_http **out, const struct rk_otlp_http_setup *setup)
{
	struct rk_otlp_http *otlp = calloc(1, sizeof(*otlp));
	int err;

	*out = NULL;
	if (!otlp)
		return -ENOMEM;
	otlp->live = setup->live;
	otlp->timeout_ns = setup->config->tracing_otlp_timeout;
	otlp->random = rk_loop_now() | 1;
	(void)!getrandom(&otlp->random, sizeof(otlp->random) - 1, GRND_NONBLOCK);
	otlp->random |= 1;
	err = create_queue(otlp, setup);
	if (err)
		goto fail;
	otlp->url = build_url(otlp, setup);
	if (otlp->url)
		err = create_call(otlp, setup);
	if (err)
		goto fail;
	if (otlp->url && setup->config->tracing_otlp_compression == RK_COMPRESSION_GZIP)
		otlp->gzip = rk_gzip_create();
	*out = otlp;
	return 0;
fail:
	rk_otlp_http_destroy(otlp);
	return err;
}

void rk_otlp_http_destroy(struct rk_otlp_http *otlp)
{
	if (!otlp)
		return;
	rk_http_call_destroy(otlp->call);
	rk_otlp_queue_destroy(otlp->queue);
	rk_gzip_destroy(otlp->gzip);
	free(otlp->url);
	free(otlp);
}
