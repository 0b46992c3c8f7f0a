/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/rktrace.c - finds the verb; everything else is the verb's.
 *
 * `rktrace ./app` without a verb runs a program, but only if it looks like one: a slip in a
 * verb must never start something.
 */
#include <stdio.h>
#include <string.h>

#include "core/nearest.h"
#include "tools/program_file.h"
#include "tools/tool.h"

static const struct rk_tool_verb verbs[] = {
#define RK_VERB(name, arguments, summary) { #name, arguments, summary, rk_cmd_##name },
#include "tools/verbs.def"
#undef RK_VERB
};

static const struct rk_tool_verb actions[] = {
#define RK_ACTION(name, arguments, summary) { name, arguments, summary, NULL },
#include "tools/actions.def"
#undef RK_ACTION
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

const struct rk_tool_verb *rk_tool_find_verb(const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

const struct rk_tool_verb *rk_tool_find_action(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	}
	return NULL;
}

static void print_usage(FILE *out)
{
	fprintf(out, "usage: rktrace VERB [options]    or: rktrace ./PROGRAM [ARGUMENTS]\n\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].summary);
	fprintf(out,
		"\nrktrace VERB --help tells more. Exit status: 0 ok, 1 violation or difference,\n"
		"2 inconclusive, 64 usage, 65 bad data, 66 no such input, 69 network, 73 cannot\n"
		"write; run passes the program's own through.\n");
}

static int tell_unknown(const char *word)
{
	struct rk_nearest nearest;
	char shown[80], hint[160];
	const char *best;

	rk_tool_printable(word, shown, sizeof(shown));
	rk_program_file_hint(word, hint, sizeof(hint));
	if (*hint)
		return rk_tool_fail(RK_TOOL_USAGE, "", "there is no verb %s%s", shown, hint);
	rk_nearest_init(&nearest, word);
	for (size_t i = 0; i < VERB_COUNT; i++)
		rk_nearest_push(&nearest, verbs[i].name);
	best = rk_nearest_get(&nearest);
	if (best)
		return rk_tool_fail(RK_TOOL_USAGE, "", "there is no verb %s; did you mean %s?",
				    shown, best);
	return rk_tool_fail(RK_TOOL_USAGE, "",
			    "there is no verb %s; a program of that name is run by: rktrace -- %s",
			    shown, shown);
}

/* `rktrace help VERB` is `rktrace VERB --help`. */
static int help(const char *word)
{
	const struct rk_tool_verb *verb = word ? rk_tool_find_verb(word) : NULL;
	char option[] = "--help";
	char *words[] = { option, NULL };

	if (verb)
		return verb->run(1, words);
	if (word)
		return tell_unknown(word);
	print_usage(stdout);
	return rk_tool_finish(RK_TOOL_OK, "");
}

int main(int argc, char **argv)
{
	const struct rk_tool_verb *verb;

	rk_tool_log_init();
	if (argc < 2) {
		print_usage(stderr);
		return RK_TOOL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help(argv[2]);
	if (strcmp(argv[1], "--version") == 0) {
		puts("rktrace " RK_VERSION);
		return rk_tool_finish(RK_TOOL_OK, "");
	}
	verb = rk_tool_find_verb(argv[1]);
	if (verb)
		return verb->run(argc - 2, argv + 2);
	if (strcmp(argv[1], "--") == 0 || strchr(argv[1], '/'))
		return rk_cmd_run(argc - 1, argv + 1);
	if (argv[1][0] == '-')
		return rk_tool_fail(RK_TOOL_USAGE, "", "there is no option %s; see rktrace --help",
				    argv[1]);
	return tell_unknown(argv[1]);
}
