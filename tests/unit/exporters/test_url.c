/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporters/url.h"

static void check_signal(const char *endpoint, bool as_is, const char *expected)
{
	char *url = rk_url_signal(endpoint, as_is, "v1/traces");

	if (expected)
		assert_string_equal(url, expected);
	else
		assert_null(url);
	free(url);
}

/* The table of the OTLP specification, "Endpoint URLs for OTLP/HTTP". */
static void test_signal(void **state)
{
	(void)state;
	check_signal("http://c:4318", false, "http://c:4318/v1/traces");
	check_signal("http://c:4318/", false, "http://c:4318/v1/traces");
	check_signal("http://c:4318/mycoll", false, "http://c:4318/mycoll/v1/traces");
	check_signal("http://c:4318/mycoll/", false, "http://c:4318/mycoll/v1/traces");
	check_signal("https://c?t=1", false, "https://c/v1/traces?t=1");
	check_signal("http://c:4318", true, "http://c:4318/");
	check_signal("http://c:4318?t=1", true, "http://c:4318/?t=1");
	check_signal("https://x/v1/traces/", true, "https://x/v1/traces/");
	check_signal("HTTP://c", true, "http://c/");
	check_signal("c:4318", false, "http://c:4318/v1/traces");
	check_signal("[::1]:4318", false, "http://[::1]:4318/v1/traces");
	check_signal("ftp://c:4318", false, NULL);
	check_signal("http://", false, NULL);
	check_signal("", false, NULL);
	check_signal("http://c:4318/a b", false, NULL);
	check_signal("http://c\r\nX: y", false, NULL);
}

static void test_port(void **state)
{
	(void)state;
	assert_int_equal(rk_url_port("http://c:4317"), 4317);
	assert_int_equal(rk_url_port("c:4317/x:1"), 4317);
	assert_int_equal(rk_url_port("http://c"), 80);
	assert_int_equal(rk_url_port("https://c/"), 443);
	assert_int_equal(rk_url_port("http://[::1]:4318"), 4318);
	assert_int_equal(rk_url_port("http://[::1]"), 80);
	assert_int_equal(rk_url_port("http://u:1234@c"), 80);
	assert_int_equal(rk_url_port("http://c:99999"), 0);
	assert_int_equal(rk_url_port("ftp://c:1"), 0);
}

static void test_redact(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(rk_url_redact("https://u:p@ss@h:1/a?token=x#y", out, sizeof(out)),
			    "https://h:1/a");
	assert_string_equal(rk_url_redact("h:1", out, sizeof(out)), "http://h:1");
	assert_string_equal(rk_url_redact("http://h/12345678", out, 12), "http://h/12");
	assert_string_equal(rk_url_place("https://u:p@h:1/a", out, sizeof(out)), "h:1");
	assert_string_equal(rk_url_place("https://h/a", out, sizeof(out)), "h:443");
	assert_string_equal(rk_url_place("http://[::1]", out, sizeof(out)), "[::1]:80");
	assert_string_equal(rk_url_place("h", out, sizeof(out)), "h:80");
	assert_string_equal(rk_url_place("ftp://h", out, sizeof(out)), "(not a URL)");
	snprintf(out, sizeof(out), "bad 'http://u:s/ec@p:1' and http://h/x, x://a@b");
	assert_string_equal(rk_url_redact_text(out),
			    "bad 'http://******@p:1' and http://h/x, x://*@b");
	assert_string_equal(rk_url_redact("secret stuff", out, sizeof(out)), "(not a URL)");
}

static void check_label(const char *value, const char *expected)
{
	char out[128] = "metrics";

	assert_true(rk_url_append_label(out, sizeof(out), "job", value));
	assert_string_equal(out, expected);
}

static void test_label(void **state)
{
	char small[16] = "metrics";

	(void)state;
	check_label("train", "metrics/job/train");
	check_label("a b%", "metrics/job/a%20b%25");
	check_label("\xc3\xa4?", "metrics/job/%C3%A4%3F");
	check_label("", "metrics/job@base64/=");
	check_label("/var/tmp", "metrics/job@base64/L3Zhci90bXA");
	check_label("a/\xff\xfe", "metrics/job@base64/YS___g");
	check_label("//", "metrics/job@base64/Ly8");
	assert_false(rk_url_append_label(small, sizeof(small), "job", "much too long"));
	strcpy(small, "metrics");
	assert_false(rk_url_append_label(small, sizeof(small), "instance", "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_redact),
		cmocka_unit_test(test_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
