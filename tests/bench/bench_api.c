/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/bench_api.c - what a call of include/rustkernel.h costs.
 *
 * usage: bench_api ROUNDS CALLS
 *
 * The same program with and without the preload. The best of the rounds is printed, one
 * "name ns" per line, less the cost of the loop; the buffers are drained between rounds.
 */
#include "include/rustkernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct rk_counter counter;
static struct rk_kernel_metrics kernel;
static struct rk_context context;
static struct rk_span shared;

static void call_nothing(void)
{
	__asm__ volatile("" ::: "memory");
}

static void call_is_active(void)
{
	bool is_active = rk_is_active();

	__asm__ volatile("" : : "r"(is_active) : "memory");
}

static void call_span(void)
{
	struct rk_span span;

	rk_span_begin(&span, "span");
	rk_span_end(&span);
}

static void call_attribute(void)
{
	rk_span_set_integer(&shared, "key", 1);
}

static void call_counter(void)
{
	rk_counter_add(counter, 1);
}

static void call_execution(void)
{
	rk_kernel_metrics_record_execution(kernel, 1000, RK_STATUS_OK);
}

static void call_attach(void)
{
	struct rk_context previous = rk_context_attach(&context);

	rk_context_detach(&previous);
}

static void call_log(void)
{
	rk_log(RK_LEVEL_INFO, "Bench", "number %d", 1);
}

static void call_breaker(void)
{
	rk_circuit_breaker_set("bench", RK_CIRCUIT_OPEN);
}

static const struct {
	const char *name;
	void (*call)(void);
} cases[] = {
	{ "loop", call_nothing },
	{ "is_active", call_is_active },
	{ "span", call_span },
	{ "attribute", call_attribute },
	{ "counter_add", call_counter },
	{ "record_execution", call_execution },
	{ "attach_detach", call_attach },
	{ "log", call_log },
	{ "circuit_breaker_set", call_breaker },
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double time_calls(void (*call)(void), int calls)
{
	double begin = now_ns();

	for (int i = 0; i < calls; i++)
		call();
	return (now_ns() - begin) / calls;
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[1]) : 20;
	int calls = argc > 2 ? atoi(argv[2]) : 1000;
	struct timespec pause = { .tv_nsec = 2000000 };
	double loop = 0;

	counter = rk_counter_create("bench", "1", "");
	kernel = rk_kernel_metrics_create("bench", NULL);
	context = rk_context_extract("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
				     NULL, NULL);
	rk_span_begin(&shared, "shared");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		double best = 1e9;

		for (int r = 0; r < rounds; r++) {
			double ns = time_calls(cases[i].call, calls);

			best = ns < best ? ns : best;
			if (rk_is_active())
				nanosleep(&pause, NULL);
		}
		if (i == 0)
			loop = best;
		printf("%s %.2f\n", cases[i].name, i ? best - loop : best);
	}
	rk_span_end(&shared);
	return 0;
}
