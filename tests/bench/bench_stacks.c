/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/bench_stacks.c - what call stacks add to a launch, 16 frames deep.
 *
 * usage: bench_stacks OFF.so SAMPLED.so ALL.so ROUNDS CALLS DEPTH
 *
 * Three copies of the library in one process, started with stacks.mode off, sampled 1/100 and all,
 * take turns with unw_backtrace() alone and with glibc's backtrace(), DEPTH calls below main().
 * Medians of the rounds, "name ns" each.
 */
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/launches.h"
#include "tests/bench/median.h"

#define FRAMES	   16
#define GLIBC_PART 20 /* fewer of its calls: one takes microseconds */
#define ROUNDS_MAX 101

enum { DIRECT, OFF, SAMPLED, ALL, UNWIND, GLIBC, VARIANTS };

static int (*unwind)(void **frames, int size);

__attribute__((noinline)) static void run(int variant, launch_fn launch, int calls)
{
	void *frames[FRAMES];

	for (int i = 0; i < calls; i++) {
		if (variant == UNWIND)
			unwind(frames, FRAMES);
		else if (variant == GLIBC)
			backtrace(frames, FRAMES);
		else
			launch((CUfunction)(uintptr_t)1, 128, 1, 1, 256, 1, 1, 0, NULL, NULL, NULL);
	}
}

/* So that there are more frames than are taken. */
__attribute__((noinline)) static void run_below(int depth, int variant, launch_fn launch, int calls)
{
	if (depth)
		run_below(depth - 1, variant, launch, calls);
	else
		run(variant, launch, calls);
	__asm__ volatile("" ::: "memory");
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts); /* others may run between */
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static launch_fn open_with_stacks(const char *path, const char *mode)
{
	setenv("RUSTKERNEL_STACKS_MODE", mode, 1);
	setenv("RUSTKERNEL_STACKS_MAX_DEPTH", "16", 1);
	return open_traced(path);
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "direct", "off", "sampled", "all", "unwind", "glibc" };
	static double ns[VARIANTS][ROUNDS_MAX];
	launch_fn launches[VARIANTS] = { NULL };
	int rounds, calls, depth;

	CHECK(argc == 7);
	rounds = atoi(argv[4]);
	calls = atoi(argv[5]);
	depth = atoi(argv[6]);
	CHECK(rounds > 0 && rounds <= ROUNDS_MAX && calls > 0);
	launches[DIRECT] = open_direct();
	launches[OFF] = open_with_stacks(argv[1], "off");
	launches[SAMPLED] = open_with_stacks(argv[2], "sampled");
	launches[ALL] = open_with_stacks(argv[3], "all");
	*(void **)&unwind = dlsym(open_library("libunwind.so.8", RTLD_LOCAL), "unw_backtrace");
	for (int round = -1; round < rounds; round++) { /* the first one warms up */
		for (int v = 0; v < VARIANTS; v++) {
			int n = v == GLIBC ? calls / GLIBC_PART : calls;
			double begin = now_ns();

			run_below(depth, v, launches[v], n);
			if (round >= 0)
				ns[v][round] = (now_ns() - begin) / n;
		}
	}
	for (int v = 0; v < VARIANTS; v++)
		printf("%s %.2f\n", names[v], bench_median(ns[v], (size_t)rounds));
	return 0;
}
