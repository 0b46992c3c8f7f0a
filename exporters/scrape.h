/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape.h - the HTTP server for Prometheus and for health probes.
 *
 * libmicrohttpd without threads of its own, driven by our loop. An exposition is rendered
 * completely before its first byte goes out, so concurrent scrapes each see one consistent
 * state. Connections, memory and the time each may take are bounded.
 */
#ifndef RK_EXPORTERS_SCRAPE_H
#define RK_EXPORTERS_SCRAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/loop.h"
#include "pipeline/live/net_module.h"

struct rk_scrape;

/**
 * Whether @config asks for the server: metrics switched on, a port or a unix socket given, by
 * the user. The default alone never opens a port, nor does a unix socket.
 *
 * Context: any.
 */
bool rk_scrape_is_wanted(const struct rk_config *config);

/**
 * Listen on the configured address, or on the next free port; and on the unix socket.
 *
 * @loop: borrowed; its owner RK_LOOP_SCRAPE is taken. @host: borrowed; outlives this.
 *
 * Context: exporter. Ownership: the caller, rk_scrape_close().
 * Return: 0; -errno, which has then been said.
 */
int rk_scrape_open(struct rk_scrape **out, struct rk_loop *loop, const struct rk_net_host *host);
void rk_scrape_close(struct rk_scrape *scrape);

/**
 * Stop listening and remove what others may find: the unix socket, the entry in the port
 * registry. Requests under way can still be answered.
 *
 * Context: exporter, at a clean end of the process.
 */
void rk_scrape_finish(struct rk_scrape *scrape);

/**
 * When rk_scrape_run() is due, and doing what is due.
 *
 * Context: exporter.
 */
uint64_t rk_scrape_due_ns(const struct rk_scrape *scrape);
void rk_scrape_run(struct rk_scrape *scrape, uint64_t now_ns);

/**
 * The port in use; expositions that were asked for.
 *
 * Context: exporter.
 */
unsigned rk_scrape_port(const struct rk_scrape *scrape);
uint64_t rk_scrape_count(const struct rk_scrape *scrape);

#endif
