/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/trace_input.h - a trace file as the input of a verb, with the statuses of the tool.
 */
#ifndef RK_TOOLS_TRACE_INPUT_H
#define RK_TOOLS_TRACE_INPUT_H

#include "trace/trace_reader.h"

/**
 * Open @path; when it cannot be read one line on stderr says why.
 *
 * Context: tools. Ownership: the caller, rk_trace_reader_close().
 * Return: RK_TOOL_OK, RK_TOOL_DATA, RK_TOOL_NO_INPUT, RK_TOOL_MEMORY.
 */
int rk_trace_input_open(struct rk_trace_reader **out, const char *verb, const char *path);

/**
 * The status for the end of reading; @err as rk_trace_reader_next() gave it. A damaged file is
 * named, one that merely ends early is not an error.
 *
 * Context: tools. Return: RK_TOOL_OK, RK_TOOL_DATA, RK_TOOL_MEMORY.
 */
int rk_trace_input_end(const struct rk_trace_reader *reader, const char *verb, const char *path,
		       int err);

#endif
