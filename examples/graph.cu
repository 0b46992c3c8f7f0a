/* SPDX-License-Identifier: Apache-2.0
 *
 * examples/graph.cu - two kernels captured once into a CUDA graph, launched many times.
 *
 * usage: graph [launches]
 */
#include <cstdio>
#include <cstdlib>

#define CHECK(call)                                                                                \
	do {                                                                                       \
		cudaError_t error_ = (call);                                                       \
		if (error_ != cudaSuccess) {                                                       \
			fprintf(stderr, "graph: %s: %s\n", #call, cudaGetErrorString(error_));     \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

__global__ void vector_add(const float *a, const float *b, float *c, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		c[i] = a[i] + b[i];
}

__global__ void saxpy(int n, float a, const float *x, float *y)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		y[i] = a * x[i] + y[i];
}

int main(int argc, char **argv)
{
	const int n = 1 << 14, block = 256, blocks = n / block;
	int launches = argc > 1 ? atoi(argv[1]) : 50;
	float *a, *b, *y, *host;
	cudaStream_t stream;
	cudaGraph_t graph;
	cudaGraphExec_t exec;
	size_t nodes = 0;
	int wrong = 0;

	CHECK(cudaStreamCreate(&stream));
	CHECK(cudaMalloc(&a, n * sizeof(float)));
	CHECK(cudaMalloc(&b, n * sizeof(float)));
	CHECK(cudaMalloc(&y, n * sizeof(float)));
	host = (float *)malloc(n * sizeof(float));
	for (int i = 0; i < n; i++)
		host[i] = 1.0f;
	CHECK(cudaMemcpy(a, host, n * sizeof(float), cudaMemcpyHostToDevice));
	CHECK(cudaMemset(y, 0, n * sizeof(float)));

	CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
	vector_add<<<blocks, block, 0, stream>>>(a, a, b, n); /* b = 2 */
	saxpy<<<blocks, block, 0, stream>>>(n, 3.0f, b, y);   /* y += 6 */
	CHECK(cudaStreamEndCapture(stream, &graph));
	CHECK(cudaGraphGetNodes(graph, NULL, &nodes));
	CHECK(cudaGraphInstantiateWithFlags(&exec, graph, 0));

	for (int i = 0; i < launches; i++)
		CHECK(cudaGraphLaunch(exec, stream));
	CHECK(cudaStreamSynchronize(stream));
	CHECK(cudaMemcpy(host, y, n * sizeof(float), cudaMemcpyDeviceToHost));
	for (int i = 0; i < n; i++)
		wrong += host[i] != 6.0f * launches;

	CHECK(cudaGraphExecDestroy(exec));
	CHECK(cudaGraphDestroy(graph));
	CHECK(cudaFree(a));
	CHECK(cudaFree(b));
	CHECK(cudaFree(y));
	CHECK(cudaStreamDestroy(stream));
	free(host);
	printf("graph of %zu nodes, %d launches\n%s\n", nodes, launches,
	       wrong ? "result: WRONG" : "result: ok");
	return wrong ? 1 : 0;
}
