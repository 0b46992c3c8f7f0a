/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_config_change.c - what differs between two readings, and what is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/config_change.h"
#include "core/config_row.h"
#include "core/json_text.h"

static struct rk_config *config_of(const char *yaml)
{
	char path[] = "/tmp/rk-config-change-XXXXXX", variable[64];
	char *environment[] = { variable, NULL };
	struct rk_config *config;
	struct rk_env *env;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	snprintf(variable, sizeof(variable), "RUSTKERNEL_CONFIG=%s", path);
	env = rk_env_create(environment);
	assert_non_null(env);
	assert_int_equal(rk_config_create(&config, env), 0);
	rk_env_destroy(env);
	unlink(path);
	return config;
}

static const char everything[] =
	"logging: { level: info, per_domain_levels: { A: debug } }\n"
	"metrics: { histogram_buckets: [1, 2] }\n"
	"tracing: { otlp: { endpoint: 'http://a:1', headers: 'k=v' } }\n"
	"kernels: [ { match: 'a*', id: x, domain: D } ]\n"
	"alerting: { rules: [ { name: a, severity: page, condition: { circuit_breaker_open: {} } } "
	"] }\n"
	"slo: [ { name: s, error_rate: 0.1 } ]\n";

static void test_rows(void **state)
{
	static const enum rk_config_id differing[] = {
		RK_CONFIG_logging_level,
		RK_CONFIG_metrics_histogram_buckets,
		RK_CONFIG_tracing_otlp_endpoint,
		RK_CONFIG_tracing_otlp_headers,
	};
	struct rk_config *a = config_of(everything), *same = config_of(everything);
	struct rk_config *b = config_of("logging: { level: warn }\n");

	(void)state;
	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++)
		assert_true(rk_config_row_is_same(a, same, id));
	for (size_t i = 0; i < sizeof(differing) / sizeof(differing[0]); i++) {
		assert_false(rk_config_row_is_same(a, b, differing[i]));
		assert_int_equal(rk_config_carry_row(b, a, differing[i]), 0);
	}
	rk_config_destroy(a); /* what was carried over is a copy */
	for (size_t i = 0; i < sizeof(differing) / sizeof(differing[0]); i++)
		assert_true(rk_config_row_is_same(b, same, differing[i]));
	assert_string_equal(b->tracing_otlp_headers, "k=v");
	rk_config_destroy(b);
	rk_config_destroy(same);
}

static void test_sections(void **state)
{
	struct rk_config *a = config_of(everything), *same = config_of(everything);
	struct rk_config *b = config_of("slo: [ { name: s, error_rate: 0.2 } ]\n");

	(void)state;
	for (enum rk_config_section i = 0; i < RK_SECTION_COUNT; i++) {
		assert_true(rk_config_section_is_same(a, same, i));
		assert_false(rk_config_section_is_same(a, b, i));
		assert_false(rk_config_section_is_same(b, a, i));
		assert_int_equal(rk_config_carry_section(b, a, i), 0);
	}
	rk_config_destroy(a);
	for (enum rk_config_section i = 0; i < RK_SECTION_COUNT; i++)
		assert_true(rk_config_section_is_same(b, same, i));
	rk_config_destroy(b);
	rk_config_destroy(same);
}

static void test_wrong(void **state)
{
	struct rk_config *config = config_of("tracing: { sampling_rate: x }\n"
					     "slo: [ { name: s, error_rate: 7 } ]\n"
					     "metrics: 5\n");

	(void)state;
	assert_true(rk_config_is_wrong(config, "tracing.sampling_rate"));
	assert_false(rk_config_is_wrong(config, "tracing.sampling_rate_other"));
	assert_false(rk_config_is_wrong(config, "tracing.sampler"));
	assert_true(rk_config_is_wrong(config, "slo"));
	assert_true(rk_config_is_wrong(config, "metrics.port")); /* its section is */
	assert_false(rk_config_is_wrong(config, "alerting"));
	rk_config_destroy(config);
}

static void test_json(void **state)
{
	struct rk_json_text json;
	char out[256];

	(void)state;
	rk_json_text_init(&json, out, sizeof(out));
	rk_json_text_open(&json, NULL, '{');
	rk_json_text_string(&json, "a\"\\", "\n\x7f\xff\xc3\xa4");
	rk_json_text_open(&json, "list", '[');
	rk_json_text_uint(&json, NULL, UINT64_MAX);
	rk_json_text_double(&json, NULL, 0.5);
	rk_json_text_open(&json, NULL, '{');
	rk_json_text_close(&json, '}');
	rk_json_text_close(&json, ']');
	rk_json_text_bool(&json, "b", true);
	rk_json_text_double(&json, "n", 1 / (double)(json.depth - 1));
	rk_json_text_close(&json, '}');
	assert_string_equal(out, "{\"a\\\"\\\\\":\"\\u000a\\u007f\\ufffd\xc3\xa4\","
				 "\"list\":[18446744073709551615,0.5,{}],\"b\":true,\"n\":null}");
	assert_int_equal(json.used, strlen(out));
	assert_false(json.is_cut);
}

/* Whatever the size: no byte beyond it, ended by a NUL, and said to be cut. */
static void test_json_is_cut(void **state)
{
	char out[64];

	(void)state;
	for (size_t size = 1; size <= 24; size++) {
		struct rk_json_text json;

		memset(out, '#', sizeof(out));
		rk_json_text_init(&json, out, size);
		rk_json_text_open(&json, NULL, '{');
		rk_json_text_string(&json, "key", "a longer text");
		rk_json_text_close(&json, '}');
		assert_int_equal(json.is_cut, size < sizeof("{\"key\":\"a longer text\"}"));
		assert_true(strlen(out) < size);
		assert_int_equal(out[size], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	    cmocka_unit_test(test_sections),
		cmocka_unit_test(test_wrong),	    cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
