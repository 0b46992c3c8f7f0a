/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_window.c - slices that take each other's place.
 */
#include "pipeline/alert/alert_window.h"

#include <string.h>

#define S 1000000000ull /* ns */

static uint64_t slice_of(uint64_t window_ns)
{
	uint64_t slice = window_ns / RK_WINDOW_SLICES;

	return slice > S ? slice : S;
}

static uint32_t slices_of(uint64_t window_ns, uint64_t slice_ns)
{
	uint64_t slices = (window_ns + slice_ns - 1) / slice_ns;

	if (slices > RK_WINDOW_SLICES)
		return RK_WINDOW_SLICES;
	return slices ? (uint32_t)slices : 1;
}

void rk_alert_window_init(struct rk_alert_window *window, uint64_t window_ns, uint64_t now)
{
	memset(window, 0, sizeof(*window));
	window->slice_ns = slice_of(window_ns);
	window->slices = slices_of(window_ns, window->slice_ns);
	window->newest = now / window->slice_ns;
}

static uint32_t *counts_of(struct rk_alert_window *window, uint64_t slice)
{
	return window->counts[slice % window->slices];
}

void rk_alert_window_advance(struct rk_alert_window *window, uint64_t now)
{
	uint64_t target = now / window->slice_ns;

	if (target > window->newest + window->slices)
		window->newest = target - window->slices;
	while (window->newest < target) {
		uint32_t *oldest = counts_of(window, ++window->newest);

		for (int which = 0; which < RK_WINDOW_COUNTS; which++) {
			window->sums[which] -= oldest[which];
			oldest[which] = 0;
		}
	}
}

void rk_alert_window_add(struct rk_alert_window *window, enum rk_window_count which,
			 uint64_t amount)
{
	uint32_t *count = &counts_of(window, window->newest)[which];

	/* Four thousand million in a slice: no GPU does that, but a file may claim it. */
	if (amount > UINT32_MAX - *count)
		amount = UINT32_MAX - *count;
	*count += (uint32_t)amount;
	window->sums[which] += amount;
}

double rk_alert_window_seconds(const struct rk_alert_window *window)
{
	return (double)window->slice_ns * window->slices / (double)S;
}

void rk_alert_durations_init(struct rk_alert_durations *durations, uint64_t window_ns, uint64_t now)
{
	uint64_t part = window_ns / RK_WINDOW_PARTS;

	memset(durations, 0, sizeof(*durations));
	durations->part_ns = part > S ? part : S;
	durations->newest = now / durations->part_ns;
}

static void durations_advance(struct rk_alert_durations *durations, uint64_t now)
{
	const uint64_t parts = RK_WINDOW_PARTS + 1;
	uint64_t target = now / durations->part_ns;

	if (target > durations->newest + parts)
		durations->newest = target - parts;
	while (durations->newest < target) {
		uint64_t at = ++durations->newest % parts;

		memset(durations->buckets[at], 0, sizeof(durations->buckets[at]));
		durations->max[at] = 0;
	}
}

void rk_alert_durations_add(struct rk_alert_durations *durations,
			    const struct rk_histogram_scale *scale, uint64_t now, uint64_t ns)
{
	uint32_t bucket = rk_histogram_bucket(scale, ns);
	uint64_t at;

	durations_advance(durations, now);
	at = durations->newest % (RK_WINDOW_PARTS + 1);
	if (bucket >= RK_HISTOGRAM_EXP_COUNT)
		bucket = RK_HISTOGRAM_EXP_COUNT - 1;
	durations->buckets[at][bucket]++;
	if (ns > durations->max[at])
		durations->max[at] = ns;
}

uint64_t rk_alert_durations_quantile(struct rk_alert_durations *durations,
				     const struct rk_histogram_scale *scale, uint64_t now, double q)
{
	struct rk_histogram all;

	memset(&all, 0, sizeof(all));
	durations_advance(durations, now);
	for (uint32_t part = 0; part <= RK_WINDOW_PARTS; part++) {
		for (uint32_t b = 0; b < RK_HISTOGRAM_EXP_COUNT; b++) {
			all.exponential[b] += durations->buckets[part][b];
			all.count += durations->buckets[part][b];
		}
		if (durations->max[part] > all.max)
			all.max = durations->max[part];
	}
	return rk_histogram_quantile(&all, scale, q);
}

void rk_alert_past_init(struct rk_alert_past *past, uint64_t window_ns, uint64_t now, int64_t value)
{
	memset(past, 0, sizeof(*past));
	past->slice_ns = slice_of(window_ns);
	past->slices = slices_of(window_ns, past->slice_ns);
	past->newest = now / past->slice_ns;
	past->values[past->newest % (RK_WINDOW_SLICES + 1)] = value;
}

/* The value at the beginning of each slice stands for it. */
bool rk_alert_past_note(struct rk_alert_past *past, uint64_t now, int64_t value, int64_t *before)
{
	const uint64_t places = RK_WINDOW_SLICES + 1;
	uint64_t target = now / past->slice_ns;
	uint64_t window = past->slices;

	if (target > past->newest + places)
		past->newest = target - places;
	while (past->newest < target) {
		past->values[++past->newest % places] = value;
		if (past->known < window)
			past->known++;
	}
	*before = past->values[(past->newest + places - window) % places];
	return past->known >= window;
}
