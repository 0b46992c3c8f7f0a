/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/ctl_text.h - the answers of a running process, for people.
 */
#ifndef RK_TOOLS_CTL_TEXT_H
#define RK_TOOLS_CTL_TEXT_H

#include "core/yaml_tree.h"

/**
 * Print the reply to `status` / `reload` on stdout.
 *
 * Members that are missing are left out: the process may have another version.
 * Context: tools. Return: enum rk_tool_status, as rk_ctl_text_judge().
 */
int rk_ctl_text_status(const struct rk_yaml_node *reply);
int rk_ctl_text_reload(const struct rk_yaml_node *reply);

/**
 * Context: tools. Return: RK_TOOL_DATA where a reload found problems, else RK_TOOL_OK.
 */
int rk_ctl_text_judge(const struct rk_yaml_node *reply);

#endif
