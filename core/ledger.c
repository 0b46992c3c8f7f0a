/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ledger.c - names of losses and the check of the sums.
 */
#include "core/ledger.h"

#include <stddef.h>

static const char *const loss_names[RK_LOSS_COUNT] = {
	[RK_LOSS_RING_FULL] = "ring_full",
	[RK_LOSS_CUPTI_DROPPED] = "cupti_dropped",
	[RK_LOSS_INVALID_TIME] = "invalid_time",
	[RK_LOSS_QUEUE_FULL] = "queue_full",
	[RK_LOSS_REJECTED] = "rejected",
	[RK_LOSS_RETRY_EXHAUSTED] = "retry_exhausted",
	[RK_LOSS_TOO_LARGE] = "too_large",
	[RK_LOSS_DISK] = "disk",
	[RK_LOSS_FORK] = "fork",
	[RK_LOSS_LIMIT] = "limit",
};

static const char *const work_names[RK_WORK_COUNT] = {
	[RK_WORK_LAUNCH] = "launch",
	[RK_WORK_GRAPH_LAUNCH] = "graph_launch",
	[RK_WORK_MEMCPY] = "memcpy",
	[RK_WORK_MEMSET] = "memset",
};

/* One message per row, so that the check needs no formatting. */
static const char *const work_sums[RK_WORK_COUNT] = {
	[RK_WORK_LAUNCH] = "launch: submitted != joined + open + lost + withheld",
	[RK_WORK_GRAPH_LAUNCH] = "graph_launch: submitted != joined + open + lost + withheld",
	[RK_WORK_MEMCPY] = "memcpy: submitted != joined + open + lost + withheld",
	[RK_WORK_MEMSET] = "memset: submitted != joined + open + lost + withheld",
};

const char *rk_loss_name(enum rk_loss loss)
{
	return (unsigned)loss < RK_LOSS_COUNT ? loss_names[loss] : "unknown";
}

const char *rk_work_name(enum rk_work work)
{
	return (unsigned)work < RK_WORK_COUNT ? work_names[work] : "unknown";
}

const char *rk_ledger_check(const struct rk_ledger *ledger)
{
	uint64_t came = ledger->gpu_kernels + ledger->gpu_memcpys + ledger->gpu_memsets +
			ledger->gpu_graphs;

	for (unsigned w = 0; w < RK_WORK_COUNT; w++) {
		if (ledger->failed[w] + ledger->captured[w] > ledger->calls[w])
			return "calls < failed + captured";
		if (rk_ledger_submitted(ledger, (enum rk_work)w) !=
		    ledger->joined[w] + ledger->open[w] + ledger->lost[w] + ledger->withheld[w])
			return work_sums[w];
	}
	if (came != ledger->gpu_joined + ledger->gpu_orphan + ledger->gpu_invalid)
		return "gpu: records != joined + orphan + invalid + dropped";
	return NULL;
}
