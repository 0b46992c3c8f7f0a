/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ledger.h - the three sums that must close, and why anything was lost.
 *
 *   host:  calls = failed + captured + submitted;  submitted = joined + open + lost + withheld
 *   GPU:   records = joined + orphan + invalid + dropped;  records = those that came + dropped
 *   wire:  eligible = sent + sampled out + queued + dropped, per destination
 *
 * A snapshot is a plain struct: it travels in ticks, into the file, the metrics and the
 * verdict, so all of them tell the same numbers. Host calls are counted by the calling
 * thread before anything can drop (see ring.h), the rest by the thread that saw it.
 */
#ifndef RK_CORE_LEDGER_H
#define RK_CORE_LEDGER_H

#include <stdint.h>

#include "core/record.h"

/* Calls that put work on a GPU. */
enum rk_work {
	RK_WORK_LAUNCH,
	RK_WORK_GRAPH_LAUNCH,
	RK_WORK_MEMCPY,
	RK_WORK_MEMSET,
	RK_WORK_COUNT
};

/* Why something is missing. The names are the label values of rustkernel_dropped_total. */
enum rk_loss {
	RK_LOSS_RING_FULL,
	RK_LOSS_CUPTI_DROPPED,
	RK_LOSS_INVALID_TIME,
	RK_LOSS_QUEUE_FULL,
	RK_LOSS_REJECTED,
	RK_LOSS_RETRY_EXHAUSTED,
	RK_LOSS_TOO_LARGE,
	RK_LOSS_DISK,
	RK_LOSS_FORK,
	RK_LOSS_LIMIT,
	RK_LOSS_COUNT
};

struct rk_ledger {
	/* host side, by enum rk_work */
	uint64_t calls[RK_WORK_COUNT];
	uint64_t failed[RK_WORK_COUNT];
	uint64_t captured[RK_WORK_COUNT];
	uint64_t joined[RK_WORK_COUNT];
	uint64_t open[RK_WORK_COUNT];
	uint64_t lost[RK_WORK_COUNT];
	/* GPU side: records that came, by kind; those that did not come are gpu_dropped */
	uint64_t gpu_kernels, gpu_memcpys, gpu_memsets, gpu_graphs;
	uint64_t gpu_joined, gpu_orphan, gpu_invalid, gpu_dropped;
	/* everything that was lost anywhere, by reason */
	uint64_t dropped[RK_LOSS_COUNT];
	uint64_t unwrapped; /* CUDA functions handed out without our wrapper */
	/* left out on purpose, for the sake of the budget, by enum rk_work */
	uint64_t withheld[RK_WORK_COUNT];
	uint64_t withheld_other;  /* waits and events */
	uint64_t withheld_stacks; /* call stacks that were due */
};

/**
 * Name of a loss reason, as in the label `reason`.
 *
 * Context: any.
 * Return: a static string; "unknown" for a value outside the enum.
 */
const char *rk_loss_name(enum rk_loss loss);

/**
 * Name of a kind of work: "launch", "graph_launch", "memcpy", "memset".
 *
 * Context: any.
 * Return: a static string.
 */
const char *rk_work_name(enum rk_work work);

/**
 * The ledger row of a record: which of enum rk_work it submits, or -1 for other calls.
 *
 * Context: any.
 */
static inline int rk_ledger_work(uint8_t kind)
{
	switch (kind) {
	case RK_REC_LAUNCH:
		return RK_WORK_LAUNCH;
	case RK_REC_GRAPH_LAUNCH:
		return RK_WORK_GRAPH_LAUNCH;
	case RK_REC_MEMCPY:
		return RK_WORK_MEMCPY;
	case RK_REC_MEMSET:
		return RK_WORK_MEMSET;
	default:
		return -1;
	}
}

/**
 * Calls of one kind that reached a stream: calls - failed - captured.
 *
 * Context: any.
 */
static inline uint64_t rk_ledger_submitted(const struct rk_ledger *ledger, enum rk_work work)
{
	return ledger->calls[work] - ledger->failed[work] - ledger->captured[work];
}

/**
 * Check the host and the GPU sum.
 *
 * Context: any.
 * Return: NULL when both close, else a static string that names the sum which does not.
 */
const char *rk_ledger_check(const struct rk_ledger *ledger);

#endif
