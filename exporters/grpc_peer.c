/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_peer.c - settings become something to connect to.
 */
#include "exporters/grpc_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

static int could_not_use(const char *shown, const char *why)
{
	rk_log_warn("otlp: could not send to %s: %s", shown, why);
	return -EINVAL;
}

/* Fill in what the configuration says of a receiver. */
static int read_peer(struct rk_grpc_peer *peer, const struct rk_otlp_target *target,
		     const struct rk_http_proxy *proxy)
{
	char what[96];

	if (!rk_grpc_endpoint_read(&peer->endpoint, target->endpoint, target->insecure)) {
		snprintf(what, sizeof(what), "the endpoint of %s",
			 rk_otlp_signal_name(target->signal));
		return could_not_use(what, "expected http://<host>:<port>, https://, "
					   "<host>:<port> or unix:<path>");
	}
	if (!rk_grpc_proxy_read(&peer->proxy, proxy, &peer->endpoint))
		return could_not_use(peer->endpoint.shown, "its proxy is not an http:// URL");
	peer->files = (struct rk_tls_files){ target->certificate, target->client_certificate,
					     target->client_key };
	return 0;
}

int rk_grpc_peer_create(struct rk_grpc_peer **out, const struct rk_otlp_target *target,
			const struct rk_http_proxy *proxy)
{
	struct rk_grpc_peer *peer = calloc(1, sizeof(*peer));
	int err = peer ? read_peer(peer, target, proxy) : -ENOMEM;
	char why[300];

	*out = NULL;
	if (!err && peer->endpoint.is_tls) {
		err = rk_tls_context_create(&peer->tls, &peer->files, why, sizeof(why));
		if (err)
			could_not_use(peer->endpoint.shown, why);
	}
	if (err) {
		rk_grpc_peer_destroy(peer);
		return err;
	}
	*out = peer;
	return 0;
}

void rk_grpc_peer_destroy(struct rk_grpc_peer *peer)
{
	if (!peer)
		return;
	rk_grpc_link_close(peer->link);
	rk_tls_context_destroy(peer->tls);
	explicit_bzero(&peer->proxy, sizeof(peer->proxy));
	free(peer);
}

bool rk_grpc_peer_is_same(const struct rk_grpc_peer *a, const struct rk_grpc_peer *b)
{
	return a->endpoint.is_tls == b->endpoint.is_tls && a->endpoint.port == b->endpoint.port &&
	       strcmp(a->endpoint.host, b->endpoint.host) == 0 &&
	       strcmp(a->files.authority, b->files.authority) == 0 &&
	       strcmp(a->files.certificate, b->files.certificate) == 0 &&
	       strcmp(a->files.key, b->files.key) == 0;
}

/* Files are read anew for each connection: certificates are replaced while we run. */
static void refresh_tls(struct rk_grpc_peer *peer)
{
	const struct rk_tls_files *files = &peer->files;
	struct rk_tls_context *fresh;
	char why[300];

	if (!peer->tls || !(*files->authority || *files->certificate || *files->key))
		return;
	if (rk_tls_context_create(&fresh, files, why, sizeof(why))) {
		rk_log_debug("otlp: TLS to %s goes on with what was read before: %s",
			     peer->endpoint.shown, why);
		return;
	}
	rk_tls_context_destroy(peer->tls);
	peer->tls = fresh;
}

int rk_grpc_peer_connect(struct rk_grpc_peer *peer, struct rk_loop *loop, uint64_t now_ns)
{
	struct rk_grpc_link_setup setup = {
		.loop = loop,
		.endpoint = &peer->endpoint,
		.proxy = &peer->proxy,
	};
	int err;

	refresh_tls(peer);
	setup.tls = peer->tls;
	err = rk_grpc_link_open(&peer->link, &setup);
	if (!err)
		rk_grpc_link_run(peer->link, now_ns);
	return err;
}
