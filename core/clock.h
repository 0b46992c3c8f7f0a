/* SPDX-License-Identifier: Apache-2.0
 *
 * core/clock.h - the one clock of the program.
 *
 * Ticks are the invariant TSC (CNTVCT on aarch64), read without a fence on the hot path; ns
 * come from ticks by one affine map that is frozen for the life of the process, because
 * CUPTI interpolates with our timestamp callback and must never see it bend. Without an
 * invariant TSC ticks are CLOCK_MONOTONIC nanoseconds and the map is the identity.
 *
 * ns of rk_clock are near CLOCK_MONOTONIC at calibration and drift freely from it later; the
 * distance to UNIX time is a series of measured offsets (RK_OP_CLOCK), never a slope.
 */
#ifndef RK_CORE_CLOCK_H
#define RK_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct rk_clock {
	uint64_t origin_ticks;
	uint64_t origin_ns;
	uint64_t mult; /* ns = origin_ns + (ticks - origin_ticks) * mult >> 32 */
	bool tsc;      /* immutable after rk_clock_init() */
};

/* Hidden, like the gate: the hot path reads it without a detour. */
extern struct rk_clock rk_clock_map __attribute__((visibility("hidden")));

/**
 * Take the first of the two calibration points. Costs two clock reads.
 *
 * Context: init (constructor).
 */
void rk_clock_mark(void);

/**
 * Freeze the map. Sleeps up to 5 ms when rk_clock_mark() was called less than that ago.
 * Idempotent.
 *
 * Context: init; once, before the first record.
 */
void rk_clock_init(void);

/**
 * The processor's counter, whether it is fit for a clock or not.
 *
 * Context: any.
 */
static inline uint64_t rk_clock_counter(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
	return 0;
#endif
}

/**
 * The current time in ticks. Not ordered against neighbouring instructions.
 *
 * Context: any.
 */
static inline uint64_t rk_clock_ticks(void)
{
	struct timespec ts;

	if (__builtin_expect(rk_clock_map.tsc, 1))
		return rk_clock_counter();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/**
 * Convert ticks to ns. Ticks before the origin are handled.
 *
 * Context: any.
 */
static inline uint64_t rk_clock_ns(uint64_t ticks)
{
	__extension__ typedef __int128 rk_i128;
	rk_i128 delta = (rk_i128)ticks - (rk_i128)rk_clock_map.origin_ticks;

	return (uint64_t)((rk_i128)rk_clock_map.origin_ns +
			  ((delta * (rk_i128)rk_clock_map.mult) >> 32));
}

/**
 * The current time in ns of rk_clock.
 *
 * Context: any.
 */
static inline uint64_t rk_clock_now(void)
{
	return rk_clock_ns(rk_clock_ticks());
}

/**
 * Measure UNIX time - rk_clock, best of several tight pairs.
 *
 * @uncertainty_ns: half the width of the pair used; may be NULL.
 * Context: any.
 */
int64_t rk_clock_wall_offset(uint64_t *uncertainty_ns);

#endif
