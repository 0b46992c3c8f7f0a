/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/tools/test_progress.c - a bar on a terminal, nothing elsewhere, nothing that stays.
 */
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/progress.h"

/* stderr leads to @fd while something is shown. */
struct stage {
	int saved, read_end;
	char text[2048];
};

static void stage_begin(struct stage *stage, int write_end, int read_end)
{
	fflush(stderr);
	stage->saved = dup(STDERR_FILENO);
	stage->read_end = read_end;
	dup2(write_end, STDERR_FILENO);
	close(write_end);
	fcntl(read_end, F_SETFL, O_NONBLOCK);
}

static const char *stage_read(struct stage *stage)
{
	ssize_t got;

	fflush(stderr);
	got = read(stage->read_end, stage->text, sizeof(stage->text) - 1);
	stage->text[got > 0 ? got : 0] = '\0';
	return stage->text;
}

static void stage_end(struct stage *stage)
{
	dup2(stage->saved, STDERR_FILENO);
	close(stage->saved);
	close(stage->read_end);
}

static void test_terminal(void **state)
{
	struct rk_progress progress;
	struct stage stage;
	int master, slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	stage_begin(&stage, slave, master);
	rk_progress_start(&progress, "report", 200);
	rk_progress_step(&progress, 100);
	assert_string_equal(stage_read(&stage), ""); /* in the first second */
	progress.started_ns -= 2000000000;
	rk_progress_step(&progress, 100);
	assert_non_null(strstr(stage_read(&stage), "rktrace report: [###############"));
	assert_non_null(strstr(stage.text, " 50 %, "));
	assert_null(strchr(stage.text, '\n'));
	rk_progress_step(&progress, 101);
	assert_string_equal(stage_read(&stage), ""); /* shown a moment ago */
	rk_progress_stop(&progress);
	assert_string_equal(stage_read(&stage), "\r\033[K");
	rk_progress_stop(&progress);
	assert_string_equal(stage_read(&stage), "");
	stage_end(&stage);
}

static void test_elsewhere(void **state)
{
	struct rk_progress progress;
	struct stage stage;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	stage_begin(&stage, ends[1], ends[0]);
	rk_progress_start(&progress, "report", 200);
	progress.started_ns -= 2000000000;
	rk_progress_step(&progress, 100);
	rk_progress_stop(&progress);
	assert_string_equal(stage_read(&stage), "");
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
