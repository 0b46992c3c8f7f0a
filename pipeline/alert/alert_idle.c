/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_idle.c - differences of sums, and what to call them.
 */
#include "pipeline/alert/alert_idle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/human_units.h"

void rk_alert_idle_init(struct rk_alert_idle *idle, uint64_t window_ns, uint64_t now)
{
	memset(idle, 0, sizeof(*idle));
	for (int state = 0; state < RK_GPU_STATE_COUNT; state++)
		rk_alert_past_init(&idle->sums[state], window_ns, now, 0);
}

void rk_alert_idle_note(struct rk_alert_idle *idle, uint64_t now, const struct rk_gpu_split *split)
{
	for (int state = 0; state < RK_GPU_STATE_COUNT; state++) {
		int64_t sum = (int64_t)split->ns[state], before;

		idle->is_whole = rk_alert_past_note(&idle->sums[state], now, sum, &before);
		/* What is known better by now may have been another state. */
		idle->ns[state] = sum > before ? (uint64_t)(sum - before) : 0;
	}
}

static uint64_t sum_of(const struct rk_alert_idle *idle, uint32_t states)
{
	uint64_t sum = 0;

	for (int state = 0; state < RK_GPU_STATE_COUNT; state++)
		sum += states & 1u << state ? idle->ns[state] : 0;
	return sum;
}

double rk_alert_idle_share(const struct rk_alert_idle *idle, uint32_t states)
{
	uint64_t all = sum_of(idle, UINT32_MAX);

	return all ? (double)sum_of(idle, states) / (double)all : NAN;
}

const char *rk_alert_idle_write(const struct rk_alert_idle *idle, char *out, size_t size)
{
	uint64_t all = sum_of(idle, UINT32_MAX);
	char human[RK_HUMAN_MAX];
	size_t used = 0;

	out[0] = '\0';
	for (int state = 0; all && state < RK_GPU_STATE_COUNT; state++) {
		if (!idle->ns[state] || used >= size)
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%s %.1f %%", used ? ", " : "",
					 rk_gpu_time_state_name((enum rk_gpu_state)state),
					 100 * rk_alert_idle_share(idle, 1u << state));
	}
	if (all && used < size)
		snprintf(out + used, size - used, " of %s", rk_human_time(human, all));
	return out;
}

uint32_t rk_alert_idle_states(const char *name)
{
	if (strcmp(name, "idle") == 0)
		return 1u << RK_GPU_LAUNCH_BOUND | 1u << RK_GPU_WAITING | 1u << RK_GPU_NONE;
	for (int state = RK_GPU_COPYING; state < RK_GPU_UNKNOWN; state++) {
		if (strcmp(rk_gpu_time_state_name((enum rk_gpu_state)state), name) == 0)
			return 1u << state;
	}
	return 0;
}
