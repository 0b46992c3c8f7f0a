/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/test_trace_writer.c - the file and what can happen to it under our hands.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"
#include "trace_fixture.h"

static unsigned log_lines;
static char log_last[600];

static void take_log(enum rk_log_level level, const char *line, void *data)
{
	(void)level;
	(void)data;
	log_lines++;
	snprintf(log_last, sizeof(log_last), "%s", line);
}

static int setup(void **state)
{
	*state = fixture_folder();
	rk_log_attach(take_log, NULL);
	log_lines = 0;
	return 0;
}

static int teardown(void **state)
{
	rk_log_attach(NULL, NULL);
	fixture_remove(*state);
	return 0;
}

static struct rk_trace_writer *open_writer(const char *path, uint64_t max_bytes)
{
	struct rk_trace_options options = { .max_bytes = max_bytes, .level = 1 };
	struct rk_trace_writer *writer;

	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &options), 0);
	return writer;
}

static struct rk_op tick(uint64_t ordinal, uint8_t kind)
{
	struct rk_op op = { .ordinal = ordinal, .kind = kind, .start = ordinal, .end = ordinal };

	op.tick.ledger.calls[RK_WORK_LAUNCH] = ordinal;
	op.tick.cpu_ns = ordinal * 1000;
	return op;
}

/* Feed random kernels, sealing and ticking as the exporter does, then the end. Return: ops. */
static uint64_t feed(struct rk_trace_writer *writer, unsigned seconds, unsigned per_second)
{
	struct fixture_random random = { .state = 1 };
	uint64_t ordinal = 0;
	struct rk_op op;

	for (unsigned second = 0; second < seconds; second++) {
		for (unsigned i = 0; i < per_second; i++) {
			fixture_op(&random, RK_OP_KERNEL, &op);
			op.ordinal = ++ordinal;
			rk_trace_writer_add(writer, &op);
		}
		op = tick(++ordinal, RK_OP_TICK);
		rk_trace_writer_add(writer, &op);
		rk_trace_writer_seal(writer);
	}
	op = tick(++ordinal, RK_OP_TICK);
	rk_trace_writer_add(writer, &op);
	op = tick(++ordinal, RK_OP_END);
	rk_trace_writer_add(writer, &op);
	return ordinal;
}

/* The file is whole, ends cleanly with the final ledger, and read + lost is everything. */
static void assert_complete(const char *path, uint64_t fed, uint64_t lost)
{
	struct rk_op *ops = calloc(fed, sizeof(*ops));
	struct rk_trace_info info;

	assert_int_equal(fixture_read(path, ops, fed, &info), 0);
	assert_true(info.clean_end);
	assert_false(info.truncated);
	assert_int_equal(info.ops + lost, fed);
	assert_int_equal(info.lost, lost);
	assert_int_equal(ops[info.ops - 1].kind, RK_OP_END);
	assert_int_equal(ops[info.ops - 1].tick.ledger.calls[RK_WORK_LAUNCH], fed);
	assert_int_equal(ops[info.ops - 2].kind, RK_OP_TICK);
	assert_int_equal(ops[info.ops - 2].tick.ledger.calls[RK_WORK_LAUNCH], fed - 1);
	free(ops);
}

static void test_names(void **state)
{
	const char *path = fixture_path(*state, "x.rkt.zst");
	struct rk_trace_options options = fixture_options;
	struct rk_trace_writer *first, *second, *third;
	struct stat st;
	char target[1024];

	first = open_writer(path, 0);
	assert_string_equal(rk_trace_writer_path(first), path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal((uint64_t)st.st_size, rk_trace_writer_bytes(first));
	/* A link is a name that exists: never followed, never overwritten. */
	snprintf(target, sizeof(target), "%s.1", path);
	assert_int_equal(symlink("/dev/null", target), 0);
	second = open_writer(path, 0);
	snprintf(target, sizeof(target), "%s.2", path);
	assert_string_equal(rk_trace_writer_path(second), target);
	assert_int_equal(rk_trace_writer_close(first), 0);
	assert_int_equal(rk_trace_writer_close(second), 0);
	assert_int_equal(log_lines, 0);

	assert_int_equal(rk_trace_writer_open(&third, "/nonexistent/x", &fixture_meta, &options),
			 -ENOENT);
	assert_null(third);
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(log_last, "could not create /nonexistent/x: "));
	assert_int_equal(rk_trace_writer_close(NULL), 0);
}

static void test_empty_seal(void **state)
{
	const char *path = fixture_path(*state, "empty");
	struct rk_trace_writer *writer = open_writer(path, 0);
	uint64_t bytes = rk_trace_writer_bytes(writer);
	struct rk_op op = { .kind = RK_OP_NONE };
	struct rk_trace_info info;

	assert_int_equal(rk_trace_writer_seal(writer), 0);
	assert_int_equal(rk_trace_writer_bytes(writer), bytes);
	assert_int_equal(rk_trace_writer_add(writer, &op), -EINVAL);
	assert_int_equal(rk_trace_writer_lost(writer), 1);
	assert_int_equal(rk_trace_writer_close(writer), 0);
	assert_int_equal(fixture_read(path, NULL, 0, &info), 0);
	assert_int_equal(info.ops, 0);
	assert_false(info.truncated);
	assert_false(info.clean_end);
}

/* What was sealed is on disk, whatever happens next. */
static void test_sealed_is_readable(void **state)
{
	const char *path = fixture_path(*state, "live");
	struct rk_trace_writer *writer = open_writer(path, 0);
	struct rk_trace_info info;

	for (unsigned i = 1; i <= 5; i++) {
		struct rk_op op = tick(i, RK_OP_TICK);

		rk_trace_writer_add(writer, &op);
		assert_int_equal(rk_trace_writer_seal(writer), 0);
		assert_int_equal(fixture_read(path, NULL, 0, &info), 0);
		assert_int_equal(info.ops, i);
		assert_int_equal(info.sealed_bytes, rk_trace_writer_bytes(writer));
		assert_false(info.truncated);
	}
	rk_trace_writer_close(writer);
}

static void test_cap(void **state)
{
	const char *path = fixture_path(*state, "capped");

	for (uint64_t max = 64 << 10; max <= 1 << 20; max = max * 3 / 2) {
		struct rk_trace_writer *writer;
		uint64_t fed, lost;
		struct stat st;

		unlink(path);
		log_lines = 0;
		writer = open_writer(path, max);
		fed = feed(writer, 120, 150);
		rk_trace_writer_seal(writer);
		lost = rk_trace_writer_lost(writer);
		assert_true(lost > 0);
		assert_int_equal(rk_trace_writer_close(writer), -EFBIG);
		assert_int_equal(stat(path, &st), 0);
		assert_true((uint64_t)st.st_size <= max);
		assert_true((uint64_t)st.st_size > max / 2);
		assert_complete(path, fed, lost);
		assert_int_equal(log_lines, 1);
		assert_non_null(strstr(log_last, "size limit"));
	}
}

/* A write beyond RLIMIT_FSIZE would raise SIGXFSZ, whose default ends the program. */
static void test_file_size_limit(void **state)
{
	const char *path = fixture_path(*state, "rlimit");
	struct rlimit old, limit;
	struct rk_trace_writer *writer;
	uint64_t fed, lost;
	struct stat st;
	sigset_t pending;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 100000;
	signal(SIGXFSZ, SIG_DFL);
	writer = open_writer(path, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	fed = feed(writer, 60, 150);
	rk_trace_writer_seal(writer);
	lost = rk_trace_writer_lost(writer);
	assert_int_equal(rk_trace_writer_close(writer), -EFBIG);
	assert_true(lost > 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= 100000);

	/* Not even a description fits: no file stays behind. */
	unlink(path);
	limit.rlim_cur = 50;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options),
			 -EFBIG);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(sigpending(&pending), 0);
	assert_false(sigismember(&pending, SIGXFSZ));

	writer = open_writer(path, 0);
	setrlimit(RLIMIT_FSIZE, &limit);
	fed = feed(writer, 2, 10);
	assert_int_equal(rk_trace_writer_close(writer), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	(void)fed;
}

/* In a child with a mount namespace of its own; 0 when all held, else a line number. */
static int fill_disk(const char *folder, bool check_free_space, const char *size)
{
	struct rk_trace_options options = { .max_bytes = 1 << 30,
					    .level = 1,
					    .check_free_space = check_free_space };
	const char *path = fixture_path(folder, "full");
	struct rk_trace_writer *writer;
	struct rk_trace_info info;
	uint64_t fed, lost;

	if (mount("none", folder, "tmpfs", 0, size))
		return __LINE__;
	if (rk_trace_writer_open(&writer, path, &fixture_meta, &options))
		return __LINE__;
	fed = feed(writer, 100, 150);
	rk_trace_writer_seal(writer);
	lost = rk_trace_writer_lost(writer);
	if (lost == 0 || rk_trace_writer_close(writer) != -ENOSPC)
		return __LINE__;
	if (log_lines != 1 || !strstr(log_last, "disk is nearly full"))
		return __LINE__;
	if (fixture_read(path, NULL, 0, &info) || info.truncated || info.ops + lost > fed)
		return __LINE__;
	/* With room kept the end is there too; without, whatever fitted is whole. */
	if (check_free_space && (!info.clean_end || info.ops + lost != fed))
		return __LINE__;
	return 0;
}

static void disk_full(const char *folder, bool check_free_space, const char *size)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(255);
		_exit(fill_disk(folder, check_free_space, size) % 255);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 255)
		skip(); /* not root, or a container that forbids mounts */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_disk_full(void **state)
{
	disk_full(*state, false, "size=200k");
}

static void test_disk_nearly_full(void **state)
{
	disk_full(*state, true, "size=1000k");
}

static int next_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

/* A program that closes every descriptor it does not know. */
static void test_closed_descriptor(void **state)
{
	const char *path = fixture_path(*state, "closed");
	int fd = next_descriptor();
	struct rk_trace_writer *writer = open_writer(path, 0);
	struct rk_op op = tick(1, RK_OP_TICK);

	close(fd);
	assert_int_equal(rk_trace_writer_add(writer, &op), 0);
	assert_int_equal(rk_trace_writer_seal(writer), -EBADF);
	assert_int_equal(rk_trace_writer_lost(writer), 1);
	op = tick(2, RK_OP_TICK);
	assert_int_equal(rk_trace_writer_add(writer, &op), -EBADF);
	assert_int_equal(rk_trace_writer_lost(writer), 2);
	assert_int_equal(rk_trace_writer_close(writer), -EBADF);
	assert_int_equal(log_lines, 1);
}

/* And then opens a file of its own, which must stay as it is, and open. */
static void test_replaced_descriptor(void **state)
{
	const char *path = fixture_path(*state, "replaced");
	const char *other = fixture_path(*state, "other");
	int fd = next_descriptor();
	struct rk_trace_writer *writer = open_writer(path, 0);
	struct rk_op op = tick(1, RK_OP_TICK);
	struct stat st;

	close(fd);
	assert_int_equal(open(other, O_RDWR | O_CREAT, 0600), fd);
	rk_trace_writer_add(writer, &op);
	assert_int_equal(rk_trace_writer_seal(writer), -EBADF);
	assert_int_equal(rk_trace_writer_close(writer), -EBADF);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	close(fd);
}

static void test_deleted(void **state)
{
	const char *path = fixture_path(*state, "deleted");
	struct rk_trace_writer *writer = open_writer(path, 0);
	struct rk_op op = tick(1, RK_OP_TICK);

	unlink(path);
	rk_trace_writer_add(writer, &op);
	assert_int_equal(rk_trace_writer_seal(writer), -ENOENT);
	assert_int_equal(rk_trace_writer_close(writer), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
}

/* A log rotation that truncates, somebody who appends: nothing is written over it. */
static void test_changed_by_others(void **state)
{
	const char *path = fixture_path(*state, "changed");
	struct rk_op op = tick(1, RK_OP_TICK);
	struct stat st;

	for (unsigned longer = 0; longer < 2; longer++) {
		struct rk_trace_writer *writer = open_writer(path, 0);

		assert_int_equal(truncate(path, longer ? 100000 : 0), 0);
		rk_trace_writer_add(writer, &op);
		assert_int_equal(rk_trace_writer_seal(writer), -ESTALE);
		assert_int_equal(rk_trace_writer_close(writer), -ESTALE);
		stat(path, &st);
		assert_int_equal(st.st_size, longer ? 100000 : 0);
		unlink(path);
	}
	assert_int_equal(log_lines, 2);
}

/* The program beside us: `zstd -t` and `zstd -d`, on the file and on its sealed part. */
static void test_zstd_program(void **state)
{
	const char *path = fixture_path(*state, "zstd.rkt.zst");
	struct rk_trace_info info;
	unsigned char *bytes;
	char command[2600];
	size_t size;

	if (system("zstd --version >/dev/null 2>&1") != 0)
		skip();
	free(fixture_file(path, 3, 500, 100));
	snprintf(command, sizeof(command), "zstd -q -t '%s' && zstd -q -d -c '%s' >/dev/null", path,
		 path);
	assert_int_equal(system(command), 0);
	bytes = fixture_load(path, &size);
	fixture_store(path, bytes, size * 2 / 3);
	free(bytes);
	assert_int_equal(fixture_read(path, NULL, 0, &info), 0);
	assert_true(info.truncated && info.ops > 0);
	snprintf(command, sizeof(command), "head -c %llu '%s' | zstd -q -t",
		 (unsigned long long)info.sealed_bytes, path);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_seal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sealed_is_readable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_size_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_nearly_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaced_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deleted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_by_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zstd_program, setup, teardown),
	};

	return cmocka_run_group_tests_name("trace_writer", tests, NULL, NULL);
}
