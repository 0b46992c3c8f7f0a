/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/backoff.h - how long to wait before the next attempt.
 *
 * Doubles from first_ns to max_ns; what the receiver asks for (Retry-After) comes first, up to
 * park_max_ns. Half of every pause of our own is chance: processes that failed together do not
 * come back together.
 */
#ifndef RK_EXPORTERS_BACKOFF_H
#define RK_EXPORTERS_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct rk_backoff {
	uint64_t first_ns, max_ns; /* immutable after init, as the next */
	uint64_t park_max_ns;	   /* a longer Retry-After is not believed */
	uint64_t current_ns;	   /* 0 = the last attempt was answered */
	uint64_t random;
};

/**
 * Context: exporter.
 */
void rk_backoff_init(struct rk_backoff *backoff, uint64_t first_ns, uint64_t max_ns,
		     uint64_t park_max_ns);

/**
 * An attempt failed.
 *
 * @ceiling_ns: of this pause, where it is our own; max_ns for none.
 * @asked_ns: what the receiver asks for; NULL = nothing.
 * Context: exporter. Return: ns to wait.
 */
uint64_t rk_backoff_next(struct rk_backoff *backoff, uint64_t ceiling_ns, const uint64_t *asked_ns);

/**
 * An attempt was answered.
 *
 * Context: exporter.
 */
void rk_backoff_reset(struct rk_backoff *backoff);

#endif
