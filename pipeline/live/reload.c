/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/reload.c - read, keep what is wrong as it was, compare, apply, report.
 */
#include "pipeline/live/reload.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config_row.h"
#include "core/log.h"

#define FILE_VARIABLE "RUSTKERNEL_CONFIG="
#define VALUE_BYTES   256

struct rk_reload {
	const struct rk_config *first; /* borrowed; outlives this */
	const struct rk_env *env;      /* borrowed; outlives this */
	struct rk_env *own_env;	       /* the same with an absolute path; may be NULL */
	struct rk_config *latest;      /* NULL = never reloaded */
	struct rk_reload_target target;
};

/* One reading against what runs. */
struct reading {
	struct rk_config *config;
	bool changed[RK_CONFIG_COUNT];
	bool changed_sections[RK_SECTION_COUNT];
};

/* A copy of @env in which the file has an absolute path. */
static struct rk_env *copy_absolute(const struct rk_env *env, const char *file)
{
	char variable[sizeof(FILE_VARIABLE) + 2 * PATH_MAX], folder[PATH_MAX];
	size_t count = 0;
	const char **variables;
	struct rk_env *copy;

	if (!getcwd(folder, sizeof(folder)))
		return NULL;
	snprintf(variable, sizeof(variable), FILE_VARIABLE "%s/%s", folder, file);
	while (rk_env_at(env, count))
		count++;
	variables = calloc(count + 1, sizeof(*variables));
	if (!variables)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *entry = rk_env_at(env, i);

		if (strncmp(entry, FILE_VARIABLE, strlen(FILE_VARIABLE)) == 0)
			entry = variable;
		variables[i] = entry;
	}
	copy = rk_env_create((char *const *)variables);
	free(variables);
	return copy;
}

int rk_reload_create(struct rk_reload **out, const struct rk_config *config,
		     const struct rk_env *env, const struct rk_reload_target *target)
{
	const char *file = env ? rk_env_get(env, "RUSTKERNEL_CONFIG") : NULL;
	struct rk_reload *reload = calloc(1, sizeof(*reload));

	*out = reload;
	if (!reload)
		return -ENOMEM;
	reload->first = config;
	reload->env = env;
	reload->target = *target;
	if (file && file[0] != '/') {
		reload->own_env = copy_absolute(env, file);
		if (reload->own_env)
			reload->env = reload->own_env;
	}
	return 0;
}

void rk_reload_destroy(struct rk_reload *reload)
{
	if (!reload)
		return;
	rk_config_destroy(reload->latest);
	rk_env_destroy(reload->own_env);
	free(reload);
}

const struct rk_config *rk_reload_config(const struct rk_reload *reload)
{
	return reload->latest ? reload->latest : reload->first;
}

static bool can_change(const struct rk_reload *reload, enum rk_config_id id)
{
	for (size_t i = 0; i < reload->target.row_count; i++) {
		if (reload->target.rows[i] == id)
			return true;
	}
	return false;
}

/* What a setting has to be compared with: one that cannot change is what it was at first. */
static const struct rk_config *running_row(const struct rk_reload *reload, enum rk_config_id id)
{
	return can_change(reload, id) ? rk_reload_config(reload) : reload->first;
}

static const struct rk_config *running_section(const struct rk_reload *reload,
					       enum rk_config_section section)
{
	return reload->target.sections[section] ? rk_reload_config(reload) : reload->first;
}

/* An inherited value is wrong where that of the parent is. */
static bool is_wrong(const struct rk_config *config, enum rk_config_id id)
{
	const struct rk_config_row *row = rk_config_row(id);

	if (rk_config_is_wrong(config, row->key))
		return true;
	return config->inherited[id] && rk_config_is_wrong(config, rk_config_row(row->parent)->key);
}

static int compare(const struct rk_reload *reload, struct reading *new)
{
	int err = 0;

	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT && !err; id++) {
		const struct rk_config *running = running_row(reload, id);

		if (is_wrong(new->config, id))
			err = rk_config_carry_row(new->config, running, id);
		new->changed[id] = !rk_config_row_is_same(new->config, running, id);
	}
	for (enum rk_config_section i = 0; i < RK_SECTION_COUNT && !err; i++) {
		const struct rk_config *running = running_section(reload, i);

		if (rk_config_is_wrong(new->config, rk_config_section_key(i)))
			err = rk_config_carry_section(new->config, running, i);
		new->changed_sections[i] = !rk_config_section_is_same(new->config, running, i);
	}
	return err;
}

static void tell_row(struct rk_json_text *reply, const struct rk_reload *reload,
		     const struct reading *new, enum rk_config_id id)
{
	char value[VALUE_BYTES];

	rk_json_text_open(reply, NULL, '{');
	rk_json_text_string(reply, "key", rk_config_row(id)->key);
	rk_config_format(running_row(reload, id), id, value, sizeof(value));
	rk_json_text_string(reply, "was", value);
	rk_config_format(new->config, id, value, sizeof(value));
	rk_json_text_string(reply, "is", value);
	rk_json_text_close(reply, '}');
}

/* The changes that are applied, or those that are not. */
static void tell_changes(struct rk_json_text *reply, const struct rk_reload *reload,
			 const struct reading *new, bool applied)
{
	rk_json_text_open(reply, applied ? "applied" : "needs_restart", '[');
	for (enum rk_config_id id = 0; id < RK_CONFIG_COUNT; id++) {
		if (new->changed[id] && can_change(reload, id) == applied)
			tell_row(reply, reload, new, id);
	}
	for (enum rk_config_section i = 0; i < RK_SECTION_COUNT; i++) {
		if (!new->changed_sections[i] || reload->target.sections[i] != applied)
			continue;
		rk_json_text_open(reply, NULL, '{');
		rk_json_text_string(reply, "key", rk_config_section_key(i));
		rk_json_text_close(reply, '}');
	}
	rk_json_text_close(reply, ']');
}

static void tell_problems(struct rk_json_text *reply, const struct rk_config *config)
{
	rk_json_text_uint(reply, "problem_count", config->warnings);
	rk_json_text_open(reply, "problems", '[');
	for (size_t i = 0; i < config->problem_count; i++) {
		rk_json_text_open(reply, NULL, '{');
		rk_json_text_uint(reply, "line", config->problems[i].line);
		rk_json_text_string(reply, "key", config->problems[i].key);
		rk_json_text_string(reply, "message", config->problems[i].text);
		rk_json_text_close(reply, '}');
	}
	rk_json_text_close(reply, ']');
}

static void apply(struct rk_reload *reload, struct reading *new)
{
	const struct rk_reload_target *target = &reload->target;
	struct rk_config *old = reload->latest;

	target->apply(new->config, new->changed, target->data);
	reload->latest = new->config;
	rk_config_destroy(old);
}

void rk_reload_run(struct rk_reload *reload, struct rk_json_text *reply)
{
	struct reading new = { 0 };
	int err = rk_config_create(&new.config, reload->env);
	bool is_readable = !err && !new.config->file_error;

	if (is_readable)
		err = compare(reload, &new);
	if (err) {
		rk_json_text_string(reply, "error", "out of memory; nothing was changed");
		rk_config_destroy(new.config);
		return;
	}
	rk_json_text_bool(reply, "ok", new.config->warnings == 0);
	rk_json_text_string(reply, "file", new.config->file);
	tell_changes(reply, reload, &new, true);
	tell_changes(reply, reload, &new, false);
	tell_problems(reply, new.config);
	rk_log_info("control: settings read again: %u problems%s", new.config->warnings,
		    is_readable ? "" : "; nothing was changed");
	if (is_readable)
		apply(reload, &new);
	else
		rk_config_destroy(new.config);
}
