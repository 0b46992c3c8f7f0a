/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_host.c - host records: executions, handles, failures; calls that wait.
 */
#include <string.h>

#include "core/clock.h"
#include "core/intern.h"
#include "core/utf8.h"
#include "pipeline/join/cuda_result.h"
#include "pipeline/join/join_op.h"

/* cuStreamQuery, cuEventQuery: "not yet" is an answer, not a failure. */
#define RESULT_NOT_READY     600
#define RESULT_OUT_OF_MEMORY 2

#define THREAD_NAME_SIZE 64 /* four times what Linux allows */

struct rk_op *rk_join_start_host_op(struct rk_join *join, uint32_t tid,
				    const struct rk_record *record, enum rk_op_kind kind)
{
	struct rk_op *op = rk_join_start_op(join, kind);

	op->host_start = rk_clock_ns(record->start);
	op->host_end = rk_clock_ns(record->end);
	op->tid = tid;
	op->correlation = record->correlation;
	op->api = record->api < join->setup.api_count ? join->apis[record->api].name : 0;
	op->result = record->result;
	op->stack = join->stack;
	op->device = rk_join_device_of(join, record->context);
	op->context = rk_join_context_id(join, record->context);
	return op;
}

static uint64_t stream_of(const struct rk_record *record)
{
	switch (record->kind) {
	case RK_REC_LAUNCH:
		return record->launch.stream;
	case RK_REC_GRAPH_LAUNCH:
		return record->graph.stream;
	case RK_REC_MEMCPY:
		return record->copy.stream;
	default:
		return record->set.stream;
	}
}

/* Where in its thread's order the call stands: all that cutting executions needs. */
static struct rk_exec_call exec_call_of(uint32_t tid, const struct rk_record *record)
{
	return (struct rk_exec_call){ .tid = tid,
				      .start = rk_clock_ns(record->start),
				      .end = rk_clock_ns(record->end),
				      .stream = stream_of(record),
				      .context = record->context };
}

/* Fills all but what the table set (correlation, list, links) and the execution. */
static void call_fill(struct rk_call *call, const struct rk_exec_call *where,
		      const struct rk_record *record)
{
	call->host_start = where->start;
	call->host_end = where->end;
	call->stream = where->stream;
	call->tid = where->tid;
	call->api = record->api;
	call->context = record->context;
	call->kind = record->kind;
	call->flags = record->flags;
	call->gpu_start = call->gpu_end = 0;
	call->records = 0;
	call->graph = call->value = 0;
	call->device = 0xff;
	switch (record->kind) {
	case RK_REC_LAUNCH:
		call->object = record->launch.function;
		call->grid[0] = record->launch.grid_x;
		call->grid[1] = record->launch.grid_y;
		call->grid[2] = record->launch.grid_z;
		memcpy(call->block, record->launch.block, sizeof(call->block));
		break;
	case RK_REC_GRAPH_LAUNCH:
		call->object = record->graph.exec;
		break;
	case RK_REC_MEMCPY:
		call->object = record->copy.bytes;
		break;
	default:
		call->object = record->set.bytes;
		call->value = record->set.value;
		break;
	}
}

/* Nothing more is waited for. */
static void give_up(struct rk_join *join, struct rk_call *call)
{
	if (call->records) {
		rk_join_retire(join, call);
	} else if (rk_join_may_lack_record(join, call)) {
		rk_join_complete_without_record(join, call);
		rk_join_leave(join, call);
	} else {
		rk_join_tell_open(join, call);
	}
}

/* Room for one more: the oldest call that waits is told as open. */
static void evict(struct rk_join *join)
{
	struct rk_call *one = rk_call_table_first(&join->calls, RK_CALL_ONE_RECORD);
	struct rk_call *many = rk_call_table_first(&join->calls, RK_CALL_MANY_RECORDS);
	struct rk_call *oldest = !one				    ? many :
				 !many				    ? one :
				 one->host_start < many->host_start ? one :
								      many;

	if (oldest)
		give_up(join, oldest);
}

/* The id came round, or CUPTI began anew: what waits under it gets no record any more. */
static void make_way(struct rk_join *join, uint32_t correlation)
{
	struct rk_call *old = rk_call_table_get(&join->calls, correlation);

	if (old)
		give_up(join, old);
	if (join->calls.count >= join->calls.limit)
		evict(join);
}

/*
 * Only a session of CUPTI gives a call an id. It may have come and gone since we last looked, and
 * its end is among the GPU records.
 */
static bool waits_for_gpu(const struct rk_join *join, const struct rk_record *record,
			  uint64_t host_start)
{
	if (!record->correlation ||
	    (join->missing && rk_join_gets_no_record(join, record->kind, record->api)))
		return false;
	return join->gpu_time || host_start > join->left_ns || join->waiting.count;
}

/* GPU records that were drained before this host record. */
static void match_early_records(struct rk_join *join, uint32_t correlation)
{
	struct rk_activity early;
	struct rk_call *call;
	uint32_t left = join->waiting.count;

	while (left-- && (call = rk_call_table_get(&join->calls, correlation)) &&
	       rk_waiting_table_take(&join->waiting, correlation, &early)) {
		if (rk_join_belongs(call, &early))
			rk_join_match(join, call, &early);
		else
			rk_join_orphan(join, &early);
	}
}

/* What the exec_cut gave for a call. */
struct assignment {
	uint64_t exec;
	uint32_t slot;
};

static bool has_one_record(const struct rk_join *join, const struct rk_record *record)
{
	return record->kind == RK_REC_LAUNCH &&
	       !(record->api < join->setup.api_count && join->apis[record->api].is_multi_device);
}

static void wait_for_gpu(struct rk_join *join, const struct rk_exec_call *where,
			 const struct rk_record *record, struct assignment assigned)
{
	bool is_launch = record->kind == RK_REC_LAUNCH;
	struct rk_call *call;
	uint32_t device;

	make_way(join, record->correlation);
	call = rk_call_table_add(&join->calls, record->correlation,
				 has_one_record(join, record) ? RK_CALL_ONE_RECORD :
								RK_CALL_MANY_RECORDS);
	if (!call) {
		struct rk_call lost = { .kind = record->kind };

		join->lost[rk_join_work_of(&lost)]++;
		join->limited++;
		return;
	}
	call_fill(call, where, record);
	call->stack = join->stack;
	call->exec = assigned.exec;
	call->exec_slot = assigned.slot;
	join->waiting_calls[rk_join_work_of(call)]++;
	rk_exec_cut_hold(&join->cut, call->exec_slot);
	if (is_launch) {
		device = rk_join_device_of(join, call->context);
		call->device =
			(uint8_t)(device < RK_ACTIVE_DEVICES ? device : RK_ACTIVE_DEVICES - 1);
		join->active[call->device]++;
	}
	if (join->order)
		rk_join_order_submit(join, call);
	if (join->waiting.count)
		match_early_records(join, record->correlation);
	if (where->start <= join->left_ns)
		rk_join_settle_late(join, record->correlation);
}

static void submit(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	uint64_t newest = join->cut.last_exec;
	struct rk_exec_call where;
	struct assignment assigned;

	if (record->flags & RK_REC_CAPTURED)
		return;
	where = exec_call_of(tid, record);
	assigned.exec = rk_exec_cut_submit(&join->cut, &where, &assigned.slot);
	if (assigned.exec > newest && join->attached_first)
		rk_join_tell_context(join, assigned.exec, tid, where.start);
	if (waits_for_gpu(join, record, where.start)) {
		wait_for_gpu(join, &where, record, assigned);
	} else {
		struct rk_call call = { .exec = assigned.exec,
					.exec_slot = assigned.slot,
					.correlation = record->correlation };

		call_fill(&call, &where, record);
		call.stack = join->stack;
		rk_join_complete_without_record(join, &call);
	}
	if (record->kind == RK_REC_MEMCPY && !(record->flags & RK_REC_ASYNC) &&
	    record->api < join->setup.api_count && join->apis[record->api].is_readback)
		rk_exec_cut_sync(&join->cut, &where, RK_SYNC_STREAM);
	else if (join->cut.has_full)
		rk_exec_cut_close_full(&join->cut, tid);
}

/* CUPTI's id of the stream that is waited for; 0 as long as nothing told it. */
static uint32_t stream_waited_for(const struct rk_join *join, uint32_t tid,
				  const struct rk_record *record)
{
	struct rk_call call = { .stream = record->sync.object,
				.tid = tid,
				.flags = record->flags,
				.context = record->context };
	const struct rk_handle_slot *slot =
		rk_handle_map_get(&join->streams, rk_join_stream_key(&call));

	return slot ? slot->tag : 0;
}

/* The execution that is waited for. One that became too old meanwhile is closed already. */
static void fill_wait(struct rk_join *join, struct rk_op *op, uint64_t exec)
{
	op->exec = exec;
	if (exec || op->sync.scope > RK_SYNC_EVENT)
		return;
	op->exec = rk_exec_cut_aged(&join->cut, op->tid);
	if (op->exec)
		op->flags |= RK_OP_F_LATE;
}

static void synchronise(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	struct rk_exec_call where = { .tid = tid,
				      .start = rk_clock_ns(record->start),
				      .end = rk_clock_ns(record->end),
				      .context = record->context };
	uint64_t exec = rk_exec_cut_current(&join->cut, tid);
	struct rk_op *op;

	/* Nothing of the thread's is under way, so nothing said yet in which span it waits. */
	if (!exec && join->attached_first && record->sync.scope <= RK_SYNC_EVENT)
		rk_join_tell_context(join, 0, tid, where.start);
	op = rk_join_start_host_op(join, tid, record, RK_OP_SYNC);
	op->sync.object = record->sync.object;
	op->sync.scope = record->sync.scope;
	if (record->sync.scope == RK_SYNC_STREAM || record->sync.scope == RK_SYNC_STREAM_QUERY) {
		op->stream_handle = record->sync.object;
		op->stream = stream_waited_for(join, tid, record);
		where.stream = record->sync.object;
	}
	fill_wait(join, op, exec);
	rk_join_emit(join, op);
	rk_exec_cut_sync(&join->cut, &where, (enum rk_sync_scope)record->sync.scope);
}

/* A failed synchronisation ends the execution like any other, but proves nothing. */
static void fail(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	bool is_refused = record->kind == RK_REC_ALLOC && record->result == RESULT_OUT_OF_MEMORY;
	uint64_t exec = rk_exec_cut_current(&join->cut, tid);
	struct rk_handle_slot *name;
	struct rk_op *op;

	if (record->result == RESULT_NOT_READY)
		return;
	/* Nothing was submitted in the span that fails, so nothing said yet which one it is. */
	if (!exec && join->attached_first)
		rk_join_tell_context(join, 0, tid, rk_clock_ns(record->start));
	if (is_refused)
		rk_join_take_memory(join, tid, record);
	if (rk_cuda_result_is_sticky(record->result))
		rk_join_tell_suspects(join, record->context);
	op = rk_join_start_host_op(join, tid, record, RK_OP_ERROR);
	op->exec = exec;
	op->flags |= is_refused ? RK_OP_F_OPEN : 0;
	if (record->api < join->setup.api_count && join->apis[record->api].is_question &&
	    !rk_cuda_result_is_sticky(record->result))
		op->flags |= RK_OP_F_QUESTION;
	if (record->kind == RK_REC_LAUNCH) {
		name = rk_handle_map_get(&join->names, record->launch.function);
		op->name = name ? name->tag : 0;
		op->stream_handle = record->launch.stream;
	}
	rk_join_emit(join, op);
	if (record->kind == RK_REC_SYNC && record->sync.scope <= RK_SYNC_EVENT) {
		struct rk_exec_call where = { .tid = tid };

		rk_exec_cut_sync(&join->cut, &where, RK_SYNC_EVENT);
	}
}

static void note_stream(struct rk_join *join, const struct rk_record *record)
{
	struct rk_call call = { .stream = record->stream.stream, .context = record->context };

	/* The handle may come back for another stream. */
	if (record->stream.life == RK_LIFE_DESTROY || record->stream.life == RK_LIFE_CREATE)
		rk_handle_map_remove(&join->streams, rk_join_stream_key(&call));
	if (join->order)
		rk_join_order_forget(join, &call);
	memset(join->learned, 0, sizeof(join->learned));
}

static void note_context(struct rk_join *join, const struct rk_record *record)
{
	struct rk_join_context *context;

	if (!record->context || record->ctx.life != RK_LIFE_CREATE)
		return;
	context = rk_join_context_get(join, record->context);
	if (context)
		context->has_faulted = false;
	if (context && record->ctx.device >= 0) {
		context->device = (uint32_t)record->ctx.device;
		context->has_device = true;
	}
}

static void take(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	if (record->result) {
		fail(join, tid, record);
		return;
	}
	switch (record->kind) {
	case RK_REC_LAUNCH:
	case RK_REC_GRAPH_LAUNCH:
	case RK_REC_MEMCPY:
	case RK_REC_MEMSET:
		submit(join, tid, record);
		break;
	case RK_REC_ALLOC:
	case RK_REC_FREE:
		rk_join_take_memory(join, tid, record);
		break;
	case RK_REC_SYNC:
		synchronise(join, tid, record);
		break;
	case RK_REC_STREAM:
		note_stream(join, record);
		rk_join_note_memory_stream(join, record);
		break;
	case RK_REC_EVENT:
		rk_join_order_event(join, tid, record);
		break;
	case RK_REC_CONTEXT:
		note_context(join, record);
		if (record->ctx.life == RK_LIFE_DESTROY)
			rk_join_forget_context_memory(join, tid, record);
		break;
	case RK_REC_NAME:
		rk_join_note_name(join, record);
		break;
	case RK_REC_MODULE:
		rk_join_note_module(join, record);
		break;
	case RK_REC_GRAPH_INFO:
		rk_join_tell_graph(join, tid, record);
		break;
	default:
		break;
	}
}

void rk_join_host(struct rk_join *join, uint32_t tid, const struct rk_record *record)
{
	if (record->kind == RK_REC_STACK) {
		rk_join_take_stack(join, record);
		return;
	}
	take(join, tid, record);
	join->stack = 0;
}

void rk_join_thread_exit(struct rk_join *join, uint32_t tid)
{
	rk_exec_cut_thread_exit(&join->cut, tid);
	rk_join_forget_context(join, tid);
	rk_handle_map_remove(&join->threads, tid);
}

/* The program chose the name, and receivers refuse what is not text. */
static uint32_t intern_clean(const char *name)
{
	char text[THREAD_NAME_SIZE];
	size_t length = strnlen(name, sizeof(text) - 1);

	memcpy(text, name, length);
	text[length] = '\0';
	rk_utf8_repair(text, length);
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	}
	return rk_intern(text);
}

bool rk_join_has_thread_name(const struct rk_join *join, uint32_t tid)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&join->threads, tid);

	return slot && slot->tag;
}

void rk_join_thread_name(struct rk_join *join, uint32_t tid, const char *name)
{
	uint32_t id = *name ? intern_clean(name) : 0;
	struct rk_handle_slot *slot;
	struct rk_op *op;

	if (!id || !tid)
		return;
	slot = rk_handle_map_put(&join->threads, tid);
	if (slot && slot->tag == id)
		return;
	if (slot)
		slot->tag = id;
	op = rk_join_start_op(join, RK_OP_THREAD);
	op->tid = tid;
	op->name = id;
	rk_join_emit(join, op);
}
