/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/join_missing.c - calls of kinds of work that CUPTI refuses to give records of.
 *
 * What certainly gets no record completes by itself, with host time. Some calls do not say what
 * they are: a copy between two addresses may or may not cross devices, a graph may hold anything.
 * Those wait as others do, and are never told as open for want of a record.
 */
#include "core/gpu_facts.h"
#include "pipeline/join/join_state.h"

#define NO_COPY (RK_GPU_NO_COPIES | RK_GPU_NO_PEER_COPIES)

/* Bits of which all must be missing for a copy by @api to get no record. */
static uint32_t copy_needs(const struct rk_join *join, uint16_t api)
{
	uint8_t kind = api < join->setup.api_count ? join->apis[api].copy_kind : RK_COPY_UNKNOWN;

	switch (kind) {
	case RK_COPY_UNKNOWN:
	case RK_COPY_DTOD:
		return NO_COPY;
	case RK_COPY_PTOP:
		return RK_GPU_NO_PEER_COPIES;
	default:
		return RK_GPU_NO_COPIES;
	}
}

bool rk_join_gets_no_record(const struct rk_join *join, uint8_t kind, uint16_t api)
{
	uint32_t needs;

	switch (kind) {
	case RK_REC_LAUNCH:
		needs = RK_GPU_NO_KERNELS;
		break;
	case RK_REC_MEMCPY:
		needs = copy_needs(join, api);
		break;
	case RK_REC_MEMSET:
		needs = RK_GPU_NO_MEMSETS;
		break;
	default:
		return false;
	}
	return (join->missing & needs) == needs;
}

bool rk_join_may_lack_record(const struct rk_join *join, const struct rk_call *call)
{
	if (call->kind == RK_REC_GRAPH_LAUNCH)
		return join->missing & RK_GPU_NO_RECORDS;
	if (call->kind == RK_REC_MEMCPY && join->missing & NO_COPY)
		return copy_needs(join, call->api) & join->missing;
	return rk_join_gets_no_record(join, call->kind, call->api);
}

static void settle_list(struct rk_join *join, enum rk_call_list list)
{
	struct rk_call *call = rk_call_table_first(&join->calls, list);

	while (call) {
		struct rk_call *next = rk_call_table_next(&join->calls, call);

		if (!call->records && rk_join_gets_no_record(join, call->kind, call->api)) {
			rk_join_complete_without_record(join, call);
			rk_join_leave(join, call);
		}
		call = next;
	}
}

void rk_join_set_missing(struct rk_join *join, uint32_t missing)
{
	if (join->missing == missing)
		return;
	join->missing = missing;
	for (int list = 0; list < RK_CALL_LIST_COUNT; list++)
		settle_list(join, (enum rk_call_list)list);
}
