/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_env.c - the environment, read as ours or as OpenTelemetry's.
 *
 * An empty variable is an unset one, for OTEL by its specification and for ours by habit.
 */
#include "core/config.h"

#include <string.h>
#include <strings.h>

#include "core/config_layer.h"
#include "core/nearest.h"

#define PREFIX "RUSTKERNEL_"
static bool is_ours(const char *name)
{
	return strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0;
}

static int set_from(struct rk_config *config, const struct rk_env *env, enum rk_config_id id,
		    const char *name)
{
	bool ours = is_ours(name);
	struct rk_config_input input = {
		.id = id,
		.source = ours ? RK_SOURCE_VARIABLE : RK_SOURCE_OTEL,
		.dialect = ours ? RK_DIALECT_OURS : RK_DIALECT_OTEL,
		.text = rk_env_get(env, name),
		.origin = name,
		.key = name,
	};

	return input.text ? rk_config_layer_set(config, &input) : 0;
}

/* The variables of one row, worst first, so that the best has the last word. */
static int set_row(struct rk_config *config, const struct rk_env *env, enum rk_config_id id,
		   enum rk_config_source source)
{
	const struct rk_config_row *row = rk_config_row(id);
	const char *end = row->others + strlen(row->others);
	int err = 0;

	while (!err && end > row->others) {
		const char *begin = end;
		char name[64];

		while (begin > row->others && begin[-1] != ' ')
			begin--;
		memcpy(name, begin, (size_t)(end - begin));
		name[end - begin] = '\0';
		if (is_ours(name) == (source == RK_SOURCE_VARIABLE))
			err = set_from(config, env, id, name);
		end = begin > row->others ? begin - 1 : begin;
	}
	if (!err && source == RK_SOURCE_VARIABLE)
		err = set_from(config, env, id, row->variable);
	return err;
}

/* Whether the comma-separated list @name holds @word. */
static bool list_has(const struct rk_env *env, const char *name, const char *word)
{
	const char *list = rk_env_get(env, name);
	size_t length = strlen(word);

	while (list && *list) {
		list += strspn(list, ", ");
		if (strncasecmp(list, word, length) == 0 &&
		    (!list[length] || strchr(", ", list[length])))
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

static int set_otel(struct rk_config *config, enum rk_config_id id, const char *text,
		    const char *variable)
{
	struct rk_config_input input = {
		.id = id,
		.source = RK_SOURCE_OTEL,
		.text = text,
		.origin = variable,
		.key = variable,
	};

	return rk_config_layer_set(config, &input);
}

/* The exporter variables turn parts on and off instead of setting a value. */
static int set_exporters(struct rk_config *config, const struct rk_env *env)
{
	static const char traces[] = "OTEL_TRACES_EXPORTER", metrics[] = "OTEL_METRICS_EXPORTER";
	int err = 0;

	if (list_has(env, traces, "none"))
		err = set_otel(config, RK_CONFIG_tracing_enabled, "false", traces);
	if (!err && list_has(env, metrics, "none"))
		err = set_otel(config, RK_CONFIG_metrics_enabled, "false", metrics);
	if (err || !list_has(env, metrics, "prometheus"))
		return err;
	err = set_otel(config, RK_CONFIG_metrics_enabled, "true", metrics);
	if (!err)
		err = set_otel(config, RK_CONFIG_metrics_port, "9464", metrics);
	return err;
}

int rk_config_layer_env(struct rk_config *config, const struct rk_env *env,
			enum rk_config_source source, bool preset)
{
	int err = 0;

	if (!env)
		return 0;
	if (preset)
		return set_row(config, env, RK_CONFIG_preset, source);
	if (source == RK_SOURCE_OTEL)
		err = set_exporters(config, env);
	for (enum rk_config_id id = 0; !err && id < RK_CONFIG_COUNT; id++) {
		if (id != RK_CONFIG_preset)
			err = set_row(config, env, id, source);
	}
	return err;
}

static const char *const variables[] = {
#define RK_VARIABLE(name, help) name,
#include "core/variables.def"
#undef RK_VARIABLE
};

#define VARIABLE_COUNT (sizeof(variables) / sizeof(variables[0]))

static bool is_known(const char *name)
{
	for (size_t i = 0; i < VARIABLE_COUNT; i++) {
		if (strcmp(variables[i], name) == 0)
			return true;
	}
	return rk_config_find(name) != RK_CONFIG_COUNT;
}

/* RUSTKERNEL_LOG_LEVEL and the like. */
static void push_short_names(struct rk_config *config, struct rk_nearest *nearest,
			     const char *names)
{
	while (*names) {
		size_t length = strcspn(names, " ");
		const char *name;

		if (is_ours(names)) {
			name = rk_arena_copy(config->arena, names, length);
			if (name)
				rk_nearest_push(nearest, name);
		}
		names += length;
		names += *names == ' ';
	}
}

static void tell_unknown(struct rk_config *config, const char *name)
{
	struct rk_nearest nearest;
	const char *best;

	rk_nearest_init(&nearest, name);
	for (size_t i = 0; i < VARIABLE_COUNT; i++) {
		if (is_ours(variables[i]))
			rk_nearest_push(&nearest, variables[i]);
	}
	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++) {
		rk_nearest_push(&nearest, rk_config_row(id)->variable);
		push_short_names(config, &nearest, rk_config_row(id)->others);
	}
	best = rk_nearest_get(&nearest);
	if (best)
		rk_config_layer_problem(config, name, 0, "no such setting; did you mean %s?", best);
	else
		rk_config_layer_problem(
			config, name, 0,
			"no such setting; `rktrace config --print-defaults` lists them");
}

static void check_bool(struct rk_config *config, const struct rk_env *env, const char *name)
{
	const char *value = rk_env_get(env, name);
	char quoted[72];
	bool dummy;

	if (!value)
		return;
	if (is_ours(name) ? rk_config_parse_bool(value, &dummy) :
			    strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0)
		return;
	rk_config_layer_problem(config, name, 0,
				"%s is not what was expected: true or false; ignored",
				rk_config_layer_quote(value, quoted));
}

static void check_exporter(struct rk_config *config, const struct rk_env *env, const char *name,
			   const char *third)
{
	const char *value = rk_env_get(env, name);
	char quoted[72];

	if (!value || list_has(env, name, "otlp") || list_has(env, name, "none") ||
	    (third && list_has(env, name, third)))
		return;
	rk_config_layer_problem(config, name, 0,
				"%s is not what was expected: otlp%s%s or none; ignored",
				rk_config_layer_quote(value, quoted), third ? ", " : "",
				third ? third : "");
}

void rk_config_layer_check_env(struct rk_config *config, const struct rk_env *env)
{
	const char *entry;

	if (!env)
		return;
	for (size_t i = 0; (entry = rk_env_at(env, i)); i++) {
		const char *equals = strchr(entry, '=');
		char name[128];
		size_t length = equals ? (size_t)(equals - entry) : 0;

		if (!length || !equals[1] || !is_ours(entry))
			continue;
		config->any_set = true;
		if (length >= sizeof(name))
			length = sizeof(name) - 1;
		memcpy(name, entry, length);
		name[length] = '\0';
		if (!is_known(name))
			tell_unknown(config, name);
	}
	check_bool(config, env, "RUSTKERNEL_DISABLE");
	check_bool(config, env, "OTEL_SDK_DISABLED");
	check_exporter(config, env, "OTEL_TRACES_EXPORTER", NULL);
	check_exporter(config, env, "OTEL_METRICS_EXPORTER", "prometheus");
	if (rk_env_get(env, "OTEL_CONFIG_FILE"))
		rk_config_layer_problem(
			config, "OTEL_CONFIG_FILE", 0,
			"is not supported; ignored. RUSTKERNEL_CONFIG names a file of ours");
}
