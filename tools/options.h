/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/options.h - the options of a verb as a table: parser, help and hints come from it.
 */
#ifndef RK_TOOLS_OPTIONS_H
#define RK_TOOLS_OPTIONS_H

#include <stdbool.h>

#include "tools/tool.h"

/* One option. Exactly one of the targets is set; a value replaces an earlier one. */
struct rk_option {
	const char *name;	/* without dashes; NULL ends a table */
	char letter;		/* 0 = none */
	const char *value_name;	/* NULL = takes no value */
	const char *help;
	bool *flag;
	const char **value;
};

#define RK_OPTIONS_PARSED -1

/**
 * Take the options off the front of the arguments; `--` ends them, and so does the first
 * argument that is no option. --help prints the help of @verb.
 *
 * @first: index of the first argument that is left.
 * Context: tools.
 * Return: RK_OPTIONS_PARSED, or the status to end with (0 after --help, 64 after a mistake).
 */
int rk_options_parse(const struct rk_option *options, const char *verb, int argc, char **argv,
		     int *first);

/**
 * Say on stderr that @verb was used wrongly.
 *
 * Context: tools. Return: RK_TOOL_USAGE.
 */
int rk_options_misused(const char *verb, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * The same for a verb that works on one file: options may stand on both sides of it.
 *
 * Context: tools. Return: as rk_options_parse().
 */
int rk_options_parse_file(const struct rk_option *options, const char *verb, int argc, char **argv,
			  const char **file);

/**
 * The same for a verb that works on @count files, all of which must be given.
 *
 * Context: tools. Return: as rk_options_parse().
 */
int rk_options_parse_files(const struct rk_option *options, const char *verb, int argc, char **argv,
			   const char **files, int count);

#endif
