/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc.c - transports, and the connections that they share.
 *
 *   start -> WAITING for a link -> SENT on a stream -> DONE -> callback in rk_grpc_run()
 *               ^                      |
 *               +----------------------+  once, when the server did nothing with it
 *
 * Transports to one receiver share its peer, and the link of that. Links that the server wants
 * closed live on until their last stream ends.
 */
#include "exporters/grpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "core/log.h"
#include "exporters/grpc_link.h"
#include "exporters/grpc_peer.h"
#include "exporters/grpc_status.h"

#define REQUEST_BYTES_MAX (64u << 20) /* before compression; the OTLP limit */
#define GZIP_TAIL	  4u	      /* bytes of the plain length at the end */
#define ATTEMPTS_MAX	  2u	      /* the second one unseen */
#define MS		  1000000ull  /* ns */

struct old_link {
	struct old_link *next;
	struct rk_grpc_link *link;
	const struct rk_grpc_peer *peer;
};

enum call_state { IDLE, WAITING, SENT, DONE };

struct transport {
	struct rk_otlp_transport public; /* first: what the sender holds */
	struct transport *next;
	struct rk_grpc *grpc;
	struct rk_grpc_peer *peer;
	rk_otlp_done_fn done;
	void *data;
	struct rk_grpc_metadata *metadata;
	struct rk_grpc_stream stream;
	enum call_state state;
	bool is_due; /* DONE, and its callback belongs to this round */
	const struct rk_grpc_link *awaited; /* while WAITING: never followed; may be NULL */
	unsigned attempts;
	uint32_t timeout_ms;
	uint64_t deadline_ns;
	struct rk_otlp_outcome outcome;
	char text[640];
};

struct rk_grpc {
	struct rk_loop *loop;	    /* borrowed */
	struct rk_http_proxy proxy; /* borrowed strings */
	struct rk_grpc_peer *peers;
	struct old_link *old_links;
	struct transport *transports;
};

static struct transport *from_public(struct rk_otlp_transport *public)
{
	return (struct transport *)public;
}

static void finish_call(struct transport *call, enum rk_otlp_verdict verdict, bool is_unreachable)
{
	call->state = DONE;
	call->outcome = (struct rk_otlp_outcome){
		.verdict = verdict,
		.is_unreachable = is_unreachable,
		.message = call->text,
	};
}

/* No request waits for it any more. */
static void set_aside(struct rk_grpc *grpc, struct rk_grpc_peer *peer)
{
	struct old_link *old = calloc(1, sizeof(*old));

	if (old) {
		*old = (struct old_link){ grpc->old_links, peer->link, peer };
		grpc->old_links = old;
	} else {
		rk_grpc_link_close(peer->link);
	}
	peer->link = NULL;
}

static void close_old_links(struct rk_grpc *grpc, const struct rk_grpc_peer *peer)
{
	struct old_link **at = &grpc->old_links;

	while (*at) {
		struct old_link *old = *at;

		if (old->peer != peer && !rk_grpc_link_is_idle(old->link)) {
			at = &old->next;
			continue;
		}
		*at = old->next;
		rk_grpc_link_close(old->link);
		free(old);
	}
}

/* For those that @peer's link was opened for. A request that it once took is another matter. */
static void fail_waiting(struct rk_grpc *grpc, const struct rk_grpc_peer *peer, const char *why)
{
	for (struct transport *call = grpc->transports; call; call = call->next) {
		if (call->state != WAITING || call->awaited != peer->link)
			continue;
		snprintf(call->text, sizeof(call->text), "UNAVAILABLE: %s", why);
		finish_call(call, RK_OTLP_RETRY, true);
	}
}

static void look_at_link(struct rk_grpc *grpc, struct rk_grpc_peer *peer)
{
	char why[320];

	if (!peer->link)
		return;
	switch (rk_grpc_link_get_state(peer->link)) {
	case RK_GRPC_LINK_DRAINING:
		snprintf(why, sizeof(why), "%s takes no requests (GOAWAY)", peer->endpoint.shown);
		fail_waiting(grpc, peer, why);
		set_aside(grpc, peer);
		break;
	case RK_GRPC_LINK_DEAD:
		fail_waiting(grpc, peer, rk_grpc_link_why(peer->link));
		rk_grpc_link_close(peer->link);
		peer->link = NULL;
		break;
	default:
		break;
	}
}

static void send_waiting(struct transport *call, uint64_t now_ns)
{
	struct rk_grpc_peer *peer = call->peer;
	uint64_t left_ms = 0;

	if (!peer->link && rk_grpc_peer_connect(peer, call->grpc->loop, now_ns)) {
		snprintf(call->text, sizeof(call->text), "UNAVAILABLE: out of memory");
		finish_call(call, RK_OTLP_RETRY, true);
		return;
	}
	if (rk_grpc_link_get_state(peer->link) != RK_GRPC_LINK_READY) {
		call->awaited = peer->link;
		return;
	}
	call->awaited = NULL;
	if (call->timeout_ms)
		left_ms = call->deadline_ns > now_ns ? (call->deadline_ns - now_ns) / MS : 0;
	call->stream.timeout_ms = call->timeout_ms && !left_ms ? 1 : (uint32_t)left_ms;
	if (rk_grpc_link_submit(peer->link, &call->stream, now_ns) == 0) {
		call->state = SENT;
		call->attempts++;
	}
}

static void judge_reset(struct transport *call)
{
	uint32_t code = call->stream.error_code;
	enum rk_grpc_status status = rk_grpc_status_of_reset(code);

	snprintf(call->text, sizeof(call->text), "%s: the server reset the stream (%s)",
		 rk_grpc_status_name((int)status), nghttp2_http2_strerror(code));
	finish_call(call,
		    rk_grpc_status_is_retryable((int)status, false) ? RK_OTLP_RETRY :
								      RK_OTLP_REJECTED,
		    false);
}

static void judge_reply(struct transport *call)
{
	struct rk_grpc_stream *stream = &call->stream;

	/* A status that came counts, however the stream ended. */
	if (stream->reply.status < 0 && !stream->reply.is_too_large && stream->error_code) {
		judge_reset(call);
		return;
	}
	if (!rk_grpc_reply_judge(&stream->reply, &call->outcome, call->text, sizeof(call->text)))
		rk_log_debug("otlp: could not decode the reply of %s; its status OK counts",
			     call->public.shown_url);
	call->state = DONE;
}

/* Whether the server did nothing with the request, or closed an idle connection just then. */
static bool may_repeat(const struct transport *call)
{
	const struct rk_grpc_stream *stream = &call->stream;

	if (call->attempts >= ATTEMPTS_MAX)
		return false;
	if (stream->end == RK_GRPC_END_REFUSED)
		return true;
	return stream->was_reused && stream->reply.http_status == 0;
}

static void look_at_stream(struct transport *call)
{
	struct rk_grpc_stream *stream = &call->stream;

	if (stream->end == RK_GRPC_END_NONE)
		return;
	if (stream->end == RK_GRPC_END_CLOSED || stream->reply.status >= 0) {
		judge_reply(call);
	} else if (may_repeat(call)) {
		call->state = WAITING;
	} else if (stream->end == RK_GRPC_END_REFUSED) {
		snprintf(call->text, sizeof(call->text),
			 "UNAVAILABLE: the server refused the stream");
		finish_call(call, RK_OTLP_RETRY, false);
	} else {
		snprintf(call->text, sizeof(call->text), "UNAVAILABLE: %s", stream->why);
		finish_call(call, RK_OTLP_RETRY, false);
	}
}

/* Bring everything to where it can go without another event. */
static void settle(struct rk_grpc *grpc, uint64_t now_ns)
{
	for (struct transport *call = grpc->transports; call; call = call->next) {
		if (call->state == SENT)
			look_at_stream(call);
	}
	for (struct rk_grpc_peer *peer = grpc->peers; peer; peer = peer->next)
		look_at_link(grpc, peer);
	for (struct transport *call = grpc->transports; call; call = call->next) {
		if (call->state == WAITING)
			send_waiting(call, now_ns);
	}
	/* What failed at once failed for those that waited, too. */
	for (struct rk_grpc_peer *peer = grpc->peers; peer; peer = peer->next)
		look_at_link(grpc, peer);
	close_old_links(grpc, NULL);
}

static void on_ready(void *data, int fd, uint32_t events)
{
	struct rk_grpc *grpc = data;
	uint64_t now_ns = rk_loop_now();

	for (struct rk_grpc_peer *peer = grpc->peers; peer; peer = peer->next) {
		if (peer->link && rk_grpc_link_owns(peer->link, fd))
			rk_grpc_link_note(peer->link, events, now_ns);
	}
	for (struct old_link *old = grpc->old_links; old; old = old->next) {
		if (rk_grpc_link_owns(old->link, fd))
			rk_grpc_link_note(old->link, events, now_ns);
	}
	settle(grpc, now_ns);
}

int rk_grpc_open(struct rk_grpc **out, struct rk_loop *loop, const struct rk_http_proxy *proxy)
{
	struct rk_grpc *grpc = calloc(1, sizeof(*grpc));

	*out = grpc;
	if (!grpc)
		return -ENOMEM;
	grpc->loop = loop;
	if (proxy)
		grpc->proxy = *proxy;
	loop->owners[RK_LOOP_GRPC].ready = on_ready;
	loop->owners[RK_LOOP_GRPC].data = grpc;
	return 0;
}

static void release_peer(struct rk_grpc *grpc, struct rk_grpc_peer *peer)
{
	struct rk_grpc_peer **at = &grpc->peers;

	if (!peer || --peer->users)
		return;
	while (*at != peer)
		at = &(*at)->next;
	*at = peer->next;
	close_old_links(grpc, peer);
	rk_grpc_peer_destroy(peer);
}

void rk_grpc_close(struct rk_grpc *grpc, bool is_exiting)
{
	/* Nothing here touches what the process has in common, so exiting makes no difference. */
	(void)is_exiting;
	if (!grpc)
		return;
	grpc->loop->owners[RK_LOOP_GRPC].ready = NULL;
	free(grpc);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* It can go on without an event. */
static bool can_go_on(const struct transport *call)
{
	switch (call->state) {
	case DONE:
		return true;
	case WAITING:
		return !call->peer->link;
	case SENT:
		return call->stream.end != RK_GRPC_END_NONE;
	default:
		return false;
	}
}

uint64_t rk_grpc_due_ns(const struct rk_grpc *grpc)
{
	uint64_t due = RK_NEVER;

	for (const struct rk_grpc_peer *peer = grpc->peers; peer; peer = peer->next) {
		if (peer->link)
			due = earlier(due, rk_grpc_link_due_ns(peer->link));
	}
	for (const struct transport *call = grpc->transports; call; call = call->next) {
		if (can_go_on(call))
			return 0;
		if (call->state != IDLE)
			due = earlier(due, call->deadline_ns);
	}
	return due;
}

bool rk_grpc_is_busy(const struct rk_grpc *grpc)
{
	for (const struct transport *call = grpc->transports; call; call = call->next) {
		if (call->state != IDLE)
			return true;
	}
	return false;
}

static bool is_awaited(const struct rk_grpc *grpc, const struct rk_grpc_peer *peer)
{
	for (const struct transport *call = grpc->transports; call; call = call->next) {
		if (call->state == WAITING && call->peer == peer)
			return true;
	}
	return false;
}

/* A look-up goes on, for the next request; a connection that does not come about is given up. */
static void expire_waiting(struct transport *call)
{
	struct rk_grpc_peer *peer = call->peer;
	bool is_resolving = peer->link && rk_grpc_link_is_resolving(peer->link);

	snprintf(call->text, sizeof(call->text), "DEADLINE_EXCEEDED: no answer in %u ms: %s %s",
		 call->timeout_ms,
		 is_resolving ? "still looking up the name in" : "still connecting to",
		 peer->endpoint.shown);
	finish_call(call, RK_OTLP_RETRY, true);
	if (peer->link && !is_resolving && !is_awaited(call->grpc, peer) &&
	    rk_grpc_link_get_state(peer->link) == RK_GRPC_LINK_OPENING) {
		rk_grpc_link_close(peer->link);
		peer->link = NULL;
	}
}

/* A connection that was silent all the time may have no other end any more. */
static void expire_sent(struct transport *call)
{
	struct rk_grpc_link *link = call->stream.link;

	if (link && rk_grpc_link_heard_ns(link) < call->stream.sent_ns)
		rk_grpc_link_drain(link);
	rk_grpc_link_cancel(&call->stream);
	snprintf(call->text, sizeof(call->text), "DEADLINE_EXCEEDED: no answer in %u ms",
		 call->timeout_ms);
	finish_call(call, RK_OTLP_RETRY, false);
}

static void run_timers(struct rk_grpc *grpc, uint64_t now_ns)
{
	for (struct rk_grpc_peer *peer = grpc->peers; peer; peer = peer->next) {
		if (peer->link)
			rk_grpc_link_run(peer->link, now_ns);
	}
	settle(grpc, now_ns);
	for (struct transport *call = grpc->transports; call; call = call->next) {
		if (now_ns < call->deadline_ns)
			continue;
		if (call->state == WAITING)
			expire_waiting(call);
		else if (call->state == SENT)
			expire_sent(call);
	}
	settle(grpc, now_ns);
}

static struct transport *find_due(const struct rk_grpc *grpc)
{
	struct transport *call = grpc->transports;

	while (call && !call->is_due)
		call = call->next;
	return call;
}

void rk_grpc_run(struct rk_grpc *grpc, uint64_t now_ns)
{
	struct transport *call;

	run_timers(grpc, now_ns);
	for (call = grpc->transports; call; call = call->next)
		call->is_due = call->state == DONE;
	/* From the start each time: a callback may destroy transports. */
	while ((call = find_due(grpc))) {
		struct rk_otlp_outcome outcome = call->outcome;
		char text[sizeof(call->text)];

		call->is_due = false;
		call->state = IDLE;
		memcpy(text, call->text, sizeof(text));
		outcome.message = text;
		call->done(call->data, &outcome);
	}
}

/* What it was before compression: gzip says it at its end. */
static uint64_t plain_length(const struct rk_otlp_payload *payload)
{
	const uint8_t *tail = payload->bytes + payload->length - GZIP_TAIL;
	uint64_t length;

	if (!payload->is_gzip || payload->length < GZIP_TAIL)
		return payload->length;
	length = (uint64_t)tail[0] | (uint64_t)tail[1] << 8 | (uint64_t)tail[2] << 16 |
		 (uint64_t)tail[3] << 24;
	return length > payload->length ? length : payload->length;
}

static int start(struct rk_otlp_transport *public, const struct rk_otlp_payload *payload)
{
	struct transport *call = from_public(public);
	uint64_t now_ns = rk_loop_now();

	if (call->state != IDLE)
		return -EIO;
	call->attempts = 0;
	call->awaited = NULL;
	call->is_due = false;
	call->timeout_ms = payload->timeout_ms;
	call->deadline_ns = payload->timeout_ms ? now_ns + payload->timeout_ms * MS : RK_NEVER;
	call->stream.bytes = payload->bytes;
	call->stream.length = payload->length;
	call->stream.is_gzip = payload->is_gzip;
	if (plain_length(payload) > REQUEST_BYTES_MAX) {
		snprintf(call->text, sizeof(call->text), "the request is larger than 64 MiB");
		finish_call(call, RK_OTLP_REJECTED, false);
		return 0;
	}
	rk_grpc_metadata_refresh(call->metadata);
	call->state = WAITING;
	settle(call->grpc, now_ns);
	return 0;
}

static void cancel(struct rk_otlp_transport *public)
{
	struct transport *call = from_public(public);

	rk_grpc_link_cancel(&call->stream);
	call->state = IDLE;
	call->is_due = false;
}

static bool is_active(const struct rk_otlp_transport *public)
{
	return ((const struct transport *)public)->state != IDLE;
}

static void destroy(struct rk_otlp_transport *public)
{
	struct transport *call = from_public(public), **at;

	if (!call)
		return;
	cancel(public);
	for (at = &call->grpc->transports; *at; at = &(*at)->next) {
		if (*at == call) {
			*at = call->next;
			break;
		}
	}
	release_peer(call->grpc, call->peer);
	rk_grpc_metadata_destroy(call->metadata);
	rk_grpc_reply_finish(&call->stream.reply);
	free(call);
}

/* Return: 0 with a peer that counts one user more. */
static int take_peer(struct rk_grpc_peer **out, struct rk_grpc *grpc,
		     const struct rk_otlp_target *target)
{
	struct rk_grpc_peer *peer;
	int err = rk_grpc_peer_create(&peer, target, &grpc->proxy);

	*out = NULL;
	if (err)
		return err;
	for (struct rk_grpc_peer *other = grpc->peers; other; other = other->next) {
		if (!rk_grpc_peer_is_same(other, peer))
			continue;
		rk_grpc_peer_destroy(peer);
		other->users++;
		*out = other;
		return 0;
	}
	if (peer->endpoint.has_user)
		rk_log_warn("otlp: user and password in the endpoint %s mean nothing to gRPC; set "
			    "the header authorization",
			    peer->endpoint.shown);
	peer->users = 1;
	peer->next = grpc->peers;
	grpc->peers = peer;
	*out = peer;
	return 0;
}

static const char *path_of(enum rk_otlp_signal signal)
{
	static const char *const paths[RK_OTLP_SIGNAL_COUNT] = {
		[RK_OTLP_TRACES] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		[RK_OTLP_METRICS] = ("/opentelemetry.proto.collector.metrics.v1.MetricsService/"
				     "Export"),
		[RK_OTLP_LOGS] = "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
	};

	return paths[signal];
}

int rk_grpc_transport_create(struct rk_otlp_transport **out, struct rk_grpc *grpc,
			     const struct rk_otlp_target *target, rk_otlp_done_fn done, void *data)
{
	struct transport *call = calloc(1, sizeof(*call));
	int err;

	*out = NULL;
	if (!call)
		return -ENOMEM;
	call->grpc = grpc;
	call->done = done;
	call->data = data;
	call->stream.path = path_of(target->signal);
	err = take_peer(&call->peer, grpc, target);
	if (!err)
		err = rk_grpc_metadata_create(&call->metadata, target);
	if (err) {
		destroy(&call->public);
		return err;
	}
	call->stream.metadata = call->metadata;
	call->public = (struct rk_otlp_transport){
		.shown_url = call->peer->endpoint.shown,
		.start = start,
		.cancel = cancel,
		.is_active = is_active,
		.destroy = destroy,
	};
	call->next = grpc->transports;
	grpc->transports = call;
	*out = &call->public;
	return 0;
}
