/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config.c - the table, the layers in their order, and what is said about them.
 */
#include "core/config.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_layer.h"

#define PROBLEMS_MAX 64 /* kept and logged; further ones are only counted */

static const struct rk_config_row rows[RK_CONFIG_COUNT] = {
#define RK_CONFIG(field_, type_, def, key_, vars, limits_, help_)                                  \
	[RK_CONFIG_##field_] = {                                                                   \
		.field = #field_,                                                                  \
		.type = #type_,                                                                    \
		.default_value = def,                                                              \
		.key = key_,                                                                       \
		.others = vars,                                                                    \
		.limits = limits_,                                                                 \
		.help = help_,                                                                     \
		.kind = RK_TYPE_##type_,                                                           \
		.offset = offsetof(struct rk_config, field_),                                      \
		.size = sizeof(rk_type_##type_),                                                   \
	},
#include "core/config.def"
#undef RK_CONFIG
};

/* RUSTKERNEL_ + key, upper case, '.' -> '_'; made once. */
static char variable_names[RK_CONFIG_COUNT][64];
static struct rk_config_row named_rows[RK_CONFIG_COUNT];
static pthread_once_t named_once = PTHREAD_ONCE_INIT;

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	while (*words) {
		size_t span = strcspn(words, " ");

		if (span == length && memcmp(words, word, length) == 0)
			return true;
		words += span;
		words += strspn(words, " ");
	}
	return false;
}

/* The setting whose key stands among the other variables. */
static enum rk_config_id find_parent(const struct rk_config_row *row)
{
	enum rk_config_id id = 0;

	while (id < RK_CONFIG_COUNT && !has_word(row->others, rows[id].key))
		id++;
	return id;
}

static void name_rows(void)
{
	for (size_t i = 0; i < RK_CONFIG_COUNT; i++) {
		char *name = variable_names[i];
		int length =
			snprintf(name, sizeof(variable_names[i]), "RUSTKERNEL_%s", rows[i].key);

		for (int c = 0; c < length; c++)
			name[c] = name[c] == '.' ? '_' : (char)toupper((unsigned char)name[c]);
		named_rows[i] = rows[i];
		named_rows[i].variable = name;
		named_rows[i].parent = find_parent(&rows[i]);
	}
}

const struct rk_config_row *rk_config_row(enum rk_config_id id)
{
	if ((unsigned)id >= RK_CONFIG_COUNT)
		return NULL;
	pthread_once(&named_once, name_rows);
	return &named_rows[id];
}

/* A variable for all signals is foremost one of the setting that the others inherit from. */
enum rk_config_id rk_config_find(const char *name)
{
	enum rk_config_id found = RK_CONFIG_COUNT;
	bool is_key = strchr(name, '.') != NULL;

	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++) {
		const struct rk_config_row *row = rk_config_row(id);

		if (strcmp(row->key, name) == 0 || strcmp(row->variable, name) == 0)
			return id;
		if (is_key || !has_word(row->others, name))
			continue;
		if (row->parent == RK_CONFIG_COUNT)
			return id;
		if (found == RK_CONFIG_COUNT)
			found = id;
	}
	return found;
}

const char *rk_config_source_name(enum rk_config_source source)
{
	static const char *const names[RK_SOURCE_COUNT] = {
		[RK_SOURCE_DEFAULT] = "default",   [RK_SOURCE_PRESET] = "preset",
		[RK_SOURCE_OTEL] = "otel",	   [RK_SOURCE_FILE] = "file",
		[RK_SOURCE_VARIABLE] = "variable",
	};

	return (unsigned)source < RK_SOURCE_COUNT ? names[source] : "unknown";
}

int rk_config_format(const struct rk_config *config, enum rk_config_id id, char *out, size_t size)
{
	const struct rk_config_row *row = rk_config_row(id);

	if (!row) {
		if (size)
			*out = '\0';
		return 0;
	}
	return rk_config_value_format(row, (const char *)config + row->offset, out, size);
}

bool rk_config_wants_scrape(const struct rk_config *config)
{
	return config->metrics_enabled &&
	       (config->source[RK_CONFIG_metrics_enabled] != RK_SOURCE_DEFAULT ||
		config->source[RK_CONFIG_metrics_port] > RK_SOURCE_OTEL ||
		config->metrics_unix_socket[0]);
}

const char *rk_config_layer_quote(const char *text, char out[72])
{
	size_t length = 0;

	out[length++] = '"';
	for (; *text && length < 62; text++)
		out[length++] = (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text;
	if (*text) {
		memcpy(out + length, "...", 3);
		length += 3;
	}
	out[length++] = '"';
	out[length] = '\0';
	return out;
}

/* A variable that several settings read is named once. */
static bool is_repeated(const struct rk_config *config, const char *text)
{
	for (size_t i = 0; i < config->problem_count; i++) {
		if (strcmp(config->problems[i].text, text) == 0)
			return true;
	}
	return false;
}

void rk_config_layer_problem(struct rk_config *config, const char *key, uint32_t line,
			     const char *format, ...)
{
	struct rk_config_problem *problem;
	const char *text;
	va_list args;

	config->warnings++;
	if (config->problem_count == PROBLEMS_MAX)
		return;
	va_start(args, format);
	text = rk_arena_vprintf(config->arena, format, args);
	va_end(args);
	if (!text)
		return;
	problem = &config->problems[config->problem_count];
	if (line)
		problem->text = rk_arena_printf(config->arena, "config: %s:%u: %s%s%s",
						config->file, line, key, *key ? ": " : "", text);
	else
		problem->text = rk_arena_printf(config->arena, "config: %s%s%s", key,
						*key ? ": " : "", text);
	problem->key = rk_arena_copy(config->arena, key, strlen(key));
	problem->line = line;
	if (!problem->text || !problem->key)
		return;
	if (is_repeated(config, problem->text))
		config->warnings--;
	else
		config->problem_count++;
}

/* OpenTelemetry: what is no truth value is false, with a warning. */
static bool is_taken_as_false(const struct rk_config_input *input)
{
	return rk_config_row(input->id)->kind == RK_TYPE_BOOL && input->dialect == RK_DIALECT_OTEL;
}

static void tell_bad_value(struct rk_config *config, const struct rk_config_input *input)
{
	const struct rk_config_row *row = rk_config_row(input->id);
	const char *result = is_taken_as_false(input) ? "taken as false" : "ignored";
	char expected[256], quoted[72];

	rk_config_value_expected(row, input->dialect, expected, sizeof(expected));
	if (row->kind == RK_TYPE_SECRET)
		rk_config_layer_problem(
			config, input->key, input->line,
			"the value (not shown) is not what was expected: %s; ignored", expected);
	else
		rk_config_layer_problem(config, input->key, input->line,
					"%s is not what was expected: %s; %s",
					rk_config_layer_quote(input->text, quoted), expected,
					result);
}

int rk_config_layer_set(struct rk_config *config, const struct rk_config_input *input)
{
	const struct rk_config_row *row = rk_config_row(input->id);
	void *value = (char *)config + row->offset;
	const char *origin;
	int err;

	err = rk_config_value_parse(row, input->text, input->dialect, value, config->arena);
	if (err == -ENOMEM)
		return err;
	if (err) {
		tell_bad_value(config, input);
		if (!is_taken_as_false(input))
			return 0;
		*(bool *)value = false;
	}
	origin = rk_arena_copy(config->arena, input->origin, strlen(input->origin));
	if (!origin)
		return -ENOMEM;
	config->source[input->id] = (uint8_t)input->source;
	config->origin[input->id] = origin;
	return 0;
}

static int apply_defaults(struct rk_config *config)
{
	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++) {
		const struct rk_config_row *row = rk_config_row(id);
		struct rk_config_input input = {
			.id = id,
			.text = row->default_value,
			.origin = "",
			.key = row->key,
		};
		int err = rk_config_layer_set(config, &input);

		if (err)
			return err;
	}
	return 0;
}

static int apply_preset(struct rk_config *config)
{
	static const struct {
		enum rk_preset preset;
		enum rk_config_id id;
		const char *text;
	} changes[] = {
#define RK_PRESET(preset, field, value) { RK_PRESET_##preset, RK_CONFIG_##field, value },
#include "core/presets.def"
#undef RK_PRESET
	};
	char name[32];

	rk_config_format(config, RK_CONFIG_preset, name, sizeof(name));
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct rk_config_input input = {
			.id = changes[i].id,
			.source = RK_SOURCE_PRESET,
			.text = changes[i].text,
			.origin = name,
			.key = "preset",
		};
		int err;

		if (changes[i].preset != config->preset)
			continue;
		err = rk_config_layer_set(config, &input);
		if (err)
			return err;
	}
	return 0;
}

/* The preset is chosen first, by the strongest source that names one; then weakest first. */
static int apply_layers(struct rk_config *config, const struct rk_env *env,
			const struct rk_yaml_node *root)
{
	int err;

	err = rk_config_layer_file(config, root, true);
	if (!err)
		err = rk_config_layer_env(config, env, RK_SOURCE_VARIABLE, true);
	if (!err)
		err = apply_preset(config);
	if (!err)
		err = rk_config_layer_env(config, env, RK_SOURCE_OTEL, false);
	if (!err)
		err = rk_config_layer_file(config, root, false);
	if (!err)
		err = rk_config_layer_env(config, env, RK_SOURCE_VARIABLE, false);
	if (!err)
		err = rk_config_layer_settle(config);
	if (!err)
		rk_config_layer_check_env(config, env);
	return err;
}

static const char *copy_variable(struct rk_config *config, const struct rk_env *env,
				 const char *name)
{
	const char *value = env ? rk_env_get(env, name) : NULL;

	return value ? rk_arena_copy(config->arena, value, strlen(value)) : "";
}

static struct rk_config *create_empty(void)
{
	struct rk_config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->file = "";
	config->arena = rk_arena_create();
	if (config->arena)
		config->problems =
			rk_arena_alloc(config->arena, PROBLEMS_MAX * sizeof(*config->problems));
	if (!config->problems) {
		rk_config_destroy(config);
		return NULL;
	}
	return config;
}

static int fill(struct rk_config *config, const struct rk_env *env)
{
	const char *path = env ? rk_env_get(env, "RUSTKERNEL_CONFIG") : NULL;
	const struct rk_yaml_node *root = NULL;
	int err = apply_defaults(config);

	if (!err && path)
		err = rk_config_layer_read(config, path, &root);
	if (!err)
		err = apply_layers(config, env, root);
	if (err)
		return err;
	config->traceparent = copy_variable(config, env, "TRACEPARENT");
	config->tracestate = copy_variable(config, env, "TRACESTATE");
	config->baggage = copy_variable(config, env, "BAGGAGE");
	if (!config->traceparent || !config->tracestate || !config->baggage)
		return -ENOMEM;
	config->any_set |= path != NULL;
	return 0;
}

int rk_config_create(struct rk_config **out, const struct rk_env *env)
{
	struct rk_config *config = create_empty();
	int err;

	*out = NULL;
	if (!config)
		return -ENOMEM;
	err = fill(config, env);
	if (err) {
		rk_config_destroy(config);
		return err;
	}
	*out = config;
	return 0;
}

void rk_config_destroy(struct rk_config *config)
{
	if (!config)
		return;
	rk_arena_destroy(config->arena);
	free(config);
}

void rk_config_log_problems(const struct rk_config *config)
{
	for (size_t i = 0; i < config->problem_count; i++)
		rk_log_warn("%s", config->problems[i].text);
	if (config->warnings > config->problem_count)
		rk_log_warn("config: %u further problems; see rktrace config --check",
			    config->warnings - (uint32_t)config->problem_count);
}

int rk_config_create_file(struct rk_config **out, const char *path)
{
	char variable[4096 + sizeof("RUSTKERNEL_CONFIG=")];
	char *environment[2] = { variable, NULL };
	struct rk_env *env;
	int err;

	*out = NULL;
	if ((size_t)snprintf(variable, sizeof(variable), "RUSTKERNEL_CONFIG=%s", path) >=
	    sizeof(variable))
		return -ENAMETOOLONG;
	env = rk_env_create(environment);
	err = env ? rk_config_create(out, env) : -ENOMEM;
	rk_env_destroy(env);
	if (err)
		return err;
	rk_config_log_problems(*out);
	return (*out)->file_error == -EBADMSG ? 0 : (*out)->file_error;
}

int rk_config_check_file(const char *path)
{
	struct rk_config *config;
	int err = rk_config_create_file(&config, path);

	if (!err)
		err = (int)config->warnings;
	rk_config_destroy(config);
	return err;
}
