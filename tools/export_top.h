/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_top.h - the kernels that took most time: what `rktrace export --top N` keeps.
 */
#ifndef RK_TOOLS_EXPORT_TOP_H
#define RK_TOOLS_EXPORT_TOP_H

#include "tools/trace_filter.h"

struct rk_export_top;

/**
 * Read the file at @path, as far as @filter wants it, and find its @count kernels.
 *
 * Context: tools. Ownership: the caller, rk_export_top_destroy(). Return: a status.
 */
int rk_export_top_find(struct rk_export_top **out, const char *verb, const char *path,
		       struct rk_trace_filter *filter, const struct rk_config *config,
		       uint64_t count);
void rk_export_top_destroy(struct rk_export_top *top);

/**
 * Whether @op is no kernel, or one of those.
 *
 * Context: tools.
 */
bool rk_export_top_keeps(const struct rk_export_top *top, const struct rk_op *op);

#endif
