/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join.c - building ops, time, the end, the ledger.
 */
#include "pipeline/join/join.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "pipeline/join/join_op.h"

/* 128 Ki calls: 0.2 s between two collections at 650,000 launches a second; about 16 MiB. */
#define PENDING_DEFAULT (1u << 17)
#define NAMES_MAX	(1u << 16)
#define STREAMS_MAX	(1u << 14)
#define THREADS_MAX	(1u << 16)
#define ATTACHED_MAX	(1u << 14) /* threads in a context at the same time */

static const struct {
	const char *part;
	uint8_t kind;
} copy_names[] = {
	{ "HtoD", RK_COPY_HTOD }, { "DtoH", RK_COPY_DTOH }, { "DtoD", RK_COPY_DTOD },
	{ "HtoA", RK_COPY_HTOA }, { "AtoH", RK_COPY_ATOH }, { "AtoA", RK_COPY_ATOA },
	{ "AtoD", RK_COPY_ATOD }, { "DtoA", RK_COPY_DTOA }, { "Peer", RK_COPY_PTOP },
};

static bool is_question(const char *name)
{
	static const char *const parts[] = { "Get",	    "Query",	"Can",
					     "IsCapturing", "IsLoaded", "Find" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strstr(name, parts[i]))
			return true;
	}
	return false;
}

static struct rk_join_api api_describe(const char *name)
{
	struct rk_join_api api = { .name = rk_intern(name) };
	bool is_async = strstr(name, "Async") != NULL;

	for (size_t i = 0; i < sizeof(copy_names) / sizeof(copy_names[0]); i++) {
		if (strstr(name, copy_names[i].part))
			api.copy_kind = copy_names[i].kind;
	}
	api.is_multi_device = strstr(name, "MultiDevice") != NULL;
	api.is_readback =
		!is_async && (api.copy_kind == RK_COPY_DTOH || api.copy_kind == RK_COPY_ATOH);
	api.is_blocking_copy =
		api.is_readback ||
		(!is_async && (api.copy_kind == RK_COPY_HTOD || api.copy_kind == RK_COPY_HTOA));
	api.is_question = is_question(name);
	return api;
}

static void exec_closed(void *data, uint64_t exec, uint32_t tid, uint32_t calls,
			enum rk_exec_close_reason reason)
{
	struct rk_join *join = data;
	struct rk_op *op = rk_join_start_op(join, RK_OP_EXEC_CLOSE);

	op->exec = exec;
	op->tid = tid;
	op->close.ops = calls;
	op->close.reason = (uint8_t)reason;
	rk_join_emit(join, op);
}

int rk_join_create(struct rk_join **out, const struct rk_join_setup *setup)
{
	struct rk_join *join = calloc(1, sizeof(*join));
	uint32_t limit = setup->max_pending ? setup->max_pending : PENDING_DEFAULT;

	*out = NULL;
	if (!join)
		return -ENOMEM;
	join->setup = *setup;
	rk_handle_map_init(&join->names, NAMES_MAX);
	rk_handle_map_init(&join->streams, STREAMS_MAX);
	rk_handle_map_init(&join->threads, THREADS_MAX);
	rk_handle_map_init(&join->attached, ATTACHED_MAX);
	join->apis = calloc(setup->api_count + 1, sizeof(*join->apis));
	if (!join->apis || rk_call_table_init(&join->calls, limit) ||
	    rk_waiting_table_init(&join->waiting, limit) ||
	    rk_exec_cut_init(&join->cut, exec_closed, join)) {
		rk_join_destroy(join);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < setup->api_count; i++) {
		if (setup->api_names[i])
			join->apis[i] = api_describe(setup->api_names[i]);
	}
	*out = join;
	return 0;
}

void rk_join_destroy(struct rk_join *join)
{
	if (!join)
		return;
	free(join->apis);
	free(join->contexts);
	rk_call_table_finish(&join->calls);
	rk_waiting_table_finish(&join->waiting);
	rk_exec_cut_finish(&join->cut);
	rk_handle_map_finish(&join->names);
	rk_handle_map_finish(&join->streams);
	rk_join_forget_memory(join);
	rk_handle_map_finish(&join->threads);
	rk_join_order_destroy(join->order);
	rk_join_forget_contexts(join);
	rk_join_forget_stacks(join);
	rk_join_destroy_modules(join);
	free(join);
}

void rk_join_set_gpu_time(struct rk_join *join, bool gpu_time)
{
	if (join->gpu_time && !gpu_time)
		join->host_time_since = join->now ? join->now : 1;
	if (gpu_time) {
		join->host_time_since = 0;
		join->had_gpu_time = true;
	}
	join->gpu_time = gpu_time;
}

void rk_join_emit(struct rk_join *join, struct rk_op *op)
{
	rk_join_give(join, op);
}

void rk_join_tell_gpus(struct rk_join *join, const struct rk_gpu_inventory *gpus, uint64_t now)
{
	for (uint32_t i = 0; i < gpus->described && i < RK_GPU_MAX; i++) {
		const struct rk_gpu *gpu = &gpus->at[i];
		struct rk_op *op = rk_join_start_op(join, RK_OP_DEVICE);

		op->start = op->end = now;
		op->device = i;
		op->name = rk_intern(gpu->name);
		memcpy(op->device_info.uuid, gpu->uuid, sizeof(gpu->uuid));
		op->device_info.memory_bytes = gpu->memory_bytes;
		op->device_info.major = gpu->major;
		op->device_info.minor = gpu->minor;
		rk_join_emit(join, op);
	}
}

struct rk_join_context *rk_join_context_get(struct rk_join *join, uint16_t context)
{
	uint32_t wanted = join->context_count ? join->context_count : 16;
	struct rk_join_context *grown;

	while (wanted <= context)
		wanted *= 2;
	if (wanted > join->context_count) {
		grown = realloc(join->contexts, wanted * sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + join->context_count, 0,
		       (wanted - join->context_count) * sizeof(*grown));
		join->contexts = grown;
		join->context_count = wanted;
	}
	return &join->contexts[context];
}

uint32_t rk_join_stream_id(struct rk_join *join, const struct rk_call *call)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&join->streams, rk_join_stream_key(call));

	if (!slot)
		return 0;
	if (!slot->tag)
		slot->tag = ++join->next_stream;
	return slot->tag;
}

static enum rk_op_kind op_kind_of(const struct rk_call *call)
{
	switch (call->kind) {
	case RK_REC_GRAPH_LAUNCH:
		return RK_OP_GRAPH;
	case RK_REC_MEMCPY:
		return RK_OP_MEMCPY;
	case RK_REC_MEMSET:
		return RK_OP_MEMSET;
	default:
		return RK_OP_KERNEL;
	}
}

/* What the host alone knows of the work: all of the op but its GPU time. */
static struct rk_op *op_without_record(struct rk_join *join, const struct rk_call *call)
{
	struct rk_op *op = rk_join_start_op(join, op_kind_of(call));
	struct rk_handle_slot *name;

	rk_join_fill_from_call(join, op, call);
	op->flags |= RK_OP_F_FIRST;
	op->device = rk_join_device_of(join, call->context);
	op->context = rk_join_context_id(join, call->context);
	op->stream = rk_join_stream_id(join, call);
	switch (op->kind) {
	case RK_OP_KERNEL:
		name = rk_handle_map_get(&join->names, call->object);
		op->name = name ? name->tag : 0;
		for (int i = 0; i < 3; i++) {
			op->kernel.grid[i] = call->grid[i];
			op->kernel.block[i] = call->block[i];
		}
		break;
	case RK_OP_GRAPH:
		op->graph.exec_handle = call->object;
		op->graph.graph = call->graph;
		op->graph.nodes = call->records;
		break;
	default:
		op->copy.bytes = call->object;
		op->copy.value = call->value;
		op->copy.peer_device = op->device;
		if (op->kind == RK_OP_MEMCPY && call->api < join->setup.api_count)
			op->copy.copy_kind = join->apis[call->api].copy_kind;
		break;
	}
	return op;
}

void rk_join_leave(struct rk_join *join, struct rk_call *call)
{
	if (call->device != 0xff)
		join->active[call->device]--;
	if (!call->records)
		join->waiting_calls[rk_join_work_of(call)]--;
	rk_exec_cut_release(&join->cut, call->exec_slot);
	rk_call_table_remove(&join->calls, call);
}

void rk_join_complete_without_record(struct rk_join *join, struct rk_call *call)
{
	struct rk_op *op = op_without_record(join, call);

	op->flags |= RK_OP_F_HOST_TIME;
	op->start = op->host_start;
	op->end = op->host_end;
	join->joined[rk_join_work_of(call)]++;
	rk_join_emit(join, op);
}

void rk_join_tell_open(struct rk_join *join, struct rk_call *call)
{
	struct rk_op *op = op_without_record(join, call);

	op->flags |= RK_OP_F_OPEN;
	join->evicted[rk_join_work_of(call)]++;
	rk_join_emit(join, op);
	rk_join_leave(join, call);
}

/* The last record of a call has come: a graph now tells its extent and number of nodes. */
void rk_join_retire(struct rk_join *join, struct rk_call *call)
{
	if (call->kind == RK_REC_GRAPH_LAUNCH) {
		struct rk_op *op = op_without_record(join, call);

		op->start = call->gpu_start;
		op->end = call->gpu_end;
		rk_join_emit(join, op);
	}
	rk_join_leave(join, call);
}

/* GPU records will not come any more: what the flush did not bring is told by host time. */
static void complete_all(struct rk_join *join)
{
	for (int list = 0; list < RK_CALL_LIST_COUNT; list++) {
		struct rk_call *call;

		while ((call = rk_call_table_first(&join->calls, (enum rk_call_list)list))) {
			if (!call->records) {
				rk_join_complete_without_record(join, call);
				rk_join_leave(join, call);
			} else {
				rk_join_retire(join, call);
			}
		}
	}
}

void rk_join_tick(struct rk_join *join, uint64_t now)
{
	struct rk_activity orphan;
	uint64_t before = now > RK_JOIN_GRACE_NS ? now - RK_JOIN_GRACE_NS : 0;

	if (now > join->now)
		join->now = now;
	while (rk_waiting_table_take_oldest(&join->waiting, before, &orphan))
		rk_join_orphan(join, &orphan);
	if (join->host_time_since && join->host_time_since < before)
		complete_all(join);
	rk_join_look_at_rest(join, now);
	rk_join_tell_in_flight(join);
	rk_join_look_at_memory(join, now);
	rk_join_look_at_modules(join);
	rk_exec_cut_tick(&join->cut, now);
}

/* A call that returned and, as far as is known, has no GPU record at all. */
static bool has_no_record(const struct rk_join *join, const struct rk_call *call)
{
	bool is_copy = call->kind == RK_REC_MEMCPY || call->kind == RK_REC_MEMSET;

	if (!join->gpu_time || rk_join_may_lack_record(join, call))
		return true;
	if (!is_copy || call->host_end > join->watermark)
		return false;
	return call->object == 0 || !(call->flags & RK_REC_ASYNC);
}

/* GPU records were lost and the program waited for this call: it is lost, not open. */
static bool is_lost(struct rk_join *join, const struct rk_call *call)
{
	if (!join->records_missing ||
	    !rk_exec_cut_done_by(&join->cut, call->exec_slot, call->context, call->host_end))
		return false;
	join->records_missing--;
	return true;
}

void rk_join_finish_call(struct rk_join *join, struct rk_call *call)
{
	enum rk_work work = rk_join_work_of(call);

	if (call->records) {
		rk_join_retire(join, call);
	} else if (has_no_record(join, call)) {
		rk_join_complete_without_record(join, call);
		rk_join_leave(join, call);
	} else if (is_lost(join, call)) {
		rk_join_tell_open(join, call);
		join->evicted[work]--;
		join->lost[work]++;
	} else {
		rk_join_tell_open(join, call);
	}
}

void rk_join_finish(struct rk_join *join)
{
	struct rk_activity orphan;
	struct rk_call *call;

	for (int list = 0; list < RK_CALL_LIST_COUNT; list++) {
		while ((call = rk_call_table_first(&join->calls, (enum rk_call_list)list)))
			rk_join_finish_call(join, call);
	}
	while (rk_waiting_table_take_oldest(&join->waiting, UINT64_MAX, &orphan))
		rk_join_orphan(join, &orphan);
	rk_join_finish_memory(join);
	rk_exec_cut_end(&join->cut);
}

void rk_join_get_ledger(const struct rk_join *join, struct rk_ledger *ledger)
{
	for (int w = 0; w < RK_WORK_COUNT; w++) {
		ledger->joined[w] = join->joined[w];
		ledger->open[w] = join->evicted[w] + join->waiting_calls[w];
		ledger->lost[w] = join->lost[w];
	}
	ledger->gpu_kernels = join->gpu_records[RK_ACT_KERNEL];
	ledger->gpu_memcpys = join->gpu_records[RK_ACT_MEMCPY];
	ledger->gpu_memsets = join->gpu_records[RK_ACT_MEMSET];
	ledger->gpu_graphs = join->gpu_records[RK_ACT_GRAPH];
	ledger->gpu_joined = join->gpu_joined;
	ledger->gpu_orphan = join->gpu_orphan;
	ledger->gpu_invalid = join->gpu_invalid;
	ledger->gpu_dropped = join->gpu_dropped;
	memcpy(ledger->dropped, join->dropped, sizeof(join->dropped));
	ledger->dropped[RK_LOSS_INVALID_TIME] += join->invalid_times;
	ledger->dropped[RK_LOSS_LIMIT] += join->limited;
}

void rk_join_get_active(const struct rk_join *join, uint64_t active[RK_ACTIVE_DEVICES])
{
	memcpy(active, join->active, sizeof(join->active));
}
