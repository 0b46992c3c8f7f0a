/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config.h - the settings, generated from the one table config.def.
 *
 * Precedence per setting: variable, YAML file, OTEL variable, preset, default. A value that
 * cannot be read never stops anything: one warning that names it, and the next source counts.
 * Settings of metrics.otlp and logging.otlp take what tracing.otlp was given by a variable of
 * ours or the file, unless something was said for the signal itself; OTEL variables for all
 * signals come behind that.
 */
#ifndef RK_CORE_CONFIG_H
#define RK_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config_types.h"
#include "core/env.h"
#include "core/yaml_tree.h"

/* One row of `kernels:`: the first whose glob matches the readable kernel name counts. */
struct rk_kernel_rule {
	const char *match;	/* glob: * and ? */
	const char *id;		/* "" = the kernel's name */
	const char *domain;	/* "" = unknown */
};

/* One row of `logging.per_domain_levels:`. */
struct rk_domain_level {
	const char *domain;
	enum rk_log_level level;
};

/* One thing that is wrong with the settings. */
struct rk_config_problem {
	const char *text;	/* the whole line, as logged */
	const char *key;	/* YAML key or variable; "" = the file as a whole */
	uint32_t line;		/* in the file; 0 = not from the file */
};

struct rk_config {
#define RK_CONFIG(field, type, def, key, vars, limits, help) rk_type_##type field;
#include "core/config.def"
#undef RK_CONFIG
	uint8_t source[RK_CONFIG_COUNT];	/* enum rk_config_source */
	const char *origin[RK_CONFIG_COUNT];	/* variable, "file:line", preset; "" = default */
	bool inherited[RK_CONFIG_COUNT];	/* value, source and origin are the parent row's */
	struct rk_kernel_rule *kernels;
	size_t kernel_count;
	const char *traceparent;	/* TRACEPARENT of the process, "" = none */
	const char *tracestate;
	const char *baggage;
	struct rk_domain_level *domain_levels;
	size_t domain_level_count;
	const struct rk_yaml_node *alerting; /* checked against its schema; may be NULL */
	const struct rk_yaml_node *slo;	/* the same */
	const char *file;		/* the YAML file; "" = none */
	int file_error;			/* -errno if it could not be read; -EBADMSG: not YAML */
	struct rk_config_problem *problems; /* the first of them; see warnings */
	size_t problem_count;
	bool any_set;			/* the user set something of ours */
	uint32_t warnings;		/* bad or unknown settings that were named */
	struct rk_arena *arena;		/* owns every string and node */
};

/**
 * Build the configuration from @env and the YAML file it names (RUSTKERNEL_CONFIG).
 *
 * Every bad value is named in one line (file, line, key, what was expected), which is kept in
 * config->problems: rk_config_log_problems() logs them once the log is set up. @env may be NULL.
 * Context: init. Ownership: the caller, rk_config_destroy().
 * Return: 0; -ENOMEM. Bad settings are not errors.
 */
int rk_config_create(struct rk_config **out, const struct rk_env *env);
void rk_config_destroy(struct rk_config *config);

/**
 * Log every problem as one warning.
 *
 * Context: init, after rk_log_init() with the level of @config.
 */
void rk_config_log_problems(const struct rk_config *config);

/**
 * The configuration of a YAML file on top of the defaults, without looking at any variable. Every
 * problem is logged and counted in config->warnings.
 *
 * Context: any but hooks. Ownership: as rk_config_create(), also with an error.
 * Return: 0; -errno when the file cannot be read.
 */
int rk_config_create_file(struct rk_config **out, const char *path);

/**
 * Read a YAML file on top of the defaults, without looking at any variable.
 *
 * Context: any but hooks. Return: number of problems, each of them logged; -errno.
 */
int rk_config_check_file(const char *path);

/**
 * Whether a scrape server was asked for: metrics.enabled was set to true, or a port was named.
 *
 * Context: any.
 */
bool rk_config_wants_scrape(const struct rk_config *config);

#endif
