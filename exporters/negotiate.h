/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/negotiate.h - which exposition format and encoding a scraper gets.
 */
#ifndef RK_EXPORTERS_NEGOTIATE_H
#define RK_EXPORTERS_NEGOTIATE_H

#include <stdbool.h>

struct rk_negotiated {
	bool is_openmetrics;
	char content_type[128]; /* built from our own words only, never from the request */
};

/**
 * Choose by the header Accept: the supported type with the highest q, the first of equals;
 * text 0.0.4 when nothing is supported or nothing was said.
 *
 * @accept: may be NULL.
 * Context: exporter.
 */
void rk_negotiate_format(struct rk_negotiated *out, const char *accept);

/**
 * Whether the header Accept-Encoding lets us send gzip.
 *
 * @accept_encoding: may be NULL.
 * Context: exporter.
 */
bool rk_negotiate_gzip(const char *accept_encoding);

#endif
