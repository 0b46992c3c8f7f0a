/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_tools.c - four threads launch, while a profiler of the program's comes and goes.
 *
 * usage: guest_tools LIBRARY STYLE first|later|storm TURNS [exit|abort]
 *
 * "first": the tool begins before there is a context; "later": between launches, at a barrier;
 * "storm": in the middle of them, so that how much it sees is not determined. In each turn
 * every thread launches before the tool begins, while it is there, and when it has left. With
 * "exit" or "abort" the program ends so in the last turn, the tool still there.
 * Prints what the tool saw, and how often was launched.
 */
#include <cuda.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "guest_tool.h"

#define THREADS	 4
#define LAUNCHES 200

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry guest_kernel()\n{\n\tret;\n}\n";

static CUcontext context;
static CUfunction function;
static pthread_barrier_t barrier;
static int turns;
static bool is_storm, begins_first;
static uint32_t launched; /* atomic */

static const char *style, *ending;
static __typeof__(&guest_tool_begin) begin;
static __typeof__(&guest_tool_end) end;
static __typeof__(&guest_tool_report) report;

static void launch(int count)
{
	for (int i = 0; i < count; i++) {
		CHECK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL) ==
		      CUDA_SUCCESS);
		__atomic_add_fetch(&launched, 1, __ATOMIC_RELAXED);
	}
	CHECK(cuCtxSynchronize() == CUDA_SUCCESS);
}

static void meet(void)
{
	if (!is_storm)
		pthread_barrier_wait(&barrier);
}

static void *run_thread(void *argument)
{
	(void)argument;
	CHECK(cuCtxSetCurrent(context) == CUDA_SUCCESS);
	for (int i = 0; i < turns; i++) {
		launch(LAUNCHES); /* without the tool, unless it is there first */
		meet();
		meet(); /* the tool has begun */
		launch(LAUNCHES);
		meet();
		meet(); /* it has left */
	}
	launch(LAUNCHES);
	return NULL;
}

static void print_report(void)
{
	struct guest_tool_report r;

	report(&r);
	/* How much came until now is not determined. */
	if (is_storm || ending)
		r.kernels = r.lent = r.returned = 0;
	if (is_storm)
		r.calls = 0;
	printf("kernels %u copies %u others %u calls %u strangers %u malformed %u times %u "
	       "kept %u errors %u last %u\n",
	       r.kernels, r.copies, r.others, r.calls, r.strangers, r.malformed, r.foreign_times,
	       r.lent - r.returned, r.errors, r.last_error);
}

static void end_process(void)
{
	print_report();
	printf("launched %u\n", launched);
	fflush(stdout);
	if (strcmp(ending, "abort") == 0)
		_exit(3);
	exit(0);
}

static void take_turn(bool is_last)
{
	meet();
	if (!begins_first)
		begin(style);
	begins_first = false;
	meet();
	if (is_storm)
		usleep(2000);
	meet();
	if (is_last && ending)
		end_process();
	end(style);
	meet();
}

static void load_tool(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	CHECK(library);
	begin = (__typeof__(begin))dlsym(library, "guest_tool_begin");
	end = (__typeof__(end))dlsym(library, "guest_tool_end");
	report = (__typeof__(report))dlsym(library, "guest_tool_report");
	CHECK(begin && end && report);
}

static void create_context(void)
{
	CUmodule module;

	CHECK(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
	CHECK(cuCtxSetCurrent(context) == CUDA_SUCCESS);
	CHECK(cuModuleLoadData(&module, ptx) == CUDA_SUCCESS);
	CHECK(cuModuleGetFunction(&function, module, "guest_kernel") == CUDA_SUCCESS);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	CHECK(argc >= 5);
	style = argv[2];
	begins_first = strcmp(argv[3], "first") == 0;
	is_storm = strcmp(argv[3], "storm") == 0;
	turns = atoi(argv[4]);
	ending = argc > 5 ? argv[5] : NULL;
	load_tool(argv[1]);
	CHECK(cuInit(0) == CUDA_SUCCESS);
	if (begins_first)
		begin(style);
	create_context();
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, run_thread, NULL) == 0);
	for (int i = 0; i < turns; i++)
		take_turn(i + 1 == turns);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	print_report();
	printf("launched %u\n", launched);
	return 0;
}
