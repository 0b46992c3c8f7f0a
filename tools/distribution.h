/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/distribution.h - count, total, mean, spread, extremes and the median of durations.
 *
 * The first RK_DISTRIBUTION_EXACT values are kept, and then the median is exact. Beyond that
 * values are counted in buckets, 128 per doubling: the median is then at most 0.4 % off.
 * Everything else is exact at any size.
 */
#ifndef RK_TOOLS_DISTRIBUTION_H
#define RK_TOOLS_DISTRIBUTION_H

#include <stdbool.h>
#include <stdint.h>

#define RK_DISTRIBUTION_EXACT 16384 /* 128 KiB per kernel at most */

struct rk_distribution {
	uint64_t count, total, min, max;
	double mean, m2;	/* Welford's running mean and sum of squared distances */
	uint64_t *values;	/* the first ones; NULL once there are buckets */
	uint64_t *octaves[64];	/* 128 counters each; NULL = none of that size */
	uint32_t room;		/* entries allocated in values */
};

/**
 * Free what a distribution holds; the zeroed struct is an empty one.
 *
 * Context: tools.
 */
void rk_distribution_finish(struct rk_distribution *d);

/**
 * Add one value.
 *
 * Context: tools. Return: 0, -ENOMEM.
 */
int rk_distribution_push(struct rk_distribution *d, uint64_t value);

/**
 * Context: tools. Return: 0 when empty.
 */
double rk_distribution_get_median(struct rk_distribution *d);
double rk_distribution_get_stddev(const struct rk_distribution *d);
bool rk_distribution_is_exact(const struct rk_distribution *d);

/**
 * The value of @rank in rising order, 1 being the least; as exact as the median.
 *
 * Context: tools. Return: 0 when empty.
 */
double rk_distribution_get_ranked(struct rk_distribution *d, uint64_t rank);

#endif
