/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/gpu/leave.c - leave in every way there is, while kernels run.
 *
 * usage: leave return|exit|_exit|quick_exit|pthread_exit|abort|term|kill|exec|order
 *
 * order: handlers of atexit() registered before cuInit, after it and after the context say what
 * CUDA answers them, which tells when libcuda's own handler ran. They run last to first.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "kernels.h"

#define KERNELS 200
#define KERNEL_NS 200000 /* 40 ms of work are under way when the program leaves */

static void report(const char *when)
{
	CUcontext context = NULL;
	int answer = (int)cuCtxGetCurrent(&context);

	printf("{\"handler\": \"%s\", \"context\": %d, \"synchronize\": %d}\n", when, answer,
	       (int)cuCtxSynchronize());
	fflush(stdout);
}

static void before_init(void)
{
	report("before cuInit");
}

static void after_init(void)
{
	report("after cuInit");
}

static void after_context(void)
{
	report("after the context");
}

static void leave_by_signal(const char *how)
{
	if (strcmp(how, "term") == 0)
		raise(SIGTERM);
	else if (strcmp(how, "kill") == 0)
		raise(SIGKILL);
	else
		abort();
}

static int leave(const char *how)
{
	if (strcmp(how, "exit") == 0)
		exit(3);
	if (strcmp(how, "_exit") == 0)
		_exit(4);
	if (strcmp(how, "quick_exit") == 0)
		quick_exit(5);
	if (strcmp(how, "pthread_exit") == 0)
		pthread_exit(NULL);
	if (strcmp(how, "exec") == 0)
		execlp("sh", "sh", "-c", "exit 6", (char *)NULL);
	if (strcmp(how, "return") == 0 || strcmp(how, "order") == 0)
		return 2;
	leave_by_signal(how);
	return 64;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "return";
	bool tells = strcmp(how, "order") == 0;
	struct gpu gpu;

	if (tells)
		atexit(before_init);
	CHECK(cuInit(0));
	if (tells)
		atexit(after_init);
	gpu_open(&gpu);
	if (tells)
		atexit(after_context);
	for (int i = 0; i < KERNELS; i++)
		CHECK(gpu_spin(&gpu, KERNEL_NS, NULL));
	return leave(how);
}
