/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/bench_stacks.c - what call stacks add to a launch, 16 frames deep.
 *
 * usage: bench_stacks OFF.so SAMPLED.so ALL.so ROUNDS CALLS
 *
 * Three copies of the library in one process, started with stacks.mode off, sampled 1/100 and all,
 * take turns with unw_backtrace() alone at the same depth. Medians of the rounds, "name ns" each.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTH	   16
#define ROUNDS_MAX 101
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "bench_stacks: %s: %s\n", #condition, dlerror());          \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

typedef __typeof__(&cuLaunchKernel) launch_fn;

enum { DIRECT, OFF, SAMPLED, ALL, UNWIND, VARIANTS };

static int (*unwind)(void **frames, int size);

__attribute__((noinline)) static void run(int variant, launch_fn launch, int calls)
{
	void *frames[DEPTH];

	for (int i = 0; i < calls; i++) {
		if (variant == UNWIND)
			unwind(frames, DEPTH);
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

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static launch_fn open_traced(const char *path, const char *mode)
{
	void *library;
	CUcontext context;
	launch_fn launch;

	setenv("RUSTKERNEL_STACKS_MODE", mode, 1);
	setenv("RUSTKERNEL_STACKS_MAX_DEPTH", "16", 1);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CHECK(library);
	__typeof__(&cuCtxCreate_v2) create = (__typeof__(create))dlsym(library, "cuCtxCreate_v2");

	launch = (launch_fn)dlsym(library, "cuLaunchKernel");
	CHECK(create && launch && create(&context, 0, 0) == CUDA_SUCCESS);
	return launch;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "direct", "off", "sampled", "all", "unwind" };
	static double ns[VARIANTS][ROUNDS_MAX];
	launch_fn launches[VARIANTS] = { NULL };
	int rounds, calls;
	void *library;

	CHECK(argc == 6);
	rounds = atoi(argv[4]);
	calls = atoi(argv[5]);
	CHECK(rounds > 0 && rounds <= ROUNDS_MAX && calls > 0);
	library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
	CHECK(library);
	launches[DIRECT] = (launch_fn)dlsym(library, "cuLaunchKernel");
	launches[OFF] = open_traced(argv[1], "off");
	launches[SAMPLED] = open_traced(argv[2], "sampled");
	launches[ALL] = open_traced(argv[3], "all");
	library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	CHECK(library);
	*(void **)&unwind = dlsym(library, "unw_backtrace");
	for (int round = -1; round < rounds; round++) { /* the first one warms up */
		for (int v = 0; v < VARIANTS; v++) {
			double begin = now_ns();

			run_below(DEPTH + 4, v, launches[v], calls);
			if (round >= 0)
				ns[v][round] = (now_ns() - begin) / calls;
		}
	}
	for (int v = 0; v < VARIANTS; v++) {
		qsort(ns[v], (size_t)rounds, sizeof(double), compare);
		printf("%s %.2f\n", names[v], ns[v][rounds / 2]);
	}
	return 0;
}
