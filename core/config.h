/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config.h - the settings, generated from the one table config.def.
 *
 * Precedence per setting: variable, YAML file, OTEL variable, preset, default. A value that
 * cannot be read never stops anything: one warning that names it, and the next source counts.
 * The environment is copied once (struct rk_env) and never looked at again.
 */
#ifndef RK_CORE_CONFIG_H
#define RK_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/log.h"
#include "core/yaml_tree.h"

enum rk_config_id {
#define RK_CONFIG(field, type, def, key, vars, limits, help) RK_CONFIG_##field,
#include "core/config.def"
#undef RK_CONFIG
	RK_CONFIG_COUNT
};

/* Type of a row of the table. */
enum rk_config_type {
	RK_TYPE_BOOL,
	RK_TYPE_UINT,
	RK_TYPE_SIZE,
	RK_TYPE_DURATION,
	RK_TYPE_RATIO,
	RK_TYPE_STRING,
	RK_TYPE_SECRET,
	RK_TYPE_BOUNDS,
	RK_TYPE_ENUM_PRESET,
	RK_TYPE_ENUM_PROTOCOL,
	RK_TYPE_ENUM_COMPRESSION,
	RK_TYPE_ENUM_LEVEL,
	RK_TYPE_ENUM_LOG_FORMAT,
	RK_TYPE_ENUM_GRAPH,
};

/* Where a value came from, weakest first. */
enum rk_config_source {
	RK_SOURCE_DEFAULT,
	RK_SOURCE_PRESET,
	RK_SOURCE_OTEL,
	RK_SOURCE_FILE,
	RK_SOURCE_VARIABLE,
	RK_SOURCE_COUNT
};

enum rk_preset { RK_PRESET_NONE, RK_PRESET_DEVELOPMENT, RK_PRESET_PRODUCTION, RK_PRESET_MINIMAL };
enum rk_protocol { RK_PROTOCOL_AUTO, RK_PROTOCOL_GRPC, RK_PROTOCOL_HTTP_PROTOBUF, RK_PROTOCOL_HTTP_JSON };
enum rk_compression { RK_COMPRESSION_NONE, RK_COMPRESSION_GZIP };
enum rk_log_format { RK_LOG_TEXT, RK_LOG_JSON };
enum rk_graph_trace { RK_GRAPH_NODE, RK_GRAPH_GRAPH };

#define RK_CONFIG_BOUNDS_MAX 64

struct rk_bounds {
	uint32_t count;
	double at[RK_CONFIG_BOUNDS_MAX];
};

/* C type per table type. Strings are owned by the config and never NULL. */
typedef bool rk_type_BOOL;
typedef uint64_t rk_type_UINT;
typedef uint64_t rk_type_SIZE;		/* bytes */
typedef uint64_t rk_type_DURATION;	/* ns */
typedef double rk_type_RATIO;
typedef const char *rk_type_STRING;
typedef const char *rk_type_SECRET;
typedef struct rk_bounds rk_type_BOUNDS;
typedef enum rk_preset rk_type_ENUM_PRESET;
typedef enum rk_protocol rk_type_ENUM_PROTOCOL;
typedef enum rk_compression rk_type_ENUM_COMPRESSION;
typedef enum rk_log_level rk_type_ENUM_LEVEL;
typedef enum rk_log_format rk_type_ENUM_LOG_FORMAT;
typedef enum rk_graph_trace rk_type_ENUM_GRAPH;

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
	struct rk_kernel_rule *kernels;
	size_t kernel_count;
	const char *traceparent;	/* TRACEPARENT of the process, "" = none */
	const char *tracestate;
	const char *baggage;
	const char *otlp_endpoint_variable; /* that gave tracing_otlp_endpoint; "" = none did */
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

/* A copy of the environment. */
struct rk_env;

/**
 * Copy the environment into one private block. All of it, because trace.file may name any
 * variable (%q{VAR}) long after the program has begun to change its environment.
 *
 * @envp: as in main(); NULL = environ.
 * Context: init. Does not use the program's malloc. Ownership: the caller, rk_env_destroy().
 * Return: NULL when no memory could be had.
 */
struct rk_env *rk_env_create(char *const *envp);
void rk_env_destroy(struct rk_env *env);

/**
 * Value of a copied variable.
 *
 * Context: any. Return: NULL when unset or empty. Ownership: borrowed from @env.
 */
const char *rk_env_get(const struct rk_env *env, const char *name);

/**
 * The @index-th "NAME=value" of the copy.
 *
 * Context: any. Return: NULL behind the last one. Ownership: borrowed from @env.
 */
const char *rk_env_at(const struct rk_env *env, size_t index);

/**
 * RUSTKERNEL_DISABLE and OTEL_SDK_DISABLED: whether the library stays inert.
 *
 * Context: init.
 */
bool rk_env_is_disabled(const struct rk_env *env);

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

/* One row of the table, for documentation, `rktrace config` and the tests. */
struct rk_config_row {
	const char *field;
	const char *type;
	const char *default_value;
	const char *key;
	const char *variable;	/* derived from the key */
	const char *others;
	const char *limits;
	const char *help;
	enum rk_config_type kind;
	size_t offset;		/* of the field in struct rk_config */
};

/**
 * Context: any. Return: NULL for a number outside the table. Ownership: static.
 */
const struct rk_config_row *rk_config_row(enum rk_config_id id);

/**
 * The row of a YAML key or of any of its variables.
 *
 * Context: any. Return: RK_CONFIG_COUNT when there is none.
 */
enum rk_config_id rk_config_find(const char *name);

/**
 * "default", "preset", "otel", "file", "variable".
 *
 * Context: any. Return: a static string.
 */
const char *rk_config_source_name(enum rk_config_source source);

/**
 * Print a value the way the parser would read it. Secrets print as "(set)", the user part of
 * a URL as "***".
 *
 * Context: any but hooks. Return: length as snprintf.
 */
int rk_config_format(const struct rk_config *config, enum rk_config_id id, char *out, size_t size);

#endif
