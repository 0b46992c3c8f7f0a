/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/config_engines.h - what is wrong with settings that only those who act on them know.
 *
 * The check of the file knows its shape. That a name is taken, that a threshold and its resolve
 * do not fit, or that a channel is not there, is found by the parsers of the alerts and of the
 * SLOs: here they are run, and what they say in the log is counted.
 */
#ifndef RK_TOOLS_CONFIG_ENGINES_H
#define RK_TOOLS_CONFIG_ENGINES_H

#include "core/config.h"
#include "core/log.h"

/**
 * Give each complaint about @config to @tell, as a line of the log. A section of which something
 * is wrong already is left alone: it would be named twice.
 *
 * Context: tools; lines of the log go to @tell meanwhile. Return: 0, -ENOMEM.
 */
int rk_config_engines_check(const struct rk_config *config, rk_log_fn tell, void *data);

#endif
