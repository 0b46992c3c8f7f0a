/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"
#include "core/resource.h"

/* What was visited, as "k=v;k=v;". */
struct text {
	char at[16384];
};

static void append(const char *key, const char *value, void *data)
{
	struct text *text = data;
	size_t used = strlen(text->at);

	snprintf(text->at + used, sizeof(text->at) - used, "%s=%s;", key, value);
}

static unsigned warnings;

static void count_line(enum rk_log_level level, const char *line, void *data)
{
	(void)line;
	(void)data;
	warnings += level == RK_LOG_WARN;
}

static void test_visit(void **state)
{
	struct text text = { "" };

	(void)state;
	assert_int_equal(rk_resource_visit("a=1, b = x%2Cy%3d ,c=,%61b=%C3%A4", append, &text), 0);
	assert_string_equal(text.at, "a=1;b=x,y=;c=;ab=\xc3\xa4;");
	assert_int_equal(rk_resource_visit("", append, &text), 0);
}

static void test_visit_bad(void **state)
{
	static const char *const bad[] = { "a",	       "a=1,b",	 "=1",	     "a=1,",
					   "a=b=c",    "a=%",	 "a=%4",     "a=%zz",
					   "a=%00",    "a=\x01", "a=\xff",   "a=%ed%a0%80",
					   "a=%c0%80", " =1",	 "a=1,,b=2", "a=\xc3" };
	struct text text = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (rk_resource_visit(bad[i], append, &text) == 0)
			fail_msg("\"%s\" was accepted", bad[i]);
	}
	assert_string_equal(text.at, ""); /* all or nothing */
}

static char *build(const char *service, const char *attributes, bool command_args)
{
	struct rk_config config = {
		.service_name = service,
		.resource_attributes = attributes,
		.process_command_args = command_args,
	};

	return rk_resource_create(&config, NULL, NULL);
}

static void test_defaults(void **state)
{
	char pid[32], *list = build("", "", false);
	struct text text = { "" };

	(void)state;
	assert_int_equal(rk_resource_visit(list, append, &text), 0);
	snprintf(pid, sizeof(pid), ";process.pid=%d;", (int)getpid());
	assert_non_null(strstr(text.at, pid));
	assert_non_null(strstr(text.at, "service.name=unknown_service:test_resource;"));
	assert_non_null(strstr(text.at, ";process.executable.name=test_resource;"));
	assert_non_null(strstr(text.at, ";telemetry.sdk.name=rkpreload;"));
	assert_non_null(strstr(text.at, ";telemetry.sdk.language=c;"));
	assert_non_null(strstr(text.at, ";telemetry.sdk.version=" RK_VERSION ";"));
	assert_non_null(strstr(text.at, ";host.name="));
	assert_non_null(strstr(text.at, ";os.type=linux;"));
	assert_null(strstr(text.at, "process.command"));
	free(list);
}

static void test_command_line_only_when_asked(void **state)
{
	struct text text = { "" };
	char *list = build("", "", true);

	(void)state;
	assert_int_equal(rk_resource_visit(list, append, &text), 0);
	assert_non_null(strstr(text.at, ";process.command_line="));
	free(list);
}

static void test_precedence(void **state)
{
	struct text text = { "" };
	char *list = build("mine", "service.name=theirs,host.name=h,telemetry.sdk.name=x,z=a%2Cb",
			   false);

	(void)state;
	assert_int_equal(rk_resource_visit(list, append, &text), 0);
	assert_non_null(strstr(text.at, "service.name=mine;"));
	assert_null(strstr(text.at, "theirs"));
	assert_non_null(strstr(text.at, ";host.name=h;"));
	assert_non_null(strstr(text.at, ";telemetry.sdk.name=rkpreload;"));
	assert_non_null(strstr(text.at, ";z=a,b;"));
	/* keys are unique */
	assert_ptr_equal(strstr(text.at, "host.name="), strstr(text.at, "host.name=h;"));
	assert_null(strstr(strstr(text.at, "host.name=") + 1, "host.name="));
	free(list);
}

static void test_bad_list_is_ignored_with_one_warning(void **state)
{
	struct text text = { "" };
	char *list;

	(void)state;
	warnings = 0;
	list = build("", "ok=1,bad=%zz", false);
	assert_int_equal(rk_resource_visit(list, append, &text), 0);
	assert_null(strstr(text.at, ";ok=1;"));
	assert_non_null(strstr(text.at, ";os.type=linux;"));
	assert_int_equal(warnings, 1);
	free(list);
}

static void test_instances_differ(void **state)
{
	char *a = build("", "", false), *b = build("", "", false);

	(void)state;
	assert_string_not_equal(strstr(a, "service.instance.id="),
				strstr(b, "service.instance.id="));
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visit),
		cmocka_unit_test(test_visit_bad),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_command_line_only_when_asked),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_bad_list_is_ignored_with_one_warning),
		cmocka_unit_test(test_instances_differ),
	};

	rk_log_init(RK_LOG_WARN, true);
	rk_log_attach(count_line, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
