/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_env.c - the environment, read as ours or as OpenTelemetry's.
 *
 * An empty variable is an unset one, for OTEL by its specification and for ours by habit.
 */
#include "core/config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/config_layer.h"
#include "core/nearest.h"

#define PREFIX "RUSTKERNEL_"

static const char sampler_argument[] = "OTEL_TRACES_SAMPLER_ARG";

static bool is_ours(const char *name)
{
	return strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0;
}

/* The argument is that of the OTEL sampler, which has its own row further up in the table. */
static bool lacks_sampler(struct rk_config *config, const char *name)
{
	if (strcmp(name, sampler_argument) != 0)
		return false;
	if (config->source[RK_CONFIG_tracing_sampler] != RK_SOURCE_OTEL) {
		rk_config_layer_problem(config, name, 0,
					"counts only with a valid OTEL_TRACES_SAMPLER; ignored");
		return true;
	}
	return config->tracing_sampler != RK_SAMPLER_RATIO &&
	       config->tracing_sampler != RK_SAMPLER_PARENT_RATIO;
}

_Static_assert(RK_CONFIG_tracing_sampler < RK_CONFIG_tracing_sampling_rate,
	       "rows are read in the order of the table");

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

	if (!input.text || lacks_sampler(config, name))
		return 0;
	return rk_config_layer_set(config, &input);
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
		if (!strchr(name, '.') && is_ours(name) == (source == RK_SOURCE_VARIABLE))
			err = set_from(config, env, id, name);
		end = begin > row->others ? begin - 1 : begin;
	}
	if (!err && source == RK_SOURCE_VARIABLE)
		err = set_from(config, env, id, row->variable);
	return err;
}

/* What OTEL_<signal>_EXPORTER asks for. */
struct exporters {
	bool otlp, none, prometheus;
};

static const char *const exporter_names[] = { "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
					      "OTEL_LOGS_EXPORTER" };
static const enum rk_config_id exporter_endpoints[] = { RK_CONFIG_tracing_otlp_endpoint,
							RK_CONFIG_metrics_otlp_endpoint,
							RK_CONFIG_logging_otlp_endpoint };

enum { TRACES, METRICS, SIGNALS = 3 };

static bool word_is(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && strncasecmp(word, name, length) == 0;
}

/* One word of the list; unknown ones become problems when @config is given. */
static void read_exporter(struct exporters *e, int signal, const char *word, size_t length,
			  struct rk_config *config)
{
	char text[64], quoted[72];

	if (word_is(word, length, "otlp")) {
		e->otlp = true;
	} else if (word_is(word, length, "none")) {
		e->none = true;
	} else if (signal == METRICS && word_is(word, length, "prometheus")) {
		e->prometheus = true;
	} else if (config && word_is(word, length, "console")) {
		rk_config_layer_problem(config, exporter_names[signal], 0,
					"console is not supported; ignored");
	} else if (config) {
		snprintf(text, sizeof(text), "%.*s", (int)(length < 63 ? length : 63), word);
		rk_config_layer_problem(config, exporter_names[signal], 0,
					"%s is not what was expected: otlp%s or none; ignored",
					rk_config_layer_quote(text, quoted),
					signal == METRICS ? ", prometheus" : "");
	}
}

static struct exporters read_exporters(const struct rk_env *env, int signal,
				       struct rk_config *config)
{
	const char *list = rk_env_get(env, exporter_names[signal]);
	struct exporters e = { .otlp = false };

	for (list = list ? list : ""; *list;) {
		size_t length = strcspn(list, ", \t");

		if (length)
			read_exporter(&e, signal, list, length, config);
		list += length;
		list += strspn(list, ", \t");
	}
	return e;
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

/* The exporter variables turn parts on and off; a port that is named wins over theirs. */
static int set_exporters(struct rk_config *config, const struct rk_env *env)
{
	struct exporters traces = read_exporters(env, TRACES, NULL);
	struct exporters metrics = read_exporters(env, METRICS, NULL);
	const char *name = exporter_names[METRICS];
	int err = 0;

	if (traces.none)
		err = set_otel(config, RK_CONFIG_tracing_enabled, "false", exporter_names[TRACES]);
	if (err || (!metrics.none && !metrics.prometheus))
		return err;
	err = set_otel(config, RK_CONFIG_metrics_enabled, metrics.none ? "false" : "true", name);
	if (!err && !metrics.none)
		err = set_otel(config, RK_CONFIG_metrics_port, "9464", name);
	return err;
}

/* Without otlp in its list a signal has no endpoint, whatever other OTEL variables say. */
static int remove_endpoints(struct rk_config *config, const struct rk_env *env)
{
	int err = 0;

	for (int signal = 0; signal < SIGNALS && !err; signal++) {
		struct exporters e = read_exporters(env, signal, NULL);

		if (e.none || (e.prometheus && !e.otlp))
			err = set_otel(config, exporter_endpoints[signal], "none",
				       exporter_names[signal]);
	}
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
	if (!err && source == RK_SOURCE_OTEL)
		err = remove_endpoints(config, env);
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
	rk_config_layer_problem(config, name, 0, "%s is not what was expected: true or false; %s",
				rk_config_layer_quote(value, quoted),
				is_ours(name) ? "ignored" : "taken as false");
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
	for (int signal = 0; signal < SIGNALS; signal++)
		read_exporters(env, signal, config);
	if (rk_env_get(env, "OTEL_CONFIG_FILE"))
		rk_config_layer_problem(
			config, "OTEL_CONFIG_FILE", 0,
			"is not supported; ignored. RUSTKERNEL_CONFIG names a file of ours");
}
