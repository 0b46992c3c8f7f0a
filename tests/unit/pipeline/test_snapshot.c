/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_snapshot.c - a second file while the first goes on: when it is begun,
 * where it lies, what is in it, and what stays when it fails.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"
#include "pipeline/live/snapshot.h"
#include "trace/trace_reader.h"

#define NAME	 "train.4711.rkt.zst"
#define PATIENCE 500000000ull
#define OPS	 100

static struct rk_outputs outputs;
static struct rk_snapshot snapshot;
static char folder[PATH_MAX / 4];
static uint64_t ordinal;
static unsigned flushes, ticks;
static bool is_flushed;

static void flush(void)
{
	flushes++;
}

static bool has_flushed(void)
{
	return is_flushed;
}

static void add(enum rk_op_kind kind)
{
	struct rk_op op = { .kind = (uint8_t)kind, .ordinal = ++ordinal };

	assert_int_equal(rk_trace_writer_add(outputs.writer, &op), 0);
}

/* As the exporter does: a tick into the sequence, and an end that takes the number after it. */
static void tick(struct rk_op *end, void *data)
{
	(void)data;
	ticks++;
	add(RK_OP_TICK);
	*end = (struct rk_op){ .kind = RK_OP_END, .ordinal = ordinal + 1 };
}

static const char *at(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;

	snprintf(paths[++next % 4], PATH_MAX, "%s/%s", folder, name);
	return paths[next % 4];
}

static void open_file(void)
{
	static const struct rk_trace_options options = { .max_bytes = 1 << 20, .level = 1 };
	static const struct rk_trace_meta meta = { .executable = "train",
						   .host = "",
						   .version = "",
						   .command_line = "",
						   .gpu_time_source = "cupti",
						   .host_time_reason = "",
						   .traceparent = "",
						   .tracestate = "",
						   .baggage = "",
						   .resource = "",
						   .sampling = "" };

	assert_int_equal(rk_trace_writer_open(&outputs.writer, at(NAME), &meta, &options), 0);
	outputs.has_begun = true;
	for (unsigned i = 0; i < OPS; i++)
		add(RK_OP_SYNC);
}

static int set_up(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/rkpreload-test-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(folder))
		return -1;
	memset(&outputs, 0, sizeof(outputs));
	snprintf(outputs.trace_path, sizeof(outputs.trace_path), "%s", NAME);
	snapshot = (struct rk_snapshot){
		.outputs = &outputs, .gpu_flush = flush, .gpu_is_flushed = has_flushed, .tick = tick
	};
	ordinal = 0;
	flushes = ticks = 0;
	is_flushed = false;
	return 0;
}

static int tear_down(void **state)
{
	char command[PATH_MAX];

	(void)state;
	rk_snapshot_stop(&snapshot);
	rk_trace_writer_close(outputs.writer);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

static const char *begin(const char *path)
{
	return rk_snapshot_begin(&snapshot, path, folder, 1000);
}

/* Return: rounds it took. */
static unsigned run_to_end(void)
{
	unsigned rounds = 1;

	for (; rk_snapshot_run(&snapshot, 2000); rounds++)
		assert_true(rounds < 100);
	return rounds;
}

static void run_to_copy(void)
{
	rk_snapshot_run(&snapshot, 2000);
	rk_snapshot_run(&snapshot, 2000);
	assert_int_equal(snapshot.state, RK_SNAPSHOT_COPYING);
}

static void assert_reason(const char *reason, const char *part)
{
	assert_non_null(reason);
	if (!strstr(reason, part))
		fail_msg("\"%s\" does not say \"%s\"", reason, part);
}

static void assert_whole(const char *path, uint64_t ops)
{
	struct rk_trace_reader *reader;
	struct rk_trace_info info;
	struct rk_op op;
	int more;

	assert_int_equal(rk_trace_reader_open(&reader, path, NULL), 0);
	while ((more = rk_trace_reader_next(reader, &op)) == 1)
		;
	assert_int_equal(more, 0);
	rk_trace_reader_get_info(reader, &info);
	assert_true(info.clean_end);
	assert_false(info.truncated);
	assert_int_equal(info.ops, ops);
	rk_trace_reader_close(reader);
}

/* Waits for CUPTI, looks at the rings once more, copies; the file itself goes on. */
static void test_steps(void **state)
{
	(void)state;
	open_file();
	assert_null(begin(""));
	assert_int_equal(flushes, 1);
	assert_int_equal(snapshot.state, RK_SNAPSHOT_WAITING);
	assert_true(rk_snapshot_run(&snapshot, 2000));
	assert_int_equal(snapshot.state, RK_SNAPSHOT_WAITING);
	is_flushed = true;
	assert_true(rk_snapshot_run(&snapshot, 3000));
	assert_int_equal(ticks, 0);
	add(RK_OP_SYNC); /* what CUPTI gave comes out of its ring in between */
	assert_true(rk_snapshot_run(&snapshot, 4000));
	assert_int_equal(snapshot.state, RK_SNAPSHOT_COPYING);
	assert_int_equal(ticks, 1);
	add(RK_OP_SYNC); /* is in the file alone */
	run_to_end();
	assert_int_equal(snapshot.state, RK_SNAPSHOT_DONE);
	assert_string_equal(snapshot.path, at("train.4711.snapshot-1.rkt.zst"));
	assert_whole(snapshot.path, OPS + 1 + 2);
	add(RK_OP_END);
	assert_int_equal(rk_trace_writer_close(outputs.writer), 0);
	outputs.writer = NULL;
	assert_whole(at(NAME), OPS + 1 + 1 + 1 + 1);
}

/* A flush that is stuck keeps the file from nobody. */
static void test_patience(void **state)
{
	(void)state;
	open_file();
	assert_null(begin(""));
	assert_true(rk_snapshot_run(&snapshot, 1000 + PATIENCE - 1));
	assert_int_equal(snapshot.state, RK_SNAPSHOT_WAITING);
	assert_true(rk_snapshot_run(&snapshot, 1000 + PATIENCE));
	assert_int_equal(snapshot.state, RK_SNAPSHOT_COPYING);
	run_to_end();
	assert_whole(snapshot.path, OPS + 2);
}

static void test_no_gpu_times(void **state)
{
	(void)state;
	snapshot.gpu_flush = NULL;
	snapshot.gpu_is_flushed = NULL;
	open_file();
	assert_null(begin(""));
	assert_in_range(run_to_end(), 3, 10);
	assert_int_equal(snapshot.state, RK_SNAPSHOT_DONE);
}

static void test_names(void **state)
{
	(void)state;
	is_flushed = true;
	open_file();
	assert_null(begin(""));
	run_to_end();
	assert_null(begin(""));
	run_to_end();
	assert_string_equal(snapshot.path, at("train.4711.snapshot-2.rkt.zst"));
	assert_null(begin(at("mine")));
	run_to_end();
	assert_null(begin(at("mine"))); /* is never overwritten */
	run_to_end();
	assert_string_equal(snapshot.path, at("mine.1"));
	/* A trace file with a path of its own has its snapshots beside it. */
	snprintf(outputs.trace_path, sizeof(outputs.trace_path), "%s", at("other"));
	assert_null(rk_snapshot_begin(&snapshot, "", "/nowhere", 1000));
	run_to_end();
	assert_string_equal(snapshot.path, at("other.snapshot-3.rkt.zst"));
	assert_whole(snapshot.path, OPS + 4 + 2);
}

static void test_refusals(void **state)
{
	(void)state;
	assert_reason(begin(""), "nothing has been recorded");
	outputs.trace_path[0] = '\0';
	outputs.has_begun = true;
	assert_reason(begin(""), "no trace file is written");
	assert_int_equal(snapshot.state, RK_SNAPSHOT_NONE);
	open_file();
	assert_reason(begin("mine"), "begins with /");
	memset(outputs.trace_path, 'x', sizeof(outputs.trace_path) - 1);
	assert_reason(begin(""), "too long");
	assert_int_equal(flushes, 0);
	assert_null(begin(at("mine")));
	assert_reason(begin(at("mine")), "already");
	is_flushed = true;
	run_to_copy();
	assert_reason(begin(""), "already");
	run_to_end();
	assert_null(begin(at("mine")));
}

static const char *put(void)
{
	static char text[PATH_MAX + 512];
	struct rk_json_text json;

	rk_json_text_init(&json, text, sizeof(text));
	rk_json_text_open(&json, NULL, '{');
	rk_snapshot_put(&snapshot, &json);
	rk_json_text_close(&json, '}');
	assert_false(json.is_cut);
	return text;
}

static void test_failure(void **state)
{
	(void)state;
	is_flushed = true;
	open_file();
	assert_string_equal(put(), "{\"snapshot\":null}");
	assert_null(begin(at("none/x")));
	assert_non_null(strstr(put(), "\"state\":\"waiting\""));
	run_to_end();
	assert_int_equal(snapshot.state, RK_SNAPSHOT_FAILED);
	assert_non_null(strstr(put(), "\"state\":\"failed\""));
	assert_non_null(strstr(put(), "could not write the snapshot: No such file or directory"));
	/* The next one may do better, and says nothing of this one. */
	assert_null(begin(""));
	run_to_end();
	assert_non_null(strstr(put(), "\"state\":\"done\""));
	assert_non_null(strstr(put(), "\"error\":\"\""));
}

/* The file was taken away while it was copied: what is there of the copy goes. */
static void test_failure_in_the_middle(void **state)
{
	(void)state;
	is_flushed = true;
	open_file();
	assert_null(begin(at("mine")));
	run_to_copy();
	assert_int_equal(access(at("mine"), F_OK), 0);
	assert_int_equal(truncate(at(NAME), 10), 0);
	run_to_end();
	assert_int_equal(snapshot.state, RK_SNAPSHOT_FAILED);
	assert_int_equal(access(at("mine"), F_OK), -1);
}

/* The process ends meanwhile: half a file is none. */
static void test_stop(void **state)
{
	(void)state;
	is_flushed = true;
	open_file();
	assert_null(begin(at("mine")));
	run_to_copy();
	assert_int_equal(access(at("mine"), F_OK), 0);
	rk_snapshot_stop(&snapshot);
	assert_int_equal(access(at("mine"), F_OK), -1);
	assert_int_equal(snapshot.state, RK_SNAPSHOT_NONE);
	assert_false(rk_snapshot_run(&snapshot, 3000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_steps),
		TEST(test_patience),
		TEST(test_no_gpu_times),
		TEST(test_names),
		TEST(test_refusals),
		TEST(test_failure),
		TEST(test_failure_in_the_middle),
		TEST(test_stop),
	};

	rk_log_init(RK_LOG_OFF, false);
	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
