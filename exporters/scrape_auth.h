/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape_auth.h - who may scrape: basic authentication, a bearer token, or anybody.
 *
 * The secrets are files that nobody but their owner may read. A file that cannot be used keeps
 * the server closed; one that goes bad later refuses everybody until it is good again.
 */
#ifndef RK_EXPORTERS_SCRAPE_AUTH_H
#define RK_EXPORTERS_SCRAPE_AUTH_H

#include <stdbool.h>

#include "core/config.h"

struct rk_scrape_auth;

/**
 * Read metrics.basic_auth_file (user:password) and metrics.bearer_token_file.
 *
 * @config: borrowed; outlives this.
 *
 * Context: exporter. Ownership: the caller, rk_scrape_auth_close().
 * Return: 0; -errno: a file cannot be used, which has then been said.
 */
int rk_scrape_auth_open(struct rk_scrape_auth **out, const struct rk_config *config);
void rk_scrape_auth_close(struct rk_scrape_auth *auth);

/**
 * Whether a request with this header Authorization is allowed. The files are read again when
 * they have changed. How long it takes says nothing about how much of a secret was right.
 *
 * @authorization: may be NULL.
 * Context: exporter.
 */
bool rk_scrape_auth_allows(struct rk_scrape_auth *auth, const char *authorization);

/**
 * The @index-th value of WWW-Authenticate.
 *
 * Context: exporter. Return: static; NULL behind the last.
 */
const char *rk_scrape_auth_challenge(const struct rk_scrape_auth *auth, int index);

#endif
