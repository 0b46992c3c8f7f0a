/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_session.h - HTTP/2 of a link: nghttp2 between bytes and streams.
 *
 * The first status that the server sends for a stream is its end: what is still to be uploaded
 * is cancelled and the connection stays.
 */
#ifndef RK_EXPORTERS_GRPC_SESSION_H
#define RK_EXPORTERS_GRPC_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

struct rk_grpc_stream;

/* All zero = not started. */
struct rk_grpc_session {
	nghttp2_session *h2;
	const char *authority; /* borrowed */
	bool is_tls;
	bool has_settings; /* the server's came */
	bool is_leaving;   /* GOAWAY came */
	bool has_answered; /* at least one stream had a reply */
	const char *why;   /* it cannot go on; static; NULL = it can */
	struct rk_grpc_stream *streams;
	const uint8_t *frames; /* nghttp2's; what was not gathered yet */
	size_t frames_length;
};

/**
 * @authority: borrowed; as long as the session.
 *
 * Context: exporter. Ownership: rk_grpc_session_finish(). Return: 0; -ENOMEM.
 */
int rk_grpc_session_start(struct rk_grpc_session *session, const char *authority, bool is_tls);
void rk_grpc_session_finish(struct rk_grpc_session *session);

/**
 * Bytes from the server; the state and the streams of @session tell what came of them.
 *
 * Context: exporter.
 */
void rk_grpc_session_feed(struct rk_grpc_session *session, const uint8_t *bytes, size_t length);

/**
 * Bytes for the server.
 *
 * Context: exporter. Return: how many were stored at @bytes.
 */
size_t rk_grpc_session_gather(struct rk_grpc_session *session, uint8_t *bytes, size_t size);

/**
 * Whether anything can still be sent or received.
 *
 * Context: exporter.
 */
bool rk_grpc_session_is_open(const struct rk_grpc_session *session);

/**
 * Open a stream for a request; forget one.
 *
 * Context: exporter. Return: 0; -EIO.
 */
int rk_grpc_session_submit(struct rk_grpc_session *session, struct rk_grpc_stream *stream);
void rk_grpc_session_cancel(struct rk_grpc_session *session, struct rk_grpc_stream *stream);

/**
 * Tell the server that we leave; the connection is gone, and every stream with it.
 *
 * Context: exporter.
 */
void rk_grpc_session_end(struct rk_grpc_session *session);
void rk_grpc_session_lose(struct rk_grpc_session *session, const char *why);

#endif
