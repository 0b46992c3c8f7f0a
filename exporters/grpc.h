/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc.h - OTLP/gRPC: unary calls over HTTP/2 that never block.
 *
 * nghttp2 on our loop, with OpenSSL for https. One connection per receiver, shared by the
 * signals that go there; it is kept between requests, closed silently when the server wants it
 * (GOAWAY, idle) and opened again by the next request. The status that the server sent is the
 * end of a call, wherever the upload stands.
 *
 * Guest law: as in http.h. Names are resolved off the loop.
 */
#ifndef RK_EXPORTERS_GRPC_H
#define RK_EXPORTERS_GRPC_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/http.h"
#include "exporters/loop.h"
#include "exporters/otlp_target.h"
#include "exporters/otlp_transport.h"

struct rk_grpc;

/**
 * @loop: borrowed; its owner RK_LOOP_GRPC is taken. @proxy: borrowed; a proxy for https, or
 * http, is asked to CONNECT.
 *
 * Context: exporter. Ownership: the caller, rk_grpc_close().
 * Return: 0; -ENOMEM.
 */
int rk_grpc_open(struct rk_grpc **out, struct rk_loop *loop, const struct rk_http_proxy *proxy);

/**
 * @is_exiting: as of rk_http_close().
 *
 * Context: exporter; after every transport was destroyed.
 */
void rk_grpc_close(struct rk_grpc *grpc, bool is_exiting);

/**
 * When rk_grpc_run() must be called next, and whether a request is under way.
 *
 * Context: exporter.
 */
uint64_t rk_grpc_due_ns(const struct rk_grpc *grpc);
bool rk_grpc_is_busy(const struct rk_grpc *grpc);

/**
 * Timers, then the callbacks of what is done.
 *
 * Context: exporter.
 */
void rk_grpc_run(struct rk_grpc *grpc, uint64_t now_ns);

/**
 * A transport for the signal of @target. A certificate or key that cannot be read is said.
 *
 * Context: exporter. Ownership: the caller, (*out)->destroy().
 * Return: 0; -ENOMEM; -EINVAL for an endpoint or files that cannot be used, said once.
 */
int rk_grpc_transport_create(struct rk_otlp_transport **out, struct rk_grpc *grpc,
			     const struct rk_otlp_target *target, rk_otlp_done_fn done, void *data);

#endif
