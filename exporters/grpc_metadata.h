/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_metadata.h - the request headers of a call that people configure.
 *
 * From a list and from a file, which is read again when it was replaced. Keys in lower case;
 * the values of keys that end in "-bin" travel as base64. What belongs to the protocol is
 * refused with a line. Values are secrets: they are wiped, and no message shows one.
 */
#ifndef RK_EXPORTERS_GRPC_METADATA_H
#define RK_EXPORTERS_GRPC_METADATA_H

#include <nghttp2/nghttp2.h>

#include "exporters/otlp_target.h"

#define RK_GRPC_METADATA_MAX 64 /* headers; more are refused */

struct rk_grpc_metadata;

/**
 * @target: its strings are borrowed; as long as the metadata.
 *
 * Context: exporter. Ownership: the caller, rk_grpc_metadata_destroy(). Return: 0; -ENOMEM.
 */
int rk_grpc_metadata_create(struct rk_grpc_metadata **out, const struct rk_otlp_target *target);
void rk_grpc_metadata_destroy(struct rk_grpc_metadata *metadata);

/**
 * Read the file again if it is another one now.
 *
 * Context: exporter; while no request refers to the headers.
 */
void rk_grpc_metadata_refresh(struct rk_grpc_metadata *metadata);

/**
 * Store the headers at @headers, at most RK_GRPC_METADATA_MAX.
 *
 * Context: exporter. Ownership: the strings stay with @metadata. Return: how many.
 */
size_t rk_grpc_metadata_get(const struct rk_grpc_metadata *metadata, nghttp2_nv *headers);

#endif
