/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/bench_ring.c - launching threads beside each other, and the rings at full rate.
 *
 * usage: bench_ring threads TRACED.so    what a launch costs one thread, and each of two that
 *                                        launch at once; the same without the library, because
 *                                        two threads share more than a ring. Medians of rounds,
 *                                        "name ns" each
 *        bench_ring paced TRACED.so N    two million launches, N per second; prints how many per
 *                                        second it came to
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/launches.h"
#include "tests/bench/median.h"

#define ROUNDS	   9
#define CALLS	   400000
#define BURST	   50u /* launches of one look at the clock */
#define PACED	   2000000u

enum { ONE, TWO, ONE_BARE, TWO_BARE, VARIANTS };

struct worker {
	launch_fn launch;
	pthread_barrier_t *start;
	double ns; /* CPU time per launch */
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

__attribute__((noinline)) static void run_calls(launch_fn launch, unsigned calls)
{
	for (unsigned i = 0; i < calls; i++)
		launch((CUfunction)(uintptr_t)1, 128, 1, 1, 256, 1, 1, 0, NULL, NULL, NULL);
}

static void *work(void *data)
{
	struct worker *worker = data;
	uint64_t begin;

	run_calls(worker->launch, 1000); /* the ring is made and warm */
	pthread_barrier_wait(worker->start);
	begin = now_ns(CLOCK_THREAD_CPUTIME_ID);
	run_calls(worker->launch, CALLS);
	worker->ns = (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / CALLS;
	return NULL;
}

/* Mean of the threads. */
static double run_threads(launch_fn launch, unsigned count)
{
	struct worker workers[2];
	pthread_barrier_t start;
	pthread_t threads[2];
	double sum = 0;

	pthread_barrier_init(&start, NULL, count);
	for (unsigned i = 0; i < count; i++) {
		workers[i] = (struct worker){ .launch = launch, .start = &start };
		CHECK(!pthread_create(&threads[i], NULL, work, &workers[i]));
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		sum += workers[i].ns;
	}
	pthread_barrier_destroy(&start);
	return sum / count;
}

/* Return: launches per second that were reached. */
static double run_paced(launch_fn launch, uint64_t rate)
{
	uint64_t begin = now_ns(CLOCK_MONOTONIC), done = 0;

	while (done < PACED) {
		while ((now_ns(CLOCK_MONOTONIC) - begin) * rate / 1000000000u < done)
			;
		run_calls(launch, BURST);
		done += BURST;
	}
	return (double)done * 1e9 / (double)(now_ns(CLOCK_MONOTONIC) - begin);
}

static void compare_threads(launch_fn direct, launch_fn traced)
{
	static const char *const names[] = { "one", "two", "one_bare", "two_bare" };
	static double ns[VARIANTS][ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		ns[ONE][round] = run_threads(traced, 1);
		ns[TWO][round] = run_threads(traced, 2);
		ns[ONE_BARE][round] = run_threads(direct, 1);
		ns[TWO_BARE][round] = run_threads(direct, 2);
	}
	for (int v = 0; v < VARIANTS; v++)
		printf("%s %.2f\n", names[v], bench_median(ns[v], ROUNDS));
}

int main(int argc, char **argv)
{
	launch_fn direct, traced;

	CHECK(argc >= 3);
	direct = open_direct();
	traced = open_traced(argv[2]);
	if (strcmp(argv[1], "threads") == 0) {
		compare_threads(direct, traced);
		return 0;
	}
	CHECK(argc == 4 && atoi(argv[3]) > 0);
	printf("rate %.0f\n", run_paced(traced, (uint64_t)atoi(argv[3])));
	return 0;
}
