/* SPDX-License-Identifier: Apache-2.0
 *
 * core/breaker.h - a circuit breaker: leave alone what keeps failing.
 *
 *            threshold failures in a row          cool-down over
 *   CLOSED ------------------------------> OPEN ------------------> HALF_OPEN
 *     ^                                      ^                         |   |
 *     |       threshold successes in a row   |       one failure       |   |
 *     +--------------------------------------|-------------------------+   |
 *                                            +-----------------------------+
 *
 * Time comes from the caller, so a test and a replay need no clock.
 */
#ifndef RK_CORE_BREAKER_H
#define RK_CORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/* The values of the gauge rustkernel_circuit_breaker_state. */
enum rk_breaker_state { RK_BREAKER_CLOSED = 0, RK_BREAKER_HALF_OPEN = 1, RK_BREAKER_OPEN = 2 };

struct rk_breaker {
	uint32_t failure_threshold, success_threshold; /* immutable after init */
	uint64_t cool_down_ns;			       /* likewise */
	enum rk_breaker_state state;
	uint32_t failures, successes; /* in a row */
	uint64_t opened_ns;
};

/**
 * Context: any.
 */
void rk_breaker_init(struct rk_breaker *breaker, uint32_t failure_threshold,
		     uint32_t success_threshold, uint64_t cool_down_ns);

/**
 * Whether an attempt may be made at @now_ns; an open breaker becomes half-open when its
 * cool-down is over.
 *
 * Context: any.
 */
bool rk_breaker_allows(struct rk_breaker *breaker, uint64_t now_ns);

/**
 * When rk_breaker_allows() will say yes; 0 = now.
 *
 * Context: any.
 */
uint64_t rk_breaker_due_ns(const struct rk_breaker *breaker);

/**
 * What came of an attempt.
 *
 * Context: any. Return: whether the state changed.
 */
bool rk_breaker_note(struct rk_breaker *breaker, bool is_success, uint64_t now_ns);

/**
 * "closed", "half-open", "open".
 *
 * Context: any. Return: a static string.
 */
const char *rk_breaker_state_name(enum rk_breaker_state state);

#endif
