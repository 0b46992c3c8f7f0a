/* SPDX-License-Identifier: Apache-2.0
 *
 * core/clock.c - calibration of the frozen map, and wall-clock offsets.
 */
#include "core/clock.h"

#include <stdatomic.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Two points 5 ms apart with pairs good to about 50 ns give the rate to 1e-5. */
#define CALIBRATION_MIN_NS 5000000u
#define PAIR_TRIES	   16
#define NS_PER_S	   1000000000u

struct rk_clock rk_clock_map = { .mult = 1ull << 32 };

struct pair {
	uint64_t ticks;
	uint64_t ns;
	uint64_t width_ns;
};

static struct pair marked;
static bool has_tsc;
static _Atomic bool frozen;

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Invariant: constant rate, does not stop in deep sleep. */
static bool has_invariant_tsc(void)
{
#if defined(__x86_64__)
	unsigned a, b, c, d;

	return __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d & (1u << 8));
#elif defined(__aarch64__)
	return true;
#else
	return false;
#endif
}

/* The tightest of several reads of ns between two reads of ticks. */
static struct pair read_pair(void)
{
	struct pair best = { .width_ns = UINT64_MAX };

	for (int i = 0; i < PAIR_TRIES; i++) {
		uint64_t before = rk_clock_counter();
		uint64_t ns = read_ns(CLOCK_MONOTONIC);
		uint64_t after = rk_clock_counter();

		if (after - before < best.width_ns) {
			best.width_ns = after - before;
			best.ticks = before + (after - before) / 2;
			best.ns = ns;
		}
	}
	return best;
}

void rk_clock_mark(void)
{
	has_tsc = has_invariant_tsc();
	if (has_tsc)
		marked = read_pair();
}

static void wait_since_mark(void)
{
	uint64_t passed = read_ns(CLOCK_MONOTONIC) - marked.ns;

	if (passed < CALIBRATION_MIN_NS) {
		struct timespec ts = { .tv_nsec = (long)(CALIBRATION_MIN_NS - passed) };

		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
}

void rk_clock_init(void)
{
	struct pair now;

	if (atomic_load(&frozen))
		return;
	if (marked.ticks == 0)
		rk_clock_mark();
	if (has_tsc) {
		wait_since_mark();
		now = read_pair();
		if (now.ticks > marked.ticks && now.ns > marked.ns) {
			__extension__ typedef unsigned __int128 u128;

			rk_clock_map.mult = (uint64_t)(((u128)(now.ns - marked.ns) << 32) /
						       (now.ticks - marked.ticks));
			rk_clock_map.origin_ticks = now.ticks;
			rk_clock_map.origin_ns = now.ns;
			rk_clock_map.tsc = true;
		}
	}
	atomic_store(&frozen, true);
}

int64_t rk_clock_wall_offset(uint64_t *uncertainty_ns)
{
	uint64_t best = UINT64_MAX;
	int64_t offset = 0;

	for (int i = 0; i < PAIR_TRIES; i++) {
		uint64_t before = rk_clock_now();
		uint64_t wall = read_ns(CLOCK_REALTIME);
		uint64_t after = rk_clock_now();

		if (after - before < best) {
			best = after - before;
			offset = (int64_t)(wall - (before + best / 2));
		}
	}
	if (uncertainty_ns)
		*uncertainty_ns = best / 2;
	return offset;
}
