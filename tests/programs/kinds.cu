/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/kinds.cu - work of every kind that has GPU records of its own, on two devices.
 *
 * usage: kinds [leave]
 *   leave  end without a synchronisation, once the work has had time to be done
 */
#include <string.h>
#include <unistd.h>

#include "check.h"

#define N 4096

__global__ void kinds_kernel(void)
{
}

static void work(cudaStream_t s, char *host, char *here, char *there)
{
	for (int i = 0; i < 6; i++)
		kinds_kernel<<<i + 1, 32, 0, s>>>();
	for (int i = 0; i < 3; i++)
		CHECK(cudaMemcpyAsync(here, host, N, cudaMemcpyHostToDevice, s));
	CHECK(cudaMemcpyAsync(host, here, N, cudaMemcpyDeviceToHost, s));
	CHECK(cudaMemcpyAsync(here + N, here, N, cudaMemcpyDeviceToDevice, s));
	for (int i = 0; i < 2; i++)
		CHECK(cudaMemcpyPeerAsync(there, 1, here, 0, N, s));
	/* Only the addresses say that it crosses devices. */
	CHECK(cudaMemcpyAsync(there, here, N, cudaMemcpyDefault, s));
	for (int i = 0; i < 4; i++)
		CHECK(cudaMemsetAsync(here, i, N, s));
}

static void work_by_graph(cudaStream_t s, char *host, char *here)
{
	cudaGraph_t graph;
	cudaGraphExec_t exec;

	CHECK(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal));
	kinds_kernel<<<9, 32, 0, s>>>();
	CHECK(cudaMemcpyAsync(here, host, N, cudaMemcpyHostToDevice, s));
	CHECK(cudaMemsetAsync(here, 1, N, s));
	CHECK(cudaStreamEndCapture(s, &graph));
	CHECK(cudaGraphInstantiate(&exec, graph, 0));
	for (int i = 0; i < 3; i++)
		CHECK(cudaGraphLaunch(exec, s));
}

int main(int argc, char **argv)
{
	cudaStream_t s;
	char *host, *here, *there;

	CHECK(cudaMallocHost(&host, N));
	CHECK(cudaSetDevice(1));
	CHECK(cudaMalloc(&there, N));
	CHECK(cudaSetDevice(0));
	CHECK(cudaMalloc(&here, 2 * N));
	CHECK(cudaStreamCreate(&s));
	work(s, host, here, there);
	work_by_graph(s, host, here);
	if (argc > 1 && strcmp(argv[1], "leave") == 0)
		usleep(100000);
	else
		CHECK(cudaDeviceSynchronize());
	printf("kinds: ok\n");
	return 0;
}
