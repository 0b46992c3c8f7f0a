/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/endless.cu - launches steadily until it is killed or time is up.
 *
 * usage: endless [seconds]     prints "ready" after the first synchronisation
 */
#include <stdlib.h>
#include <time.h>

#include "check.h"

__global__ void endless_kernel(void)
{
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	unsigned char *ptr;
	long launches = 0;
	double until;

	CHECK(cudaMalloc(&ptr, 1 << 16)); /* the start of everything takes what time it takes */
	until = now() + (argc > 1 ? atof(argv[1]) : 60.0);
	while (now() < until) {
		for (int i = 0; i < 10; i++, launches++)
			endless_kernel<<<1, 64>>>();
		CHECK(cudaMemset(ptr, 1, 1 << 16));
		CHECK(cudaDeviceSynchronize());
		if (launches == 10) {
			printf("ready\n");
			fflush(stdout);
		}
	}
	CHECK(cudaFree(ptr));
	printf("done\n");
	return 0;
}
