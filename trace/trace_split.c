/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_split.c - the entropy of a sample, with and without the low bits.
 */
#include "trace/trace_split.h"

#include <string.h>

#include "trace/trace_column.h"

#define SAMPLES 2048u
#define PLANES	3u /* what lies above is empty as a rule, or noise like the third */
/* Wider values than these many are taken for outliers. */
#define MOST (SAMPLES - SAMPLES / 32)
#define TRIES 3u /* shifts that are looked at */
#define BIT   256u /* costs are in 1/256 bits */
/* What planes cost beyond their entropy: nearly empty ones at least a part of a bit each. */
#define PREFER (BIT / 2)

/* n * log2(n): the leading bit, and a parabola between powers of two. */
static uint32_t n_log_n(uint32_t n)
{
	uint32_t top, fraction;

	if (n < 2)
		return 0;
	top = 31u - (uint32_t)__builtin_clz(n);
	fraction = ((n << (31 - top)) << 1) >> 24;
	return n * (top * BIT + fraction + (88 * fraction * (256 - fraction) >> 16));
}

/* What a value costs of which these are the counts in the sample. */
static uint32_t cost_of(const uint32_t *counts)
{
	uint32_t sum = 0, used = 0;

	for (unsigned i = 0; i < 256; i++) {
		sum += n_log_n(counts[i]);
		used += counts[i] != 0;
	}
	/* A sample looks less varied than the whole: Miller's correction, 1 / (2 ln 2). */
	return (n_log_n(SAMPLES) - sum + (used - 1) * 185) / SAMPLES;
}

static uint32_t cost_of_planes(const uint64_t *sample)
{
	uint32_t cost = 0;

	for (unsigned plane = 0; plane < PLANES; plane++) {
		uint32_t counts[256] = { 0 };

		for (unsigned i = 0; i < SAMPLES; i++)
			counts[sample[i] >> (plane * 8) & 0xff]++;
		cost += cost_of(counts);
	}
	return cost;
}

static uint32_t cost_of_split(const uint64_t *sample, const struct rk_trace_split *split)
{
	uint32_t counts[256] = { 0 };

	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t high = sample[i] >> split->shift;

		counts[high < RK_TRACE_ESCAPE ? high : RK_TRACE_ESCAPE]++;
	}
	return split->shift * BIT + cost_of(counts) +
	       counts[RK_TRACE_ESCAPE] * split->width * 8 * BIT / SAMPLES;
}

/* The shift that leaves one byte of most values. */
static unsigned first_shift(const uint64_t *sample)
{
	uint32_t lengths[65] = { 0 }, seen = 0;
	unsigned bits = 0;

	for (unsigned i = 0; i < SAMPLES; i++)
		lengths[sample[i] ? 64 - __builtin_clzll(sample[i]) : 0]++;
	while (seen + lengths[bits] < MOST)
		seen += lengths[bits++];
	return bits > 8 ? bits - 8 : 0;
}

bool rk_trace_split_choose(struct rk_trace_split *split, const uint64_t *values, uint32_t count,
			   uint64_t any)
{
	uint64_t sample[SAMPLES];
	uint32_t best, cost;
	unsigned shift;

	if (any < 256 || count < SAMPLES)
		return false;
	for (unsigned i = 0; i < SAMPLES; i++)
		sample[i] = values[(uint64_t)i * count / SAMPLES];
	shift = first_shift(sample);
	best = cost_of_planes(sample) + PREFER;
	split->width = 0;
	for (unsigned i = 0; i < TRIES && shift + i <= RK_TRACE_SHIFT_MAX; i++) {
		struct rk_trace_split try = { shift + i,
					      rk_trace_column_width(any >> (shift + i)) };

		cost = cost_of_split(sample, &try);
		if (try.width && cost < best) {
			*split = try;
			best = cost;
		}
	}
	return split->width != 0;
}
