/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_output.c - four kinds of receivers behind one function.
 */
#include "pipeline/log/log_output.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/process_id.h"
#include "pipeline/log/log_file.h"
#include "pipeline/log/log_limit.h"
#include "pipeline/log/log_line.h"
#include "pipeline/log/log_socket.h"
#include "trace/trace_path.h"

enum kind { KIND_STDERR, KIND_FILE, KIND_SYSLOG, KIND_JOURNALD, KIND_FD };

struct rk_log_output {
	enum kind kind;
	struct rk_log_style style;
	struct rk_log_limit *limit; /* NULL = none */
	struct rk_log_file file;
	struct rk_log_socket socket;
	int fd;		     /* KIND_FD, KIND_STDERR */
	uint64_t lost;	     /* in all */
	uint64_t suppressed; /* in all */
	uint64_t untold;     /* of them, not told about yet */
	int error;	     /* why the first of those was lost */
	char buffer[RK_LOG_LINE_MAX_BYTES];
};

static_assert(RK_LOG_ENTRY_BYTES <= RK_LOG_LINE_MAX_BYTES, "one buffer holds either form");

static uint64_t now_unix_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* no-color.org, bixense.com/clicolors */
static bool wants_color(const struct rk_log_output_setup *setup)
{
	const struct rk_env *env = setup->env;
	const char *force = env ? rk_env_get(env, "CLICOLOR_FORCE") : NULL;
	const char *terminal = env ? rk_env_get(env, "TERM") : NULL;

	if (env && rk_env_get(env, "NO_COLOR"))
		return false;
	if (force && strcmp(force, "0") != 0)
		return true;
	return setup->stderr_is_terminal && terminal && strcmp(terminal, "dumb") != 0;
}

static const char *get_env(const char *name, void *data)
{
	return data ? rk_env_get(data, name) : NULL;
}

static int open_file(struct rk_log_output *output, const struct rk_log_output_setup *setup)
{
	const struct rk_config *config = setup->config;
	struct rk_trace_path_vars vars = {
		.executable = setup->executable,
		.host = setup->host,
		.pid = (uint32_t)rk_process_id(),
		.start_wall_ns = now_unix_ns(),
		.get_env = get_env,
		.data = (void *)setup->env,
	};
	char path[PATH_MAX], folder[PATH_MAX] = "", absolute[2 * PATH_MAX];
	int err = rk_trace_path_expand(path, sizeof(path), config->logging_output, &vars);

	if (err)
		return err;
	/* The program may change its folder, and the file be opened again after that. */
	if (path[0] == '/' || !getcwd(folder, sizeof(folder)))
		snprintf(absolute, sizeof(absolute), "%s", path);
	else
		snprintf(absolute, sizeof(absolute), "%s/%s", folder, path);
	return rk_log_file_open(&output->file, absolute, config->logging_max_size,
				(uint32_t)config->logging_max_files);
}

/* "syslog" or "syslog:PATH". Return: the path, or NULL if @text is not @word. */
static const char *socket_path(const char *text, const char *word, const char *usual)
{
	size_t length = strlen(word);

	if (strncmp(text, word, length) != 0)
		return NULL;
	if (text[length] == ':')
		return text + length + 1;
	return text[length] ? NULL : usual;
}

static int open_receiver(struct rk_log_output *output, const struct rk_log_output_setup *setup)
{
	const char *name = setup->config->logging_output;
	const char *syslog = socket_path(name, "syslog", RK_LOG_SYSLOG_PATH);
	const char *journal = socket_path(name, "journald", RK_LOG_JOURNAL_PATH);

	if (strcmp(name, "stderr") == 0) {
		output->kind = KIND_STDERR;
		output->fd = STDERR_FILENO;
		output->style.has_color = wants_color(setup);
		return 0;
	}
	if (syslog || journal) {
		output->kind = syslog ? KIND_SYSLOG : KIND_JOURNALD;
		return rk_log_socket_open(&output->socket, syslog ? syslog : journal);
	}
	output->kind = KIND_FILE;
	return open_file(output, setup);
}

static struct rk_log_output *create(enum rk_log_format format)
{
	struct rk_log_output *output = calloc(1, sizeof(*output));

	if (!output)
		return NULL;
	output->style.format = format;
	output->fd = output->file.fd = output->socket.fd = -1;
	return output;
}

int rk_log_output_open(struct rk_log_output **out, const struct rk_log_output_setup *setup)
{
	const struct rk_config *config = setup->config;
	struct rk_log_output *output = create(config->logging_format);
	int err =
		output ? rk_log_limit_create(&output->limit, config->logging_rate_limit) : -ENOMEM;

	*out = NULL;
	if (!err)
		err = open_receiver(output, setup);
	if (err) {
		rk_log_warn("log: could not open %s: %s; warnings go to stderr",
			    config->logging_output, rk_strerror(err));
		rk_log_output_close(output);
		return err;
	}
	*out = output;
	return 0;
}

int rk_log_output_open_fd(struct rk_log_output **out, enum rk_log_format format, int fd)
{
	struct rk_log_output *output = create(format);

	*out = output;
	if (!output)
		return -ENOMEM;
	output->kind = KIND_FD;
	output->fd = fd;
	return 0;
}

bool rk_log_output_is_stderr(const struct rk_log_output *output)
{
	return output->kind == KIND_STDERR;
}

uint64_t rk_log_output_lost(const struct rk_log_output *output)
{
	return output->lost;
}

uint64_t rk_log_output_suppressed(const struct rk_log_output *output)
{
	return output->suppressed;
}

/* The file behind it is the program's, so it cannot be made one that never blocks. A pipe that
 * is ready takes RK_LOG_LINE_PIPE_BYTES at once. */
static int write_if_ready(int fd, const char *line, size_t length)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	ssize_t written;

	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return ready.revents & (POLLERR | POLLHUP) ? -EPIPE : -EAGAIN;
	written = write(fd, line, length);
	return written < 0 ? -errno : 0;
}

static int write_all(int fd, const char *line, size_t length)
{
	while (length) {
		ssize_t written = write(fd, line, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		line += written;
		length -= (size_t)written;
	}
	return 0;
}

static int put(struct rk_log_output *output, const struct rk_log_event *event, uint64_t now_ns)
{
	char *line = output->buffer;
	size_t length;

	switch (output->kind) {
	case KIND_STDERR:
		length = rk_log_line_format(line, RK_LOG_LINE_PIPE_BYTES, event, &output->style);
		return write_if_ready(output->fd, line, length);
	case KIND_FILE:
		length = rk_log_line_format(line, RK_LOG_LINE_MAX_BYTES, event, &output->style);
		return rk_log_file_write(&output->file, line, length, now_ns);
	case KIND_SYSLOG:
		length = rk_log_syslog_format(line, event, &output->style,
					      (uint32_t)rk_process_id());
		return rk_log_socket_send(&output->socket, line, length, now_ns);
	case KIND_JOURNALD:
		length = rk_log_journal_format(line, event, &output->style);
		return rk_log_socket_send(&output->socket, line, length, now_ns);
	case KIND_FD:
		length = rk_log_line_format(line, RK_LOG_LINE_MAX_BYTES, event, &output->style);
		return write_all(output->fd, line, length);
	}
	return -EINVAL;
}

static void count_lost(struct rk_log_output *output, int err)
{
	if (!output->untold)
		output->error = err;
	output->lost++;
	output->untold++;
}

/* One line about lines that are missing; until it can be written they stay untold. */
static void tell_lost(struct rk_log_output *output, uint64_t now_ns)
{
	char message[160];
	const struct rk_log_field count = { .key = "lost",
					    .value = RK_LOG_VALUE_INTEGER,
					    .integer = (int64_t)output->untold };
	const struct rk_log_event event = {
		.unix_ns = now_unix_ns(),
		.level = RK_LOG_WARN,
		.message = message,
		.duration_ms = -1,
		.fields = &count,
		.field_count = 1,
	};

	if (!output->untold)
		return;
	snprintf(message, sizeof(message), "%llu log lines were lost: %s",
		 (unsigned long long)output->untold, rk_strerror(output->error));
	if (put(output, &event, now_ns) == 0)
		output->untold = 0;
}

static void put_counted(struct rk_log_output *output, const struct rk_log_event *event,
			uint64_t now_ns)
{
	int err;

	tell_lost(output, now_ns);
	err = output->untold ? output->error : put(output, event, now_ns);
	if (err)
		count_lost(output, err);
}

static void tell_suppressed(struct rk_log_output *output, const struct rk_log_suppressed *kind,
			    uint64_t now_ns)
{
	char message[192];
	const struct rk_log_field count = { .key = "suppressed",
					    .value = RK_LOG_VALUE_INTEGER,
					    .integer = (int64_t)kind->count };
	const struct rk_log_event event = {
		.unix_ns = now_unix_ns(),
		.level = kind->level,
		.message = message,
		.kernel_id = kind->kernel_id,
		.domain = kind->domain,
		.duration_ms = -1,
		.fields = &count,
		.field_count = 1,
	};

	snprintf(message, sizeof(message), "%llu similar suppressed: %s",
		 (unsigned long long)kind->count, kind->message);
	put_counted(output, &event, now_ns);
}

void rk_log_output_write(struct rk_log_output *output, const struct rk_log_event *event,
			 uint64_t now_ns)
{
	struct rk_log_suppressed ended = { .count = 0 };
	bool passes = !output->limit || rk_log_limit_take(output->limit, event, now_ns, &ended);

	output->suppressed += !passes;
	if (ended.count)
		tell_suppressed(output, &ended, now_ns);
	if (passes)
		put_counted(output, event, now_ns);
}

void rk_log_output_poll(struct rk_log_output *output, uint64_t now_ns)
{
	struct rk_log_suppressed ended;

	while (output->limit && rk_log_limit_next(output->limit, now_ns, &ended))
		tell_suppressed(output, &ended, now_ns);
	tell_lost(output, now_ns);
}

void rk_log_output_close(struct rk_log_output *output)
{
	if (!output)
		return;
	rk_log_limit_destroy(output->limit);
	if (output->kind == KIND_FILE)
		rk_log_file_close(&output->file);
	rk_log_socket_close(&output->socket);
	free(output);
}

/* Any thread. */
static void show_json(enum rk_log_level level, const char *line, void *data)
{
	const struct rk_log_style style = { .format = RK_LOG_JSON };
	const struct rk_log_event event = {
		.unix_ns = now_unix_ns(),
		.level = level,
		.message = line,
		.duration_ms = -1,
	};
	char buffer[RK_LOG_LINE_PIPE_BYTES];
	size_t length = rk_log_line_format(buffer, sizeof(buffer), &event, &style);

	(void)data;
	(void)!write(STDERR_FILENO, buffer, length);
}

void rk_log_output_attach_stderr(const struct rk_config *config)
{
	bool is_json = config->logging_format == RK_LOG_JSON;

	rk_log_attach(is_json && rk_log_shows_stderr() ? show_json : NULL, NULL);
}
