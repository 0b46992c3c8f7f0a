/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/interval_set.h - how long at least one of many intervals was running.
 *
 * Kernels of several streams overlap, so their times do not add up to a busy GPU; the union
 * does. Intervals come nearly in order: a bounded list of disjoint ones is kept, and the older
 * half is folded into a sum when it is full. What comes later still and reaches below the fold
 * counts only above it, so the union is never too long.
 */
#ifndef RK_PIPELINE_INTERVAL_SET_H
#define RK_PIPELINE_INTERVAL_SET_H

#include <stdint.h>

#define RK_INTERVALS_KEPT 1024u

struct rk_interval {
	uint64_t start, end;
};

struct rk_interval_set {
	struct rk_interval items[RK_INTERVALS_KEPT]; /* disjoint, rising */
	uint32_t count;
	uint64_t folded; /* length of what was folded */
	uint64_t floor;	 /* end of what was folded */
};

/**
 * Context: any. @end >= @start.
 */
void rk_interval_set_add(struct rk_interval_set *set, uint64_t start, uint64_t end);

/**
 * Length of the union so far.
 *
 * Context: any.
 */
uint64_t rk_interval_set_length(const struct rk_interval_set *set);

#endif
