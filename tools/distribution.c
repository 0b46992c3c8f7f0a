/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/distribution.c - exact while small, log-linear buckets when large.
 */
#include "tools/distribution.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS	  128
#define STEP_BITS 7

static unsigned octave_of(uint64_t value)
{
	return value < STEPS ? STEP_BITS - 1 : 63u - (unsigned)__builtin_clzll(value);
}

/* Values below 128 have a bucket each, in the first octave that is used. */
static unsigned step_of(uint64_t value, unsigned octave)
{
	if (value < STEPS)
		return (unsigned)value;
	return (unsigned)(value >> (octave - STEP_BITS)) & (STEPS - 1);
}

static double middle_of(unsigned octave, unsigned step)
{
	double width;

	if (octave < STEP_BITS)
		return step;
	width = ldexp(1, (int)(octave - STEP_BITS));
	return (STEPS + step) * width + (width - 1) / 2;
}

void rk_distribution_finish(struct rk_distribution *d)
{
	free(d->values);
	for (unsigned i = 0; i < 64; i++)
		free(d->octaves[i]);
	memset(d, 0, sizeof(*d));
}

static int count_value(struct rk_distribution *d, uint64_t value)
{
	unsigned octave = octave_of(value);

	if (!d->octaves[octave])
		d->octaves[octave] = calloc(STEPS, sizeof(uint64_t));
	if (!d->octaves[octave])
		return -ENOMEM;
	d->octaves[octave][step_of(value, octave)]++;
	return 0;
}

static int grow(struct rk_distribution *d)
{
	uint32_t room = d->room ? 2 * d->room : 64;
	uint64_t *values = realloc(d->values, room * sizeof(*values));

	if (!values)
		return -ENOMEM;
	d->values = values;
	d->room = room;
	return 0;
}

static int give_up_values(struct rk_distribution *d)
{
	for (uint64_t i = 0; i < d->count; i++) {
		int err = count_value(d, d->values[i]);

		if (err)
			return err;
	}
	free(d->values);
	d->values = NULL;
	return 0;
}

static int keep(struct rk_distribution *d, uint64_t value)
{
	int err = 0;

	if (d->count < RK_DISTRIBUTION_EXACT) {
		if (d->count == d->room)
			err = grow(d);
		if (!err)
			d->values[d->count] = value;
		return err;
	}
	if (d->values)
		err = give_up_values(d);
	return err ? err : count_value(d, value);
}

int rk_distribution_push(struct rk_distribution *d, uint64_t value)
{
	double delta;
	int err = keep(d, value);

	if (err)
		return err;
	if (!d->count || value < d->min)
		d->min = value;
	if (value > d->max)
		d->max = value;
	d->count++;
	d->total += value;
	delta = (double)value - d->mean;
	d->mean += delta / (double)d->count;
	d->m2 += delta * ((double)value - d->mean);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double ranked_of_buckets(const struct rk_distribution *d, uint64_t wanted)
{
	uint64_t seen = 0;

	for (unsigned octave = 0; octave < 64; octave++) {
		for (unsigned step = 0; d->octaves[octave] && step < STEPS; step++) {
			double middle = middle_of(octave, step);

			seen += d->octaves[octave][step];
			if (seen >= wanted)
				return fmin(fmax(middle, (double)d->min), (double)d->max);
		}
	}
	return 0;
}

double rk_distribution_get_median(struct rk_distribution *d)
{
	if (!d->count)
		return 0;
	if (!d->values)
		return ranked_of_buckets(d, (d->count + 1) / 2);
	qsort(d->values, d->count, sizeof(*d->values), compare);
	if (d->count % 2)
		return (double)d->values[d->count / 2];
	return ((double)d->values[d->count / 2 - 1] + (double)d->values[d->count / 2]) / 2;
}

double rk_distribution_get_ranked(struct rk_distribution *d, uint64_t rank)
{
	if (!d->count)
		return 0;
	rank = rank < 1 ? 1 : rank > d->count ? d->count : rank;
	if (!d->values)
		return ranked_of_buckets(d, rank);
	qsort(d->values, d->count, sizeof(*d->values), compare);
	return (double)d->values[rank - 1];
}

double rk_distribution_get_stddev(const struct rk_distribution *d)
{
	return d->count > 1 ? sqrt(d->m2 / (double)(d->count - 1)) : 0;
}

bool rk_distribution_is_exact(const struct rk_distribution *d)
{
	return d->values || !d->count;
}
