/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_baggage.h - baggage entries that were chosen to be labels of kernels.
 *
 * An execution runs in a context, whose baggage comes with an op; without one the baggage of the
 * process counts. Each set of values that was seen has a number, and only so many are told apart:
 * values come from callers, and their number is nobody's to promise.
 */
#ifndef RK_PIPELINE_METRICS_METRICS_BAGGAGE_H
#define RK_PIPELINE_METRICS_METRICS_BAGGAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/op.h"
#include "pipeline/join/handle_map.h"

/* Chosen entries at most; each multiplies the series of a kernel by the number of its values. */
#define RK_BAGGAGE_LABELS_MAX 8u

/* Number of a set of values. */
#define RK_BAGGAGE_SET_NONE  0u /* no value at all */
#define RK_BAGGAGE_SET_OTHER 1u /* those beyond the bound */

struct rk_baggage_set {
	const char *values[RK_BAGGAGE_LABELS_MAX]; /* parts of texts; NULL = is not there */
	char *texts;
};

struct rk_exec_set {
	uint64_t exec; /* 0 = free */
	uint32_t set;
};

struct rk_metrics_baggage {
	char *names[RK_BAGGAGE_LABELS_MAX]; /* of the labels */
	char *keys[RK_BAGGAGE_LABELS_MAX];
	uint32_t count; /* 0 = no label was chosen: nothing else is used */
	struct rk_baggage_set *sets; /* from number 2 on */
	uint32_t set_count, set_capacity;
	struct rk_handle_map index; /* hash of the values -> tag: number of the set */
	struct rk_exec_set *execs;  /* by the low bits of the execution's number */
	uint32_t process_set;
};

/**
 * Choose the labels that `metrics.baggage_labels` names. Those in @taken and those that are no
 * label are named in the log and left out.
 *
 * Context: exporter or tools. Return: 0, -ENOMEM.
 */
int rk_metrics_baggage_init(struct rk_metrics_baggage *baggage, const struct rk_config *config,
			    const char *const *taken);
void rk_metrics_baggage_finish(struct rk_metrics_baggage *baggage);

/**
 * The baggage of the process.
 *
 * Context: exporter or tools, before the first op.
 */
void rk_metrics_baggage_set_process(struct rk_metrics_baggage *baggage, const char *text);

/**
 * Take an RK_OP_CONTEXT.
 *
 * Context: the feeding thread.
 */
void rk_metrics_baggage_feed(struct rk_metrics_baggage *baggage, const struct rk_op *op);

/**
 * Number of the set that execution @exec runs with.
 *
 * Context: the feeding thread.
 */
static inline uint32_t rk_metrics_baggage_of(const struct rk_metrics_baggage *baggage,
					     uint64_t exec);

/**
 * Value of label @label in set @set.
 *
 * Context: the feeding thread. Return: NULL = the label is not there.
 */
const char *rk_metrics_baggage_value(const struct rk_metrics_baggage *baggage, uint32_t set,
				     uint32_t label);

/* Executions that are remembered; as many as can be under way, and those that just ended. */
#define RK_BAGGAGE_EXECS 32768u

static inline uint32_t rk_metrics_baggage_of(const struct rk_metrics_baggage *baggage,
					     uint64_t exec)
{
	const struct rk_exec_set *slot;

	if (!baggage->count)
		return RK_BAGGAGE_SET_NONE;
	slot = &baggage->execs[exec % RK_BAGGAGE_EXECS];
	return exec && slot->exec == exec ? slot->set : baggage->process_set;
}

#endif
