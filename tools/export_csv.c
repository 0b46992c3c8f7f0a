/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_csv.c - work on GPUs, a row each; columns are called as in nsys' cuda_gpu_trace.
 *
 * Sizes are bytes, and times ns, with the unit in the column's name as there. "Time Source" says
 * where a duration comes from: host is how long the call took.
 */
#include <errno.h>

#include "core/intern.h"
#include "tools/export.h"

static int csv_begin(struct rk_export *x)
{
	rk_export_output_text(x->output,
			      "Start (ns),Duration (ns),CorrId,GrdX,GrdY,GrdZ,BlkX,BlkY,BlkZ,"
			      "Reg/Trd,StcSMem (B),DymSMem (B),Bytes,Throughput (GB/s),SrcMemKd,"
			      "DstMemKd,Device,Ctx,Strm,Thread,GraphId,GraphNodeId,Category,"
			      "Time Source,API,Name\n");
	return rk_export_output_error(x->output);
}

/* CUpti_ActivityMemoryKind, as nsys writes it */
static const char *memory_kind(uint8_t kind)
{
	static const char *const names[] = {
		"",	 "Pageable", "Pinned",	      "Device",
		"Array", "Managed",  "Device Static", "Managed Static"
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "";
}

static void write_kernel(struct rk_export_output *out, const struct rk_op *op)
{
	rk_export_output_printf(out, "%u,%u,%u,%u,%u,%u,%u,%u,%u,,,,,", op->kernel.grid[0],
				op->kernel.grid[1], op->kernel.grid[2], op->kernel.block[0],
				op->kernel.block[1], op->kernel.block[2], op->kernel.registers,
				op->kernel.static_shared_bytes, op->kernel.dynamic_shared_bytes);
}

static void write_copy(struct rk_export_output *out, const struct rk_op *op)
{
	uint64_t ns = op->end - op->start;

	rk_export_output_printf(out, ",,,,,,,,,%llu,", (unsigned long long)op->copy.bytes);
	if (ns && !(op->flags & RK_OP_F_HOST_TIME))
		rk_export_output_printf(out, "%.3f", (double)op->copy.bytes / (double)ns);
	if (op->kind == RK_OP_MEMCPY)
		rk_export_output_printf(out, ",%s,%s,", memory_kind(op->copy.src_memory),
					memory_kind(op->copy.dst_memory));
	else
		rk_export_output_printf(out, ",,%s,", memory_kind(op->copy.dst_memory));
}

static void write_graph(struct rk_export_output *out, const struct rk_op *op)
{
	uint32_t graph = op->kind == RK_OP_KERNEL ? op->kernel.graph :
			 op->kind == RK_OP_GRAPH  ? op->graph.graph :
						    op->copy.graph;
	uint64_t node = op->kind == RK_OP_KERNEL ? op->kernel.graph_node :
			op->kind == RK_OP_GRAPH	 ? 0 :
						   op->copy.graph_node;

	if (graph)
		rk_export_output_printf(out, "%u,%llu,", graph, (unsigned long long)node);
	else
		rk_export_output_text(out, ",,");
}

static int csv_op(struct rk_export *x, const struct rk_op *op)
{
	struct rk_export_output *out = x->output;

	if (!rk_export_is_work(op) || !rk_export_has_time(op))
		return 0;
	rk_export_output_printf(out, "%lld,%llu,%u,",
				(long long)rk_export_since_start(x, op->start),
				(unsigned long long)(op->end - op->start), op->correlation);
	if (op->kind == RK_OP_KERNEL)
		write_kernel(out, op);
	else if (op->kind == RK_OP_GRAPH)
		rk_export_output_text(out, ",,,,,,,,,,,,,");
	else
		write_copy(out, op);
	rk_export_output_printf(out, "%u,%u,%u,%u,", op->device, op->context, op->stream, op->tid);
	write_graph(out, op);
	rk_export_output_printf(out, "%s,%s,", rk_export_category(op),
				op->flags & RK_OP_F_HOST_TIME ? "host" : "gpu");
	rk_export_output_cell(out, rk_intern_get(op->api));
	rk_export_output_text(out, ",");
	rk_export_output_cell(out, rk_export_name(x, op));
	rk_export_output_text(out, "\n");
	return rk_export_output_error(out);
}

static int csv_end(struct rk_export *x)
{
	return rk_export_output_error(x->output);
}

const struct rk_export_format rk_export_csv = {
	.begin = csv_begin,
	.op = csv_op,
	.end = csv_end,
};
