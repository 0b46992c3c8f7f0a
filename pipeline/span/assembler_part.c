/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler_part.c - what becomes of a part.
 *
 *   sampled, within the limit ---------------------------------> sent as it comes
 *   dropped, nobody asked for more ----------------------------> given as not sampled
 *   dropped, but keep_errors or keep_slower_than is on: held --> a failure, a slow kernel: sent
 *                                                           +--> its end, no room: not sampled
 *
 * What is kept against the sampling may overdraw the limit of spans per second by a second's
 * worth; the others wait until that is paid back. So the limit holds on average, and a failure
 * in a busy second is not lost in it.
 *
 * A threshold (ot=th) tells how many traces one stands for. Nobody knows that of a trace that
 * was kept for what happened in it, nor of one that passed while the limit turned others away:
 * they have none.
 */
#include "pipeline/span/assembler_part.h"

#include <string.h>

#include "pipeline/join/kernel_name.h"
#include "pipeline/span/assembler_api.h"
#include "pipeline/span/assembler_link.h"
#include "pipeline/span/assembler_span.h"
#include "pipeline/span/span_id.h"

/* Root and three stages may still have to go into a trace that has an open part. */
#define PART_RESERVE (1u + RK_STAGE_COUNT)

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ids are stored by a byte swap");

static void set_fate(struct rk_own_trace *trace, bool sampled, const char *known,
		     const char *unknown)
{
	if (sampled)
		trace->flags |= RK_TRACE_FLAG_SAMPLED;
	trace->state = sampled ? known : unknown;
}

/* A trace of our own for work of @origin. */
static void make_trace(struct rk_assembler *a, const struct rk_origin *origin,
		       struct rk_own_trace *trace, uint64_t kind, uint64_t number)
{
	const struct rk_sampling *sampling = &a->sampling;

	memset(trace, 0, sizeof(*trace));
	rk_span_id_store(trace->id, rk_span_id_mix(a->setup.seed, kind, number));
	rk_span_id_store(trace->id + 8, rk_span_id_mix(a->setup.seed, kind + 0x100, number));
	trace->flags = RK_TRACE_FLAG_RANDOM;
	trace->is_continuation = origin->has_parent;
	if (origin->has_parent)
		set_fate(trace, origin->is_sampled, origin->next, sampling->own_unknown);
	else
		set_fate(trace, rk_sampler_keeps(sampling, trace->id), sampling->own_known,
			 sampling->own_unknown);
}

/* The trace of the origin's parent, or where it goes on: @id then. */
static void join_trace(const struct rk_assembler *a, const struct rk_origin *origin,
		       const struct rk_shared_trace *shared, struct rk_own_trace *trace)
{
	memset(trace, 0, sizeof(*trace));
	memcpy(trace->id, shared->id, sizeof(trace->id));
	if (shared->is_continuation) {
		trace->flags = RK_TRACE_FLAG_RANDOM;
		trace->is_continuation = true;
		set_fate(trace, origin->is_sampled, origin->next, a->sampling.own_unknown);
		return;
	}
	trace->flags = origin->parent.flags & RK_TRACE_FLAG_RANDOM;
	trace->has_parent = true;
	trace->is_direct = origin->span;
	set_fate(trace, origin->is_sampled, origin->known, origin->unknown);
}

static const char *unknown_state(const struct rk_assembler *a, const struct rk_exec *exec)
{
	return exec->trace.has_parent ? rk_assembler_origin(a, exec)->unknown :
					a->sampling.own_unknown;
}

/* Whole executions pass or do not; one that passed may overdraw, the next ones wait it out. */
bool rk_assembler_part_admit(struct rk_assembler *a)
{
	if (a->span_limit == 0 || a->tokens >= 1)
		return true;
	a->is_short = true;
	return false;
}

bool rk_assembler_part_admit_kept(struct rk_assembler *a, enum rk_kept why)
{
	double limit = a->span_limit;

	if (limit != 0 && a->tokens <= -limit) {
		a->stats.kept_refused++;
		return false;
	}
	if (why == RK_KEPT_ERROR)
		a->stats.kept_error++;
	else
		a->stats.kept_slow++;
	return true;
}

/* Kept for what happened in it: sampled, if the limit lets it. */
static void keep(struct rk_assembler *a, struct rk_exec *exec, enum rk_kept why)
{
	if (!rk_assembler_part_admit_kept(a, why))
		return;
	exec->kept = (uint8_t)why;
	exec->trace.flags |= RK_TRACE_FLAG_SAMPLED;
	exec->trace.state = unknown_state(a, exec);
	if (exec->trace.is_direct)
		rk_api_spans_keep(a->api_spans, rk_assembler_origin(a, exec)->span, why);
}

/* Apply the limit and the wish to keep to a trace that begins. */
static void settle(struct rk_assembler *a, struct rk_exec *exec)
{
	struct rk_own_trace *trace = &exec->trace;

	if (exec->kept) { /* an earlier part was */
		trace->flags |= RK_TRACE_FLAG_SAMPLED;
		trace->state = unknown_state(a, exec);
		return;
	}
	if (!exec->admitted)
		trace->flags &= (uint8_t)~RK_TRACE_FLAG_SAMPLED;
	if (trace->flags & RK_TRACE_FLAG_SAMPLED) {
		if (a->is_short)
			trace->state = unknown_state(a, exec);
		return;
	}
	trace->state = unknown_state(a, exec);
	if (a->keeps_errors && exec->error)
		keep(a, exec, RK_KEPT_ERROR);
	else
		exec->undecided = a->keeps_errors || a->keeps_slow;
}

static void choose_trace(struct rk_assembler *a, struct rk_exec *exec)
{
	const struct rk_origin *origin = rk_assembler_origin(a, exec);
	uint64_t number = exec->number | exec->part << RK_ID_PART_SHIFT;
	struct rk_shared_trace *shared;

	if (!origin->has_parent) {
		make_trace(a, origin, &exec->trace, RK_ID_TRACE, number);
		return;
	}
	shared = rk_shared_traces_get(&a->traces, origin->parent.trace_id);
	if (shared->spans + PART_RESERVE >= RK_TRACE_SPANS_MAX) {
		make_trace(a, origin, &exec->trace, RK_ID_TRACE, number);
		rk_shared_trace_continue(shared, exec->trace.id);
	} else {
		join_trace(a, origin, shared, &exec->trace);
	}
	if (!exec->trace.is_direct)
		shared->spans += PART_RESERVE;
}

/* Work in a span of the program shares the fate of that span. */
static bool is_admitted(struct rk_assembler *a, const struct rk_exec *exec)
{
	const struct rk_origin *origin = rk_assembler_origin(a, exec);

	if (origin->span)
		return rk_assembler_api_admits(a, origin->parent.span_id);
	return rk_assembler_part_admit(a);
}

static void part_begin(struct rk_assembler *a, struct rk_exec *exec)
{
	choose_trace(a, exec);
	if (!exec->part)
		exec->admitted = is_admitted(a, exec);
	exec->trace.spans = PART_RESERVE;
	exec->has_part = true;
	rk_assembler_span_begin(a, exec);
	settle(a, exec);
}

/* Count @more leaves into the part's trace. Return: false when the trace is full. */
static bool part_count(struct rk_assembler *a, struct rk_exec *exec, uint32_t more)
{
	const struct rk_origin *origin = rk_assembler_origin(a, exec);
	uint32_t *spans = &exec->trace.spans;

	if (origin->has_parent) {
		struct rk_shared_trace *shared =
			rk_shared_traces_get(&a->traces, origin->parent.trace_id);

		/* A trace that is no longer the shared one was left because it was full. */
		if (memcmp(shared->id, exec->trace.id, sizeof(shared->id)) != 0)
			return false;
		spans = &shared->spans;
	}
	if (*spans + more > RK_TRACE_SPANS_MAX)
		return false;
	*spans += more;
	return true;
}

static void hold_unlink(struct rk_assembler *a, struct rk_exec *exec)
{
	if (!exec->is_holding)
		return;
	exec->is_holding = false;
	if (exec->held_prev == RK_EXEC_NONE)
		a->held_oldest = exec->held_next;
	else
		a->execs[exec->held_prev].held_next = exec->held_next;
	if (exec->held_next == RK_EXEC_NONE)
		a->held_newest = exec->held_prev;
	else
		a->execs[exec->held_next].held_prev = exec->held_prev;
}

static void hold_link(struct rk_assembler *a, struct rk_exec *exec)
{
	uint32_t at = (uint32_t)(exec - a->execs);

	if (exec->is_holding)
		return;
	exec->is_holding = true;
	exec->held_prev = a->held_newest;
	exec->held_next = RK_EXEC_NONE;
	if (a->held_newest == RK_EXEC_NONE)
		a->held_oldest = at;
	else
		a->execs[a->held_newest].held_next = at;
	a->held_newest = at;
}

static void give_held(struct rk_assembler *a, struct rk_exec *exec)
{
	struct rk_leaf_time time;

	for (struct rk_held_chunk *chunk = exec->held.first; chunk; chunk = chunk->next) {
		for (uint32_t i = 0; i < chunk->count; i++) {
			memcpy(&a->scratch, chunk->ops[i].op, sizeof(chunk->ops[i].op));
			rk_assembler_span_time(&a->scratch, chunk->ops[i].wall_offset, &time);
			rk_assembler_span_leaf(a, exec, &a->scratch, &time);
		}
	}
	rk_hold_clear(&a->hold, &exec->held);
}

static void decide(struct rk_assembler *a, struct rk_exec *exec, enum rk_kept why)
{
	if (!exec->undecided)
		return;
	exec->undecided = false;
	if (why)
		keep(a, exec, why);
	hold_unlink(a, exec);
	give_held(a, exec);
}

/* Return: false when the leaf has to be given at once. */
static bool hold(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op)
{
	while (exec->undecided) {
		if (rk_hold_push(&a->hold, &exec->held, op, a->wall_offset)) {
			hold_link(a, exec);
			return true;
		}
		/* No room: whoever waits longest is let go, this one itself if nobody waits. */
		a->stats.undecided++;
		decide(a, a->held_oldest == RK_EXEC_NONE ? exec : &a->execs[a->held_oldest],
		       RK_KEPT_NO);
	}
	return false;
}

static void extend_calls(const struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op)
{
	uint64_t wall_offset = (uint64_t)a->wall_offset;

	if (op->host_start && op->host_end >= op->host_start)
		rk_extent_extend(&exec->calls, op->host_start + wall_offset,
				 op->host_end + wall_offset, true);
}

void rk_assembler_part_fail(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op,
			    uint32_t message)
{
	const struct rk_origin *origin = rk_assembler_origin(a, exec);

	if (!exec->error) {
		exec->error = op->result;
		exec->error_message = message;
	}
	if (origin->span)
		rk_api_spans_fail(a->api_spans, origin->span, op->result, message);
	extend_calls(a, exec, op);
	if (a->keeps_errors)
		decide(a, exec, RK_KEPT_ERROR);
}

/* Nothing of it came back, as after a fault of the GPU: the calls say what it was, and when, or
 * at least the waits do. */
static void stand_in(struct rk_assembler *a, struct rk_exec *exec)
{
	const struct rk_extent *extent =
		exec->error && exec->calls.used ? &exec->calls : &exec->waits;
	const struct rk_kernel_name *name;

	if (exec->whole.used || !extent->used || exec->trace.is_direct)
		return;
	if (!exec->has_part)
		part_begin(a, exec);
	exec->whole = *extent;
	if (exec->root_name || !exec->open_kernel)
		return;
	name = rk_kernel_name_get(a->setup.config, exec->open_kernel);
	exec->root_name = name->root;
	exec->kernel_id = name->kernel_id;
	exec->domain = name->domain;
}

void rk_assembler_part_end(struct rk_assembler *a, struct rk_exec *exec)
{
	stand_in(a, exec);
	rk_assembler_graph_end_part(a, exec);
	decide(a, exec, RK_KEPT_NO);
	if (exec->whole.used && exec->has_part && !exec->trace.is_direct)
		rk_assembler_span_part(a, exec);
}

/* The trace is full: what follows goes into a new one, under a root of its own. */
static void part_next(struct rk_assembler *a, struct rk_exec *exec)
{
	rk_assembler_part_end(a, exec);
	exec->part++;
	memset(&exec->whole, 0, sizeof(exec->whole));
	memset(&exec->waits, 0, sizeof(exec->waits));
	memset(exec->stages, 0, sizeof(exec->stages));
	exec->gpu_ns = 0;
	exec->ops = exec->kernels = 0;
	part_begin(a, exec);
}

static bool is_slow(struct rk_assembler *a, const struct rk_op *op, const struct rk_leaf_time *time)
{
	return a->keeps_slow && op->kind == RK_OP_KERNEL && !time->host_time &&
	       rk_slow_judge(&a->slow, op->name, op->device, time->end - time->start);
}

void rk_assembler_part_orphan(struct rk_assembler *a, const struct rk_op *op,
			      struct rk_origin *origin)
{
	struct rk_exec nobody = { .origin = origin, .tid = op->tid };
	const struct rk_origin *parent = rk_assembler_origin(a, &nobody);
	struct rk_shared_trace *shared =
		parent->has_parent ? rk_shared_traces_get(&a->traces, parent->parent.trace_id) :
				     NULL;
	struct rk_leaf_time time;
	bool slow;

	nobody.threads_seen = ~a->threads_named;
	if (shared && shared->spans < RK_TRACE_SPANS_MAX) {
		shared->spans++;
		join_trace(a, parent, shared, &nobody.trace);
	} else {
		make_trace(a, parent, &nobody.trace, RK_ID_ORPHAN_TRACE, op->ordinal);
	}
	nobody.admitted = is_admitted(a, &nobody);
	settle(a, &nobody);
	if (!rk_assembler_span_time(op, a->wall_offset, &time))
		return;
	slow = is_slow(a, op, &time);
	if (nobody.undecided && slow)
		keep(a, &nobody, RK_KEPT_SLOW);
	rk_assembler_span_leaf(a, &nobody, op, &time);
}

/* The first kernel in host order gives the execution its name. */
static void note_kernel(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op)
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

/* The first node of a graph launch brings the span of the launch with it. */
static uint32_t spans_of(const struct rk_assembler *a, const struct rk_exec *exec,
			 const struct rk_op *op, bool is_node)
{
	return is_node && rk_assembler_graph_begins(a, exec, op) ? 2 : 1;
}

void rk_assembler_part_give(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op,
			    const struct rk_leaf_time *time)
{
	if (!exec->undecided || !hold(a, exec, op))
		rk_assembler_span_leaf(a, exec, op, time);
}

static void make_room(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op,
		      bool is_node)
{
	if (!exec->has_part)
		part_begin(a, exec);
	if (part_count(a, exec, spans_of(a, exec, op, is_node)))
		return;
	part_next(a, exec);
	part_count(a, exec, spans_of(a, exec, op, is_node));
}

void rk_assembler_part_make_room(struct rk_assembler *a, struct rk_exec *exec,
				 const struct rk_op *op)
{
	make_room(a, exec, op, false);
}

void rk_assembler_part_leaf(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op)
{
	enum rk_stage stage = rk_assembler_span_stage(op);
	bool is_node = rk_assembler_graph_is_node(a, op);
	struct rk_leaf_time time;

	if (exec->is_awaited)
		rk_api_spans_add_work(a->api_spans, exec->origin->span, op);
	make_room(a, exec, op, is_node);
	if (!rk_assembler_span_time(op, a->wall_offset, &time)) {
		extend_calls(a, exec, op);
		if (op->kind == RK_OP_KERNEL && !exec->open_kernel)
			exec->open_kernel = op->name;
		return;
	}
	if (op->kind == RK_OP_KERNEL)
		note_kernel(a, exec, op);
	exec->ops++;
	rk_extent_extend(&exec->stages[stage], time.start, time.end, time.host_time);
	rk_extent_extend(&exec->whole, time.start, time.end, time.host_time);
	if (op->host_start)
		rk_extent_extend(&exec->whole, op->host_start + (uint64_t)a->wall_offset, time.end,
				 false);
	if (is_node)
		rk_assembler_graph_note(a, exec, op);
	if (is_slow(a, op, &time))
		decide(a, exec, RK_KEPT_SLOW);
	if (a->links)
		rk_leaf_links_note(a->links, op, &exec->trace);
	rk_assembler_part_give(a, exec, op, &time);
}
