/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_config_oom.c - every allocation of the configuration fails once.
 *
 * The linker sends malloc, calloc and realloc of the code under test, libyaml included, here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/config.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static unsigned failing; /* the how-manieth from now; 0 = none */
static unsigned seen;

static bool fails(void)
{
	return failing && ++seen == failing;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

static const char yaml[] = "preset: production\n"
			   "metrics: { port: many, histogram_buckets: [1, 2, 3] }\n"
			   "tracing: { otlp: { endpoint: 'c:4318' }, propagators: 'baggage,b3' }\n"
			   "kernels: [ { match: 'a*', id: b } ]\n"
			   "logging: { per_domain_levels: { A: debug } }\n"
			   "slo: [ { name2: x } ]\n";

static void every_allocation_may_fail(void **state)
{
	char variable[64] = "RUSTKERNEL_CONFIG=/tmp/rk-test-oom-XXXXXX";
	char *path = variable + sizeof("RUSTKERNEL_CONFIG=") - 1;
	char *envp[] = { variable, NULL };
	struct rk_config *config;
	struct rk_env *env;
	int fd = mkstemp(path);
	unsigned failures = 0;

	(void)state;
	assert_int_equal(write(fd, yaml, sizeof(yaml) - 1), (ssize_t)sizeof(yaml) - 1);
	close(fd);
	env = rk_env_create(envp);
	for (unsigned n = 1; n < 10000; n++) {
		int err;

		seen = 0;
		failing = n;
		err = rk_config_create(&config, env);
		failing = 0;
		if (seen < n) {
			/* None was left to fail: this one is whole. */
			assert_int_equal(err, 0);
			assert_int_equal(config->kernel_count, 1);
			assert_string_equal(config->logging_otlp_endpoint, "http://c:4318");
			rk_config_destroy(config);
			break;
		}
		failures++;
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_null(config);
		}
		rk_config_destroy(config);
	}
	assert_true(failures > 10 && failures < 9999);
	rk_env_destroy(env);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
