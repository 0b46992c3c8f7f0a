/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_gpu.c - GPU records meet their calls; the watermark retires calls.
 */
#include "core/intern.h"
#include "pipeline/join/join_op.h"

static enum rk_op_kind op_kind_of(const struct rk_activity *activity)
{
	switch (activity->kind) {
	case RK_ACT_MEMCPY:
		return RK_OP_MEMCPY;
	case RK_ACT_MEMSET:
		return RK_OP_MEMSET;
	case RK_ACT_GRAPH:
		return RK_OP_GRAPH;
	default:
		return RK_OP_KERNEL;
	}
}

static void fill_kernel(struct rk_op *op, const struct rk_activity *activity)
{
	op->name = activity->name;
	for (int i = 0; i < 3; i++) {
		op->kernel.grid[i] = activity->grid[i];
		op->kernel.block[i] = activity->block[i];
	}
	op->kernel.registers = activity->registers;
	op->kernel.static_shared_bytes = activity->static_shared_bytes;
	op->kernel.dynamic_shared_bytes = activity->dynamic_shared_bytes;
	op->kernel.local_bytes_per_thread = activity->local_bytes_per_thread;
	op->kernel.graph = activity->graph;
	op->kernel.graph_node = activity->graph_node;
}

static void fill_copy(struct rk_op *op, const struct rk_activity *activity)
{
	op->copy.bytes = activity->bytes;
	op->copy.graph = activity->graph;
	op->copy.graph_node = activity->graph_node;
	op->copy.value = activity->value;
	op->copy.peer_device = activity->peer_device;
	op->copy.copy_kind = activity->copy_kind;
	op->copy.src_memory = activity->src_memory;
	op->copy.dst_memory = activity->dst_memory;
}

static struct rk_op *op_from_record(struct rk_join *join, const struct rk_activity *activity)
{
	struct rk_op *op = rk_join_start_op(join, op_kind_of(activity));

	op->correlation = activity->correlation;
	op->device = activity->device;
	op->context = activity->context;
	op->stream = activity->stream;
	if (activity->flags & RK_ACT_ASYNC)
		op->flags |= RK_OP_F_ASYNC;
	if (activity->flags & RK_ACT_INVALID_TIME) {
		op->flags |= RK_OP_F_INVALID_TIME;
	} else {
		op->start = activity->start;
		op->end = activity->end;
	}
	if (op->kind == RK_OP_KERNEL) {
		fill_kernel(op, activity);
	} else if (op->kind == RK_OP_GRAPH) {
		op->graph.graph = activity->graph;
	} else {
		fill_copy(op, activity);
	}
	return op;
}

static void count_record(struct rk_join *join, const struct rk_activity *activity, bool orphan)
{
	join->gpu_records[activity->kind]++;
	if (activity->flags & RK_ACT_INVALID_TIME) {
		join->gpu_invalid++;
		join->invalid_times++;
	} else if (orphan) {
		join->gpu_orphan++;
	} else {
		join->gpu_joined++;
	}
}

static void learn_context(struct rk_join *join, const struct rk_call *call,
			  const struct rk_activity *activity)
{
	struct rk_join_context *context = rk_join_context_get(join, call->context);

	if (!context)
		return;
	context->cupti_id = activity->context;
	context->has_cupti_id = true;
	context->device = activity->device;
	context->has_device = true;
}

static struct rk_join_learned *learned_at(struct rk_join *join, uint64_t key)
{
	return &join->learned[(key * 0x9e3779b97f4a7c15ull) >> 32 & (RK_JOIN_LEARNED - 1)];
}

/* What the pair teaches: which CUPTI ids belong to the program's context and stream. Nodes of a
 * graph run on streams of the driver's own. */
static void learn(struct rk_join *join, const struct rk_call *call,
		  const struct rk_activity *activity, uint64_t key)
{
	bool has_stream = call->kind != RK_REC_GRAPH_LAUNCH && activity->stream;
	struct rk_handle_slot *stream;

	if (call->context &&
	    (call->context >= join->context_count || !join->contexts[call->context].has_cupti_id))
		learn_context(join, call, activity);
	stream = has_stream ? rk_handle_map_put(&join->streams, key) : NULL;
	if (!stream)
		return;
	stream->tag = activity->stream;
	*learned_at(join, key) = (struct rk_join_learned){ key, activity->stream };
}

/* What is learned of a stream is learned of its context as well. */
static void learn_once(struct rk_join *join, const struct rk_call *call,
		       const struct rk_activity *activity)
{
	uint64_t key = rk_join_stream_key(call);
	const struct rk_join_learned *known = learned_at(join, key);

	if (known->key != key || known->id != activity->stream)
		learn(join, call, activity, key);
}

static void note_extent(struct rk_call *call, const struct rk_activity *activity)
{
	if (activity->graph)
		call->graph = activity->graph;
	if (activity->flags & RK_ACT_INVALID_TIME)
		return;
	if (!call->gpu_start || activity->start < call->gpu_start)
		call->gpu_start = activity->start;
	if (activity->end > call->gpu_end)
		call->gpu_end = activity->end;
}

bool rk_join_belongs(const struct rk_call *call, const struct rk_activity *activity)
{
	if (activity->flags & RK_ACT_INVALID_TIME)
		return true;
	return activity->end + RK_JOIN_CLOCK_SLACK_NS >= call->host_start;
}

/* A kernel that the call's kernel launched. The call goes on waiting for its own record; name and
 * stream are the device's and teach nothing of the call's. */
static void match_device_launch(struct rk_join *join, const struct rk_call *call,
				const struct rk_activity *activity)
{
	struct rk_op *op = op_from_record(join, activity);

	rk_join_fill_from_call(join, op, call);
	count_record(join, activity, false);
	rk_join_give(join, op);
}

static void match_own(struct rk_join *join, struct rk_call *call,
		      const struct rk_activity *activity)
{
	struct rk_op *op = op_from_record(join, activity);
	bool is_whole_graph = activity->kind == RK_ACT_GRAPH;
	struct rk_handle_slot *name;

	rk_join_fill_from_call(join, op, call);
	if (op->kind == RK_OP_KERNEL && !op->name) {
		name = rk_handle_map_get(&join->names, call->object);
		op->name = name ? name->tag : 0;
	}
	if (is_whole_graph)
		op->graph.exec_handle = call->object;
	count_record(join, activity, false);
	learn_once(join, call, activity);
	if (!call->records) {
		enum rk_work work = rk_join_work_of(call);

		join->joined[work]++;
		join->waiting_calls[work]--;
		/* Of a graph by nodes the op of the call itself is the first, when it is done. */
		if (call->kind != RK_REC_GRAPH_LAUNCH || is_whole_graph)
			op->flags |= RK_OP_F_FIRST;
	}
	if (join->order)
		rk_join_order_tell(join, call, op);
	call->records++;
	if (call->list == RK_CALL_MANY_RECORDS)
		note_extent(call, activity);
	rk_join_give(join, op);
	if (call->list == RK_CALL_ONE_RECORD || is_whole_graph)
		rk_join_leave(join, call);
}

void rk_join_match(struct rk_join *join, struct rk_call *call, const struct rk_activity *activity)
{
	if (activity->flags & RK_ACT_DEVICE_LAUNCH)
		match_device_launch(join, call, activity);
	else
		match_own(join, call, activity);
}

void rk_join_orphan(struct rk_join *join, const struct rk_activity *activity)
{
	struct rk_op *op = op_from_record(join, activity);

	op->flags |= RK_OP_F_ORPHAN;
	if (!(activity->flags & RK_ACT_DEVICE_LAUNCH))
		op->flags |= RK_OP_F_FIRST;
	count_record(join, activity, true);
	rk_join_emit(join, op);
}

uint64_t rk_join_complete_by(const struct rk_join *join, const struct rk_call *call)
{
	if (call->kind == RK_REC_MEMCPY && !(call->flags & RK_REC_ASYNC) &&
	    call->api < join->setup.api_count && join->apis[call->api].is_blocking_copy)
		return call->host_end + RK_JOIN_STAGING_NS;
	return rk_exec_cut_done_by(&join->cut, call->exec_slot, call->context, call->host_end);
}

static void collect_call(struct rk_join *join, struct rk_call *call)
{
	uint64_t by = rk_join_complete_by(join, call);
	uint64_t grace =
		call->kind == RK_REC_GRAPH_LAUNCH ? RK_JOIN_GRAPH_GRACE_NS : RK_JOIN_GRACE_NS;
	bool is_complete = by && by <= join->watermark;

	if (call->records) {
		if (is_complete || call->gpu_end + grace <= join->watermark)
			rk_join_retire(join, call);
		return;
	}
	if (call->kind == RK_REC_LAUNCH)
		return;
	/* Nothing to do leaves no GPU record; neither do copies the driver makes itself. */
	if (is_complete || (call->kind != RK_REC_GRAPH_LAUNCH && call->object == 0 &&
			    call->host_end + grace <= join->watermark)) {
		rk_join_complete_without_record(join, call);
		rk_join_leave(join, call);
	}
}

static void collect(struct rk_join *join, uint64_t watermark)
{
	struct rk_call *call = rk_call_table_first(&join->calls, RK_CALL_MANY_RECORDS);

	if (watermark > join->watermark)
		join->watermark = watermark;
	while (call) {
		struct rk_call *next = rk_call_table_next(&join->calls, call);

		collect_call(join, call);
		call = next;
	}
	rk_exec_cut_settle(&join->cut);
}

/* The records that came before are all there will be for @call: what has none has host time. */
static void settle(struct rk_join *join, struct rk_call *call)
{
	if (call->records) {
		rk_join_retire(join, call);
		return;
	}
	rk_join_complete_without_record(join, call);
	rk_join_leave(join, call);
}

static void take_leave(struct rk_join *join, uint64_t left_ns)
{
	join->left_ns = left_ns;
	for (int list = 0; list < RK_CALL_LIST_COUNT; list++) {
		struct rk_call *call = rk_call_table_first(&join->calls, (enum rk_call_list)list);

		while (call) {
			struct rk_call *next = rk_call_table_next(&join->calls, call);

			if (call->host_start <= left_ns)
				settle(join, call);
			call = next;
		}
	}
}

void rk_join_settle_late(struct rk_join *join, uint32_t correlation)
{
	struct rk_call *call = rk_call_table_get(&join->calls, correlation);

	if (call && call->host_start <= join->left_ns)
		settle(join, call);
}

static void keep_waiting(struct rk_join *join, const struct rk_activity *activity)
{
	struct rk_activity oldest;

	if (rk_waiting_table_add(&join->waiting, activity, join->now))
		return;
	if (rk_waiting_table_take_oldest(&join->waiting, UINT64_MAX, &oldest)) {
		rk_join_orphan(join, &oldest);
		if (rk_waiting_table_add(&join->waiting, activity, join->now))
			return;
	}
	rk_join_orphan(join, activity);
}

void rk_join_expect(const struct rk_join *join, const struct rk_activity *activity)
{
	uint32_t at = *rk_call_table_chain(&join->calls, activity->correlation);

	if (at == RK_CALL_NONE)
		return;
	__builtin_prefetch(&join->calls.calls[at], 1);
	__builtin_prefetch((const char *)&join->calls.calls[at] + 64, 1);
}

void rk_join_activity(struct rk_join *join, const struct rk_activity *activity)
{
	struct rk_call *call;

	switch (activity->kind) {
	case RK_ACT_KERNEL:
	case RK_ACT_MEMCPY:
	case RK_ACT_MEMSET:
	case RK_ACT_GRAPH:
		break;
	case RK_ACT_DROPPED:
		if (activity->value < RK_LOSS_COUNT)
			join->dropped[activity->value] += activity->bytes;
		join->records_missing += activity->bytes;
		join->gpu_dropped += activity->bytes;
		return;
	case RK_ACT_FLUSHED:
		collect(join, activity->start);
		return;
	case RK_ACT_LEFT:
		take_leave(join, activity->start);
		return;
	default:
		return;
	}
	call = rk_call_table_get(&join->calls, activity->correlation);
	if (!activity->correlation)
		rk_join_orphan(join, activity);
	else if (call && rk_join_belongs(call, activity))
		rk_join_match(join, call, activity);
	else
		keep_waiting(join, activity);
}
