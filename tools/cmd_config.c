/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_config.c - `rktrace config`: check a file, print the table, explain a setting.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/config_row.h"
#include "core/nearest.h"
#include "tools/child_env.h"
#include "tools/config_engines.h"
#include "tools/json.h"
#include "tools/options.h"

#define VALUE_MAX 8192 /* longer than any value the parser takes */

static const char verb[] = "config";

/* A configuration from @file alone (NULL: no file), or from the environment. */
static int create(struct rk_config **config, const char *file)
{
	struct rk_child_env *variables = rk_child_env_create(NULL);
	struct rk_env *env = NULL;
	int err = -ENOMEM;

	if (variables && (!file || rk_child_env_set(variables, "RUSTKERNEL_CONFIG", file) == 0))
		env = rk_env_create(rk_child_env_get(variables));
	if (env)
		err = rk_config_create(config, env);
	rk_env_destroy(env);
	rk_child_env_destroy(variables);
	return err;
}

/* What is being checked, and how its problems are told. */
struct check {
	struct rk_config *config;
	struct rk_json json;
	bool as_json;
	uint32_t more; /* problems that only the engines know */
};

static void put_problem(struct rk_json *json, uint32_t line, const char *key, const char *text)
{
	rk_json_open(json, NULL, '{');
	rk_json_uint(json, "line", line);
	rk_json_string(json, "key", key);
	rk_json_string(json, "message", text);
	rk_json_close(json, '}');
}

/* A line that an engine logs: "config: FILE:LINE: text". */
static void on_complaint(enum rk_log_level level, const char *text, void *data)
{
	struct check *c = data;
	size_t length = strlen(c->config->file);
	const char *at = strstr(text, c->config->file);
	uint32_t line = 0;

	if (level > RK_LOG_WARN)
		return;
	c->more++;
	if (at && at[length] == ':')
		line = (uint32_t)strtoul(at + length + 1, NULL, 10);
	if (c->as_json)
		put_problem(&c->json, line, "", text);
	else
		fprintf(stderr, "rktrace: %s\n", text);
}

static int tell_problems(struct check *c)
{
	const struct rk_config *config = c->config;
	int err;

	if (c->as_json) {
		rk_json_init(&c->json, stdout);
		rk_json_open(&c->json, NULL, '{');
		rk_json_string(&c->json, "file", config->file);
		rk_json_open(&c->json, "problems", '[');
		for (size_t i = 0; i < config->problem_count; i++)
			put_problem(&c->json, config->problems[i].line, config->problems[i].key,
				    config->problems[i].text);
	} else {
		rk_config_log_problems(config);
	}
	err = rk_config_engines_check(config, on_complaint, c);
	if (c->as_json) {
		rk_json_close(&c->json, ']');
		rk_json_bool(&c->json, "ok", config->warnings + c->more == 0);
		rk_json_uint(&c->json, "problem_count", config->warnings + c->more);
		rk_json_close(&c->json, '}');
	}
	return err;
}

static int check(const char *file, bool as_json)
{
	struct check c = { .as_json = as_json };
	int status;

	if (!*file)
		return rk_options_misused(verb, "--check needs a file");
	if (create(&c.config, file) || tell_problems(&c)) {
		rk_config_destroy(c.config);
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	}
	if (c.config->file_error && c.config->file_error != -EBADMSG)
		status = RK_TOOL_NO_INPUT;
	else
		status = c.config->warnings + c.more ? RK_TOOL_DATA : RK_TOOL_OK;
	if (!as_json && status == RK_TOOL_OK)
		printf("%s: ok\n", file);
	rk_config_destroy(c.config);
	return status;
}

/* Scalars that YAML would read as something else stand in quotes. */
static void print_yaml_value(const struct rk_config_row *row, const char *value)
{
	if (row->kind == RK_TYPE_BOUNDS) {
		putchar('[');
		for (const char *c = value; *c; c++) {
			if (*c == ' ')
				putchar(',');
			putchar(*c);
		}
		putchar(']');
	} else if (row->kind == RK_TYPE_STRING || row->kind == RK_TYPE_SECRET) {
		putchar('"');
		for (const char *c = value; *c; c++) {
			if (*c == '"' || *c == '\\')
				putchar('\\');
			putchar(*c);
		}
		putchar('"');
	} else {
		fputs(value, stdout);
	}
}

/* Sections in common with the row before stay open; new ones get a line each. */
static void print_yaml_row(const struct rk_config_row *row, const char *before, const char *value)
{
	const char *key = row->key;
	const char *dot;
	int depth = 0;

	for (; (dot = strchr(key, '.')); key = dot + 1, depth++) {
		size_t length = (size_t)(dot - row->key) + 1;

		if (strncmp(before, row->key, length) != 0)
			printf("%*s%.*s:\n", 2 * depth, "", (int)(dot - key), key);
	}
	printf("%*s# %s\n", 2 * depth, "", row->help);
	/* Written out it would be a value of its own, and no longer be inherited. */
	printf("%*s%s%s: ", 2 * depth, "", row->parent == RK_CONFIG_COUNT ? "" : "# ", key);
	print_yaml_value(row, value);
	putchar('\n');
}

static void print_row_json(struct rk_json *json, const struct rk_config *config,
			   enum rk_config_id id)
{
	const struct rk_config_row *row = rk_config_row(id);
	char value[VALUE_MAX];

	rk_config_format(config, id, value, sizeof(value));
	rk_json_open(json, NULL, '{');
	rk_json_string(json, "key", row->key);
	rk_json_string(json, "variable", row->variable);
	rk_json_string(json, "also", row->others);
	rk_json_string(json, "type", row->type);
	rk_json_string(json, "limits", row->limits);
	rk_json_string(json, "default", row->default_value);
	rk_json_string(json, "value", value);
	rk_json_string(json, "source", rk_config_source_name(config->source[id]));
	rk_json_string(json, "origin", config->origin[id]);
	rk_json_string(json, "inherited_from",
		       config->inherited[id] ? rk_config_row(row->parent)->key : "");
	rk_json_string(json, "help", row->help);
	rk_json_close(json, '}');
}

static int print_defaults(bool as_json)
{
	struct rk_config *config;
	struct rk_json json;
	const char *before = "";

	if (rk_config_create(&config, NULL))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	rk_json_init(&json, stdout);
	if (as_json)
		rk_json_open(&json, NULL, '[');
	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++) {
		char value[VALUE_MAX];

		rk_config_format(config, id, value, sizeof(value));
		if (as_json)
			print_row_json(&json, config, id);
		else
			print_yaml_row(rk_config_row(id), before, value);
		before = rk_config_row(id)->key;
	}
	if (as_json)
		rk_json_close(&json, ']');
	rk_config_destroy(config);
	return RK_TOOL_OK;
}

static int tell_unknown(const char *key)
{
	struct rk_nearest nearest;
	const char *best;
	char shown[80];

	rk_nearest_init(&nearest, key);
	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++) {
		rk_nearest_push(&nearest, rk_config_row(id)->key);
		rk_nearest_push(&nearest, rk_config_row(id)->variable);
	}
	best = rk_nearest_get(&nearest);
	rk_tool_printable(key, shown, sizeof(shown));
	if (best)
		return rk_tool_fail(RK_TOOL_USAGE, verb, "there is no setting %s; did you mean %s?",
				    shown, best);
	return rk_tool_fail(RK_TOOL_USAGE, verb,
			    "there is no setting %s; rktrace config --print-defaults lists them",
			    shown);
}

static void print_explanation(const struct rk_config *config, enum rk_config_id id)
{
	const struct rk_config_row *row = rk_config_row(id);
	enum rk_config_source source = config->source[id];
	char value[VALUE_MAX];

	rk_config_format(config, id, value, sizeof(value));
	printf("%s\n  %s\n  value:    %s\n", row->key, row->help, *value ? value : "(empty)");
	if (source == RK_SOURCE_DEFAULT)
		printf("  from:     default\n");
	else
		printf("  from:     %s (%s)%s%s\n", config->origin[id],
		       rk_config_source_name(source), config->inherited[id] ? ", by " : "",
		       config->inherited[id] ? rk_config_row(row->parent)->key : "");
	printf("  default:  %s\n", *row->default_value ? row->default_value : "(empty)");
	printf("  variable: %s%s%s\n", row->variable, *row->others ? ", or " : "", row->others);
}

static int explain(const char *key, bool as_json)
{
	enum rk_config_id id = rk_config_find(key);
	struct rk_config *config;
	struct rk_env *env;
	struct rk_json json;
	int err;

	if (id == RK_CONFIG_COUNT)
		return tell_unknown(key);
	env = rk_env_create(NULL);
	err = env ? rk_config_create(&config, env) : -ENOMEM;
	rk_env_destroy(env);
	if (err)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	rk_config_log_problems(config);
	rk_json_init(&json, stdout);
	if (as_json)
		print_row_json(&json, config, id);
	else
		print_explanation(config, id);
	rk_config_destroy(config);
	return RK_TOOL_OK;
}

int rk_cmd_config(int argc, char **argv)
{
	const char *file = NULL, *key = NULL;
	bool defaults = false, as_json = false;
	const struct rk_option options[] = {
		{ "check", 0, "FILE", "check a YAML file: status 0, 65 (problems) or 66 (no file)",
		  NULL, &file },
		{ "print-defaults", 0, NULL, "every setting with its default, as YAML", &defaults,
		  NULL },
		{ "explain", 0, "KEY", "value of a setting here, and where it comes from", NULL,
		  &key },
		{ "json", 0, NULL, "print JSON", &as_json, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int first, status;

	status = rk_options_parse(options, verb, argc, argv, &first);
	if (status != RK_OPTIONS_PARSED)
		return status;
	if (first < argc)
		return rk_options_misused(verb, "what is %s?", argv[first]);
	if (!!file + defaults + !!key != 1)
		return rk_options_misused(
			verb, "expected one of --check FILE, --print-defaults, --explain KEY");
	if (file)
		status = check(file, as_json);
	else
		status = key ? explain(key, as_json) : print_defaults(as_json);
	return rk_tool_finish(status, verb);
}
