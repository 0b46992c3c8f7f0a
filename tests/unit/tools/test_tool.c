/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/tools/test_tool.c - units, safe text, a child's environment and its end.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/child.h"
#include "tools/child_env.h"
#include "tools/tool.h"

static void times_have_three_digits(void **state)
{
	static const struct {
		double ns;
		const char *text;
	} cases[] = {
		{ 0, "0 ns" },	      { 999, "999 ns" },     { 1000, "1.00 us" },
		{ 12345, "12.3 us" }, { 999400, "999 us" },  { 999600, "1.00 ms" },
		{ 50e6, "50.0 ms" },  { 9.996e9, "10.0 s" }, { 3.6e12, "3600 s" },
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(rk_tool_format_ns(cases[i].ns, out), cases[i].text);
	assert_string_equal(rk_tool_format_bytes(1024, out), "1.00 KiB");
	assert_string_equal(rk_tool_format_bytes(100, out), "100 B");
	assert_string_equal(rk_tool_format_bytes(3.5 * 1048576, out), "3.50 MiB");
}

static void terminals_get_no_control_characters(void **state)
{
	char out[8];

	(void)state;
	assert_string_equal(rk_tool_printable("a\033[2Jb\n", out, sizeof(out)), "a?[2Jb?");
	assert_string_equal(rk_tool_printable("much too long", out, sizeof(out)), "much to");
}

static const char *value_of(struct rk_child_env *env, const char *name)
{
	size_t length = strlen(name);

	for (char **at = rk_child_env_get(env); *at; at++) {
		if (strncmp(*at, name, length) == 0 && (*at)[length] == '=')
			return *at + length + 1;
	}
	return NULL;
}

static void environments_are_built(void **state)
{
	char a[] = "A=1", path[] = "LD_PRELOAD=x.so";
	char *start[] = { a, path, NULL };
	struct rk_child_env *env = rk_child_env_create(start);

	(void)state;
	assert_int_equal(rk_child_env_set(env, "A", "2"), 0);
	assert_int_equal(rk_child_env_set(env, "B", ""), 0);
	assert_int_equal(rk_child_env_push(env, "LD_PRELOAD", "y.so"), 0);
	assert_int_equal(rk_child_env_push(env, "B", "z"), 0);
	assert_string_equal(value_of(env, "A"), "2");
	assert_string_equal(value_of(env, "B"), "z");
	assert_string_equal(value_of(env, "LD_PRELOAD"), "y.so:x.so");
	assert_string_equal(a, "A=1");
	rk_child_env_destroy(env);
}

static struct rk_child_end run(const char *script)
{
	char text[128], sh[] = "sh", c[] = "-c";
	char *argv[] = { sh, c, text, NULL }, *envp[] = { NULL };
	struct rk_child_end end;

	strncpy(text, script, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(rk_child_run(&end, "/bin/sh", argv, envp, NULL), 0);
	return end;
}

static void ends_are_told_apart(void **state)
{
	char none[] = "none";
	char *argv[] = { none, NULL }, *envp[] = { NULL };
	struct rk_child_end end;

	(void)state;
	end = run("exit 7");
	assert_int_equal(end.status, 7);
	assert_int_equal(end.signal, 0);
	end = run("kill -TERM $$");
	assert_int_equal(end.signal, SIGTERM);
	assert_int_equal(rk_child_run(&end, "/nonexistent", argv, envp, NULL), -ENOENT);
}

/* SIGTERM sent to the launcher reaches the program; the launcher lives on. */
static void signals_are_passed_on(void **state)
{
	struct rk_child_end end;

	(void)state;
	end = run("trap 'exit 3' TERM; kill -TERM $PPID; while :; do sleep 0.01; done");
	assert_int_equal(end.signal, 0);
	assert_int_equal(end.status, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_have_three_digits),
		cmocka_unit_test(terminals_get_no_control_characters),
		cmocka_unit_test(environments_are_built),
		cmocka_unit_test(ends_are_told_apart),
		cmocka_unit_test(signals_are_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
