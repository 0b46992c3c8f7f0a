/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/governor.c - one window, one decision.
 */
#include "pipeline/use/governor.h"

#include <string.h>

#define WINDOWS_OVER	2
#define WINDOWS_SETTLE	1
#define CALM_SHARE	0.5 /* of the budget: going up adds to the cost */
#define WAIT_MOST_NS	(600ull * 1000000000u)

static const char *const names[RK_STEP_COUNT] = {
	[RK_STEP_FULL] = "full",
	[RK_STEP_NO_STACKS] = "no_stacks",
	[RK_STEP_WHOLE_GRAPHS] = "whole_graphs",
	[RK_STEP_SAMPLED_SPANS] = "sampled_spans",
	[RK_STEP_KERNELS_ONLY] = "kernels_only",
	[RK_STEP_COUNTERS_ONLY] = "counters_only",
};

const char *rk_governor_step_name(enum rk_governor_step step)
{
	return (unsigned)step < RK_STEP_COUNT ? names[step] : "unknown";
}

enum rk_governor_step rk_governor_find_step(const char *name)
{
	int step = 0;

	while (step < RK_STEP_COUNT && strcmp(names[step], name) != 0)
		step++;
	return (enum rk_governor_step)step;
}

void rk_governor_init(struct rk_governor *governor, double budget, uint64_t quiet_ns)
{
	*governor =
		(struct rk_governor){ .budget = budget, .quiet_ns = quiet_ns, .wait_ns = quiet_ns };
}

static bool is_useful(const struct rk_governor_window *window, int step)
{
	return step == RK_STEP_FULL || window->useful & 1u << step;
}

static bool move(struct rk_governor *governor, int step)
{
	governor->step = (enum rk_governor_step)step;
	governor->over = 0;
	governor->calm_since_ns = 0;
	governor->settling = WINDOWS_SETTLE;
	return true;
}

/* The last step up was one too many: the next one takes its time. */
static void wait_longer(struct rk_governor *governor, uint64_t now)
{
	if (governor->raised_ns && now - governor->raised_ns <= governor->wait_ns)
		governor->wait_ns =
			governor->wait_ns < WAIT_MOST_NS / 2 ? 2 * governor->wait_ns : WAIT_MOST_NS;
	if (governor->wait_ns < governor->quiet_ns)
		governor->wait_ns = governor->quiet_ns;
	governor->raised_ns = 0;
}

static bool step_down(struct rk_governor *governor, const struct rk_governor_window *window)
{
	int step = governor->step + 1;

	while (step < RK_STEP_COUNT && !is_useful(window, step))
		step++;
	if (step == RK_STEP_COUNT)
		return false;
	wait_longer(governor, window->now_ns);
	return move(governor, step);
}

static bool step_up(struct rk_governor *governor, const struct rk_governor_window *window)
{
	int step = governor->step - 1;

	while (step > RK_STEP_FULL && !is_useful(window, step))
		step--;
	governor->raised_ns = window->now_ns;
	return move(governor, step);
}

/* Once a step up has held for as long as it was waited for, the next wait is the usual one. */
static void forgive(struct rk_governor *governor, uint64_t now)
{
	if (!governor->raised_ns || now - governor->raised_ns <= governor->wait_ns)
		return;
	governor->raised_ns = 0;
	governor->wait_ns = governor->quiet_ns;
}

static bool take_calm(struct rk_governor *governor, const struct rk_governor_window *window)
{
	governor->over = 0;
	forgive(governor, window->now_ns);
	if (governor->share > governor->budget * CALM_SHARE) {
		governor->calm_since_ns = 0;
		return false;
	}
	if (!governor->calm_since_ns)
		governor->calm_since_ns = window->now_ns;
	if (governor->step == RK_STEP_FULL ||
	    window->now_ns - governor->calm_since_ns < governor->wait_ns)
		return false;
	return step_up(governor, window);
}

bool rk_governor_feed(struct rk_governor *governor, const struct rk_governor_window *window)
{
	governor->share = window->busy_ns ? (double)window->cost_ns / (double)window->busy_ns : 0;
	if (governor->settling) {
		governor->settling--;
		return false;
	}
	if (governor->share <= governor->budget)
		return take_calm(governor, window);
	governor->calm_since_ns = 0;
	return ++governor->over >= WINDOWS_OVER && step_down(governor, window);
}
