/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/waits.cu - a GPU that is idle for known reasons.
 *
 * Three streams: one kernel each, the second waits for the first and the last for both. Nothing for
 * 300 ms, an upload, and a kernel that is waited for.
 */
#include <unistd.h>

#include "check.h"

#define BYTES (1 << 20)

__global__ void produce(void)
{
}

__global__ void produce_more(void)
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
	cudaStream_t a, b, c;
	cudaEvent_t made, made_more;
	void *host, *device;

	CHECK(cudaMallocHost(&host, BYTES));
	CHECK(cudaMalloc(&device, BYTES));
	CHECK(cudaStreamCreate(&a));
	CHECK(cudaStreamCreate(&b));
	CHECK(cudaStreamCreate(&c));
	CHECK(cudaEventCreate(&made));
	CHECK(cudaEventCreate(&made_more));
	produce<<<1, 1, 0, a>>>();
	CHECK(cudaEventRecord(made, a));
	CHECK(cudaStreamWaitEvent(c, made, 0));
	produce_more<<<1, 1, 0, c>>>();
	CHECK(cudaEventRecord(made_more, c));
	CHECK(cudaStreamWaitEvent(b, made, 0));
	CHECK(cudaStreamWaitEvent(b, made_more, 0));
	consume<<<1, 1, 0, b>>>();
	CHECK(cudaStreamSynchronize(b));
	usleep(300000);
	CHECK(cudaMemcpyAsync(device, host, BYTES, cudaMemcpyHostToDevice, a));
	late<<<1, 1, 0, a>>>();
	CHECK(cudaStreamSynchronize(a));
	puts("done");
	return 0;
}
