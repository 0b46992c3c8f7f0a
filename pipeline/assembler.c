/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/assembler.c - the executions under way, and the spans they become.
 */
#include "pipeline/assembler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/activity.h"
#include "core/intern.h"
#include "pipeline/cuda_result.h"
#include "pipeline/handle_map.h"
#include "pipeline/kernel_name.h"
#include "pipeline/metrics_state.h"
#include "pipeline/span_id.h"
#include "pipeline/trace_context.h"

/* Root and three stages may still have to go into a trace that has an open part. */
#define PART_RESERVE (1u + RK_STAGE_COUNT)
#define NONE	     UINT32_MAX
#define STATE_BYTES  513
/* Executions under way that are found without the index: one per thread. */
#define RECENT 64u

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ids are stored by a byte swap");

struct extent {
	uint64_t start, end; /* UNIX ns */
	bool used, host_time;
};

/* A trace of ours: the remote parent's, or one of our own. */
struct trace {
	uint8_t id[16];
	uint8_t flags;
	uint32_t spans;	      /* given or reserved */
	bool is_remote;	      /* its roots are children of the remote parent */
	bool is_continuation; /* its roots link to the remote parent */
};

struct exec {
	uint64_t number;
	uint64_t part;	    /* 0, 1...: of an execution that did not fit one trace */
	struct trace trace; /* of the open part */
	struct extent whole, stages[RK_STAGE_COUNT];
	uint64_t first_kernel; /* host start of the kernel that names it */
	uint64_t gpu_ns;
	uint32_t root_name, kernel_id, domain; /* strings */
	uint32_t tid;
	uint32_t calls_seen, calls_expected;
	uint32_t ops, kernels;
	uint32_t error;	     /* CUresult */
	uint32_t prev, next; /* by age */
	bool closed, admitted, has_part;
};

struct rk_assembler {
	struct rk_assembler_setup setup;
	struct rk_trace_context remote;
	bool has_remote;
	const char *tracestate; /* interned: spans may be kept by a sink */
	struct trace shared;	/* with a remote parent: where executions go now */
	uint64_t shared_count;
	struct exec *execs;
	uint32_t capacity, free_first, oldest, newest;
	uint32_t recent[RECENT];    /* place + 1; the execution there tells whether it is the one */
	struct rk_handle_map index; /* execution -> tag: place + 1 */
	int64_t wall_offset;
	double tokens;	    /* spans that may leave now */
	uint64_t tokens_at; /* ns of the newest op */
	uint64_t lost;
	uint32_t stage_names[RK_STAGE_COUNT];
	uint32_t transfer_root, memcpy_name, memset_name, graph_name, unknown;
};

static const char *const stage_names[RK_STAGE_COUNT] = { "prepare_input", "gpu_execute",
							 "collect_output" };

static void make_trace(struct rk_assembler *a, struct trace *trace, uint64_t kind, uint64_t number)
{
	const struct rk_config *config = a->setup.config;
	bool sampled;

	memset(trace, 0, sizeof(*trace));
	rk_span_id_store(trace->id, rk_span_id_mix(a->setup.seed, kind, number));
	rk_span_id_store(trace->id + 8, rk_span_id_mix(a->setup.seed, kind + 0x100, number));
	sampled = a->has_remote ?
			  a->remote.flags & RK_TRACE_FLAG_SAMPLED :
			  rk_trace_context_is_kept(trace->id, config->tracing_sampling_rate);
	trace->flags = RK_TRACE_FLAG_RANDOM | (sampled ? RK_TRACE_FLAG_SAMPLED : 0);
	trace->is_continuation = a->has_remote;
}

int rk_assembler_create(struct rk_assembler **out, const struct rk_assembler_setup *setup)
{
	struct rk_assembler *a = calloc(1, sizeof(*a));
	char tracestate[STATE_BYTES] = "";

	*out = a;
	if (!a)
		return -ENOMEM;
	a->setup = *setup;
	a->free_first = a->oldest = a->newest = NONE;
	rk_handle_map_init(&a->index, RK_ASSEMBLER_PENDING_MAX);
	a->tokens = (double)setup->config->tracing_max_spans_per_second;
	a->has_remote =
		setup->traceparent && rk_trace_context_parse(setup->traceparent, &a->remote);
	if (a->has_remote) {
		memcpy(a->shared.id, a->remote.trace_id, sizeof(a->shared.id));
		a->shared.flags = a->remote.flags;
		a->shared.is_remote = true;
		rk_trace_context_parse_state(setup->tracestate ? setup->tracestate : "", tracestate,
					     sizeof(tracestate));
	}
	a->tracestate = rk_intern_get(rk_intern(tracestate));
	for (int i = 0; i < RK_STAGE_COUNT; i++)
		a->stage_names[i] = rk_intern(stage_names[i]);
	a->transfer_root = rk_intern("transfer");
	a->memcpy_name = rk_intern("memcpy");
	a->memset_name = rk_intern("memset");
	a->graph_name = rk_intern("graph");
	a->unknown = rk_intern("unknown");
	return 0;
}

void rk_assembler_destroy(struct rk_assembler *a)
{
	if (!a)
		return;
	free(a->execs);
	rk_handle_map_finish(&a->index);
	free(a);
}

uint64_t rk_assembler_lost(const struct rk_assembler *a)
{
	return a->lost;
}

static bool execs_grow(struct rk_assembler *a)
{
	uint32_t capacity = a->capacity ? a->capacity * 2 : 64;
	struct exec *execs;

	if (capacity > RK_ASSEMBLER_PENDING_MAX)
		return false;
	execs = realloc(a->execs, capacity * sizeof(*execs));
	if (!execs)
		return false;
	for (uint32_t i = capacity; i-- > a->capacity;) {
		execs[i].next = a->free_first;
		a->free_first = i;
	}
	a->execs = execs;
	a->capacity = capacity;
	return true;
}

static void exec_remove(struct rk_assembler *a, struct exec *exec)
{
	uint32_t at = (uint32_t)(exec - a->execs);

	rk_handle_map_remove(&a->index, exec->number);
	exec->number = 0;
	if (exec->prev == NONE)
		a->oldest = exec->next;
	else
		a->execs[exec->prev].next = exec->next;
	if (exec->next == NONE)
		a->newest = exec->prev;
	else
		a->execs[exec->next].prev = exec->prev;
	exec->next = a->free_first;
	a->free_first = at;
}

/* Number in the ids of a part; parts beyond the first are rare and far away. */
static uint64_t part_number(const struct exec *exec)
{
	return exec->number | exec->part << 44;
}

/* Whole executions pass or do not; one that passed may overdraw, the next ones wait it out. */
static bool admit(struct rk_assembler *a)
{
	return !a->setup.config->tracing_max_spans_per_second || a->tokens >= 1;
}

static void refill(struct rk_assembler *a, const struct rk_op *op)
{
	double limit = (double)a->setup.config->tracing_max_spans_per_second;
	uint64_t now = op->end > op->host_end ? op->end : op->host_end;

	if (now <= a->tokens_at)
		return;
	if (a->tokens_at)
		a->tokens += (double)(now - a->tokens_at) * limit / 1e9;
	a->tokens_at = now;
	if (a->tokens > limit)
		a->tokens = limit;
}

static void give(struct rk_assembler *a, const struct rk_span *span)
{
	if (span->trace_flags & RK_TRACE_FLAG_SAMPLED)
		a->tokens -= 1;
	a->setup.span(span, a->setup.data);
}

/* The open part of an execution gets a trace. */
static void part_begin(struct rk_assembler *a, struct exec *exec)
{
	if (!a->has_remote) {
		make_trace(a, &exec->trace, RK_ID_TRACE, part_number(exec));
	} else {
		if (a->shared.spans + PART_RESERVE >= RK_TRACE_SPANS_MAX)
			make_trace(a, &a->shared, RK_ID_TRACE, part_number(exec));
		a->shared.spans += PART_RESERVE;
		exec->trace = a->shared;
	}
	if (!exec->part)
		exec->admitted = admit(a);
	if (!exec->admitted)
		exec->trace.flags &= (uint8_t)~RK_TRACE_FLAG_SAMPLED;
	exec->trace.spans = PART_RESERVE;
	exec->has_part = true;
}

/* Count one more leaf into the part's trace. Return: false when the trace is full. */
static bool part_count(struct rk_assembler *a, struct exec *exec)
{
	bool is_shared = a->has_remote && memcmp(a->shared.id, exec->trace.id, 16) == 0;
	uint32_t *spans = is_shared ? &a->shared.spans : &exec->trace.spans;

	/* A trace that is no longer the shared one was left because it was full. */
	if (*spans >= RK_TRACE_SPANS_MAX || (a->has_remote && !is_shared))
		return false;
	++*spans;
	return true;
}

static void extend(struct extent *extent, uint64_t start, uint64_t end, bool host_time)
{
	if (!extent->used || start < extent->start)
		extent->start = start;
	if (!extent->used || end > extent->end)
		extent->end = end;
	extent->used = true;
	extent->host_time = extent->host_time || host_time;
}

static void start_span(struct rk_assembler *a, const struct exec *exec, struct rk_span *span)
{
	memset(span, 0, sizeof(*span));
	memcpy(span->trace_id, exec->trace.id, sizeof(span->trace_id));
	span->trace_flags = exec->trace.flags;
	span->tracestate = a->tracestate;
	span->exec = exec->number;
	span->tid = exec->tid;
	span->kernel_id = "";
	span->error = "";
	span->domain = rk_intern_get(exec->domain ? exec->domain : a->unknown);
}

static uint64_t root_id(const struct rk_assembler *a, const struct exec *exec)
{
	return rk_span_id_mix(a->setup.seed, RK_ID_ROOT, part_number(exec));
}

static uint64_t stage_id(const struct rk_assembler *a, const struct exec *exec, int stage)
{
	return rk_span_id_mix(a->setup.seed, RK_ID_STAGE + (uint64_t)stage, part_number(exec));
}

static void set_root_parent(const struct rk_assembler *a, const struct trace *trace,
			    struct rk_span *span)
{
	if (trace->is_remote) {
		memcpy(span->parent_id, a->remote.span_id, sizeof(span->parent_id));
		span->parent_is_remote = true;
	} else if (trace->is_continuation) {
		memcpy(span->link_trace_id, a->remote.trace_id, sizeof(span->link_trace_id));
		memcpy(span->link_span_id, a->remote.span_id, sizeof(span->link_span_id));
	}
}

/* Stages and root of the open part. */
static void part_end(struct rk_assembler *a, struct exec *exec)
{
	struct rk_span span;

	if (!exec->whole.used || !exec->has_part)
		return;
	for (int i = 0; i < RK_STAGE_COUNT; i++) {
		if (!exec->stages[i].used)
			continue;
		start_span(a, exec, &span);
		rk_span_id_store(span.span_id, stage_id(a, exec, i));
		rk_span_id_store(span.parent_id, root_id(a, exec));
		span.name = rk_intern_get(a->stage_names[i]);
		span.kernel_id = rk_intern_get(exec->kernel_id);
		span.start_unix_ns = exec->stages[i].start;
		span.end_unix_ns = exec->stages[i].end;
		span.host_time = exec->stages[i].host_time;
		span.shape = RK_SPAN_STAGE;
		give(a, &span);
	}
	start_span(a, exec, &span);
	rk_span_id_store(span.span_id, root_id(a, exec));
	set_root_parent(a, &exec->trace, &span);
	span.name = rk_intern_get(exec->root_name ? exec->root_name : a->transfer_root);
	span.kernel_id = rk_intern_get(exec->kernel_id);
	span.start_unix_ns = exec->whole.start;
	span.end_unix_ns = exec->whole.end;
	span.host_time = exec->whole.host_time;
	span.ops = exec->ops;
	span.kernels = exec->kernels;
	span.gpu_ns = exec->gpu_ns;
	if (exec->error)
		span.error = rk_cuda_result_name(exec->error);
	span.shape = RK_SPAN_ROOT;
	give(a, &span);
}

/* The trace is full: what follows goes into a new one, under a root of its own. */
static void part_next(struct rk_assembler *a, struct exec *exec)
{
	part_end(a, exec);
	exec->part++;
	memset(&exec->whole, 0, sizeof(exec->whole));
	memset(exec->stages, 0, sizeof(exec->stages));
	exec->gpu_ns = 0;
	exec->ops = exec->kernels = 0;
	part_begin(a, exec);
}

static void exec_end(struct rk_assembler *a, struct exec *exec)
{
	part_end(a, exec);
	exec_remove(a, exec);
}

static struct exec *exec_get(struct rk_assembler *a, const struct rk_op *op)
{
	uint32_t *recent = &a->recent[op->exec % RECENT];
	struct rk_handle_slot *slot;
	struct exec *exec;
	uint32_t at;

	if (*recent && a->execs[*recent - 1].number == op->exec)
		return &a->execs[*recent - 1];
	slot = rk_handle_map_get(&a->index, op->exec);
	if (slot) {
		*recent = slot->tag;
		return &a->execs[slot->tag - 1];
	}
	if (a->free_first == NONE && !execs_grow(a) && a->oldest != NONE)
		exec_end(a, &a->execs[a->oldest]);
	if (a->free_first == NONE)
		return NULL;
	slot = rk_handle_map_put(&a->index, op->exec);
	if (!slot)
		return NULL;
	at = a->free_first;
	exec = &a->execs[at];
	a->free_first = exec->next;
	memset(exec, 0, sizeof(*exec));
	exec->number = op->exec;
	exec->tid = op->tid;
	exec->prev = a->newest;
	exec->next = NONE;
	if (a->newest == NONE)
		a->oldest = at;
	else
		a->execs[a->newest].next = at;
	a->newest = at;
	slot->tag = at + 1;
	return exec;
}

static enum rk_stage stage_of(const struct rk_op *op)
{
	if (op->kind != RK_OP_MEMCPY)
		return RK_STAGE_GPU_EXECUTE;
	switch (op->copy.copy_kind) {
	case RK_COPY_HTOD:
	case RK_COPY_HTOA:
		return RK_STAGE_PREPARE_INPUT;
	case RK_COPY_DTOH:
	case RK_COPY_ATOH:
		return RK_STAGE_COLLECT_OUTPUT;
	default:
		return RK_STAGE_GPU_EXECUTE;
	}
}

/* Name and identity of a leaf. */
static void name_leaf(struct rk_assembler *a, const struct rk_op *op, struct rk_span *span)
{
	const struct rk_kernel_name *kernel;

	span->kernel_id = "";
	span->domain = rk_intern_get(a->unknown);
	switch (op->kind) {
	case RK_OP_KERNEL:
		kernel = rk_kernel_name_get(a->setup.config, op->name);
		span->name = rk_intern_get(kernel->readable);
		span->demangled = rk_intern_get(kernel->demangled);
		span->kernel_id = rk_intern_get(kernel->kernel_id);
		span->domain = rk_intern_get(kernel->domain);
		break;
	case RK_OP_MEMCPY:
		span->name = rk_intern_get(a->memcpy_name);
		break;
	case RK_OP_MEMSET:
		span->name = rk_intern_get(a->memset_name);
		break;
	default:
		span->name = rk_intern_get(a->graph_name);
		break;
	}
}

/* UNIX times of a leaf; the call's where the GPU's are unusable. false = there are none. */
static bool time_leaf(const struct rk_assembler *a, const struct rk_op *op, struct rk_span *span)
{
	uint64_t start = op->start;
	uint64_t end = op->end;

	span->host_time = op->flags & RK_OP_F_HOST_TIME;
	if (op->flags & RK_OP_F_OPEN)
		return false;
	if ((op->flags & RK_OP_F_INVALID_TIME) || !end || end < start) {
		start = op->host_start;
		end = op->host_end;
		span->host_time = true;
	}
	if (!end || end < start)
		return false;
	span->start_unix_ns = start + (uint64_t)a->wall_offset;
	span->end_unix_ns = end + (uint64_t)a->wall_offset;
	if (op->kind == RK_OP_KERNEL && !span->host_time && op->host_end && start > op->host_end)
		span->queue_ns = start - op->host_end;
	return true;
}

/* The op of a graph traced by nodes tells that all of them came; it is no leaf itself. */
static bool is_leaf(const struct rk_op *op)
{
	return op->kind == RK_OP_KERNEL || op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET ||
	       (op->kind == RK_OP_GRAPH && !op->graph.nodes);
}

static void finish_leaf(struct rk_assembler *a, const struct rk_op *op, struct rk_span *span)
{
	rk_span_id_store(span->span_id, rk_span_id_mix(a->setup.seed, RK_ID_LEAF, op->ordinal));
	span->op = op;
	span->tid = op->tid;
	span->shape = RK_SPAN_LEAF;
	give(a, span);
}

/* A GPU record without its call stands alone. */
static void orphan_leaf(struct rk_assembler *a, const struct rk_op *op)
{
	struct exec nobody = { .number = 0 };
	struct rk_span span;

	if (a->has_remote && a->shared.spans < RK_TRACE_SPANS_MAX) {
		a->shared.spans++;
		nobody.trace = a->shared;
	} else {
		make_trace(a, &nobody.trace, RK_ID_ORPHAN_TRACE, op->ordinal);
	}
	if (!admit(a))
		nobody.trace.flags &= (uint8_t)~RK_TRACE_FLAG_SAMPLED;
	start_span(a, &nobody, &span);
	if (!time_leaf(a, op, &span))
		return;
	name_leaf(a, op, &span);
	set_root_parent(a, &nobody.trace, &span);
	finish_leaf(a, op, &span);
}

/* The first kernel in host order gives the execution its name. */
static void note_kernel(struct rk_assembler *a, struct exec *exec, const struct rk_op *op)
{
	const struct rk_kernel_name *name;

	exec->kernels++;
	if (!(op->flags & (RK_OP_F_HOST_TIME | RK_OP_F_INVALID_TIME | RK_OP_F_OPEN)))
		exec->gpu_ns += op->end - op->start;
	if (exec->root_name && op->host_start >= exec->first_kernel)
		return;
	name = rk_kernel_name_get(a->setup.config, op->name);
	exec->first_kernel = op->host_start;
	exec->root_name = name->root;
	exec->kernel_id = name->kernel_id;
	exec->domain = name->domain;
}

static void exec_leaf(struct rk_assembler *a, struct exec *exec, const struct rk_op *op)
{
	enum rk_stage stage = stage_of(op);
	struct rk_span span;

	if (!exec->has_part)
		part_begin(a, exec);
	if (!part_count(a, exec)) {
		part_next(a, exec);
		part_count(a, exec);
	}
	start_span(a, exec, &span);
	if (!time_leaf(a, op, &span))
		return;
	if (op->kind == RK_OP_KERNEL)
		note_kernel(a, exec, op);
	exec->ops++;
	name_leaf(a, op, &span);
	rk_span_id_store(span.parent_id, stage_id(a, exec, stage));
	extend(&exec->stages[stage], span.start_unix_ns, span.end_unix_ns, span.host_time);
	extend(&exec->whole, span.start_unix_ns, span.end_unix_ns, span.host_time);
	if (op->host_start)
		extend(&exec->whole, op->host_start + (uint64_t)a->wall_offset, span.end_unix_ns,
		       false);
	finish_leaf(a, op, &span);
}

static void exec_check(struct rk_assembler *a, struct exec *exec)
{
	if (exec->closed && exec->calls_seen >= exec->calls_expected)
		exec_end(a, exec);
}

static void feed_work(struct rk_assembler *a, const struct rk_op *op)
{
	struct exec *exec;

	refill(a, op);
	if (!op->exec) {
		if (is_leaf(op))
			orphan_leaf(a, op);
		return;
	}
	exec = exec_get(a, op);
	if (!exec) {
		a->lost++;
		return;
	}
	if (is_leaf(op))
		exec_leaf(a, exec, op);
	if (op->flags & RK_OP_F_FIRST)
		exec->calls_seen++;
	exec_check(a, exec);
}

static void feed_close(struct rk_assembler *a, const struct rk_op *op)
{
	struct exec *exec = exec_get(a, op);

	if (!exec)
		return;
	exec->closed = true;
	exec->calls_expected = op->close.ops;
	exec_check(a, exec);
}

static void feed_error(struct rk_assembler *a, const struct rk_op *op)
{
	struct exec *exec = op->exec ? exec_get(a, op) : NULL;

	if (exec && !exec->error)
		exec->error = op->result;
}

void rk_assembler_feed(struct rk_assembler *a, const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
	case RK_OP_GRAPH:
		feed_work(a, op);
		break;
	case RK_OP_EXEC_CLOSE:
		feed_close(a, op);
		break;
	case RK_OP_ERROR:
		feed_error(a, op);
		break;
	case RK_OP_CLOCK:
		a->wall_offset = op->clock.wall_offset_ns;
		break;
	case RK_OP_END:
		rk_assembler_finish(a);
		break;
	default:
		break;
	}
}

void rk_assembler_finish(struct rk_assembler *a)
{
	while (a->oldest != NONE)
		exec_end(a, &a->execs[a->oldest]);
}
