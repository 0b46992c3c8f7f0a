/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_ctl.c - `rktrace ctl`: ask a traced program while it runs.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/log.h"
#include "core/number.h"
#include "core/yaml_tree.h"
#include "tools/ctl_socket.h"
#include "tools/ctl_text.h"
#include "tools/options.h"

static const char verb[] = "ctl";

struct question {
	const char *name;
	int (*print)(const struct rk_yaml_node *reply);
};

static const struct question questions[] = {
	{ "status", rk_ctl_text_status },
	{ "reload", rk_ctl_text_reload },
};

#define QUESTION_COUNT (sizeof(questions) / sizeof(questions[0]))

static const struct question *find_question(const char *name)
{
	for (size_t i = 0; i < QUESTION_COUNT; i++) {
		if (strcmp(questions[i].name, name) == 0)
			return &questions[i];
	}
	return NULL;
}

/* Whether the library is in the program at all; what cannot be seen counts as there. */
static bool has_library(pid_t pid)
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
	return found || !seen;
}

static int tell_unreachable(pid_t pid, int err)
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

static void pass_problem(uint32_t line, const char *key, const char *text, void *data)
{
	(void)line;
	(void)key;
	(void)data;
	rk_tool_fail(0, verb, "%s", text);
}

/* JSON is YAML. */
static int print(const struct question *question, const char *reply, size_t length, bool as_json)
{
	const struct rk_yaml_problem_sink sink = { .fn = pass_problem };
	struct rk_arena *arena = rk_arena_create();
	const struct rk_yaml_node *root = NULL;
	const struct rk_yaml_node *error;
	int status;

	if (!arena)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	if (rk_yaml_parse(&root, arena, reply, length, &sink) || !root) {
		rk_arena_destroy(arena);
		return rk_tool_fail(RK_TOOL_NETWORK, verb, "the answer is not what was expected");
	}
	error = rk_yaml_get(root, "error");
	if (as_json)
		fputs(reply, stdout);
	if (error)
		status = rk_tool_fail(RK_TOOL_NETWORK, verb, "the process says: %s", error->text);
	else if (as_json)
		status = rk_ctl_text_judge(root);
	else
		status = question->print(root);
	rk_arena_destroy(arena);
	return status;
}

static int ask(const char *pid_text, const struct question *question, bool as_json)
{
	static char reply[RK_CTL_REPLY_MAX];
	ptrdiff_t length;
	uint64_t pid;

	if (!rk_number_parse_uint(pid_text, &pid) || !pid || pid > INT32_MAX)
		return rk_options_misused(verb, "%s is not the number of a process", pid_text);
	if (kill((pid_t)pid, 0) && errno == ESRCH)
		return rk_tool_fail(RK_TOOL_NO_INPUT, verb, "there is no process %s", pid_text);
	length = rk_ctl_socket_ask((pid_t)pid, question->name, reply, sizeof(reply));
	if (length < 0)
		return tell_unreachable((pid_t)pid, (int)length);
	return print(question, reply, (size_t)length, as_json);
}

int rk_cmd_ctl(int argc, char **argv)
{
	bool as_json = false;
	const struct rk_option options[] = {
		{ "json", 0, NULL, "print the answer as it comes, JSON", &as_json, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	const char *words[2] = { NULL, NULL };
	const struct question *question;
	size_t count = 0;

	/* Options may stand anywhere between the two words. */
	while (argc > 0) {
		int first, status = rk_options_parse(options, verb, argc, argv, &first);

		if (status != RK_OPTIONS_PARSED)
			return status;
		argc -= first;
		argv += first;
		if (argc < 1)
			break;
		if (count == 2)
			return rk_options_misused(verb, "what is %s?", argv[0]);
		words[count++] = argv[0];
		argc--;
		argv++;
	}
	if (count < 2)
		return rk_options_misused(verb, "expected the number of a process, and status or "
						"reload");
	question = find_question(words[1]);
	if (!question)
		return rk_options_misused(verb, "%s cannot be asked; expected status or reload",
					  words[1]);
	return rk_tool_finish(ask(words[0], question, as_json), verb);
}
