/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_ctl.c - `rktrace ctl`: ask a traced program while it runs.
 */
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/log.h"
#include "core/number.h"
#include "core/yaml_tree.h"
#include "tools/ctl_process.h"
#include "tools/ctl_socket.h"
#include "tools/ctl_switch.h"
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

static int ask(pid_t pid, const struct question *question, bool as_json)
{
	static char reply[RK_CTL_REPLY_MAX];
	ptrdiff_t length = rk_ctl_socket_ask(pid, question->name, reply, sizeof(reply));

	if (length < 0)
		return rk_ctl_process_tell_unreachable(pid, verb, (int)length);
	return print(question, reply, (size_t)length, as_json);
}

/* What the two words say. */
static int carry_out(const char *words[2], const char *for_text, const char *output, bool as_json)
{
	const struct question *question = find_question(words[1]);
	bool is_start = strcmp(words[1], "start") == 0;
	bool is_snapshot = strcmp(words[1], "snapshot") == 0;
	uint64_t for_ns = 0;
	pid_t pid;
	int status;

	if (!question && !is_start && !is_snapshot && strcmp(words[1], "stop") != 0)
		return rk_options_misused(verb,
					  "%s cannot be asked; expected start, stop, snapshot, "
					  "status or reload",
					  words[1]);
	if (for_text && !is_start)
		return rk_options_misused(verb, "--for belongs to start");
	if (output && !is_snapshot)
		return rk_options_misused(verb, "-o belongs to snapshot");
	if (for_text && (!rk_number_parse_units(for_text, rk_number_durations, &for_ns) || !for_ns))
		return rk_options_misused(verb, "%s is no time; expected one as 10s or 1m30s",
					  for_text);
	status = rk_ctl_process_find(words[0], verb, &pid);
	if (status)
		return status;
	if (question)
		return ask(pid, question, as_json);
	if (is_snapshot)
		return rk_ctl_switch_snapshot(pid, output);
	return is_start ? rk_ctl_switch_start(pid, for_ns) : rk_ctl_switch_stop(pid);
}

int rk_cmd_ctl(int argc, char **argv)
{
	const char *for_text = NULL, *output = NULL;
	bool as_json = false;
	const struct rk_option options[] = {
		{ "for", 0, "TIME", "start: stop again after this time, 10s", NULL, &for_text },
		{ "output", 'o', "FILE", "snapshot: the file to write", NULL, &output },
		{ "json", 0, NULL, "print the answer as it comes, JSON", &as_json, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	const char *words[2] = { NULL, NULL };
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
	if (count == 1 && strcmp(words[0], "list") == 0)
		return rk_tool_finish(rk_ctl_process_list(), verb);
	if (count < 2)
		return rk_options_misused(verb, "expected the number or the name of a process, and "
						"start, stop, snapshot, status or reload");
	return rk_tool_finish(carry_out(words, for_text, output, as_json), verb);
}
