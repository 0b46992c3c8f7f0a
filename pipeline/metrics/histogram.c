/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/histogram.c - bounds and the table that leads to them.
 */
#include "pipeline/metrics/histogram.h"

#include <math.h>
#include <string.h>

#define NS_PER_S 1e9

/* 2^(k/8); with ldexp() a power of the base takes no libm, which the library may not need. */
static const double eighths[1 << RK_HISTOGRAM_EXP_SCALE] = {
	1.0,
	1.090507732665257659,
	1.189207115002721066,
	1.296839554651009665,
	1.414213562373095048,
	1.542210825407940823,
	1.681792830507429086,
	1.834008086409342463,
};

static void table_init(struct rk_histogram_scale *scale)
{
	uint32_t at = 0;

	for (uint32_t octave = 0; octave < 64; octave++) {
		for (uint32_t step = 0; step < RK_HISTOGRAM_STEPS; step++) {
			/* The smallest value that has this octave and these three bits. */
			uint64_t low = octave >= 3 ? (uint64_t)(8 + step) << (octave - 3) :
						     (uint64_t)(8 + step) >> (3 - octave);

			while (at < scale->count && low > scale->bounds[at])
				at++;
			scale->first[octave * RK_HISTOGRAM_STEPS + step] = (uint16_t)at;
		}
	}
	/* 0 shares the place of 1. */
	scale->first[0] = 0;
	scale->bounds[scale->count] = UINT64_MAX;
}

static uint64_t to_ns(double seconds)
{
	/* 0.000005 * 1e9 may come out a hair below 5000: two units in the last place up. */
	double ns = seconds * NS_PER_S * (1 + 4.5e-16);

	return ns <= 0 ? 0 : ns >= 1.8e19 ? UINT64_MAX : (uint64_t)ns;
}

void rk_histogram_scale_init(struct rk_histogram_scale *scale, const struct rk_bounds *bounds)
{
	memset(scale, 0, sizeof(*scale));
	scale->count = bounds->count;
	for (uint32_t i = 0; i < bounds->count; i++)
		scale->bounds[i] = to_ns(bounds->at[i]);
	table_init(scale);
}

void rk_histogram_scale_init_exponential(struct rk_histogram_scale *scale)
{
	memset(scale, 0, sizeof(*scale));
	scale->count = RK_HISTOGRAM_EXP_COUNT;
	for (int i = 0; i < RK_HISTOGRAM_EXP_COUNT; i++) {
		int power = i + 1; /* FIRST is a whole power of two below it */
		double upper = ldexp(eighths[power & ((1 << RK_HISTOGRAM_EXP_SCALE) - 1)],
				     RK_HISTOGRAM_EXP_FIRST / (1 << RK_HISTOGRAM_EXP_SCALE) +
					     (power >> RK_HISTOGRAM_EXP_SCALE));

		scale->bounds[i] = (uint64_t)(upper * NS_PER_S);
	}
	table_init(scale);
}

uint64_t rk_histogram_quantile(const struct rk_histogram *histogram,
			       const struct rk_histogram_scale *exponential, double q)
{
	double wanted = q * (double)histogram->count;
	uint64_t rank = (uint64_t)wanted + ((double)(uint64_t)wanted < wanted); /* rounded up */
	uint64_t seen = 0;

	for (uint32_t i = 0; i < RK_HISTOGRAM_EXP_COUNT; i++) {
		seen += histogram->exponential[i];
		if (seen && seen >= rank)
			return exponential->bounds[i] < histogram->max ? exponential->bounds[i] :
									 histogram->max;
	}
	return histogram->max;
}
