/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_config.h - the settings that actions of `rktrace alert` work with.
 */
#ifndef RK_TOOLS_ALERT_CONFIG_H
#define RK_TOOLS_ALERT_CONFIG_H

#include "core/config.h"

struct rk_alert_config {
	struct rk_env *env;
	struct rk_config *config;
};

/**
 * The settings of the environment; with @file as RUSTKERNEL_CONFIG, unless it is NULL. What is
 * wrong with them is told.
 *
 * Context: tools. Ownership: the caller, rk_alert_config_close(), in any case.
 * Return: RK_TOOL_OK; RK_TOOL_NO_INPUT when @file cannot be read, RK_TOOL_DATA when it is no
 * YAML, RK_TOOL_MEMORY.
 */
int rk_alert_config_open(struct rk_alert_config *config, const char *verb, const char *file);
void rk_alert_config_close(struct rk_alert_config *config);

#endif
