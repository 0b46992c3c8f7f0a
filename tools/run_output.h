/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/run_output.h - the trace file of a run: can it be made, where did it go.
 */
#ifndef RK_TOOLS_RUN_OUTPUT_H
#define RK_TOOLS_RUN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * See before the program starts whether its trace file can be written.
 *
 * @force: remove a file of that name.
 * Context: tools. Return: RK_TOOL_OK, or RK_TOOL_CANNOT_WRITE after a message.
 */
int rk_run_output_check(const char *verb, const char *path, bool force);

/**
 * The trace file that the process @pid left.
 *
 * @setting: trace.file of the program.
 * Context: tools, when the program has ended. Return: whether there is one.
 */
bool rk_run_output_find(const char *setting, pid_t pid, char *path, size_t size);

#endif
