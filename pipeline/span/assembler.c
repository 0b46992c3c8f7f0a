/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/span/assembler.c - the executions under way, and the spans they become.
 */
#include "pipeline/span/assembler_api.h"
#include "pipeline/span/assembler_link.h"
#include "pipeline/span/assembler_part.h"
#include "pipeline/span/assembler_wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_record.h"
#include "core/fields.h"
#include "core/intern.h"
#include "core/number.h"

/* Names of threads; a program that has more goes without the later ones. */
#define THREADS_MAX 65536u
#define MODULES_MAX 65536u /* kernels whose file is known */

static const char *const stage_names[RK_STAGE_COUNT] = { "prepare_input", "gpu_execute",
							 "collect_output" };

static void init_names(struct rk_assembler *a)
{
	for (int i = 0; i < RK_STAGE_COUNT; i++)
		a->stage_names[i] = rk_intern(stage_names[i]);
	a->transfer_root = rk_intern("transfer");
	a->memcpy_name = rk_intern("memcpy");
	a->memset_name = rk_intern("memset");
	a->graph_name = rk_intern("graph");
	a->unknown = rk_intern("unknown");
}

static bool is_propagated(const struct rk_config *config, const char *name)
{
	return !config->tracing_propagators ||
	       rk_trace_context_is_propagated(config->tracing_propagators, name);
}

/* What the sampling says about the process's parent: of what begins from now on. */
static void set_fate(struct rk_assembler *a)
{
	const struct rk_sampling *sampling = &a->sampling;

	a->process.is_sampled = sampling->is_parent_sampled;
	a->process.known = sampling->parent_known;
	a->process.unknown = sampling->parent_unknown;
	a->process.next = sampling->next_known;
}

/* Who asked for the work of this process, and what of it is sent. */
static void init_context(struct rk_assembler *a)
{
	const struct rk_assembler_setup *setup = &a->setup;
	const struct rk_config *config = setup->config;
	struct rk_origin *process = &a->process;

	process->has_parent = setup->traceparent && is_propagated(config, "tracecontext") &&
			      rk_trace_context_parse(setup->traceparent, &process->parent);
	rk_sampler_init(&a->sampling, config, process->has_parent ? &process->parent : NULL,
			setup->tracestate ? setup->tracestate : "");
	process->is_remote = process->has_parent;
	set_fate(a);
	if (process->has_parent)
		rk_shared_traces_init(&a->traces, process->parent.trace_id);
	process->baggage = a->baggage;
	if (setup->baggage && config->tracing_baggage_attributes &&
	    is_propagated(config, "baggage"))
		process->baggage_count =
			rk_baggage_select(setup->baggage, config->tracing_baggage_attributes,
					  a->baggage, RK_BAGGAGE_MEMBERS_MAX);
	a->keeps_errors = config->tracing_keep_errors && !a->sampling.is_off;
	a->keeps_slow = a->slow.quantile > 0 && !a->sampling.is_off;
	a->span_limit = a->tokens = (double)config->tracing_max_spans_per_second;
}

int rk_assembler_create(struct rk_assembler **out, const struct rk_assembler_setup *setup)
{
	struct rk_assembler *a = calloc(1, sizeof(*a));

	*out = a;
	if (!a)
		return -ENOMEM;
	a->setup = *setup;
	a->free_first = a->oldest = a->newest = RK_EXEC_NONE;
	a->held_oldest = a->held_newest = RK_EXEC_NONE;
	rk_handle_map_init(&a->index, RK_ASSEMBLER_PENDING_MAX);
	rk_handle_map_init(&a->threads, THREADS_MAX);
	rk_handle_map_init(&a->modules, MODULES_MAX);
	rk_hold_init(&a->hold, setup->hold_bytes ? setup->hold_bytes : RK_HOLD_BYTES_MAX);
	rk_slow_init(&a->slow, setup->config->tracing_keep_slower_than);
	rk_assembler_graph_init(&a->graphs);
	init_context(a);
	init_names(a);
	if (!rk_assembler_api_init(a))
		return 0;
	rk_assembler_destroy(a);
	*out = NULL;
	return -ENOMEM;
}

void rk_assembler_destroy(struct rk_assembler *a)
{
	if (!a)
		return;
	for (uint32_t i = a->oldest; i != RK_EXEC_NONE; i = a->execs[i].next) {
		rk_hold_clear(&a->hold, &a->execs[i].held);
		free(a->execs[i].origin);
	}
	free(a->outside);
	rk_assembler_api_finish(a);
	rk_hold_finish(&a->hold);
	rk_slow_finish(&a->slow);
	rk_leaf_links_destroy(a->links);
	rk_assembler_graph_finish(&a->graphs);
	free(a->execs);
	rk_handle_map_finish(&a->index);
	rk_handle_map_finish(&a->threads);
	rk_handle_map_finish(&a->modules);
	free(a);
}

uint64_t rk_assembler_lost(const struct rk_assembler *a)
{
	struct rk_api_spans_stats api;

	rk_api_spans_get_stats(a->api_spans, &api);
	return a->stats.lost + api.lost;
}

bool rk_assembler_is_waiting(const struct rk_assembler *a)
{
	return rk_api_spans_are_waiting(a->api_spans);
}

void rk_assembler_get_stats(const struct rk_assembler *a, struct rk_assembler_stats *stats)
{
	struct rk_api_spans_stats api;

	*stats = a->stats;
	stats->unjudged = a->slow.unjudged;
	stats->hold_bytes = a->hold.used_bytes;
	rk_api_spans_get_stats(a->api_spans, &api);
	stats->api_strays = api.strays;
	stats->api_unfinished = api.unfinished;
	stats->api_early = api.early;
	stats->api_bytes = api.bytes;
}

static bool execs_grow(struct rk_assembler *a)
{
	uint32_t capacity = a->capacity ? a->capacity * 2 : 64;
	struct rk_exec *execs;

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

static void exec_remove(struct rk_assembler *a, struct rk_exec *exec)
{
	uint32_t at = (uint32_t)(exec - a->execs);

	rk_handle_map_remove(&a->index, exec->number);
	free(exec->origin);
	exec->origin = NULL;
	exec->number = 0;
	if (exec->prev == RK_EXEC_NONE)
		a->oldest = exec->next;
	else
		a->execs[exec->prev].next = exec->next;
	if (exec->next == RK_EXEC_NONE)
		a->newest = exec->prev;
	else
		a->execs[exec->next].prev = exec->prev;
	exec->next = a->free_first;
	a->free_first = at;
}

static void refill(struct rk_assembler *a, const struct rk_op *op)
{
	double limit = a->span_limit;
	uint64_t now = op->end > op->host_end ? op->end : op->host_end;

	if (op->host_start > now) /* what the program says takes no time */
		now = op->host_start;
	if (now <= a->tokens_at)
		return;
	if (a->tokens_at)
		a->tokens += (double)(now - a->tokens_at) * limit / 1e9;
	a->tokens_at = now;
	if (a->tokens < limit)
		return;
	a->tokens = limit;
	a->is_short = false;
}

static void exec_end(struct rk_assembler *a, struct rk_exec *exec)
{
	rk_assembler_part_end(a, exec);
	if (exec->is_awaited)
		rk_api_spans_close_work(a->api_spans, exec->origin->span);
	exec_remove(a, exec);
}

static inline struct rk_exec *exec_find(struct rk_assembler *a, const struct rk_op *op)
{
	uint32_t *recent = &a->recent[op->exec % RK_EXEC_RECENT];
	const struct rk_handle_slot *slot;

	if (*recent && a->execs[*recent - 1].number == op->exec)
		return &a->execs[*recent - 1];
	slot = rk_handle_map_get(&a->index, op->exec);
	if (!slot)
		return NULL;
	*recent = slot->tag;
	return &a->execs[slot->tag - 1];
}

static struct rk_exec *exec_get(struct rk_assembler *a, const struct rk_op *op)
{
	struct rk_exec *exec = exec_find(a, op);
	struct rk_handle_slot *slot;
	uint32_t at;

	if (exec)
		return exec;
	if (a->free_first == RK_EXEC_NONE && !execs_grow(a) && a->oldest != RK_EXEC_NONE)
		exec_end(a, &a->execs[a->oldest]);
	if (a->free_first == RK_EXEC_NONE)
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
	exec->threads_seen = ~a->threads_named;
	exec->prev = a->newest;
	exec->next = RK_EXEC_NONE;
	if (a->newest == RK_EXEC_NONE)
		a->oldest = at;
	else
		a->execs[a->newest].next = at;
	a->newest = at;
	slot->tag = at + 1;
	return exec;
}

/* The op of a graph traced by nodes tells that all of them came; it is no leaf itself. */
static bool is_end_of_nodes(const struct rk_op *op)
{
	return op->kind == RK_OP_GRAPH && op->graph.nodes;
}

static void exec_check(struct rk_assembler *a, struct rk_exec *exec)
{
	if (exec->closed && exec->calls_seen >= exec->calls_expected)
		exec_end(a, exec);
}

static void feed_whole_graph(struct rk_assembler *a, struct rk_exec *exec, const struct rk_op *op)
{
	struct rk_op launch = *op;

	launch.graph.launch = rk_assembler_graph_count(a, op);
	rk_assembler_part_leaf(a, exec, &launch);
}

static void feed_work(struct rk_assembler *a, const struct rk_op *op)
{
	struct rk_exec *exec;

	refill(a, op);
	if (!op->exec) {
		if (!is_end_of_nodes(op))
			rk_assembler_part_orphan(a, op, NULL);
		return;
	}
	exec = exec_get(a, op);
	if (!exec) {
		a->stats.lost++;
		return;
	}
	if (!exec->tid)
		exec->tid = op->tid;
	if (is_end_of_nodes(op))
		rk_assembler_graph_end(a, exec, op);
	else if (op->kind == RK_OP_GRAPH)
		feed_whole_graph(a, exec, op);
	else
		rk_assembler_part_leaf(a, exec, op);
	if (op->flags & RK_OP_F_FIRST)
		exec->calls_seen++;
	exec_check(a, exec);
}

static void feed_close(struct rk_assembler *a, const struct rk_op *op)
{
	struct rk_exec *exec = exec_get(a, op);

	if (!exec)
		return;
	exec->closed = true;
	exec->calls_expected = op->close.ops;
	exec_check(a, exec);
}

static struct rk_origin *origin_create(struct rk_assembler *a, const struct rk_op *op)
{
	struct rk_origin *origin = rk_origin_create(
		op, &a->sampling, a->setup.config->tracing_baggage_attributes, &a->process);

	if (!origin)
		a->stats.lost++;
	return origin;
}

/* The execution was opened just now. One that works already keeps what it began with: a file
 * that says otherwise is damaged. */
static void feed_context(struct rk_assembler *a, const struct rk_op *op)
{
	struct rk_exec *exec;

	if (!op->exec) {
		free(a->outside);
		a->outside = op->said.flags & RK_API_SPAN ? origin_create(a, op) : NULL;
		return;
	}
	exec = exec_get(a, op);
	if (!exec || exec->has_part || exec->origin)
		return;
	exec->origin = origin_create(a, op);
	if (exec->origin && exec->origin->span)
		exec->is_awaited = rk_api_spans_open_work(a->api_spans, exec->origin->span);
}

static void feed_error(struct rk_assembler *a, const struct rk_op *op)
{
	uint64_t failing = a->outside ? a->outside->span : 0;
	struct rk_exec *exec;
	uint32_t message;

	free(a->outside);
	a->outside = NULL;
	if (op->flags & RK_OP_F_QUESTION)
		return;
	exec = op->exec ? exec_get(a, op) : NULL;
	message = rk_fault_message(&a->fault, a->setup.config, op);
	if (exec)
		rk_assembler_part_fail(a, exec, op, message);
	else if (failing)
		rk_api_spans_fail(a->api_spans, failing, op->result, message);
}

/* A wait with nothing under way belongs to the program's span around it, if there is one. */
static void feed_wait(struct rk_assembler *a, const struct rk_op *op)
{
	struct rk_origin *outside = a->outside;
	bool is_late = op->flags & RK_OP_F_LATE;
	struct rk_exec *exec;

	a->outside = NULL;
	if (op->sync.scope <= RK_SYNC_EVENT) {
		refill(a, op);
		exec = is_late ? exec_find(a, op) : op->exec ? exec_get(a, op) : NULL;
		if (exec)
			rk_assembler_wait_take(a, exec, op);
		else if (outside || is_late)
			rk_assembler_part_orphan(a, op, outside);
	}
	free(outside);
}

static void feed_thread(struct rk_assembler *a, const struct rk_op *op)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&a->threads, op->tid);

	if (!slot)
		return;
	slot->tag = op->name;
	a->threads_named++;
}

/* The settings changed while the process ran. One that is not of ours is not looked at. */
static void feed_settings(struct rk_assembler *a, const struct rk_op *op)
{
	struct rk_config changed = *a->setup.config;
	struct rk_fields_reader fields;
	struct rk_field field;
	const char *end;
	double value;
	bool has_rate = false;

	if (!a->setup.follows_settings)
		return;
	rk_fields_reader_init(&fields, op->text, op->text_bytes);
	while (rk_fields_next(&fields, &field)) {
		if (field.type != RK_FIELD_TEXT || !rk_number_parse(field.text, &value, &end))
			continue;
		if (strcmp(field.key, "tracing.sampling_rate") == 0) {
			changed.tracing_sampling_rate = value;
			has_rate = true;
		} else if (strcmp(field.key, "tracing.max_spans_per_second") == 0) {
			a->span_limit = value;
			a->tokens = value < a->tokens ? value : a->tokens;
		}
	}
	if (!has_rate)
		return;
	rk_sampler_init(&a->sampling, &changed, a->process.has_parent ? &a->process.parent : NULL,
			a->setup.tracestate ? a->setup.tracestate : "");
	set_fate(a);
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
	case RK_OP_SYNC:
		feed_wait(a, op);
		break;
	case RK_OP_EXEC_CLOSE:
		feed_close(a, op);
		break;
	case RK_OP_ERROR:
		feed_error(a, op);
		break;
	case RK_OP_IN_FLIGHT:
		rk_fault_note(&a->fault, op);
		break;
	case RK_OP_SPAN_BEGIN:
	case RK_OP_SPAN_END:
	case RK_OP_ATTRIBUTE:
	case RK_OP_SPAN_EVENT:
	case RK_OP_LINK:
		refill(a, op);
		rk_assembler_api_feed(a, op);
		break;
	case RK_OP_TICK:
		rk_api_spans_tick(a->api_spans, op->start);
		break;
	case RK_OP_CONTEXT:
		feed_context(a, op);
		break;
	case RK_OP_THREAD:
		feed_thread(a, op);
		break;
	case RK_OP_KERNEL_INFO:
		rk_assembler_note_module(a, op);
		break;
	case RK_OP_DEPENDENCY:
		rk_leaf_links_feed(&a->links, op);
		break;
	case RK_OP_CLOCK:
		a->wall_offset = op->clock.wall_offset_ns;
		break;
	case RK_OP_SETTINGS:
		feed_settings(a, op);
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
	while (a->oldest != RK_EXEC_NONE)
		exec_end(a, &a->execs[a->oldest]);
	rk_api_spans_finish(a->api_spans);
}
