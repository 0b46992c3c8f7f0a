/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_facts.h - what helps to understand an alert, from those who know.
 *
 * Memory: who holds it. A GPU that does little: what it did instead. Asked for when an alert is
 * told, so what is told is how things are then; a function of the ops, as all of the engine.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_FACTS_H
#define RK_PIPELINE_ALERT_ALERT_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/alert/alert_idle.h"
#include "pipeline/join/stack_names.h"
#include "pipeline/use/gpu_time.h"
#include "pipeline/use/memory_use.h"

#define RK_ALERT_HOLDERS_BYTES 1536u

struct rk_alert_series;

/* Each borrowed, and fed with every op before the engine is; NULL: nothing is known of that. */
struct rk_alert_sources {
	struct rk_stack_names *stacks;
	const struct rk_gpu_time *gpu;
	const struct rk_memory_use *memory;
};

struct rk_alert_facts {
	struct rk_alert_sources sources;
	/* of each device, the last one of all together; NULL: nothing was heard of it yet */
	struct rk_alert_idle *idle[RK_GPU_TIME_DEVICES + 1];
};

/**
 * It is @now: remember what the GPUs do.
 *
 * Context: the feeding thread. May allocate; without memory there is nothing to tell.
 */
void rk_alert_facts_advance(struct rk_alert_facts *facts, uint64_t now);
void rk_alert_facts_finish(struct rk_alert_facts *facts);

/**
 * What the GPU of @series did of late, in the window of its rule where that has one. / Who holds
 * most of the memory that @series is about, a line each.
 *
 * Context: the feeding thread. Return: @out; "" where the alert is not about that, or nothing is
 * known.
 */
const char *rk_alert_facts_idle(const struct rk_alert_series *series, char *out, size_t size);
const char *rk_alert_facts_holders(const struct rk_alert_series *series, char *out, size_t size);

#endif
