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

enum rk_config_id {
#define RK_CONFIG(field, type, def, key, vars, help) RK_CONFIG_##field,
#include "core/config.def"
#undef RK_CONFIG
	RK_CONFIG_COUNT
};

/* Where a value came from, weakest first. */
enum rk_config_source {
	RK_SOURCE_DEFAULT,
	RK_SOURCE_PRESET,
	RK_SOURCE_OTEL,
	RK_SOURCE_FILE,
	RK_SOURCE_VARIABLE,
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

struct rk_config {
#define RK_CONFIG(field, type, def, key, vars, help) rk_type_##type field;
#include "core/config.def"
#undef RK_CONFIG
	uint8_t source[RK_CONFIG_COUNT];	/* enum rk_config_source */
	struct rk_kernel_rule *kernels;
	size_t kernel_count;
	const char *traceparent;	/* TRACEPARENT of the process, "" = none */
	const char *tracestate;
	const char *baggage;
	bool any_set;			/* the user set something of ours */
	uint32_t warnings;		/* bad or unknown settings that were named */
};

/* A copy of the variables that concern us. */
struct rk_env;

/**
 * Copy every variable that starts with RUSTKERNEL_ or OTEL_, and the few others the table and
 * the resource need (TRACEPARENT, RANK, SLURM_*, POD_NAME, HOSTNAME, NO_COLOR...).
 *
 * @envp: as in main(); NULL = environ.
 * Context: init. Ownership: the caller, rk_env_destroy().
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
 * RUSTKERNEL_DISABLE and OTEL_SDK_DISABLED: whether the library stays inert.
 *
 * Context: init.
 */
bool rk_env_is_disabled(const struct rk_env *env);

/**
 * Build the configuration from @env and the YAML file it names (RUSTKERNEL_CONFIG).
 *
 * Every bad value is named in one warning: file, line, key, what was expected.
 * Context: init. Ownership: the caller, rk_config_destroy().
 * Return: 0; -ENOMEM. Bad settings are not errors.
 */
int rk_config_create(struct rk_config **out, const struct rk_env *env);
void rk_config_destroy(struct rk_config *config);

/**
 * Read a YAML file on top of the defaults, for `rktrace config --check`.
 *
 * Context: any but hooks. Return: number of problems, each of them logged; -errno.
 */
int rk_config_check_file(const char *path);

/* One row of the table, for documentation, `rktrace config` and the tests. */
struct rk_config_row {
	const char *field;
	const char *type;
	const char *default_value;
	const char *key;
	const char *variable;	/* derived from the key */
	const char *others;
	const char *help;
};

const struct rk_config_row *rk_config_row(enum rk_config_id id);

/**
 * Print a value the way the parser would read it. Secrets print as "(set)".
 *
 * Context: any but hooks. Return: length as snprintf.
 */
int rk_config_format(const struct rk_config *config, enum rk_config_id id, char *out, size_t size);

#endif
