/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/test_trace_path.c - trace.file as a name.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/log.h"
#include "trace/trace_path.h"

static const char *get_env(const char *name, void *data)
{
	(void)data;
	if (strcmp(name, "JOB") == 0)
		return "job 7";
	if (strcmp(name, "DIR") == 0)
		return "/scratch/\nx";
	return NULL;
}

static const struct rk_trace_path_vars vars = {
	.executable = "/opt/my app/bin/train.py",
	.host = "gpu-1.example.org",
	.pid = 4711,
	.start_wall_ns = 1767225599999999999, /* 2025-12-31T23:59:59Z */
	.get_env = get_env,
};

static void expect(const char *pattern, const char *wanted)
{
	char out[256];

	assert_int_equal(rk_trace_path_expand(out, sizeof(out), pattern, &vars), 0);
	assert_string_equal(out, wanted);
}

static void test_fields(void **state)
{
	(void)state;
	expect("auto", "train.py.4711.20251231T235959Z.rkt.zst");
	expect("/tmp/", "/tmp/train.py.4711.20251231T235959Z.rkt.zst");
	expect("plain.rkt.zst", "plain.rkt.zst");
	expect("%h/%e-%p-%t", "gpu-1.example.org/train.py-4711-20251231T235959Z");
	expect("a%%b%%%p", "a%b%4711");
	expect("%q{DIR}/%q{JOB}.%q{UNSET}x", "/scratch/_x/job 7.x");
	expect("autox", "autox");
}

static void test_hostile_names(void **state)
{
	struct rk_trace_path_vars evil = vars;
	char out[256];

	(void)state;
	evil.host = "../../etc/pass\nwd";
	evil.executable = "/x/..";
	assert_int_equal(rk_trace_path_expand(out, sizeof(out), "%h+%e", &evil), 0);
	assert_string_equal(out, "_._.._etc_pass_wd+_.");
	evil.executable = "sp ace;$(x)\xc3\xa4";
	assert_int_equal(rk_trace_path_expand(out, sizeof(out), "%e", &evil), 0);
	assert_string_equal(out, "sp_ace___x___");
	evil.get_env = NULL;
	assert_int_equal(rk_trace_path_expand(out, sizeof(out), "x%q{JOB}", &evil), 0);
	assert_string_equal(out, "x");
}

static void drop_line(enum rk_log_level level, const char *line, void *data)
{
	(void)level;
	assert_non_null(strstr(line, "trace.file"));
	++*(unsigned *)data;
}

static void test_nonsense(void **state)
{
	static const char *const bad[] = { "%z",   "%",	   "x%q", "%q{",      "%q{}",
					   "%q{A", "%qA}", "",	  "%q{UNSET}" };
	unsigned lines = 0;
	char out[256];

	(void)state;
	rk_log_attach(drop_line, &lines);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(rk_trace_path_expand(out, sizeof(out), bad[i], &vars), -EINVAL);
		assert_string_equal(out, "");
		assert_int_equal(lines, i + 1);
	}
	for (size_t size = 0; size < 39; size++)
		assert_int_equal(rk_trace_path_expand(out, size, "auto", &vars), -ENAMETOOLONG);
	assert_int_equal(rk_trace_path_expand(out, 39, "auto", &vars), 0);
	rk_log_attach(NULL, NULL);
}

/* Against the C library, over leap years and centuries. */
static void test_calendar(void **state)
{
	struct rk_trace_path_vars at = vars;

	(void)state;
	for (time_t seconds = 0; seconds < 16725225600; seconds += 86400 * 3 + 12345) {
		char wanted[32], out[32];
		struct tm tm;

		at.start_wall_ns = (uint64_t)seconds * 1000000000u;
		gmtime_r(&seconds, &tm);
		strftime(wanted, sizeof(wanted), "%Y%m%dT%H%M%SZ", &tm);
		assert_int_equal(rk_trace_path_expand(out, sizeof(out), "%t", &at), 0);
		assert_string_equal(out, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_calendar),
	};

	return cmocka_run_group_tests_name("trace_path", tests, NULL, NULL);
}
