/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_value.h - the text of one setting to its value and back.
 *
 * Independent of the program's locale: "0.5" is a half everywhere.
 */
#ifndef RK_CORE_CONFIG_VALUE_H
#define RK_CORE_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/config_row.h"

/* Whose rules a text follows. */
enum rk_config_dialect {
	RK_DIALECT_OURS, /* 250ms, yes, 4MiB */
	RK_DIALECT_OTEL, /* durations are plain milliseconds, only "true" is true */
};

/**
 * Parse @text for @row.
 *
 * @value: of the row's C type; untouched on failure.
 * Context: init, tools. Ownership: strings belong to @arena.
 * Return: 0; -EINVAL, -ERANGE (outside the limits), -ENOMEM.
 */
int rk_config_value_parse(const struct rk_config_row *row, const char *text,
			  enum rk_config_dialect dialect, void *value, struct rk_arena *arena);

/**
 * What the row accepts, for people: "a number from 1 to 65535".
 *
 * Context: init, tools. Return: length as snprintf.
 */
int rk_config_value_expected(const struct rk_config_row *row, enum rk_config_dialect dialect,
			     char *out, size_t size);

/**
 * The value in the parser's own words. Secrets are never printed.
 *
 * Context: any but hooks. Return: length as snprintf.
 */
int rk_config_value_format(const struct rk_config_row *row, const void *value, char *out,
			   size_t size);

/**
 * Single values for the schema of the lists.
 *
 * Context: init, tools. Return: whether @text is one.
 */
bool rk_config_parse_bool(const char *text, bool *value);
bool rk_config_parse_number(const char *text, double *value);
bool rk_config_parse_duration(const char *text, uint64_t *ns);
bool rk_config_parse_size(const char *text, uint64_t *bytes);
bool rk_config_parse_level(const char *text, enum rk_log_level *level);

#endif
