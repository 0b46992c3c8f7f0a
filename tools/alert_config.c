/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_config.c - reading them.
 */
#include "tools/alert_config.h"

#include <errno.h>
#include <unistd.h>

#include "core/log.h"
#include "tools/child_env.h"
#include "tools/tool.h"

int rk_alert_config_open(struct rk_alert_config *config, const char *verb, const char *file)
{
	struct rk_child_env *variables = rk_child_env_create(environ);
	int err = variables ? 0 : -ENOMEM;

	if (!err && file)
		err = rk_child_env_set(variables, "RUSTKERNEL_CONFIG", file);
	if (!err) {
		config->env = rk_env_create(rk_child_env_get(variables));
		err = config->env ? rk_config_create(&config->config, config->env) : -ENOMEM;
	}
	rk_child_env_destroy(variables);
	if (err)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	rk_log_init(config->config->logging_level, true);
	rk_config_log_problems(config->config);
	if (config->config->file_error)
		return config->config->file_error == -EBADMSG ? RK_TOOL_DATA : RK_TOOL_NO_INPUT;
	return RK_TOOL_OK;
}

void rk_alert_config_close(struct rk_alert_config *config)
{
	rk_config_destroy(config->config);
	rk_env_destroy(config->env);
	config->config = NULL;
	config->env = NULL;
}
