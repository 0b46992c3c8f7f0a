/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_peer.h - a receiver as configured: where it is, the way there, whom to trust.
 */
#ifndef RK_EXPORTERS_GRPC_PEER_H
#define RK_EXPORTERS_GRPC_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/grpc_endpoint.h"
#include "exporters/grpc_link.h"
#include "exporters/otlp_target.h"
#include "exporters/tls.h"

struct rk_grpc_peer {
	struct rk_grpc_peer *next;
	struct rk_grpc_endpoint endpoint;
	struct rk_grpc_proxy proxy;
	struct rk_tls_files files;  /* borrowed from the configuration */
	struct rk_tls_context *tls; /* NULL = plaintext */
	struct rk_grpc_link *link;  /* takes new streams; may be NULL */
	unsigned users;		    /* its owner's count */
};

/**
 * What cannot be used is said.
 *
 * @target: its strings are borrowed; as long as the peer.
 * Context: exporter. Ownership: the caller, rk_grpc_peer_destroy(), which closes the link.
 * Return: 0; -EINVAL; -ENOMEM.
 */
int rk_grpc_peer_create(struct rk_grpc_peer **out, const struct rk_otlp_target *target,
			const struct rk_http_proxy *proxy);
void rk_grpc_peer_destroy(struct rk_grpc_peer *peer);

/**
 * Whether one connection serves both.
 *
 * Context: exporter.
 */
bool rk_grpc_peer_is_same(const struct rk_grpc_peer *a, const struct rk_grpc_peer *b);

/**
 * Open the link. Certificates are read anew: they are replaced while we run.
 *
 * Context: exporter; there is no link. Return: 0; -ENOMEM.
 */
int rk_grpc_peer_connect(struct rk_grpc_peer *peer, struct rk_loop *loop, uint64_t now_ns);

#endif
