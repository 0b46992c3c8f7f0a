/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_flight.c - launches that have been open for long are told once.
 *
 * A kernel that hangs never becomes a GPU record. So that it can be named while it hangs, the
 * launch itself is told after a second; its own op still comes when it ends, or at the end.
 * It counts nowhere. CUPTI holds back what lies in one buffer with a record that is not
 * complete: a launch beside a long one is told as well, unless a synchronisation covers it.
 */
#include "pipeline/join/fault.h"
#include "pipeline/join/join_op.h"

/* Longer than CUPTI's buffers are usually out. */
#define IN_FLIGHT_NS 1000000000ull
/* Told in one round: a program that queues a million launches must not hold up the drain. */
#define AT_ONCE 32u

/* Not: a copy of nothing, a copy or a graph of which something came, what was waited for. */
static bool is_in_flight(const struct rk_join *join, const struct rk_call *call)
{
	bool is_copy = call->kind == RK_REC_MEMCPY || call->kind == RK_REC_MEMSET;

	if (call->records || (is_copy && (!call->object || !(call->flags & RK_REC_ASYNC))))
		return false;
	return !rk_join_complete_by(join, call);
}

static void tell(struct rk_join *join, const struct rk_call *call, uint8_t flags)
{
	struct rk_op *op = rk_join_start_op(join, RK_OP_IN_FLIGHT);
	const struct rk_handle_slot *name;

	rk_join_fill_from_call(join, op, call);
	op->device = rk_join_device_of(join, call->context);
	op->context = rk_join_context_id(join, call->context);
	op->stream = rk_join_stream_id(join, call);
	if (call->kind == RK_REC_LAUNCH) {
		name = rk_handle_map_get(&join->names, call->object);
		op->name = name ? name->tag : 0;
		for (int i = 0; i < 3; i++) {
			op->kernel.grid[i] = call->grid[i];
			op->kernel.block[i] = call->block[i];
		}
	}
	op->flags |= flags;
	rk_join_emit(join, op);
}

static uint32_t tell_suspects_of(struct rk_join *join, enum rk_call_list list, uint16_t context,
				 uint32_t left)
{
	struct rk_call *call = rk_call_table_first(&join->calls, list);

	for (; left && call; call = rk_call_table_next(&join->calls, call)) {
		bool is_launch = call->kind == RK_REC_LAUNCH || call->kind == RK_REC_GRAPH_LAUNCH;

		if (!is_launch || call->context != context || !is_in_flight(join, call))
			continue;
		/* It will never end: no hang. */
		call->flags |= RK_CALL_LOOKED_AT;
		tell(join, call, RK_OP_F_SUSPECT);
		left--;
	}
	return left;
}

void rk_join_tell_suspects(struct rk_join *join, uint16_t context)
{
	struct rk_join_context *of = rk_join_context_get(join, context);
	uint32_t left = RK_FAULT_SUSPECTS;

	if (!of || of->has_faulted)
		return;
	of->has_faulted = true;
	left = tell_suspects_of(join, RK_CALL_ONE_RECORD, context, left);
	tell_suspects_of(join, RK_CALL_MANY_RECORDS, context, left);
}

/* The oldest call of a list that was not looked at. Calls are in the order of their age, so it is
 * the one behind the newest that was, unless that one has left. */
static struct rk_call *next_to_look_at(struct rk_join *join, enum rk_call_list list)
{
	struct rk_call *call = rk_call_table_get(&join->calls, join->looked_at[list]);

	if (!call || call->list != list || !(call->flags & RK_CALL_LOOKED_AT))
		call = rk_call_table_first(&join->calls, list);
	while (call && (call->flags & RK_CALL_LOOKED_AT))
		call = rk_call_table_next(&join->calls, call);
	return call;
}

/* Looks at the launches of a list that became old, until @left of them are told. */
static uint32_t tell_list(struct rk_join *join, enum rk_call_list list, uint32_t left)
{
	struct rk_call *call = next_to_look_at(join, list);

	for (; left && call && call->host_start + IN_FLIGHT_NS <= join->now;
	     call = rk_call_table_next(&join->calls, call)) {
		bool is_told = call->flags & RK_CALL_LOOKED_AT;

		call->flags |= RK_CALL_LOOKED_AT;
		join->looked_at[list] = call->correlation;
		if (is_told || !is_in_flight(join, call))
			continue;
		tell(join, call, 0);
		left--;
	}
	return left;
}

void rk_join_tell_in_flight(struct rk_join *join)
{
	uint32_t left = AT_ONCE;

	if (!join->gpu_time)
		return;
	left = tell_list(join, RK_CALL_ONE_RECORD, left);
	tell_list(join, RK_CALL_MANY_RECORDS, left);
}
