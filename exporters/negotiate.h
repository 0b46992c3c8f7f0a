/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/negotiate.h - which exposition format and encoding a scraper gets.
 */
#ifndef RK_EXPORTERS_NEGOTIATE_H
#define RK_EXPORTERS_NEGOTIATE_H

#include <stdbool.h>

enum rk_exposition { RK_EXPOSITION_TEXT, RK_EXPOSITION_OPENMETRICS, RK_EXPOSITION_PROTOBUF };

struct rk_negotiated {
	enum rk_exposition format;
	char content_type[160]; /* built from our own words only, never from the request */
};

/**
 * Choose by the header Accept, as RFC 9110 reads it: the most specific range that fits a format
 * gives its q, the highest q wins, of equals the one named first. Text 0.0.4 when nothing is
 * supported or nothing was said.
 *
 * @accept: may be NULL. @has_protobuf: whether protobuf may be answered.
 * Context: exporter.
 */
void rk_negotiate_format(struct rk_negotiated *out, const char *accept, bool has_protobuf);

/**
 * Whether the header Accept-Encoding lets us send gzip.
 *
 * @accept_encoding: may be NULL.
 * Context: exporter.
 */
bool rk_negotiate_gzip(const char *accept_encoding);

#endif
