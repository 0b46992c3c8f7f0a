/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/storm.cu - many launches from many threads over many streams, by the
 * runtime's <<<>>>. storm_driver.c does the same by the driver API.
 *
 * usage: storm [launches [threads [streams]]]
 *
 * Launch i (counted over all threads) has grid (1 + i % 7), block (32 * (1 + i % 4)),
 * goes to stream i % streams, and is made by thread i % threads; even ones run storm_a,
 * odd ones storm_b.
 */
#include <pthread.h>

#include "check.h"

__global__ void storm_a(void)
{
}

__global__ void storm_b(int unused)
{
}

static int launches = 1000, threads = 4, stream_count = 8;
static cudaStream_t *streams;

static void *work(void *arg)
{
	for (long i = (long)arg; i < launches; i += threads) {
		dim3 grid(1 + i % 7), block(32 * (1 + i % 4));
		cudaStream_t s = streams[i % stream_count];

		if (i % 2 == 0)
			storm_a<<<grid, block, 0, s>>>();
		else
			storm_b<<<grid, block, 0, s>>>((int)i);
		CHECK(cudaGetLastError());
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ids[256];

	if (argc > 1)
		launches = atoi(argv[1]);
	if (argc > 2)
		threads = atoi(argv[2]);
	if (argc > 3)
		stream_count = atoi(argv[3]);
	if (threads < 1 || threads > 256 || stream_count < 1)
		return 64;
	streams = (cudaStream_t *)calloc(stream_count, sizeof(*streams));
	for (int i = 0; i < stream_count; i++)
		CHECK(cudaStreamCreateWithFlags(&streams[i], cudaStreamNonBlocking));
	for (long i = 0; i < threads; i++)
		CHECK(pthread_create(&ids[i], NULL, work, (void *)i));
	for (int i = 0; i < threads; i++)
		CHECK(pthread_join(ids[i], NULL));
	CHECK(cudaDeviceSynchronize());
	for (int i = 0; i < stream_count; i++)
		CHECK(cudaStreamDestroy(streams[i]));
	free(streams);
	printf("storm: %d launches, %d threads, %d streams: ok\n", launches, threads, stream_count);
	return 0;
}
