/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape_body.h - expositions: rendered as asked for, shared by those who ask at once.
 *
 * Rendering is done by the thread that drains the rings. So a rendering is served again for ten
 * times as long as it took: scraping costs that thread a tenth of its time at most, however many
 * ask how often, and concurrent scrapes hold one copy. Compressing is
 * what takes longest: it is done in slices, between which the rings are drained.
 */
#ifndef RK_EXPORTERS_SCRAPE_BODY_H
#define RK_EXPORTERS_SCRAPE_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "pipeline/live/net_module.h"

struct rk_scrape_body;

/**
 * Context: exporter. Ownership: the caller, rk_scrape_body_destroy(), once every response is
 * out of use. Return: NULL without memory.
 */
struct rk_scrape_body *rk_scrape_body_create(const struct rk_net_host *host);
void rk_scrape_body_destroy(struct rk_scrape_body *body);

/**
 * The whole exposition, by the headers Accept and Accept-Encoding; each may be NULL.
 *
 * Context: exporter. Ownership: *out is borrowed until the next call; NULL unless 200.
 * Return: HTTP status: 200; 102: ask again once rk_scrape_body_work() says so; 500 without
 *         memory; 503 while slow readers hold too much.
 */
unsigned rk_scrape_body_get(struct rk_scrape_body *body, const char *accept,
			    const char *accept_encoding, uint64_t now_ns,
			    struct MHD_Response **out);

/**
 * Go on with what is being compressed, for a slice of time.
 *
 * Context: exporter. Return: whether those who were told to ask again should now.
 */
bool rk_scrape_body_work(struct rk_scrape_body *body);

/**
 * Forget what is too old to be served; when there is something to do again.
 *
 * Context: exporter. Return: ns of rk_loop_now(), 0 = work is waiting; RK_NEVER.
 */
uint64_t rk_scrape_body_expire(struct rk_scrape_body *body, uint64_t now_ns);

#endif
