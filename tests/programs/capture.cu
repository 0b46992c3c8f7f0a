/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/capture.cu - threads that capture graphs while others launch.
 *
 * usage: capture [rounds]
 *
 * Two threads launch loop_kernel rounds * 10 times each on streams of their own. Two
 * threads capture, rounds times each, a graph of five captured_kernel nodes over two
 * streams, check that it is whole, and launch it twice.
 */
#include <pthread.h>

#include "check.h"

#define NODES 5

__global__ void loop_kernel(void)
{
}

__global__ void captured_kernel(void)
{
}

static int rounds = 20;

static void *launcher(void *arg)
{
	cudaStream_t s;

	(void)arg;
	CHECK(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
	for (int i = 0; i < rounds * 10; i++) {
		loop_kernel<<<2, 64, 0, s>>>();
		CHECK(cudaGetLastError());
	}
	CHECK(cudaStreamSynchronize(s));
	CHECK(cudaStreamDestroy(s));
	return NULL;
}

static void capture_once(cudaStream_t s, cudaStream_t side, cudaEvent_t fork, cudaEvent_t join)
{
	cudaStreamCaptureStatus status;
	cudaGraph_t graph;
	cudaGraphExec_t exec;
	size_t nodes = 0;

	CHECK(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal));
	captured_kernel<<<1, 32, 0, s>>>();
	CHECK(cudaEventRecord(fork, s));
	CHECK(cudaStreamWaitEvent(side, fork, 0));
	captured_kernel<<<1, 32, 0, side>>>();
	captured_kernel<<<1, 32, 0, side>>>();
	captured_kernel<<<1, 32, 0, s>>>();
	CHECK(cudaEventRecord(join, side));
	CHECK(cudaStreamWaitEvent(s, join, 0));
	captured_kernel<<<1, 32, 0, s>>>();
	CHECK(cudaGetLastError());
	CHECK(cudaStreamIsCapturing(s, &status));
	CHECK(status != cudaStreamCaptureStatusActive);
	CHECK(cudaStreamEndCapture(s, &graph));
	CHECK(cudaGraphGetNodes(graph, NULL, &nodes));
	CHECK(nodes != NODES);
	CHECK(cudaGraphInstantiateWithFlags(&exec, graph, 0));
	CHECK(cudaGraphLaunch(exec, s));
	CHECK(cudaGraphLaunch(exec, s));
	CHECK(cudaStreamSynchronize(s));
	CHECK(cudaGraphExecDestroy(exec));
	CHECK(cudaGraphDestroy(graph));
}

static void *capturer(void *arg)
{
	cudaStream_t s, side;
	cudaEvent_t fork, join;

	(void)arg;
	CHECK(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
	CHECK(cudaStreamCreateWithFlags(&side, cudaStreamNonBlocking));
	CHECK(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming));
	CHECK(cudaEventCreateWithFlags(&join, cudaEventDisableTiming));
	for (int i = 0; i < rounds; i++)
		capture_once(s, side, fork, join);
	CHECK(cudaEventDestroy(fork));
	CHECK(cudaEventDestroy(join));
	CHECK(cudaStreamDestroy(side));
	CHECK(cudaStreamDestroy(s));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ids[4];

	if (argc > 1)
		rounds = atoi(argv[1]);
	CHECK(cudaFree(NULL));
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&ids[i], NULL, i < 2 ? launcher : capturer, NULL));
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(ids[i], NULL));
	CHECK(cudaDeviceSynchronize());
	printf("capture: %d launched, %d captured, %d graph launches, %d graph kernels: ok\n",
	       rounds * 20, rounds * 2 * NODES, rounds * 4, rounds * 4 * NODES);
	return 0;
}
