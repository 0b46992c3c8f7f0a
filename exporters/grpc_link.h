/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_link.h - one HTTP/2 connection and the streams on it.
 *
 *   OPENING --> READY --> DRAINING --> DEAD        (any --> DEAD)
 *
 * READY is when the server's settings have come: until then nothing was sent, so a port that
 * speaks something else, or a server that allows one stream, costs no request. A link calls
 * nobody: its owner looks at its state, and at the end of the streams, after every event.
 */
#ifndef RK_EXPORTERS_GRPC_LINK_H
#define RK_EXPORTERS_GRPC_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporters/grpc_endpoint.h"
#include "exporters/grpc_metadata.h"
#include "exporters/grpc_reply.h"
#include "exporters/loop.h"
#include "exporters/tls.h"

enum rk_grpc_link_state {
	RK_GRPC_LINK_OPENING,
	RK_GRPC_LINK_READY,
	RK_GRPC_LINK_DRAINING, /* takes no new stream: the server is leaving, or does not answer */
	RK_GRPC_LINK_DEAD,     /* rk_grpc_link_why() says why; to be closed */
};

enum rk_grpc_end {
	RK_GRPC_END_NONE,    /* under way */
	RK_GRPC_END_CLOSED,  /* by a status, or with error_code */
	RK_GRPC_END_REFUSED, /* the server did nothing with it: may be sent again unseen */
	RK_GRPC_END_LOST,    /* the connection is gone */
};

struct rk_grpc_link;

/* One request and its reply. The owner sets what is above the line; the link the rest. */
struct rk_grpc_stream {
	const char *path;
	const struct rk_grpc_metadata *metadata;
	const uint8_t *bytes; /* borrowed until the end */
	size_t length;
	bool is_gzip;
	uint32_t timeout_ms; /* what is left, for the server to know; 0 = none */

	struct rk_grpc_reply reply;
	enum rk_grpc_end end;
	uint32_t error_code;
	const char *why; /* LOST: until the link is closed */
	bool was_reused; /* the connection had carried others before */
	uint64_t sent_ns; /* when it was submitted */
	int32_t id;
	bool is_uploaded;
	uint8_t head[RK_GRPC_FRAME_HEAD];
	size_t offset; /* in head and bytes */
	struct rk_grpc_link *link; /* NULL = on none */
	struct rk_grpc_stream *next;
};

/* Borrowed; as long as the link. */
struct rk_grpc_link_setup {
	struct rk_loop *loop;
	const struct rk_grpc_endpoint *endpoint;
	const struct rk_grpc_proxy *proxy;
	struct rk_tls_context *tls; /* NULL = plaintext; needed until READY */
};

/**
 * Begin to connect.
 *
 * Context: exporter. Ownership: the caller, rk_grpc_link_close(). Return: 0; -ENOMEM.
 */
int rk_grpc_link_open(struct rk_grpc_link **out, const struct rk_grpc_link_setup *setup);

/**
 * Say farewell as far as that is possible at once. Streams that are left are lost.
 *
 * Context: exporter. Never waits.
 */
void rk_grpc_link_close(struct rk_grpc_link *link);

/**
 * Whether an event of @fd is for this one, and what to do with it.
 *
 * Context: exporter.
 */
bool rk_grpc_link_owns(const struct rk_grpc_link *link, int fd);
void rk_grpc_link_note(struct rk_grpc_link *link, uint32_t events, uint64_t now_ns);

/**
 * When rk_grpc_link_run() is to be called without an event.
 *
 * Context: exporter.
 */
uint64_t rk_grpc_link_due_ns(const struct rk_grpc_link *link);
void rk_grpc_link_run(struct rk_grpc_link *link, uint64_t now_ns);

/**
 * Send @stream on a READY link.
 *
 * Context: exporter. Return: 0; -EIO: try another link.
 */
int rk_grpc_link_submit(struct rk_grpc_link *link, struct rk_grpc_stream *stream, uint64_t now_ns);

/**
 * Forget @stream, on whichever link it is.
 *
 * Context: exporter.
 */
void rk_grpc_link_cancel(struct rk_grpc_stream *stream);

/**
 * No new streams from now on.
 *
 * Context: exporter.
 */
void rk_grpc_link_drain(struct rk_grpc_link *link);

/**
 * What it is like: its state and why it is DEAD; whether it waits for the name service, or has
 * no stream on it; when the last byte came.
 *
 * Context: exporter.
 */
enum rk_grpc_link_state rk_grpc_link_get_state(const struct rk_grpc_link *link);
const char *rk_grpc_link_why(const struct rk_grpc_link *link);
bool rk_grpc_link_is_resolving(const struct rk_grpc_link *link);
bool rk_grpc_link_is_idle(const struct rk_grpc_link *link);
uint64_t rk_grpc_link_heard_ns(const struct rk_grpc_link *link);

#endif
