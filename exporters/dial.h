/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/dial.h - from a host to a connected socket, without waiting.
 *
 *   look up -> connect to one address after the other -> ask the proxy
 *
 * An address that does not answer is left for the next one before all the time is gone.
 */
#ifndef RK_EXPORTERS_DIAL_H
#define RK_EXPORTERS_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/grpc_endpoint.h"
#include "exporters/loop.h"

struct rk_dial;

/**
 * @endpoint, @proxy: borrowed; as long as the dial.
 *
 * Context: exporter. Ownership: the caller, rk_dial_destroy(). Return: 0; -ENOMEM.
 */
int rk_dial_create(struct rk_dial **out, struct rk_loop *loop,
		   const struct rk_grpc_endpoint *endpoint, const struct rk_grpc_proxy *proxy);

/**
 * Closes what was opened. Never waits.
 *
 * Context: exporter.
 */
void rk_dial_destroy(struct rk_dial *dial);

/**
 * Whether an event of @fd is for this one.
 *
 * Context: exporter.
 */
bool rk_dial_owns(const struct rk_dial *dial, int fd);

/**
 * Go as far as possible.
 *
 * Context: exporter; when the dial begins, at its events and when it is due.
 * Return: 0 when connected; -EAGAIN; else the reason, and rk_dial_why() says it.
 */
int rk_dial_run(struct rk_dial *dial, uint64_t now_ns);

/**
 * When rk_dial_run() is to be called without an event.
 *
 * Context: exporter.
 */
uint64_t rk_dial_due_ns(const struct rk_dial *dial);

/**
 * Whether it waits for the name service: giving up would only start over.
 *
 * Context: exporter.
 */
bool rk_dial_is_resolving(const struct rk_dial *dial);

/**
 * The connected socket, watched still.
 *
 * Context: exporter. Ownership: the caller's.
 */
int rk_dial_take(struct rk_dial *dial);

/**
 * "could not resolve collector: Name or service not known"
 *
 * Context: exporter. Return: as long as @dial.
 */
const char *rk_dial_why(const struct rk_dial *dial);

#endif
