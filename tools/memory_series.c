/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/memory_series.c - pieces of time that double.
 */
#include "tools/memory_series.h"

#define FIRST_STEP_NS 1000000u /* 1 ms */

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void halve(struct rk_memory_series *series)
{
	for (uint32_t i = 0; i < RK_MEMORY_POINTS / 2; i++)
		series->most[i] = greater(series->most[2 * i], series->most[2 * i + 1]);
	series->count = RK_MEMORY_POINTS / 2;
	series->step_ns *= 2;
}

void rk_memory_series_note(struct rk_memory_series *series, uint64_t when, uint64_t bytes)
{
	uint64_t place;

	if (!series->step_ns) {
		series->start_ns = when;
		series->step_ns = FIRST_STEP_NS;
	}
	place = when > series->start_ns ? (when - series->start_ns) / series->step_ns : 0;
	while (place >= RK_MEMORY_POINTS) {
		/* What was held before is held in all pieces up to now. */
		while (series->count < RK_MEMORY_POINTS)
			series->most[series->count++] = series->now_bytes;
		halve(series);
		place = (when - series->start_ns) / series->step_ns;
	}
	while (series->count <= place)
		series->most[series->count++] = series->now_bytes;
	series->now_bytes = bytes;
	series->most[series->count - 1] = greater(series->most[series->count - 1], bytes);
}
