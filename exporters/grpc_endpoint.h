/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_endpoint.h - what an endpoint and a proxy setting mean for a connection.
 */
#ifndef RK_EXPORTERS_GRPC_ENDPOINT_H
#define RK_EXPORTERS_GRPC_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/http.h"

#define RK_GRPC_HOST_MAX 256 /* of a DNS name 253, of a socket's path 107 */

struct rk_grpc_endpoint {
	bool is_tls;
	bool is_path;  /* host is the path of a socket */
	bool has_user; /* and perhaps a password; not read */
	char host[RK_GRPC_HOST_MAX]; /* an IPv6 address without its brackets */
	uint16_t port;
	char authority[RK_GRPC_HOST_MAX + 16]; /* ":authority": host and port as given */
	char shown[RK_GRPC_HOST_MAX + 16];     /* for log lines: scheme, host, port; or the path */
};

/**
 * Read "http://host:4317", "https://host/ignored", "host:port" (TLS unless @insecure), "unix:/path"
 * or "unix:///path" (never TLS). Where no port is given the scheme has one, 80 or 443; without a
 * scheme it is gRPC's 4317.
 *
 * Context: any. Return: false for anything else.
 */
bool rk_grpc_endpoint_read(struct rk_grpc_endpoint *endpoint, const char *text, bool insecure);

struct rk_grpc_proxy {
	char host[RK_GRPC_HOST_MAX]; /* "" = none */
	uint16_t port;
	char authorization[512]; /* "Basic ..."; "" = none; a secret */
};

/**
 * The proxy for @endpoint; "no_proxy" is read as curl does: hosts, suffixes, "*".
 *
 * Context: any. Return: false for a proxy that cannot be used: not http, no host.
 */
bool rk_grpc_proxy_read(struct rk_grpc_proxy *proxy, const struct rk_http_proxy *settings,
			const struct rk_grpc_endpoint *endpoint);

#endif
