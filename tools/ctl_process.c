/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/ctl_process.c - a walk through /proc.
 */
#include "tools/ctl_process.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/number.h"
#include "tools/child_exporter.h"
#include "tools/ctl_socket.h"
#include "tools/options.h"

#define CHOICES_MAX 99

/* Return: 1 the library is in it, 0 it is not, -1 not for us to see. */
static int look_for_library(pid_t pid)
{
	char path[64], line[4096];
	bool seen = false, found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	while (maps && !found && fgets(line, sizeof(line), maps)) {
		seen = true;
		found = strstr(line, "/librkpreload.so") != NULL;
	}
	if (maps)
		fclose(maps);
	return found ? 1 : seen ? 0 : -1;
}

static bool has_library(pid_t pid)
{
	return look_for_library(pid) != 0;
}

int rk_ctl_process_tell_unreachable(pid_t pid, const char *verb, int err)
{
	switch (err) {
	case -ENOENT:
		if (!has_library(pid))
			return rk_tool_fail(RK_TOOL_NETWORK, verb,
					    "pid %d is not traced: librkpreload.so is not in it",
					    (int)pid);
		return rk_tool_fail(RK_TOOL_NETWORK, verb,
				    "pid %d does not listen: it has not used a GPU yet, or was "
				    "started without control.enabled (RUSTKERNEL_CONTROL_ENABLED="
				    "true; rktrace run sets it)",
				    (int)pid);
	case -ECONNREFUSED:
		return rk_tool_fail(RK_TOOL_NETWORK, verb, "pid %d has stopped listening",
				    (int)pid);
	case -EACCES:
	case -EPERM:
		return rk_tool_fail(RK_TOOL_NETWORK, verb,
				    "pid %d belongs to somebody else: only its user and root may "
				    "ask it",
				    (int)pid);
	case -EXDEV:
		return rk_tool_fail(RK_TOOL_NETWORK, verb,
				    "another process listens where pid %d would; not asked",
				    (int)pid);
	case -EAGAIN:
		return rk_tool_fail(RK_TOOL_NETWORK, verb,
				    "pid %d did not answer within 5 s: it may be stopped",
				    (int)pid);
	default:
		return rk_tool_fail(RK_TOOL_NETWORK, verb, "could not ask pid %d: %s", (int)pid,
				    rk_strerror(err));
	}
}

/* "" = it is not for us to see, or gone. */
static void name_of(pid_t pid, char out[PATH_MAX])
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	length = readlink(path, out, PATH_MAX - 1);
	out[length > 0 ? length : 0] = '\0';
}

struct walk {
	DIR *folder;
	pid_t pid;
	char path[PATH_MAX];
};

static bool next(struct walk *walk)
{
	struct dirent *entry;
	uint64_t pid;

	while (walk->folder && (entry = readdir(walk->folder))) {
		if (!rk_number_parse_uint(entry->d_name, &pid) || pid > INT32_MAX ||
		    look_for_library((pid_t)pid) != 1 || rk_child_program_of((pid_t)pid))
			continue;
		walk->pid = (pid_t)pid;
		name_of(walk->pid, walk->path);
		return true;
	}
	if (walk->folder)
		closedir(walk->folder);
	return false;
}

static int find_name(const char *text, const char *verb, pid_t *pid)
{
	struct walk walk = { .folder = opendir("/proc") };
	char found[256] = "";
	size_t used = 0;
	int count = 0;

	while (next(&walk)) {
		if (strcmp(rk_tool_base_name(walk.path), text) != 0)
			continue;
		*pid = walk.pid;
		count++;
		if (used < sizeof(found))
			used += (size_t)snprintf(found + used, sizeof(found) - used, " %d",
						 (int)walk.pid);
	}
	if (count == 1)
		return 0;
	if (!count)
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb,
				    "there is no traced process %s; rktrace ctl list shows those "
				    "there are",
				    text);
	return rk_options_misused(verb, "%s is the name of several:%s", text, found);
}

int rk_ctl_process_find(const char *text, const char *verb, pid_t *pid)
{
	uint64_t number;

	if (!rk_number_parse_uint(text, &number))
		return find_name(text, verb, pid);
	if (!number || number > INT32_MAX)
		return rk_options_misused(verb, "%s is not the number of a process", text);
	*pid = (pid_t)number;
	if (kill(*pid, 0) && errno == ESRCH)
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb, "there is no process %s", text);
	return 0;
}

/* Those that listen, as a list to choose from. */
struct choices {
	pid_t pids[CHOICES_MAX];
	uint64_t count;
};

static void find_choices(struct choices *choices)
{
	struct walk walk = { .folder = opendir("/proc") };

	while (next(&walk)) {
		if (choices->count < CHOICES_MAX && rk_ctl_socket_is_there(walk.pid))
			choices->pids[choices->count++] = walk.pid;
	}
}

static void print_choices(const struct choices *choices)
{
	char path[PATH_MAX], text[512];

	for (uint64_t i = 0; i < choices->count; i++) {
		name_of(choices->pids[i], path);
		fprintf(stderr, "%3llu) %7d  %s\n", (unsigned long long)i + 1,
			(int)choices->pids[i], rk_tool_printable(path, text, sizeof(text)));
	}
}

static int ask_which(const struct choices *choices, const char *verb, pid_t *pid)
{
	char line[32];
	uint64_t number;

	print_choices(choices);
	if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
		return rk_options_misused(verb, "expected which of these processes");
	fprintf(stderr, "which of these, 1 to %llu? ", (unsigned long long)choices->count);
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (!rk_number_parse_uint(line, &number) || !number || number > choices->count)
		return rk_options_misused(verb, "expected a number from 1 to %llu",
					  (unsigned long long)choices->count);
	*pid = choices->pids[number - 1];
	return 0;
}

int rk_ctl_process_choose(const char *verb, pid_t *pid)
{
	struct choices choices = { .count = 0 };

	find_choices(&choices);
	if (!choices.count)
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb,
				    "there is no traced process that listens; rktrace run starts "
				    "programs that do");
	if (choices.count > 1)
		return ask_which(&choices, verb, pid);
	*pid = choices.pids[0];
	return 0;
}

int rk_ctl_process_list(void)
{
	struct walk walk = { .folder = opendir("/proc") };
	char text[512];

	while (next(&walk))
		printf("%7d  %s\n", (int)walk.pid,
		       rk_tool_printable(walk.path, text, sizeof(text)));
	return RK_TOOL_OK;
}
