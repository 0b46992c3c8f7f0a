/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/trace_peers.h - the same kernels as others write them down.
 */
#ifndef RK_TESTS_TRACE_PEERS_H
#define RK_TESTS_TRACE_PEERS_H

#include <stdint.h>

#include "core/op.h"

struct peer_result {
	double bytes_per_span;
	double seconds;
};

/* @get gives the op at a place. */
typedef void (*peer_get_fn)(const void *data, uint32_t at, struct rk_op *op);

/* Rows of fixed fields, a MiB at a time through zstd at the level of our file. */
void peer_rows(struct peer_result *result, peer_get_fn get, const void *data, uint32_t count);

/* Events of Chrome's JSON, through gzip at its default level. */
void peer_json(struct peer_result *result, peer_get_fn get, const void *data, uint32_t count);

#endif
