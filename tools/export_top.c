/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_top.c - a first pass that adds up times, by the table of the report.
 */
#include "tools/export_top.h"

#include <errno.h>
#include <stdlib.h>

#include "pipeline/join/handle_map.h"
#include "pipeline/join/kernel_name.h"
#include "tools/report_table.h"
#include "tools/tool.h"
#include "tools/trace_pass.h"

#define NAMES_MAX 1000000u

struct rk_export_top {
	const struct rk_config *config;
	struct rk_handle_map names; /* readable name -> it is one of them */
};

/* Rows come longest first; those of the host come behind those of the GPU. */
static int keep_longest(struct rk_export_top *top, struct rk_report_table *table, uint64_t count)
{
	size_t rows = rk_report_table_sort(table);

	for (size_t i = 0; i < rows && top->names.count < count; i++) {
		const struct rk_report_row *row = rk_report_table_get(table, i);

		if (row->group == RK_REPORT_KERNELS && row->name &&
		    !rk_handle_map_put(&top->names, row->name))
			return -ENOMEM;
	}
	return 0;
}

static int add_up(struct rk_report_table *table, struct rk_trace_pass *pass)
{
	struct rk_op op;
	int got;

	while ((got = rk_trace_pass_next(pass, &op)) > 0) {
		if (op.kind == RK_OP_KERNEL && rk_report_table_push(table, &op))
			return -ENOMEM;
	}
	return got == -ENOMEM ? got : 0; /* damage is told by the pass that writes */
}

int rk_export_top_find(struct rk_export_top **out, const char *verb, const char *path,
		       struct rk_trace_filter *filter, const struct rk_config *config,
		       uint64_t count)
{
	struct rk_export_top *top = calloc(1, sizeof(*top));
	struct rk_report_table *table = rk_report_table_create(config, RK_NAMES_BASE, RK_BY_NAME);
	struct rk_trace_pass *pass = NULL;
	int status = RK_TOOL_MEMORY;

	*out = NULL;
	if (top && table) {
		top->config = config;
		rk_handle_map_init(&top->names, NAMES_MAX);
		status = rk_trace_pass_open(&pass, verb, path, filter);
	}
	if (!status && (add_up(table, pass) || keep_longest(top, table, count)))
		status = rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	rk_trace_pass_close(pass);
	rk_report_table_destroy(table);
	if (status)
		rk_export_top_destroy(top);
	else
		*out = top;
	return status;
}

void rk_export_top_destroy(struct rk_export_top *top)
{
	if (!top)
		return;
	rk_handle_map_finish(&top->names);
	free(top);
}

bool rk_export_top_keeps(const struct rk_export_top *top, const struct rk_op *op)
{
	if (op->kind != RK_OP_KERNEL)
		return true;
	return rk_handle_map_get(&top->names, rk_kernel_name_get(top->config, op->name)->readable);
}
