/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_info.h - what `rktrace info --json` says of a file, for other verbs.
 */
#ifndef RK_TOOLS_CMD_INFO_H
#define RK_TOOLS_CMD_INFO_H

#include "tools/json.h"

/**
 * Add the members of `info --json` to the object that is open.
 *
 * Context: tools. Return: RK_TOOL_OK; the status of a file that cannot be read, after a message.
 */
int rk_cmd_info_put_json(struct rk_json *json, const char *file);

#endif
