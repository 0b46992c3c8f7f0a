/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/trace_pass.h - one pass over a trace file: what was asked for of it, and how far it is.
 *
 * Every verb that reads a whole file reads it so. One frame of the file is in memory at a time.
 */
#ifndef RK_TOOLS_TRACE_PASS_H
#define RK_TOOLS_TRACE_PASS_H

#include "tools/trace_filter.h"
#include "trace/trace_reader.h"

struct rk_trace_pass;

/**
 * @filter: may be NULL: everything. Borrowed; one pass at a time.
 *
 * Context: tools. Ownership: the caller, rk_trace_pass_close().
 * Return: a status as rk_trace_input_open().
 */
int rk_trace_pass_open(struct rk_trace_pass **out, const char *verb, const char *path,
		       struct rk_trace_filter *filter);

/**
 * The next op that was asked for.
 *
 * Context: tools. Return: as rk_trace_reader_next().
 */
int rk_trace_pass_next(struct rk_trace_pass *pass, struct rk_op *op);

/**
 * The status for the end of reading; @err as rk_trace_pass_next() gave it.
 *
 * Context: tools. Return: as rk_trace_input_end().
 */
int rk_trace_pass_end(struct rk_trace_pass *pass, int err);

/**
 * Context: tools. Ownership: borrowed until rk_trace_pass_close().
 */
struct rk_trace_reader *rk_trace_pass_reader(struct rk_trace_pass *pass);

/**
 * Accepts NULL.
 *
 * Context: tools.
 */
void rk_trace_pass_close(struct rk_trace_pass *pass);

#endif
