/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/waits.cu - a GPU that is idle for known reasons.
 *
 * Two streams: one kernel each, the second waits for an event behind the first. Then nothing for
 * 300 ms, an upload, and a kernel that is waited for.
 */
#include <unistd.h>

#include "check.h"

#define BYTES (1 << 20)

__global__ void produce(void)
{
}

__global__ void consume(void)
{
}

__global__ void late(void)
{
}

int main(void)
{
	cudaStream_t a, b;
	cudaEvent_t made;
	void *host, *device;

	CHECK(cudaMallocHost(&host, BYTES));
	CHECK(cudaMalloc(&device, BYTES));
	CHECK(cudaStreamCreate(&a));
	CHECK(cudaStreamCreate(&b));
	CHECK(cudaEventCreate(&made));
	produce<<<1, 1, 0, a>>>();
	CHECK(cudaEventRecord(made, a));
	CHECK(cudaStreamWaitEvent(b, made, 0));
	consume<<<1, 1, 0, b>>>();
	CHECK(cudaStreamSynchronize(b));
	usleep(300000);
	CHECK(cudaMemcpyAsync(device, host, BYTES, cudaMemcpyHostToDevice, a));
	late<<<1, 1, 0, a>>>();
	CHECK(cudaStreamSynchronize(a));
	puts("done");
	return 0;
}
