/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/overhead_text.h - a step of the overhead governor, as an op and in words.
 *
 * An op SETTINGS with the keys overhead.step and overhead.before, names of steps, and
 * overhead.share and overhead.budget, numbers: what was measured, and what there was for it. The
 * first one is no step, and tells the budget.
 */
#ifndef RK_PIPELINE_USE_OVERHEAD_TEXT_H
#define RK_PIPELINE_USE_OVERHEAD_TEXT_H

#include "core/fields.h"
#include "core/op.h"
#include "pipeline/use/governor.h"

#define RK_OVERHEAD_LINE_MAX 256
#define RK_OVERHEAD_PARTS    3 /* of the cost: hooks, CUPTI, threads of the tracer */

struct rk_overhead_step {
	enum rk_governor_step step, before;
	double share, budget;
};

/* All that the ops of a recording say. Begins zeroed. */
struct rk_overhead_told {
	struct rk_overhead_step last; /* .step is FULL as long as nothing was said */
	enum rk_governor_step lowest;
	uint32_t down, up; /* steps made */
	bool is_governed;  /* there was a budget: something was measured */
	uint64_t cost_ns, busy_ns;
};

/**
 * Put a step into an op's text / read it.
 *
 * Context: any. Return: false where @op, of any kind, is none.
 */
void rk_overhead_text_pack(const struct rk_overhead_step *step, struct rk_fields_writer *writer);
bool rk_overhead_text_read(struct rk_overhead_step *step, const struct rk_op *op);

/**
 * "3.41 % of ... where 2 % is allowed: down from full to no_stacks (no call stacks)".
 *
 * Context: any.
 */
void rk_overhead_text_line(const struct rk_overhead_step *step, char out[RK_OVERHEAD_LINE_MAX]);

/**
 * What is not recorded at a step, in a few words; "" = nothing.
 *
 * Context: any. Return: a static string.
 */
const char *rk_overhead_text_meaning(enum rk_governor_step step);

/**
 * Take one op, which may be of any kind.
 *
 * Context: exporter or tools.
 */
void rk_overhead_told_feed(struct rk_overhead_told *told, const struct rk_op *op);

/**
 * Sum up a recording in a line: where it stands, how low it went, what was left out of @ledger.
 *
 * Context: any. Return: @out; "" where nothing was left out.
 */
const char *rk_overhead_told_line(const struct rk_overhead_told *told,
				  const struct rk_ledger *ledger, char out[RK_OVERHEAD_LINE_MAX]);

#endif
