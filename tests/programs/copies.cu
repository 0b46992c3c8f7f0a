/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/copies.cu - copies and memsets of every form, with the bytes checked.
 *
 * Makes, in this order on the device: H2D, D2D, D2H, async H2D, async D2H on a stream,
 * a 2D copy in and out, a 3D copy in and out, three memsets.
 */
#include <string.h>

#include "check.h"

#define N 4096

int main(void)
{
	unsigned char *host, *back, *a, *b;
	cudaStream_t s;
	cudaEvent_t start, stop;
	cudaPitchedPtr box;
	cudaMemcpy3DParms p;
	size_t pitch;
	void *flat;
	float ms = -1.0f;

	CHECK(cudaMallocHost(&host, N));
	CHECK(cudaMallocHost(&back, N));
	CHECK(cudaMalloc(&a, N));
	CHECK(cudaMalloc(&b, N));
	CHECK(cudaStreamCreate(&s));
	CHECK(cudaEventCreate(&start));
	CHECK(cudaEventCreate(&stop));
	for (int i = 0; i < N; i++)
		host[i] = (unsigned char)(i * 7);

	CHECK(cudaMemcpy(a, host, N, cudaMemcpyHostToDevice));
	CHECK(cudaMemcpy(b, a, N, cudaMemcpyDeviceToDevice));
	CHECK(cudaMemcpy(back, b, N, cudaMemcpyDeviceToHost));
	CHECK(memcmp(host, back, N));

	memset(back, 0, N);
	CHECK(cudaEventRecord(start, s));
	CHECK(cudaMemcpyAsync(a, host, N / 2, cudaMemcpyHostToDevice, s));
	CHECK(cudaMemcpyAsync(back, a, N / 2, cudaMemcpyDeviceToHost, s));
	CHECK(cudaEventRecord(stop, s));
	CHECK(cudaEventSynchronize(stop));
	CHECK(cudaEventElapsedTime(&ms, start, stop));
	CHECK(!(ms > 0.0f));
	CHECK(memcmp(host, back, N / 2));

	CHECK(cudaMallocPitch(&flat, &pitch, 100, 10));
	CHECK(cudaMemcpy2D(flat, pitch, host, 100, 100, 10, cudaMemcpyHostToDevice));
	memset(back, 0, N);
	CHECK(cudaMemcpy2D(back, 100, flat, pitch, 100, 10, cudaMemcpyDeviceToHost));
	CHECK(memcmp(host, back, 1000));

	CHECK(cudaMalloc3D(&box, make_cudaExtent(64, 8, 4)));
	memset(&p, 0, sizeof(p));
	p.srcPtr = make_cudaPitchedPtr(host, 64, 64, 8);
	p.dstPtr = box;
	p.extent = make_cudaExtent(64, 8, 4);
	p.kind = cudaMemcpyHostToDevice;
	CHECK(cudaMemcpy3D(&p));
	memset(back, 0, N);
	p.srcPtr = box;
	p.dstPtr = make_cudaPitchedPtr(back, 64, 64, 8);
	p.kind = cudaMemcpyDeviceToHost;
	CHECK(cudaMemcpy3D(&p));
	CHECK(memcmp(host, back, 64 * 8 * 4));

	CHECK(cudaMemset(a, 9, N));
	CHECK(cudaMemsetAsync(a, 11, N / 4, s));
	CHECK(cudaMemset2DAsync(flat, pitch, 13, 100, 10, s));
	CHECK(cudaStreamSynchronize(s));
	CHECK(cudaMemcpy(back, a, N, cudaMemcpyDeviceToHost));
	CHECK(back[0] != 11 || back[N / 4 - 1] != 11 || back[N / 4] != 9 || back[N - 1] != 9);

	CHECK(cudaFree(box.ptr));
	CHECK(cudaFree(flat));
	CHECK(cudaFree(a));
	CHECK(cudaFree(b));
	CHECK(cudaFreeHost(host));
	CHECK(cudaFreeHost(back));
	CHECK(cudaEventDestroy(start));
	CHECK(cudaEventDestroy(stop));
	CHECK(cudaStreamDestroy(s));
	printf("copies: 10 copies, 3 memsets: ok\n");
	return 0;
}
