/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_linked.c - a program linked with -lcuda.
 *
 * usage: guest_linked MODE N
 *   plain     N launches by the plain symbols
 *   gpa       N launches through a linked cuGetProcAddress
 *   capture   N captured launches while another thread launches 2 N; then the graph, once
 *   threads   N launches in each of 8 threads, some of them from thread-specific-data
 *             destructors
 *   fork      starts, forks; the child makes calls and exits; then N launches
 *   forkfirst forks before anything; the child alone makes N launches
 */
#include <cuda.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry guest_kernel()\n{\n\tret;\n}\n";

static CUcontext context;
static CUfunction function;
static int launches;
static __typeof__(&cuLaunchKernel) launch_kernel = cuLaunchKernel;

static void set_up(void)
{
	CUmodule module;

	CHECK(cuInit(0) == CUDA_SUCCESS);
	CHECK(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
	CHECK(cuCtxSetCurrent(context) == CUDA_SUCCESS);
	CHECK(cuModuleLoadData(&module, ptx) == CUDA_SUCCESS);
	CHECK(cuModuleGetFunction(&function, module, "guest_kernel") == CUDA_SUCCESS);
}

static void launch(CUstream stream, int count)
{
	for (int i = 0; i < count; i++)
		CHECK(launch_kernel(function, 7, 1, 1, 64, 1, 1, 0, stream, NULL, NULL) ==
		      CUDA_SUCCESS);
}

static void *launch_elsewhere(void *data)
{
	CUstream stream;

	(void)data;
	CHECK(cuCtxSetCurrent(context) == CUDA_SUCCESS);
	CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
	launch(stream, 2 * launches);
	CHECK(cuStreamSynchronize(stream) == CUDA_SUCCESS);
	return NULL;
}

static void run_capture(void)
{
	pthread_t thread;
	CUstream stream;
	CUgraph graph;
	CUgraphExec exec;
	CUdeviceptr memory;
	size_t nodes = 0;

	CHECK(cuMemAlloc(&memory, 4096) == CUDA_SUCCESS);
	CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
	CHECK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) == CUDA_SUCCESS);
	CHECK(pthread_create(&thread, NULL, launch_elsewhere, NULL) == 0);
	launch(stream, launches);
	CHECK(cuMemsetD32Async(memory, 1, 16, stream) == CUDA_SUCCESS);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(cuStreamEndCapture(stream, &graph) == CUDA_SUCCESS);
	CHECK(cuGraphGetNodes(graph, NULL, &nodes) == CUDA_SUCCESS);
	CHECK(nodes == (size_t)launches + 1);
	CHECK(cuGraphInstantiate(&exec, graph, 0) == CUDA_SUCCESS);
	CHECK(cuGraphLaunch(exec, stream) == CUDA_SUCCESS);
	CHECK(cuStreamSynchronize(stream) == CUDA_SUCCESS);
	launch(stream, 1); /* after the capture: asked no more, and launched */
	CHECK(cuStreamSynchronize(stream) == CUDA_SUCCESS);
}

static void launch_late(void *stream)
{
	launch(stream, 1);
}

static void *launch_in_thread(void *key)
{
	CUstream stream;

	CHECK(cuCtxSetCurrent(context) == CUDA_SUCCESS);
	CHECK(cuStreamCreate(&stream, 0) == CUDA_SUCCESS);
	pthread_setspecific(*(pthread_key_t *)key, stream);
	launch(stream, launches - 1);
	return NULL;
}

static void run_threads(void)
{
	pthread_t threads[8];
	pthread_key_t key;

	CHECK(pthread_key_create(&key, launch_late) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&threads[i], NULL, launch_in_thread, &key) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

static void wait_for(pid_t child)
{
	int status;

	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void run_fork(void)
{
	pid_t child;

	set_up();
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		for (int i = 0; i < 100; i++) /* refused or not: nobody may notice us */
			launch_kernel(function, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL);
		exit(0);
	}
	wait_for(child);
	launch(NULL, launches);
}

static void run_fork_first(void)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		set_up();
		launch(NULL, launches);
		exit(0);
	}
	wait_for(child);
}

int main(int argc, char **argv)
{
	CUdriverProcAddressQueryResult status;
	void *found = NULL;

	CHECK(argc == 3);
	launches = atoi(argv[2]);
	if (strcmp(argv[1], "fork") == 0)
		run_fork();
	else if (strcmp(argv[1], "forkfirst") == 0)
		run_fork_first();
	else
		set_up();
	if (strcmp(argv[1], "gpa") == 0) {
		CHECK(cuGetProcAddress("cuLaunchKernel", &found, 4000, 0, &status) == CUDA_SUCCESS);
		launch_kernel = (__typeof__(launch_kernel))found;
	}
	if (strcmp(argv[1], "gpa") == 0 || strcmp(argv[1], "plain") == 0)
		launch(NULL, launches);
	else if (strcmp(argv[1], "capture") == 0)
		run_capture();
	else if (strcmp(argv[1], "threads") == 0)
		run_threads();
	printf("%s done\n", argv[1]);
	return 0;
}
