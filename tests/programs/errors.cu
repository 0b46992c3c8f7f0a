/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/errors.cu - runs until something fails and says what.
 *
 * usage: errors oom | illegal | config
 *
 * oom:     allocates 1 MiB blocks until one is refused (SIMGPU_OOM_AT, SIMGPU_MEM_BYTES)
 * illegal: launches 10 kernels and synchronises after each (SIMGPU_ILLEGAL_ADDRESS_AT)
 * config:  launches with an impossible block
 */
#include <stdio.h>
#include <string.h>

__global__ void errors_kernel(void)
{
}

static int oom(void)
{
	cudaError_t error = cudaSuccess;
	void *ptr;
	int n = 0;

	while (n < 100000 && !error) {
		error = cudaMalloc(&ptr, 1 << 20);
		n += !error;
	}
	printf("oom: %d blocks, then %s\n", n, cudaGetErrorName(error));
	return 0;
}

static int illegal(void)
{
	cudaError_t error = cudaSuccess;
	int n = 0;

	while (n < 10 && !error) {
		errors_kernel<<<1, 32>>>();
		error = cudaDeviceSynchronize();
		n += !error;
	}
	printf("illegal: %d launches, then %s\n", n, cudaGetErrorName(error));
	printf("afterwards: %s\n", cudaGetErrorName(cudaDeviceSynchronize()));
	return 0;
}

static int config(void)
{
	errors_kernel<<<1, 4096>>>();
	printf("config: %s\n", cudaGetErrorName(cudaGetLastError()));
	errors_kernel<<<1, 32>>>();
	printf("afterwards: %s\n", cudaGetErrorName(cudaDeviceSynchronize()));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "oom"))
		return oom();
	if (argc > 1 && !strcmp(argv[1], "illegal"))
		return illegal();
	if (argc > 1 && !strcmp(argv[1], "config"))
		return config();
	fprintf(stderr, "usage: errors oom | illegal | config\n");
	return 64;
}
