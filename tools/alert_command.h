/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_command.h - a notice as the standard input of a command.
 *
 * The words of argv are the command and its arguments: no shell reads them. A command that has
 * not ended in time is killed; it is waited for in any case, so none is left behind. What it
 * prints goes to our standard error.
 */
#ifndef RK_TOOLS_ALERT_COMMAND_H
#define RK_TOOLS_ALERT_COMMAND_H

#include <stddef.h>

#include "pipeline/alert/alert_channel.h"

/**
 * Run the command of @channel with @notice, as JSON, on its standard input.
 *
 * Context: tools; waits for at most the channel's timeout. What goes wrong is told.
 * Return: exit status of the command; 128 + the signal that ended it; -errno.
 */
int rk_alert_command_run(const struct rk_alert_channel *channel,
			 const struct rk_alert_notice *notice);

/**
 * @notice as one line of JSON without a line end. Alerts that the channel does not take are left
 * out.
 *
 * Context: any. Ownership: the caller, free(). Return: NULL without memory, or when no alert is
 * left.
 */
char *rk_alert_command_json(const struct rk_alert_channel *channel,
			    const struct rk_alert_notice *notice);

#endif
