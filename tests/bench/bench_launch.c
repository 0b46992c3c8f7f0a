/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/bench_launch.c - what one intercepted launch costs the thread that makes it.
 *
 * usage: bench_launch TRACED.so INERT.so LTTNG.so|- ROUNDS CALLS
 *        bench_launch count TRACED.so direct|traced CALLS    (for callgrind)
 *
 * Variants take turns within a round, so that a machine that changes its speed changes it for
 * all of them; the medians over the rounds are printed, one "name ns" per line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "tests/bench/launches.h"
#include "tests/bench/median.h"

#define ROUNDS_MAX 101

typedef void (*event_fn)(uint64_t function, const uint32_t *grid, const uint32_t *block);

static const uint32_t grid[3] = { 128, 1, 1 };
static const uint32_t block[3] = { 256, 1, 1 };
static event_fn lttng_event;

/* The same loop for all; not inlined, so that the compiler sees nothing of the callee. */
__attribute__((noinline)) static void run_calls(launch_fn launch, int calls)
{
	for (int i = 0; i < calls; i++)
		launch((CUfunction)(uintptr_t)1, 128, 1, 1, 256, 1, 1, 0, NULL, NULL, NULL);
}

__attribute__((noinline)) static void run_clock(int calls)
{
	for (int i = 0; i < calls; i++) {
		uint64_t begin = rk_clock_ticks();
		uint64_t end = rk_clock_ticks();

		__asm__ volatile("" : : "r"(begin), "r"(end));
	}
}

__attribute__((noinline)) static void run_lttng(launch_fn launch, int calls)
{
	for (int i = 0; i < calls; i++) {
		launch((CUfunction)(uintptr_t)1, 128, 1, 1, 256, 1, 1, 0, NULL, NULL, NULL);
		lttng_event(1, grid, block);
	}
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts); /* others may run between */
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int run_count(char **argv)
{
	launch_fn direct = open_direct();
	launch_fn traced = open_traced(argv[2]);
	launch_fn launch = strcmp(argv[3], "direct") == 0 ? direct : traced;

	launch((CUfunction)(uintptr_t)1, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL);
	run_calls(launch, atoi(argv[4]));
	return 0;
}

static launch_fn open_inert(const char *path)
{
	setenv("RUSTKERNEL_DISABLE", "1", 1);
	launch_fn launch = open_traced(path);
	unsetenv("RUSTKERNEL_DISABLE");

	return launch;
}

enum { DIRECT, INERT, TRACED, CLOCKS, LTTNG, VARIANTS };

int main(int argc, char **argv)
{
	static const char *const names[] = { "direct", "inert", "traced", "clocks", "lttng" };
	static double ns[VARIANTS][ROUNDS_MAX];
	launch_fn direct, traced, inert;
	void *lttng;
	int rounds, calls;

	if (argc == 5 && strcmp(argv[1], "count") == 0)
		return run_count(argv);
	CHECK(argc == 6);
	rounds = atoi(argv[4]);
	calls = atoi(argv[5]);
	CHECK(rounds > 0 && rounds <= ROUNDS_MAX && calls > 0);
	rk_clock_mark();
	rk_clock_init();
	direct = open_direct();
	traced = open_traced(argv[1]);
	inert = open_inert(argv[2]);
	lttng = strcmp(argv[3], "-") ? dlopen(argv[3], RTLD_NOW) : NULL;
	if (lttng)
		lttng_event = (event_fn)dlsym(lttng, "bench_lttng_event");
	for (int round = -1; round < rounds; round++) { /* the first one warms up */
		for (int v = 0; v < VARIANTS; v++) {
			double begin = now_ns();

			if (v == CLOCKS)
				run_clock(calls);
			else if (v == LTTNG && lttng_event)
				run_lttng(direct, calls);
			else if (v != LTTNG)
				run_calls(v == DIRECT ? direct :
					  v == INERT  ? inert :
							traced,
					  calls);
			if (round >= 0)
				ns[v][round] = (now_ns() - begin) / calls;
		}
	}
	for (int v = 0; v < VARIANTS; v++) {
		if (v != LTTNG || lttng_event)
			printf("%s %.2f\n", names[v], bench_median(ns[v], (size_t)rounds));
	}
	return 0;
}
