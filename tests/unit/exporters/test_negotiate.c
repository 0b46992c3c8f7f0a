/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "exporters/negotiate.h"

#define TEXT "text/plain; version=0.0.4; charset=utf-8"
#define OM   "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PROTO                                                                                 \
	"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=" \
	"delimited"

static void check(const char *accept, const char *expected)
{
	struct rk_negotiated out;

	rk_negotiate_format(&out, accept, false);
	assert_string_equal(out.content_type, expected);
	assert_int_equal(out.format,
			 expected[0] == 'a' ? RK_EXPOSITION_OPENMETRICS : RK_EXPOSITION_TEXT);
}

static void check_protobuf(const char *accept, const char *expected)
{
	struct rk_negotiated out;

	rk_negotiate_format(&out, accept, true);
	assert_string_equal(out.content_type, expected);
	assert_int_equal(out.format == RK_EXPOSITION_PROTOBUF,
			 strncmp(expected, PROTO, strlen(PROTO)) == 0);
}

static void test_format(void **state)
{
	(void)state;
	check(NULL, TEXT);
	check("", TEXT);
	check("*/*", TEXT);
	check("image/png", TEXT);
	check("text/html, text/plain;version=9", TEXT);
	check("application/openmetrics-text", OM);
	check("Application/OpenMetrics-Text ; Version=\"1.0.0\"", OM);
	check("application/openmetrics-text;version=0.0.1",
	      "application/openmetrics-text; version=0.0.1; charset=utf-8");
	check("application/openmetrics-text;version=2.0.0", TEXT);
	check("application/openmetrics-text;q=0.5,text/plain;q=0.6", TEXT);
	check("text/plain;q=0.5,application/openmetrics-text;q=0.501", OM);
	check("application/openmetrics-text;q=0,text/plain;q=0.1", TEXT);
	check("application/openmetrics-text;q=0", TEXT);
	check("application/openmetrics-text;q=nonsense", TEXT);
	check("text/plain,application/openmetrics-text", TEXT); /* the first of equals */
	check(";;;,,,=;q", TEXT);
	/* Prometheus 2.42, without and with native histograms */
	check("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
	      "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	      OM);
	check("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
	      "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,"
	      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	      OM);
}

/* The most specific range counts, wherever it stands. */
static void test_specific_ranges(void **state)
{
	(void)state;
	check("*/*, text/plain;q=0, application/openmetrics-text;q=0.5", OM);
	check("application/openmetrics-text;q=0, application/*, text/*;q=0.1", TEXT);
	check("application/*", OM);
	check("text/*;q=0.2, application/openmetrics-text;version=1.0.0;q=0.3", OM);
	check("application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text",
	      "application/openmetrics-text; version=0.0.1; charset=utf-8");
	check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT);
	check("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8");
	check("text/plain;version=1.0.0;escaping=dots,text/plain;version=0.0.4;q=0.9",
	      "text/plain; version=1.0.0; charset=utf-8; escaping=dots");
}

static void test_protobuf(void **state)
{
	(void)state;
	check_protobuf(PROTO, PROTO);
	check_protobuf(PROTO ";escaping=underscores", PROTO "; escaping=underscores");
	check_protobuf("application/vnd.google.protobuf", TEXT);
	check_protobuf("application/vnd.google.protobuf;proto=other;encoding=delimited", TEXT);
	check_protobuf("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
		       "encoding=text",
		       TEXT);
	check_protobuf("*/*", TEXT);
	/* Prometheus 2.42 with native histograms, Prometheus 3 without and with them */
	check_protobuf("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
		       "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,"
		       "application/openmetrics-text;version=0.0.1;q=0.75,"
		       "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		       PROTO);
	check_protobuf("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		       "application/openmetrics-text;version=0.0.1;q=0.5,"
		       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
		       "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		       OM "; escaping=allow-utf-8");
	check_protobuf("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
		       "encoding=delimited;escaping=allow-utf-8;q=0.7,"
		       "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		       "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		       PROTO "; escaping=allow-utf-8");
}

static void test_escaping_is_never_echoed(void **state)
{
	(void)state;
	check("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
	      OM "; escaping=allow-utf-8");
	check("application/openmetrics-text;version=1.0.0;escaping=underscores",
	      OM "; escaping=underscores");
	check("application/openmetrics-text;version=1.0.0;escaping=evil\r\nX: y", OM);
	check("text/plain;version=0.0.4;escaping=values", TEXT);
}

/* Whatever is sent, the answer is made of our own words. */
static void test_rubbish(void **state)
{
	static const char letters[] = ";,=/*\" \tqQ01.5vertxplanoimscgzy-+\r\n\x80";
	static const char *const starts[] = { "text/plain", "application/openmetrics-text", "*/*",
					      "gzip;q=",    "text/plain;version=",	    "" };
	uint32_t seed = 1;
	char header[200];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct rk_negotiated out;
		size_t used = (size_t)snprintf(header, sizeof(header), "%s", starts[i % 6]);
		size_t length = used + (seed >> 16) % 60;

		for (; used < length; used++) {
			seed = seed * 1664525u + 1013904223u;
			header[used] = letters[(seed >> 16) % (sizeof(letters) - 1)];
		}
		header[used] = '\0';
		rk_negotiate_format(&out, header, i % 2);
		rk_negotiate_gzip(header);
		if (strncmp(out.content_type, "text/plain; version=", 20) != 0 &&
		    strncmp(out.content_type, OM, 38) != 0 && strcmp(out.content_type, PROTO) != 0)
			fail_msg("\"%s\" gave \"%s\"", header, out.content_type);
		assert_null(strpbrk(out.content_type, "\r\n\x80*\"q"));
	}
}

static void test_gzip(void **state)
{
	static const char *const yes[] = {
		"gzip",	  "GZIP",	 "deflate, gzip",  "gzip;q=0.1",	  "*",
		"x-gzip", "br, *;q=0.5", "gzip, identity", "identity;q=0.5, gzip"
	};
	static const char *const no[] = { "",
					  "br",
					  "gzip;q=0",
					  "*;q=0",
					  "identity",
					  "gzip;q=0, *",
					  "gzip;q=0.5, identity",
					  "gzip;q=2",
					  "agzip" };

	(void)state;
	assert_false(rk_negotiate_gzip(NULL));
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (!rk_negotiate_gzip(yes[i]))
			fail_msg("gzip not taken for \"%s\"", yes[i]);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		if (rk_negotiate_gzip(no[i]))
			fail_msg("gzip taken for \"%s\"", no[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),	 cmocka_unit_test(test_specific_ranges),
		cmocka_unit_test(test_protobuf), cmocka_unit_test(test_escaping_is_never_echoed),
		cmocka_unit_test(test_gzip),	 cmocka_unit_test(test_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
