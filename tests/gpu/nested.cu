/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/gpu/nested.cu - kernels that launch kernels: CUDA dynamic parallelism.
 *
 * usage: nested LAUNCHES
 *
 * Each launch of nested_parent launches nested_child once. Says how many of those ran.
 */
#include "../programs/check.h"

__global__ void nested_child(int *count)
{
	atomicAdd(count, 1);
}

__global__ void nested_parent(int *count)
{
	nested_child<<<1, 1>>>(count);
}

int main(int argc, char **argv)
{
	int launches = argc > 1 ? atoi(argv[1]) : 100;
	int *count, ran = 0;

	CHECK(cudaMalloc(&count, sizeof(*count)));
	CHECK(cudaMemset(count, 0, sizeof(*count)));
	for (int i = 0; i < launches; i++) {
		nested_parent<<<1, 1>>>(count);
		CHECK(cudaGetLastError());
	}
	CHECK(cudaDeviceSynchronize());
	CHECK(cudaMemcpy(&ran, count, sizeof(ran), cudaMemcpyDeviceToHost));
	CHECK(cudaFree(count));
	printf("nested: %d of %d ran\n", ran, launches);
	return ran != launches;
}
