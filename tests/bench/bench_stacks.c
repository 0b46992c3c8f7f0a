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
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAMES	   16
#define GLIBC_PART 20 /* fewer of its calls: one takes microseconds */
#define ROUNDS_MAX 101
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "bench_stacks: %s: %s\n", #condition, dlerror());          \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

typedef __typeof__(&cuLaunchKernel) launch_fn;

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
	static const char *const names[] = { "direct", "off", "sampled", "all", "unwind", "glibc" };
	static double ns[VARIANTS][ROUNDS_MAX];
	launch_fn launches[VARIANTS] = { NULL };
	int rounds, calls, depth;
	void *library;

	CHECK(argc == 7);
	rounds = atoi(argv[4]);
	calls = atoi(argv[5]);
	depth = atoi(argv[6]);
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
			int n = v == GLIBC ? calls / GLIBC_PART : calls;
			double begin = now_ns();

			run_below(depth, v, launches[v], n);
			if (round >= 0)
				ns[v][round] = (now_ns() - begin) / n;
		}
	}
	for (int v = 0; v < VARIANTS; v++) {
		qsort(ns[v], (size_t)rounds, sizeof(double), compare);
		printf("%s %.2f\n", names[v], ns[v][rounds / 2]);
	}
	return 0;
}
