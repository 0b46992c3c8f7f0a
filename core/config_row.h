/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_row.h - the table itself, for documentation, `rktrace config` and the tests.
 */
#ifndef RK_CORE_CONFIG_ROW_H
#define RK_CORE_CONFIG_ROW_H

#include <stddef.h>

#include "core/config.h"

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
	size_t size;		/* of the field */
	enum rk_config_id parent; /* whose value it takes, see others; RK_CONFIG_COUNT = none */
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
