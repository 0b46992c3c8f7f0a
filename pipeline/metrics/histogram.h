/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/histogram.h - durations in two shapes by one update.
 *
 * Values are integer nanoseconds. A scale is a list of rising upper-inclusive bounds in ns and
 * a table that, for the top four bits of a value, tells the first bucket it can lie in: the
 * update then compares with one or two bounds. Because x <= b equals x <= floor(b) for an
 * integer x, the buckets are exact for bounds that are no whole nanoseconds.
 *
 * The exponential shape is OpenTelemetry's at scale 3 (base 2^(1/8), in seconds).
 */
#ifndef RK_PIPELINE_METRICS_HISTOGRAM_H
#define RK_PIPELINE_METRICS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"

#define RK_HISTOGRAM_STEPS     8 /* per octave, of the look-up table */
#define RK_HISTOGRAM_EXP_SCALE 3
#define RK_HISTOGRAM_EXP_FIRST (-240) /* index of the bucket that holds 1 ns */
#define RK_HISTOGRAM_EXP_COUNT 336    /* up to 4096 s; longer ones lie in the last */

struct rk_histogram_scale {
	/* ns, upper-inclusive; one that no value exceeds lies behind the last */
	uint64_t bounds[RK_HISTOGRAM_EXP_COUNT + 1];
	uint16_t first[64 * RK_HISTOGRAM_STEPS];
	uint32_t count; /* bounds; one more bucket lies above the last */
};

struct rk_histogram {
	uint64_t count;
	uint64_t sum, min, max; /* ns */
	uint64_t explicit_buckets[RK_CONFIG_BOUNDS_MAX + 1];
	uint64_t exponential[RK_HISTOGRAM_EXP_COUNT];
};

/**
 * Prepare a scale from bounds in seconds / the exponential one.
 *
 * Context: any.
 */
void rk_histogram_scale_init(struct rk_histogram_scale *scale, const struct rk_bounds *bounds);
void rk_histogram_scale_init_exponential(struct rk_histogram_scale *scale);

/**
 * Bucket of @value, 0 <= result <= scale->count.
 *
 * Context: any.
 */
static inline uint32_t rk_histogram_bucket(const struct rk_histogram_scale *scale, uint64_t value)
{
	/* Octave and the three bits behind the top one; values below 8 need no shift. */
	uint32_t octave = 63u - (uint32_t)__builtin_clzll(value | 1);
	uint32_t step = (uint32_t)(octave >= 3 ? value >> (octave - 3) : value << (3 - octave)) & 7;
	uint32_t at = scale->first[octave * RK_HISTOGRAM_STEPS + step];

	/* The first step is as likely as not, and so not a branch; further ones are rare. */
	at += value > scale->bounds[at];
	while (value > scale->bounds[at])
		at++;
	return at;
}

/**
 * Add one value.
 *
 * Context: the feeding thread. Return: its explicit bucket.
 */
static inline uint32_t rk_histogram_add(struct rk_histogram *histogram,
					const struct rk_histogram_scale *bounds,
					const struct rk_histogram_scale *exponential,
					uint64_t value)
{
	uint32_t at = rk_histogram_bucket(exponential, value);
	uint32_t bucket = rk_histogram_bucket(bounds, value);

	histogram->explicit_buckets[bucket]++;
	histogram->exponential[at < RK_HISTOGRAM_EXP_COUNT ? at : RK_HISTOGRAM_EXP_COUNT - 1]++;
	histogram->sum += value;
	if (!histogram->count++ || value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
	return bucket;
}

/**
 * Estimate of the @q quantile (0..1) in ns, from the exponential shape; 0 when empty.
 *
 * Context: any. Return: the upper bound of the bucket, cut to the maximum seen.
 */
uint64_t rk_histogram_quantile(const struct rk_histogram *histogram,
			       const struct rk_histogram_scale *exponential, double q);

#endif
