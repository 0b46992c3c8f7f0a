/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/median.h - the middle of what rounds took.
 */
#ifndef RK_BENCH_MEDIAN_H
#define RK_BENCH_MEDIAN_H

#include <stddef.h>
#include <stdlib.h>

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts @values. */
static inline double bench_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), bench_compare);
	return values[count / 2];
}

#endif
