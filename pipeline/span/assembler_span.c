/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_span.c - executions and ops as spans.
 */
#include "pipeline/span/assembler_span.h"

#include <assert.h>
#include <string.h>

#include "core/fields.h"
#include "core/intern.h"
#include "pipeline/join/cuda_result.h"
#include "pipeline/join/kernel_name.h"
#include "pipeline/span/assembler_link.h"
#include "pipeline/span/assembler_wait.h"
#include "pipeline/span/span_id.h"

const char *rk_assembler_span_thread(const struct rk_assembler *a, uint32_t tid)
{
	struct rk_handle_slot *slot = rk_handle_map_get(&a->threads, tid);

	return slot ? rk_intern_get(slot->tag) : NULL;
}

void rk_assembler_span_give(struct rk_assembler *a, struct rk_span *span)
{
	if (span->trace_flags & RK_TRACE_FLAG_SAMPLED)
		a->tokens -= 1;
	span->sequence = ++a->sequence;
	a->setup.span(span, a->setup.data);
}

/* In steps: a compiler clears 64 bytes by stores and more by a string instruction, 30 cycles. */
static void clear(struct rk_span *span)
{
	char *bytes = (char *)span;

	static_assert(sizeof(*span) > 256 && sizeof(*span) <= 320, "the steps");
	memset(bytes, 0, 64);
	memset(bytes + 64, 0, 64);
	memset(bytes + 128, 0, 64);
	memset(bytes + 192, 0, 64);
	memset(bytes + 256, 0, sizeof(*span) - 256);
}

static void start_span(struct rk_assembler *a, struct rk_exec *exec, struct rk_span *span)
{
	const struct rk_origin *origin = rk_assembler_origin(a, exec);

	if (exec->threads_seen != a->threads_named) {
		exec->thread_name = rk_assembler_span_thread(a, exec->tid);
		exec->threads_seen = a->threads_named;
	}
	clear(span);
	memcpy(span->trace_id, exec->trace.id, sizeof(span->trace_id));
	span->trace_flags = exec->trace.flags;
	span->tracestate = exec->trace.state;
	span->kept = exec->kept;
	span->exec = exec->number;
	span->tid = exec->tid;
	span->thread_name = exec->thread_name;
	span->baggage = origin->baggage;
	span->baggage_count = origin->baggage_count;
	span->is_borrowed = origin->is_borrowed;
	span->kernel_id = "";
	span->error = "";
}

/* Of the open part. Parts beyond the first are rare and far away. */
static uint64_t part_number(const struct rk_exec *exec)
{
	return exec->number | exec->part << RK_ID_PART_SHIFT;
}

static uint64_t root_id(const struct rk_assembler *a, const struct rk_exec *exec)
{
	return rk_span_id_mix(a->setup.seed, RK_ID_ROOT, part_number(exec));
}

void rk_assembler_span_begin(const struct rk_assembler *a, struct rk_exec *exec)
{
	for (uint64_t i = 0; i < RK_STAGE_COUNT; i++)
		exec->stage_ids[i] =
			rk_span_id_mix(a->setup.seed, RK_ID_STAGE + i, part_number(exec));
}

static void set_root_parent(const struct rk_assembler *a, const struct rk_exec *exec,
			    struct rk_span *span)
{
	const struct rk_origin *origin = rk_assembler_origin(a, exec);

	if (exec->trace.has_parent) {
		memcpy(span->parent_id, origin->parent.span_id, sizeof(span->parent_id));
		span->parent_is_remote = origin->is_remote;
	} else if (exec->trace.is_continuation) {
		memcpy(span->link_trace_id, origin->parent.trace_id, sizeof(span->link_trace_id));
		memcpy(span->link_span_id, origin->parent.span_id, sizeof(span->link_span_id));
	}
}

static void give_stage(struct rk_assembler *a, struct rk_exec *exec, int stage)
{
	const struct rk_extent *extent = &exec->stages[stage];
	struct rk_span span;

	start_span(a, exec, &span);
	rk_span_id_store(span.span_id, exec->stage_ids[stage]);
	rk_span_id_store(span.parent_id, root_id(a, exec));
	span.name = rk_intern_get(a->stage_names[stage]);
	span.kernel_id = rk_intern_get(exec->kernel_id);
	span.domain = rk_intern_get(exec->domain ? exec->domain : a->unknown);
	span.start_unix_ns = extent->start;
	span.end_unix_ns = extent->end;
	span.host_time = extent->host_time;
	span.shape = RK_SPAN_STAGE;
	rk_assembler_span_give(a, &span);
}

void rk_assembler_span_part(struct rk_assembler *a, struct rk_exec *exec)
{
	struct rk_extent covered;
	struct rk_span span;

	for (int i = 0; i < RK_STAGE_COUNT; i++) {
		if (exec->stages[i].used)
			give_stage(a, exec, i);
	}
	start_span(a, exec, &span);
	rk_span_id_store(span.span_id, root_id(a, exec));
	set_root_parent(a, exec, &span);
	span.name = rk_intern_get(exec->root_name ? exec->root_name : a->transfer_root);
	span.kernel_id = rk_intern_get(exec->kernel_id);
	span.domain = rk_intern_get(exec->domain ? exec->domain : a->unknown);
	covered = exec->whole;
	if (exec->waits.used)
		rk_extent_extend(&covered, exec->waits.start, exec->waits.end, false);
	span.start_unix_ns = covered.start;
	span.end_unix_ns = covered.end;
	span.work_end_unix_ns = exec->whole.end;
	span.host_time = covered.host_time;
	span.ops = exec->ops;
	span.kernels = exec->kernels;
	span.gpu_ns = exec->gpu_ns;
	if (exec->error) {
		span.error = rk_cuda_result_name(exec->error);
		span.error_message = rk_intern_get(exec->error_message);
	}
	span.shape = RK_SPAN_ROOT;
	rk_assembler_span_give(a, &span);
}

void rk_assembler_note_module(struct rk_assembler *a, const struct rk_op *op)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&a->modules, op->name);

	if (slot)
		slot->tag = rk_intern(rk_fields_find_text(op->text, op->text_bytes, "module"));
}

/* The one it was loaded from last. */
static const char *module_of(const struct rk_assembler *a, uint32_t kernel)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&a->modules, kernel);

	return slot && slot->tag ? rk_intern_get(slot->tag) : NULL;
}

/* Name and identity of a leaf. */
static void name_leaf(struct rk_assembler *a, const struct rk_op *op, struct rk_span *span)
{
	const struct rk_kernel_name *kernel;

	if (op->kind == RK_OP_KERNEL) {
		kernel = rk_kernel_name_get(a->setup.config, op->name);
		span->name = kernel->readable_text;
		span->demangled = kernel->demangled_text;
		span->kernel_id = kernel->kernel_id_text;
		span->domain = kernel->domain_text;
		if (a->modules.count)
			span->module = module_of(a, op->name);
		return;
	}
	span->domain = rk_intern_get(a->unknown);
	switch (op->kind) {
	case RK_OP_MEMCPY:
		span->name = rk_intern_get(a->memcpy_name);
		break;
	case RK_OP_MEMSET:
		span->name = rk_intern_get(a->memset_name);
		break;
	case RK_OP_SYNC:
		span->name = rk_intern_get(rk_assembler_wait_name(a, op));
		break;
	default:
		span->name = rk_intern_get(a->graph_name);
		break;
	}
}

bool rk_assembler_span_time(const struct rk_op *op, int64_t wall_offset, struct rk_leaf_time *time)
{
	uint64_t start = op->start;
	uint64_t end = op->end;

	time->queue_ns = 0;
	time->host_time = op->flags & RK_OP_F_HOST_TIME;
	if (op->flags & RK_OP_F_OPEN)
		return false;
	if ((op->flags & RK_OP_F_INVALID_TIME) || !end || end < start) {
		start = op->host_start;
		end = op->host_end;
		time->host_time = true;
	}
	if (!end || end < start)
		return false;
	time->start = start + (uint64_t)wall_offset;
	time->end = end + (uint64_t)wall_offset;
	if (op->kind == RK_OP_KERNEL && !time->host_time && op->host_end && start > op->host_end)
		time->queue_ns = start - op->host_end;
	return true;
}

/* The nodes of a graph name their launch before its op is there. */
static uint64_t leaf_id(const struct rk_assembler *a, const struct rk_exec *exec,
			const struct rk_op *op)
{
	if (op->kind == RK_OP_GRAPH && op->graph.nodes)
		return rk_assembler_graph_id(a, exec, op);
	return rk_span_id_mix(a->setup.seed, RK_ID_LEAF, op->ordinal);
}

/* Waits are no part of a stage. */
static uint64_t parent_of(const struct rk_assembler *a, const struct rk_exec *exec,
			  const struct rk_op *op)
{
	if (__builtin_expect(op->kind == RK_OP_SYNC, 0))
		return root_id(a, exec);
	return exec->stage_ids[rk_assembler_span_stage(op)];
}

void rk_assembler_span_leaf(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op,
			    const struct rk_leaf_time *time)
{
	struct rk_span span;

	start_span(a, exec, &span);
	name_leaf(a, op, &span);
	rk_span_id_store(span.span_id, leaf_id(a, exec, op));
	if (exec->number && rk_assembler_graph_is_node(a, op))
		rk_span_id_store(span.parent_id, rk_assembler_graph_id(a, exec, op));
	else if (exec->number && !exec->trace.is_direct)
		rk_span_id_store(span.parent_id, parent_of(a, exec, op));
	else
		set_root_parent(a, exec, &span);
	span.start_unix_ns = time->start;
	span.end_unix_ns = time->end;
	span.queue_ns = time->queue_ns;
	span.host_time = time->host_time;
	span.op = op;
	if (op->tid != exec->tid) {
		span.tid = op->tid;
		span.thread_name = rk_assembler_span_thread(a, op->tid);
	}
	span.shape = RK_SPAN_LEAF;
	if (a->links)
		rk_leaf_links_set(a->links, op, a->setup.seed, &span);
	rk_assembler_span_give(a, &span);
}
