/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporters/otlp_http.h"
#include "exporters/otlp_reply.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static void test_success(void **state)
{
	struct rk_otlp_reply reply;

	(void)state;
	assert_true(rk_otlp_reply_read_success(&reply, BYTES("")));
	assert_int_equal(reply.rejected, 0);
	assert_true(rk_otlp_reply_read_success(&reply, BYTES("\x0a\x09\x08\xac\x02\x12\x04oops")));
	assert_int_equal(reply.rejected, 300);
	assert_string_equal(reply.message, "oops");
	/* a negative count, and fields of a later version */
	assert_true(rk_otlp_reply_read_success(
		&reply, BYTES("\x0a\x0d\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x18\x05")));
	assert_int_equal(reply.rejected, 0);
}

static void test_success_bad(void **state)
{
	struct rk_otlp_reply reply;

	(void)state;
	assert_false(rk_otlp_reply_read_success(&reply, BYTES("\x0a\x7f\x08")));
	assert_false(rk_otlp_reply_read_success(&reply, BYTES("\x0a\x02\x08\xff")));
	assert_false(rk_otlp_reply_read_success(&reply, BYTES("\xff\xff\xff\xff")));
	assert_false(rk_otlp_reply_read_success(&reply, BYTES("<html>")));
	assert_int_equal(reply.rejected, 0);
	assert_string_equal(reply.message, "");
}

static void test_error(void **state)
{
	struct rk_otlp_reply reply;

	(void)state;
	rk_otlp_reply_read_error(&reply, BYTES("\x08\x10\x12\x07no\nway!"));
	assert_string_equal(reply.message, "no way!");
	rk_otlp_reply_read_error(&reply, BYTES("<html>\r\n  <b>502</b>\x01\xff\n"));
	assert_string_equal(reply.message, "<html> <b>502</b>??");
	rk_otlp_reply_read_error(&reply, BYTES(""));
	assert_string_equal(reply.message, "");
}

/* Any bytes at all: nothing is read out of bounds (valgrind and ASan watch). */
static void test_noise(void **state)
{
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t length = (size_t)(seed % 40);
		uint8_t *bytes = malloc(length + 1); /* never 0, and exactly bounded */
		struct rk_otlp_reply reply;

		for (size_t i = 0; i < length; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			bytes[i] = seed % 3 ? (uint8_t)(seed % 20) : (uint8_t)seed;
		}
		rk_otlp_reply_read_success(&reply, bytes, length);
		rk_otlp_reply_read_error(&reply, bytes, length);
		assert_true(strlen(reply.message) <= length);
		seed++;
		free(bytes);
	}
}

static void test_judge(void **state)
{
	static const int retried[] = { 0, 429, 502, 503, 504 };
	static const int rejected[] = { 100, 301, 400, 401, 403, 404, 408, 413, 500, 501, 505 };
	struct rk_http_reply reply = { .status = 200 };

	(void)state;
	assert_int_equal(rk_otlp_http_judge(&reply), RK_OTLP_SENT);
	reply.is_too_large = true;
	assert_int_equal(rk_otlp_http_judge(&reply), RK_OTLP_REJECTED);
	reply.is_too_large = false;
	for (size_t i = 0; i < sizeof(retried) / sizeof(retried[0]); i++) {
		reply.status = retried[i];
		assert_int_equal(rk_otlp_http_judge(&reply), RK_OTLP_RETRY);
	}
	for (size_t i = 0; i < sizeof(rejected) / sizeof(rejected[0]); i++) {
		reply.status = rejected[i];
		assert_int_equal(rk_otlp_http_judge(&reply), RK_OTLP_REJECTED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_success), cmocka_unit_test(test_success_bad),
		cmocka_unit_test(test_error),	cmocka_unit_test(test_noise),
		cmocka_unit_test(test_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
