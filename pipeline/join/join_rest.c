/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_rest.c - the join while nothing is recorded.
 *
 * When recording stops, CUPTI has given all it had and was let go: what is still waiting gets no
 * GPU record any more, and is told as open. What the join knows of streams and memory is worth
 * nothing after a rest, because the program went on in it. A call that was under way when
 * recording stopped comes late; its GPU record may have come before it.
 */
#include "pipeline/join/join_state.h"

static void finish_calls(struct rk_join *join, uint64_t before)
{
	for (int list = 0; list < RK_CALL_LIST_COUNT; list++) {
		struct rk_call *call = rk_call_table_first(&join->calls, (enum rk_call_list)list);

		while (call) {
			struct rk_call *next = rk_call_table_next(&join->calls, call);

			if (call->host_end < before)
				rk_join_finish_call(join, call);
			call = next;
		}
	}
}

static void forget_streams(struct rk_join *join)
{
	uint32_t limit = join->streams.limit;

	rk_handle_map_finish(&join->streams);
	rk_handle_map_init(&join->streams, limit);
	for (int i = 0; i < RK_JOIN_LEARNED; i++)
		join->learned[i] = (struct rk_join_learned){ 0 };
}

void rk_join_hold(struct rk_join *join)
{
	finish_calls(join, UINT64_MAX);
	join->is_resting = true;
	rk_exec_cut_end(&join->cut);
}

void rk_join_rest(struct rk_join *join)
{
	rk_join_hold(join);
	forget_streams(join);
	rk_join_finish_memory(join);
	rk_join_forget_memory(join);
}

void rk_join_wake(struct rk_join *join)
{
	finish_calls(join, UINT64_MAX);
	join->is_resting = false;
}

void rk_join_look_at_rest(struct rk_join *join, uint64_t now)
{
	if (join->is_resting && now > RK_JOIN_GRACE_NS)
		finish_calls(join, now - RK_JOIN_GRACE_NS);
}
