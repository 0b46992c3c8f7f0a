/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/test_log_sinks.c - a file that many write to and that is rotated, and
 * sockets of which the test plays the daemons.
 */
#include "op_log.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/log/log_file.h"
#include "pipeline/log/log_socket.h"

#define S 1000000000ull

static char folder[64], path[96];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/rkpreload-log-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x.log", folder);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static char *read_file(const char *name)
{
	FILE *file = fopen(name, "r");
	char *text = calloc(1, 4 << 20);

	assert_non_null(text);
	if (file) {
		text[fread(text, 1, (4 << 20) - 1, file)] = '\0';
		fclose(file);
	}
	return text;
}

static void assert_content(const char *name, const char *expected)
{
	char *text = read_file(name);

	assert_string_equal(text, expected);
	free(text);
}

static void write_line(struct rk_log_file *file, const char *line, uint64_t now)
{
	assert_int_equal(rk_log_file_write(file, line, strlen(line), now), 0);
}

static void test_file_is_private_and_appended_to(void **state)
{
	struct rk_log_file file;
	struct stat status;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rk_log_file_open(&file, path, 1 << 20, 3), 0);
		write_line(&file, "a\n", S);
		rk_log_file_close(&file);
	}
	assert_content(path, "a\na\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_no_symbolic_link_is_followed(void **state)
{
	struct rk_log_file file;
	char other[128];

	(void)state;
	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(rk_log_file_open(&file, path, 1 << 20, 3), -ELOOP);
	assert_int_equal(file.fd, -1);
	assert_int_equal(access(other, F_OK), -1);
}

static void test_rotation(void **state)
{
	struct rk_log_file file;
	char name[128], line[32];

	(void)state;
	assert_int_equal(rk_log_file_open(&file, path, 20, 2), 0);
	for (int i = 0; i < 9; i++) {
		snprintf(line, sizeof(line), "line %d\n", i); /* 7 bytes: two fit */
		write_line(&file, line, S);
	}
	rk_log_file_close(&file);
	assert_content(path, "line 8\n");
	snprintf(name, sizeof(name), "%s.1", path);
	assert_content(name, "line 6\nline 7\n");
	snprintf(name, sizeof(name), "%s.2", path);
	assert_content(name, "line 4\nline 5\n");
	snprintf(name, sizeof(name), "%s.3", path);
	assert_int_equal(access(name, F_OK), -1);
}

static void test_line_larger_than_a_file(void **state)
{
	struct rk_log_file file;

	(void)state;
	assert_int_equal(rk_log_file_open(&file, path, 4, 2), 0);
	write_line(&file, "longer\n", S);
	write_line(&file, "b\n", S);
	rk_log_file_close(&file);
	assert_content(path, "b\n");
}

static void test_moved_by_somebody_else(void **state)
{
	struct rk_log_file file;
	char moved[128];

	(void)state;
	snprintf(moved, sizeof(moved), "%s.old", path);
	assert_int_equal(rk_log_file_open(&file, path, 1 << 20, 3), 0);
	write_line(&file, "a\n", S);
	assert_int_equal(rename(path, moved), 0);
	write_line(&file, "b\n", 2 * S);
	assert_int_equal(unlink(path), 0);
	write_line(&file, "c\n", 3 * S);
	rk_log_file_close(&file);
	assert_content(moved, "a\n");
	assert_content(path, "c\n");
}

#define WRITERS 6
#define LINES	4000

static void write_as(int writer)
{
	struct rk_log_file file;
	char line[160];

	if (rk_log_file_open(&file, path, 100000, 500))
		_exit(1);
	for (int i = 0; i < LINES; i++) {
		int length = snprintf(line, sizeof(line), "%d %05d %0*d end\n", writer, i,
				      20 + (i * 7 + writer * 13) % 100, 0);

		/* The clock stands still: only sizes make them look. */
		if (rk_log_file_write(&file, line, (size_t)length, S))
			_exit(2);
	}
	rk_log_file_close(&file);
	_exit(0);
}

/* Count the whole lines of one file. */
static void count_lines(const char *name, int seen[WRITERS][LINES])
{
	char *text = read_file(name), *rest = text, *line;
	int writer, number;

	while ((line = strsep(&rest, "\n")) && *line) {
		assert_int_equal(sscanf(line, "%d %d", &writer, &number), 2);
		assert_in_range(writer, 0, WRITERS - 1);
		assert_in_range(number, 0, LINES - 1);
		assert_string_equal(line + strlen(line) - 4, " end");
		assert_int_equal(strlen(line),
				 (size_t)(20 + (number * 7 + writer * 13) % 100 + 12));
		seen[writer][number]++;
	}
	free(text);
}

static void test_processes_that_share_and_rotate(void **state)
{
	static int seen[WRITERS][LINES];
	char pattern[128];
	glob_t found;

	(void)state;
	for (int writer = 0; writer < WRITERS; writer++) {
		if (fork() == 0)
			write_as(writer);
	}
	for (int writer = 0; writer < WRITERS; writer++) {
		int end;

		assert_true(wait(&end) > 0);
		assert_int_equal(end, 0);
	}
	snprintf(pattern, sizeof(pattern), "%s*", path);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	/* 2 MB in files of 100 kB, and of what the others write while one moves a file away. */
	assert_true(found.gl_pathc >= 3);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		count_lines(found.gl_pathv[i], seen);
	}
	globfree(&found);
	for (int writer = 0; writer < WRITERS; writer++) {
		for (int i = 0; i < LINES; i++)
			assert_int_equal(seen[writer][i], 1);
	}
}

static void test_disk_full_tears_no_later_line(void **state)
{
	struct rlimit before, small = { .rlim_cur = 10, .rlim_max = RLIM_INFINITY };
	struct rk_log_file file;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN); /* blocked in the exporter thread */
	assert_int_equal(rk_log_file_open(&file, path, 1 << 20, 2), 0);
	write_line(&file, "first\n", S);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(rk_log_file_write(&file, "second\n", 7, S), -ENOSPC);
	assert_int_equal(rk_log_file_write(&file, "third\n", 6, S), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	write_line(&file, "fourth\n", S);
	rk_log_file_close(&file);
	assert_content(path, "first\nseco\nfourth\n");
}

static void test_full_pipe_does_not_block(void **state)
{
	struct rk_log_file file;
	int reader, lost = 0;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(rk_log_file_open(&file, path, 1 << 20, 2), -ENXIO);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(rk_log_file_open(&file, path, 1 << 20, 2), 0);
	for (int i = 0; i < 100000; i++)
		lost += rk_log_file_write(&file, "line\n", 5, S) == -EAGAIN;
	assert_true(lost > 0 && lost < 100000);
	rk_log_file_close(&file);
	close(reader);
}

/* ---- sockets ---- */

static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	unlink(name);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static size_t receive(int fd, char *out, size_t size)
{
	ssize_t length = recv(fd, out, size - 1, 0);

	assert_true(length >= 0);
	out[length] = '\0';
	return (size_t)length;
}

static const struct rk_log_field fields[] = {
	{ .key = "error.type", .text = "CUDA_ERROR_UNKNOWN" },
	{ .key = "two lines", .text = "a\nMESSAGE=forged\n" },
	{ .key = "n", .value = RK_LOG_VALUE_INTEGER, .integer = 7 },
};
static const struct rk_log_event event = {
	.unix_ns = 1700000000123456789u, /* 2023-11-14 22:13:20 */
	.level = RK_LOG_ERROR,
	.message = "Kernel execution complete",
	.kernel_id = "k",
	.domain = "D",
	.tenant_id = "acme",
	.duration_ms = 1.5,
	.trace_id = { 0xab, [15] = 1 },
	.span_id = { 0xcd, [7] = 2 },
	.fields = fields,
	.field_count = 3,
};

static void test_syslog_entry(void **state)
{
	const struct rk_log_style json = { .format = RK_LOG_JSON };
	struct rk_log_style text = { .format = RK_LOG_TEXT, .has_color = true };
	struct rk_log_event warning = event;
	char out[RK_LOG_ENTRY_BYTES + 1];

	(void)state;
	out[rk_log_syslog_format(out, &event, &text, 42)] = '\0';
	assert_string_equal(
		out, "<11>Nov 14 22:13:20 rkpreload[42]: Kernel execution complete kernel_id=k "
		     "domain=D duration_ms=1.5 trace_id=ab000000000000000000000000000001 "
		     "span_id=cd00000000000002 tenant_id=acme error.type=CUDA_ERROR_UNKNOWN "
		     "two lines=\"a\\nMESSAGE=forged\\n\" n=7");
	warning.level = RK_LOG_WARN;
	warning.unix_ns = 1699142400000000000u; /* the 5th: the day is padded with a blank */
	out[rk_log_syslog_format(out, &warning, &json, 42)] = '\0';
	assert_memory_equal(out, "<12>Nov  5 00:00:00 rkpreload[42]: {\"timestamp\":", 48);
	assert_int_equal(out[strlen(out) - 1], '}');
}

/* The value of a field, by the rules of journald's native protocol. Return: how many there are. */
static unsigned find_field(const char *entry, size_t length, const char *name, char *value)
{
	const char *at = entry, *end = entry + length;
	unsigned found = 0;

	while (at < end) {
		const char *name_end = memchr(at, '\n', (size_t)(end - at));
		uint64_t bytes = 0;

		assert_non_null(name_end);
		assert_null(memchr(at, '=', (size_t)(name_end - at)));
		for (const char *c = at; c < name_end; c++)
			assert_true((*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
				    (*c == '_' && c > at));
		for (int i = 0; i < 8; i++)
			bytes |= (uint64_t)(uint8_t)name_end[1 + i] << (8 * i);
		assert_true(bytes < (uint64_t)(end - name_end) - 9);
		assert_int_equal(name_end[9 + bytes], '\n');
		if (strlen(name) == (size_t)(name_end - at) &&
		    memcmp(at, name, strlen(name)) == 0 && ++found) {
			memcpy(value, name_end + 9, bytes);
			value[bytes] = '\0';
		}
		at = name_end + 9 + bytes + 1;
	}
	return found;
}

static void assert_field(const char *entry, size_t length, const char *name, const char *expected)
{
	char value[RK_LOG_ENTRY_BYTES + 1];

	assert_int_equal(find_field(entry, length, name, value), 1);
	assert_string_equal(value, expected);
}

static void test_journal_entry(void **state)
{
	struct rk_log_style style = { .format = RK_LOG_JSON };
	char out[RK_LOG_ENTRY_BYTES], value[RK_LOG_ENTRY_BYTES + 1];
	size_t length = rk_log_journal_format(out, &event, &style);

	(void)state;
	assert_field(out, length, "MESSAGE", "Kernel execution complete");
	assert_field(out, length, "PRIORITY", "3");
	assert_field(out, length, "SYSLOG_IDENTIFIER", "rkpreload");
	assert_field(out, length, "TRACE_ID", "ab000000000000000000000000000001");
	assert_field(out, length, "SPAN_ID", "cd00000000000002");
	assert_field(out, length, "RK_KERNEL_ID", "k");
	assert_field(out, length, "RK_DOMAIN", "D");
	assert_field(out, length, "RK_TENANT_ID", "acme");
	assert_field(out, length, "RK_DURATION_MS", "1.5");
	assert_field(out, length, "RK_TIMESTAMP_NS", "1700000000123456789");
	assert_field(out, length, "RK_ERROR_TYPE", "CUDA_ERROR_UNKNOWN");
	assert_field(out, length, "RK_TWO_LINES", "a\nMESSAGE=forged\n");
	assert_field(out, length, "RK_N", "7");
	style.format = RK_LOG_TEXT;
	length = rk_log_journal_format(out, &event, &style);
	assert_int_equal(find_field(out, length, "MESSAGE", value), 1);
	assert_memory_equal(value, "Kernel execution complete kernel_id=k domain=D ", 46);
}

static void test_entry_that_does_not_fit_is_cut(void **state)
{
	const struct rk_log_style style = { .format = RK_LOG_JSON };
	static char long_text[100000];
	const struct rk_log_field field = { .key = "f", .text = long_text };
	struct rk_log_event large = event;
	char out[RK_LOG_ENTRY_BYTES], value[RK_LOG_ENTRY_BYTES + 1];
	size_t length;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	large.fields = &field;
	large.field_count = 1;
	length = rk_log_journal_format(out, &large, &style);
	assert_int_equal(length, RK_LOG_ENTRY_BYTES);
	assert_int_equal(find_field(out, length, "RK_F", value), 1);
	large.message = long_text;
	length = rk_log_journal_format(out, &large, &style);
	assert_int_equal(find_field(out, length, "MESSAGE", value), 1);
	assert_true(rk_log_syslog_format(out, &large, &style, 1) < RK_LOG_ENTRY_BYTES);
}

static void test_socket(void **state)
{
	struct rk_log_socket client;
	char text[64];
	int daemon, refused = 0;

	(void)state;
	assert_int_equal(rk_log_socket_open(&client, path), -ENOENT);
	daemon = listen_at(path);
	assert_int_equal(rk_log_socket_open(&client, path), 0);
	assert_int_equal(rk_log_socket_send(&client, "one", 3, S), 0);
	assert_int_equal(receive(daemon, text, sizeof(text)), 3);

	/* Full: lost, not waited for. */
	while (!(refused = rk_log_socket_send(&client, "many", 4, S)))
		;
	assert_int_equal(refused, -EAGAIN);

	/* Gone, then started anew: found again, but not tried more than once a second. */
	close(daemon);
	assert_int_equal(rk_log_socket_send(&client, "gone", 4, 2 * S), -ECONNREFUSED);
	daemon = listen_at(path);
	assert_true(rk_log_socket_send(&client, "early", 5, 2 * S + 1) < 0);
	assert_int_equal(rk_log_socket_send(&client, "again", 5, 4 * S), 0);
	assert_int_equal(receive(daemon, text, sizeof(text)), 5);
	assert_string_equal(text, "again");
	close(daemon);
	rk_log_socket_close(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file_is_private_and_appended_to),
		TEST(test_no_symbolic_link_is_followed),
		TEST(test_rotation),
		TEST(test_line_larger_than_a_file),
		TEST(test_moved_by_somebody_else),
		TEST(test_processes_that_share_and_rotate),
		TEST(test_disk_full_tears_no_later_line),
		TEST(test_full_pipe_does_not_block),
		TEST(test_syslog_entry),
		TEST(test_journal_entry),
		TEST(test_entry_that_does_not_fit_is_cut),
		TEST(test_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
