/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/options.c - a table-driven reader of options.
 *
 * Not getopt_long(): it permutes arguments, which belong to the traced program, and it cannot
 * say which option was probably meant.
 */
#include "tools/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/nearest.h"

int rk_options_misused(const char *verb, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "rktrace %s: ", verb);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; see rktrace %s --help\n", verb);
	return RK_TOOL_USAGE;
}

static void print_help(const struct rk_option *options, const char *name)
{
	const struct rk_tool_verb *verb = rk_tool_find_verb(name);

	if (!verb)
		verb = rk_tool_find_action(name);
	printf("usage: rktrace %s %s\n\n%s\n\n", name, verb ? verb->arguments : "",
	       verb ? verb->summary : "");
	for (; options->name; options++) {
		char left[64], letter[8] = "    ";

		if (options->letter)
			snprintf(letter, sizeof(letter), "-%c, ", options->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, options->name,
			 options->value_name ? " " : "",
			 options->value_name ? options->value_name : "");
		printf("  %-28s %s\n", left, options->help);
	}
	printf("      %-24s %s\n", "--help", "this text");
}

static const struct rk_option *find_long(const struct rk_option *options, const char *name,
					 size_t length)
{
	for (; options->name; options++) {
		if (strlen(options->name) == length && memcmp(options->name, name, length) == 0)
			return options;
	}
	return NULL;
}

static const struct rk_option *find_letter(const struct rk_option *options, char letter)
{
	for (; options->name; options++) {
		if (options->letter == letter)
			return options;
	}
	return NULL;
}

static int tell_unknown(const struct rk_option *options, const char *verb, const char *argument)
{
	char shown[80];
	struct rk_nearest nearest;
	const char *best;

	rk_tool_printable(argument, shown, sizeof(shown));
	if (strncmp(argument, "--", 2) != 0)
		return rk_options_misused(verb, "there is no option %s", shown);
	shown[strcspn(shown, "=")] = '\0';
	rk_nearest_init(&nearest, shown + 2);
	for (; options->name; options++)
		rk_nearest_push(&nearest, options->name);
	rk_nearest_push(&nearest, "help");
	best = rk_nearest_get(&nearest);
	if (!best)
		return rk_options_misused(verb, "there is no option %s", shown);
	return rk_options_misused(verb, "there is no option %s; did you mean --%s?", shown, best);
}

/* @value: text behind '=', or NULL. Advances *@at when the value is the next argument. */
static int take(const struct rk_option *option, const char *verb, const char *value, char **argv,
		int *at)
{
	if (!option->value_name) {
		if (value)
			return rk_options_misused(verb, "--%s takes no value", option->name);
		*option->flag = true;
		return RK_OPTIONS_PARSED;
	}
	if (!value) {
		value = argv[*at + 1];
		if (!value)
			return rk_options_misused(verb, "--%s needs a value: %s", option->name,
						  option->value_name);
		++*at;
	}
	*option->value = value;
	return RK_OPTIONS_PARSED;
}

static int take_argument(const struct rk_option *options, const char *verb, char **argv, int *at)
{
	const char *argument = argv[*at];
	const struct rk_option *option;
	size_t length;

	if (argument[1] != '-') {
		option = argument[2] ? NULL : find_letter(options, argument[1]);
		return option ? take(option, verb, NULL, argv, at) :
				tell_unknown(options, verb, argument);
	}
	length = strcspn(argument + 2, "=");
	option = find_long(options, argument + 2, length);
	if (!option)
		return tell_unknown(options, verb, argument);
	return take(option, verb, argument[2 + length] ? argument + 3 + length : NULL, argv, at);
}

int rk_options_parse(const struct rk_option *options, const char *verb, int argc, char **argv,
		     int *first)
{
	int at;

	for (at = 0; at < argc; at++) {
		int status;

		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		if (argv[at][0] != '-' || !argv[at][1])
			break;
		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
			print_help(options, verb);
			return rk_tool_finish(RK_TOOL_OK, verb);
		}
		status = take_argument(options, verb, argv, &at);
		if (status != RK_OPTIONS_PARSED)
			return status;
	}
	*first = at;
	return RK_OPTIONS_PARSED;
}

static int check_files(const char *verb, int given, int count)
{
	if (given == count)
		return RK_OPTIONS_PARSED;
	if (!given)
		return rk_options_misused(verb,
					  count == 1 ? "no file was given" : "no files were given");
	return rk_options_misused(verb, "%d files are needed, %d was given", count, given);
}

int rk_options_parse_files(const struct rk_option *options, const char *verb, int argc, char **argv,
			   const char **files, int count)
{
	char shown[80];
	int at = 0, given = 0;

	while (at < argc) {
		int first, status;

		status = rk_options_parse(options, verb, argc - at, argv + at, &first);
		if (status != RK_OPTIONS_PARSED)
			return status;
		at += first;
		if (at < argc && given == count)
			return rk_options_misused(
				verb, "%s; what is %s?",
				count == 1 ? "one file at a time" : "two files at a time",
				rk_tool_printable(argv[at], shown, sizeof(shown)));
		if (at < argc)
			files[given++] = argv[at++];
	}
	return check_files(verb, given, count);
}

int rk_options_parse_file(const struct rk_option *options, const char *verb, int argc, char **argv,
			  const char **file)
{
	*file = NULL;
	return rk_options_parse_files(options, verb, argc, argv, file, 1);
}
