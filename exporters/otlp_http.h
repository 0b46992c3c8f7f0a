/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_http.h - OTLP/HTTP: one signal posted to one URL.
 *
 * Protobuf, or JSON where the target says so: the bytes are the sender's, the content type is
 * ours. Which answers mean what is the table of the OTLP specification. Headers from a file
 * are read again when the file has changed, so a token that is replaced goes on working.
 */
#ifndef RK_EXPORTERS_OTLP_HTTP_H
#define RK_EXPORTERS_OTLP_HTTP_H

#include "exporters/http.h"
#include "exporters/otlp_target.h"
#include "exporters/otlp_transport.h"

/**
 * @target: its strings outlive the transport.
 *
 * Context: exporter. Ownership: the caller, (*out)->destroy().
 * Return: 0; -ENOMEM; -EINVAL for an endpoint or files that cannot be used, which was said.
 */
int rk_otlp_http_create(struct rk_otlp_transport **out, struct rk_http *http,
			const struct rk_otlp_target *target, rk_otlp_done_fn done, void *data);

/**
 * What a reply means for the batch.
 *
 * Context: any.
 */
enum rk_otlp_verdict rk_otlp_http_judge(const struct rk_http_reply *reply);

#endif
