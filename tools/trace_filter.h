/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/trace_filter.h - the part of a trace file that was asked for, the same for every verb.
 *
 * An op passes when everything that was asked for holds of it. Definitions (core/op_kind.h) always
 * pass, and so does what groups other ops: without them the rest cannot be read. --kernel,
 * --stream and the durations choose work on a GPU, so what is no such work is left out; --device
 * leaves out what is of no device, --thread what is of no thread.
 */
#ifndef RK_TOOLS_TRACE_FILTER_H
#define RK_TOOLS_TRACE_FILTER_H

#include <stdbool.h>

#include "core/config.h"
#include "core/op.h"
#include "trace/trace_reader.h"

/* As on the command line; NULL = not asked for. */
struct rk_filter_arguments {
#define RK_FILTER_OPTION(field, name, value, help) const char *field;
#include "tools/filter_options.def"
#undef RK_FILTER_OPTION
};

/* Rows of a struct rk_option table that fill @arguments. */
#define RK_FILTER_OPTION_ROW(arguments, field, name, value, help) \
	{                                                                                          \
		name, 0, value, help, NULL, &(arguments)->field                                    \
	}

struct rk_trace_filter;

/**
 * Read the arguments; the first that cannot be read is told as a wrong use of @verb.
 *
 * @config: how kernels are called; borrowed, outlives the filter.
 * Context: tools. Ownership: the caller, rk_trace_filter_destroy().
 * Return: RK_TOOL_OK, RK_TOOL_USAGE, RK_TOOL_MEMORY.
 */
int rk_trace_filter_create(struct rk_trace_filter **out, const char *verb,
			   const struct rk_filter_arguments *arguments,
			   const struct rk_config *config);
void rk_trace_filter_destroy(struct rk_trace_filter *filter);

/**
 * Whether anything was asked for: otherwise every op passes, and nobody needs to ask.
 *
 * Context: any.
 */
bool rk_trace_filter_is_set(const struct rk_trace_filter *filter);

/**
 * Whether --last was asked for: then rk_trace_filter_begin() needs the newest time of the file.
 *
 * Context: any.
 */
bool rk_trace_filter_needs_end(const struct rk_trace_filter *filter);

/**
 * Turn times into those of the file @reader reads, and have it pass over what lies outside.
 *
 * @newest_ns: rk_clock; used where --last was asked for.
 * Context: tools, before the first op is read.
 */
void rk_trace_filter_begin(struct rk_trace_filter *filter, struct rk_trace_reader *reader,
			   uint64_t newest_ns);

/**
 * Whether @op is wanted.
 *
 * Context: tools.
 */
bool rk_trace_filter_keeps(struct rk_trace_filter *filter, const struct rk_op *op);

#endif
