/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_change.h - two readings of the settings side by side.
 *
 * For who reads them again while running: what differs, what is wrong in the file, and how a
 * setting that is wrong keeps the value it had.
 */
#ifndef RK_CORE_CONFIG_CHANGE_H
#define RK_CORE_CONFIG_CHANGE_H

#include <stdbool.h>

#include "core/config.h"

/* What stands in the file beside the rows of the table. */
enum rk_config_section {
	RK_SECTION_KERNELS,
	RK_SECTION_DOMAIN_LEVELS,
	RK_SECTION_ALERTING,
	RK_SECTION_SLO,
	RK_SECTION_COUNT
};

/**
 * YAML key of a section.
 *
 * Context: any. Return: a static string.
 */
const char *rk_config_section_key(enum rk_config_section section);

/**
 * Whether both say the same.
 *
 * Context: any but hooks.
 */
bool rk_config_row_is_same(const struct rk_config *a, const struct rk_config *b,
			   enum rk_config_id id);
bool rk_config_section_is_same(const struct rk_config *a, const struct rk_config *b,
			       enum rk_config_section section);

/**
 * Whether something is wrong with @key, in it or around it, in the file of @config.
 *
 * Context: any but hooks.
 */
bool rk_config_is_wrong(const struct rk_config *config, const char *key);

/**
 * Give @to the value that @from has, copied.
 *
 * Context: any but hooks. Return: 0, -ENOMEM.
 */
int rk_config_carry_row(struct rk_config *to, const struct rk_config *from, enum rk_config_id id);
int rk_config_carry_section(struct rk_config *to, const struct rk_config *from,
			    enum rk_config_section section);

#endif
