/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_layer.h - how the sources of the configuration are laid on top of each other.
 *
 * Each source applies its values in turn, weakest source first, so the last valid one counts
 * and a bad one leaves what is below it.
 */
#ifndef RK_CORE_CONFIG_LAYER_H
#define RK_CORE_CONFIG_LAYER_H

#include "core/config_row.h"
#include "core/config_value.h"

/* One value on its way into the configuration. */
struct rk_config_input {
	enum rk_config_id id;
	enum rk_config_source source;
	enum rk_config_dialect dialect;
	const char *text;   /* borrowed; the value */
	const char *origin; /* borrowed; "" or what rk_config.origin shall say */
	const char *key;    /* borrowed; YAML key or variable, for the warning */
	uint32_t line;	    /* 0 = not from the file */
};

/**
 * Parse and store one value; a bad one becomes a problem.
 *
 * Context: init.
 * Return: 0 also for a bad value; -ENOMEM.
 */
int rk_config_layer_set(struct rk_config *config, const struct rk_config_input *input);

/**
 * Note one problem: `config: <file>:<line>: <key>: <text>` or `config: <key>: <text>`.
 *
 * Context: init.
 */
void rk_config_layer_problem(struct rk_config *config, const char *key, uint32_t line,
			     const char *format, ...) __attribute__((format(printf, 4, 5)));

/**
 * Quote a value for a warning: printable, shortened.
 *
 * Context: init. Return: @out.
 */
const char *rk_config_layer_quote(const char *text, char out[72]);

/**
 * Apply the OTEL variables, or ours; the row `preset` only when @preset is true.
 *
 * Context: init. Return: 0, -ENOMEM.
 */
int rk_config_layer_env(struct rk_config *config, const struct rk_env *env,
			enum rk_config_source source, bool preset);

/**
 * Name every variable with our prefix that nothing reads, and OTEL ones that cannot be obeyed.
 *
 * Context: init.
 */
void rk_config_layer_check_env(struct rk_config *config, const struct rk_env *env);

/**
 * Bring the settings in line with each other: inheritance, sampler, propagators, limits.
 *
 * Context: init, behind the last source. Return: 0, -ENOMEM.
 */
int rk_config_layer_settle(struct rk_config *config);

/**
 * Read the YAML file into a tree. Problems are noted; config->file_error tells the result.
 *
 * @root: NULL when there is nothing to apply.
 * Context: init. Return: 0, -ENOMEM.
 */
int rk_config_layer_read(struct rk_config *config, const char *path,
			 const struct rk_yaml_node **root);

/**
 * Apply a file's tree; the row `preset` only when @preset is true, and nothing else then.
 *
 * Context: init. Return: 0, -ENOMEM.
 */
int rk_config_layer_file(struct rk_config *config, const struct rk_yaml_node *root, bool preset);

/**
 * Check `kernels`, `alerting`, `slo` and `logging.per_domain_levels` and keep them.
 *
 * @key: dotted key of @node.
 * Context: init. Return: 0, -ENOMEM; 1 when @key is none of them.
 */
int rk_config_layer_list(struct rk_config *config, const char *key,
			 const struct rk_yaml_node *node);

/**
 * Name what is wrong with the rows of alerting.channels beyond their members.
 *
 * @list: may be NULL. Context: init.
 */
void rk_config_layer_check_channels(struct rk_config *config, const struct rk_yaml_node *list);

/**
 * The dotted keys that rk_config_layer_list() knows.
 *
 * Context: init. Return: NULL behind the last.
 */
const char *rk_config_layer_list_key(size_t index);

#endif
