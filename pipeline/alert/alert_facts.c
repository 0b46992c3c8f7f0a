/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_facts.c - asking for what belongs to an alert.
 */
#include "pipeline/alert/alert_facts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/alert/alert_series.h"
#include "pipeline/metrics/metrics_state.h"
#include "pipeline/use/memory_text.h"

/* As the window of most conditions. */
#define WINDOW_NS 300000000000ull

#define ALL_DEVICES RK_GPU_TIME_DEVICES

static void note(struct rk_alert_idle **idle, uint64_t now, const struct rk_gpu_split *split)
{
	if (!*idle) {
		*idle = malloc(sizeof(**idle));
		if (!*idle)
			return;
		rk_alert_idle_init(*idle, WINDOW_NS, now);
	}
	rk_alert_idle_note(*idle, now, split);
}

void rk_alert_facts_advance(struct rk_alert_facts *facts, uint64_t now)
{
	const struct rk_gpu_time *gpu = facts->sources.gpu;
	struct rk_gpu_split split;

	if (!gpu || !rk_gpu_time_get_all(gpu, &split))
		return;
	note(&facts->idle[ALL_DEVICES], now, &split);
	for (uint32_t device = 0; device < RK_GPU_TIME_DEVICES; device++) {
		if (rk_gpu_time_get(gpu, device, &split))
			note(&facts->idle[device], now, &split);
	}
}

void rk_alert_facts_finish(struct rk_alert_facts *facts)
{
	for (size_t i = 0; i <= ALL_DEVICES; i++)
		free(facts->idle[i]);
	memset(facts, 0, sizeof(*facts));
}

const char *rk_alert_facts_idle(const struct rk_alert_series *series, char *out, size_t size)
{
	const struct rk_alert_idle *idle = series->idle;
	uint32_t device = series->key.device;

	out[0] = '\0';
	if (!idle && rk_condition_is_of_idleness(series->rule->condition.kind))
		idle = series->facts->idle[device < ALL_DEVICES ? device : ALL_DEVICES];
	return idle ? rk_alert_idle_write(idle, out, size) : out;
}

static const struct rk_memory_space *space_of(const struct rk_alert_series *series)
{
	const struct rk_memory_use *memory = series->facts->sources.memory;
	bool is_about = rk_condition_is_of_memory(series->rule->condition.kind);

	for (uint8_t pool = 0; memory && is_about && pool < RK_POOL_COUNT; pool++) {
		if (series->key.pool && strcmp(rk_metrics_pool_name(pool), series->key.pool) == 0)
			return rk_memory_use_space_of(memory, series->key.device, pool);
	}
	return NULL;
}

const char *rk_alert_facts_holders(const struct rk_alert_series *series, char *out, size_t size)
{
	const struct rk_alert_sources *sources = &series->facts->sources;
	const struct rk_memory_space *space = space_of(series);

	out[0] = '\0';
	if (space)
		rk_memory_text_holders(sources->memory, space, sources->stacks, out, size);
	return out;
}
