/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_command.c - fork, exec, a pipe, a time limit.
 */
#include "tools/alert_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/json_text.h"
#include "core/log.h"

#define NS_PER_S	1000000000ull
#define NS_PER_MS	1000000ull
#define BYTES_PER_ALERT 8192u
#define BYTES_BESIDE	1024u
#define WORDS_MAX	64u
#define POLL_MS		10

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void put_time(struct rk_json_text *json, const char *key, uint64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / NS_PER_S);
	char text[48], whole[32];
	struct tm tm;

	if (!unix_ns || !gmtime_r(&seconds, &tm)) {
		rk_json_text_null(json, key);
		return;
	}
	strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03uZ", whole, (unsigned)(unix_ns % NS_PER_S / NS_PER_MS));
	rk_json_text_string(json, key, text);
}

static void put_id(struct rk_json_text *json, const char *key, const uint8_t *id, size_t size)
{
	char text[33] = "";
	bool is_there = false;

	for (size_t i = 0; i < size; i++) {
		snprintf(text + 2 * i, 3, "%02x", id[i]);
		is_there = is_there || id[i];
	}
	if (is_there)
		rk_json_text_string(json, key, text);
}

static void put_alert(struct rk_json_text *json, const struct rk_alert *alert)
{
	rk_json_text_open(json, NULL, '{');
	rk_json_text_string(json, "rule", alert->rule);
	rk_json_text_string(json, "severity", rk_severity_name(alert->severity));
	rk_json_text_string(json, "state", rk_alert_state_name(alert->state));
	rk_json_text_string(json, "summary", alert->summary);
	rk_json_text_string(json, "description", alert->description);
	for (int i = 0; i < RK_ALERT_DETAIL_COUNT; i++) {
		const char *detail = rk_alert_detail(alert, (enum rk_alert_detail)i);

		if (*detail)
			rk_json_text_string(json, rk_alert_detail_name((enum rk_alert_detail)i),
					    detail);
	}
	rk_json_text_double(json, "value", alert->value);
	rk_json_text_double(json, "threshold", alert->threshold);
	rk_json_text_string(json, "unit", alert->unit);
	put_time(json, "started_at", alert->started_unix_ns);
	put_time(json, "ended_at", alert->ended_unix_ns);
	rk_json_text_string(json, "fingerprint", alert->fingerprint);
	put_id(json, "trace_id", alert->trace_id, sizeof(alert->trace_id));
	put_id(json, "span_id", alert->span_id, sizeof(alert->span_id));
	rk_json_text_open(json, "labels", '{');
	for (size_t i = 0; i < alert->label_count; i++)
		rk_json_text_string(json, alert->labels[i].name, alert->labels[i].value);
	rk_json_text_close(json, '}');
	rk_json_text_close(json, '}');
}

char *rk_alert_command_json(const struct rk_alert_channel *channel,
			    const struct rk_alert_notice *notice)
{
	size_t size = notice->alert_count * BYTES_PER_ALERT + BYTES_BESIDE, told = 0;
	char *text = malloc(size);
	struct rk_json_text json;

	if (!text)
		return NULL;
	rk_json_text_init(&json, text, size);
	rk_json_text_open(&json, NULL, '{');
	put_time(&json, "time", notice->unix_ns);
	rk_json_text_string(&json, "channel", channel->name);
	rk_json_text_string(&json, "group", notice->group);
	rk_json_text_uint(&json, "repeat", notice->repeat);
	rk_json_text_open(&json, "alerts", '[');
	for (size_t i = 0; i < notice->alert_count; i++) {
		if (!rk_alert_channel_takes(channel, &notice->alerts[i]))
			continue;
		put_alert(&json, &notice->alerts[i]);
		told++;
	}
	rk_json_text_close(&json, ']');
	rk_json_text_close(&json, '}');
	if (told && !json.is_cut)
		return text;
	free(text);
	return NULL;
}

static _Noreturn void become(const struct rk_alert_channel *channel, int input)
{
	char *words[WORDS_MAX + 1] = { NULL };
	sigset_t none;
	size_t count = 0;
	int err;

	for (const struct rk_yaml_node *n = channel->argv->first; n && count < WORDS_MAX;
	     n = n->next)
		words[count++] = (char *)(uintptr_t)n->text;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* A group of its own: what it starts in turn is killed with it. */
	setpgid(0, 0);
	/* Standard output is that of somebody else: of a traced program, or of our own verb. */
	if (dup2(input, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(126);
	execvp(words[0], words);
	err = errno;
	fprintf(stderr, "rktrace: alerts: could not run %s: %s\n", words[0], rk_strerror(err));
	fflush(stderr);
	_exit(err == ENOENT ? 127 : 126);
}

/* Give it the text, as far as it takes it, until @by. */
static void write_input(int fd, const char *text, uint64_t by)
{
	size_t left = strlen(text);

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	while (left && now_ns() < by) {
		struct pollfd wait = { .fd = fd, .events = POLLOUT };
		ssize_t written = write(fd, text, left);

		if (written > 0) {
			text += written;
			left -= (size_t)written;
		} else if (written < 0 && errno != EAGAIN && errno != EINTR) {
			return; /* it does not want to read it, which is its business */
		} else {
			poll(&wait, 1, POLL_MS);
		}
	}
}

/* Return: as waitpid() has it. */
static int wait_until(pid_t pid, uint64_t by, bool *is_late)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * NS_PER_MS };
	int status = 0;

	*is_late = false;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ns() >= by && !*is_late) {
			*is_late = true;
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL); /* where it had not come to its own group yet */
		}
		nanosleep(&pause, NULL);
	}
	return status;
}

static int judge(const struct rk_alert_channel *channel, int status, bool is_late)
{
	if (is_late)
		rk_log_warn("alerts: the command of %s took longer than %llu ms and was killed",
			    channel->name, (unsigned long long)(channel->timeout_ns / NS_PER_MS));
	else if (WIFSIGNALED(status))
		rk_log_warn("alerts: the command of %s was ended by signal %d", channel->name,
			    WTERMSIG(status));
	else if (WEXITSTATUS(status))
		rk_log_warn("alerts: the command of %s ended with status %d", channel->name,
			    WEXITSTATUS(status));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int start(const struct rk_alert_channel *channel, const char *text)
{
	uint64_t by = now_ns() + channel->timeout_ns;
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	bool is_late = false;
	int ends[2], status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(channel, ends[0]);
	status = pid < 0 ? -errno : 0;
	close(ends[0]);
	if (pid > 0)
		write_input(ends[1], text, by);
	close(ends[1]);
	if (pid > 0) {
		status = wait_until(pid, by, &is_late);
		status = judge(channel, status, is_late);
	}
	signal(SIGPIPE, before);
	return status;
}

int rk_alert_command_run(const struct rk_alert_channel *channel,
			 const struct rk_alert_notice *notice)
{
	char *text = rk_alert_command_json(channel, notice);
	int status = text ? start(channel, text) : 0;

	if (status < 0)
		rk_log_warn("alerts: could not run the command of %s: %s", channel->name,
			    rk_strerror(status));
	free(text);
	return status;
}
