/* SPDX-License-Identifier: Apache-2.0
 *
 * core/breaker.c - the three states and what moves between them.
 */
#include "core/breaker.h"

#include <string.h>

void rk_breaker_init(struct rk_breaker *breaker, uint32_t failure_threshold,
		     uint32_t success_threshold, uint64_t cool_down_ns)
{
	memset(breaker, 0, sizeof(*breaker));
	breaker->failure_threshold = failure_threshold ? failure_threshold : 1;
	breaker->success_threshold = success_threshold ? success_threshold : 1;
	breaker->cool_down_ns = cool_down_ns;
}

static void enter(struct rk_breaker *breaker, enum rk_breaker_state state)
{
	breaker->state = state;
	breaker->failures = breaker->successes = 0;
}

bool rk_breaker_allows(struct rk_breaker *breaker, uint64_t now_ns)
{
	if (breaker->state != RK_BREAKER_OPEN)
		return true;
	if (now_ns < rk_breaker_due_ns(breaker))
		return false;
	enter(breaker, RK_BREAKER_HALF_OPEN);
	return true;
}

uint64_t rk_breaker_due_ns(const struct rk_breaker *breaker)
{
	if (breaker->state != RK_BREAKER_OPEN)
		return 0;
	if (breaker->opened_ns > UINT64_MAX - breaker->cool_down_ns)
		return UINT64_MAX;
	return breaker->opened_ns + breaker->cool_down_ns;
}

static bool note_success(struct rk_breaker *breaker)
{
	breaker->failures = 0;
	if (breaker->state != RK_BREAKER_HALF_OPEN)
		return false;
	if (++breaker->successes < breaker->success_threshold)
		return false;
	enter(breaker, RK_BREAKER_CLOSED);
	return true;
}

bool rk_breaker_note(struct rk_breaker *breaker, bool is_success, uint64_t now_ns)
{
	/* An attempt that was let through before it opened says nothing new. */
	if (breaker->state == RK_BREAKER_OPEN)
		return false;
	if (is_success)
		return note_success(breaker);
	if (breaker->state == RK_BREAKER_CLOSED && ++breaker->failures < breaker->failure_threshold)
		return false;
	enter(breaker, RK_BREAKER_OPEN);
	breaker->opened_ns = now_ns;
	return true;
}

const char *rk_breaker_state_name(enum rk_breaker_state state)
{
	switch (state) {
	case RK_BREAKER_HALF_OPEN:
		return "half-open";
	case RK_BREAKER_OPEN:
		return "open";
	default:
		return "closed";
	}
}
