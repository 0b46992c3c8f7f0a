/* SPDX-License-Identifier: Apache-2.0
 *
 * examples/pipeline.cu - a small stream pipeline that checks its own result.
 *
 * usage: pipeline [rounds [elements]]
 *
 * Each round takes one of four streams: copy two vectors in, add them, scale the sum
 * into an accumulator, reduce it to one number per block, copy those back. All values
 * are small integers, so float sums are exact and the result can be compared with ==.
 */
#include <cstdio>
#include <cstdlib>

#define CHECK(call)                                                                                \
	do {                                                                                       \
		cudaError_t error_ = (call);                                                       \
		if (error_ != cudaSuccess) {                                                       \
			fprintf(stderr, "pipeline: %s: %s\n", #call, cudaGetErrorString(error_));  \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static const int STREAMS = 4;
static const int BLOCK = 256;
static const int REDUCE_BLOCKS = 64;

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

__global__ void reduce_sum(const float *in, float *out, int n)
{
	__shared__ float part[BLOCK];
	float sum = 0.0f;

	for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
		sum += in[i];
	part[threadIdx.x] = sum;
	__syncthreads();
	for (int half = blockDim.x / 2; half > 0; half /= 2) {
		if (threadIdx.x < half)
			part[threadIdx.x] += part[threadIdx.x + half];
		__syncthreads();
	}
	if (threadIdx.x == 0)
		out[blockIdx.x] = part[0];
}

struct lane {
	cudaStream_t stream;
	float *a, *b, *sum, *acc, *part; /* device */
	float *host_part;		 /* pinned */
	double total;			 /* of the last round */
};

static void lane_open(struct lane *l, int n)
{
	size_t bytes = n * sizeof(float);

	CHECK(cudaStreamCreateWithFlags(&l->stream, cudaStreamNonBlocking));
	CHECK(cudaMalloc(&l->a, bytes));
	CHECK(cudaMalloc(&l->b, bytes));
	CHECK(cudaMalloc(&l->sum, bytes));
	CHECK(cudaMalloc(&l->acc, bytes));
	CHECK(cudaMalloc(&l->part, REDUCE_BLOCKS * sizeof(float)));
	CHECK(cudaMallocHost(&l->host_part, REDUCE_BLOCKS * sizeof(float)));
	CHECK(cudaMemsetAsync(l->acc, 0, bytes, l->stream));
}

static void lane_round(struct lane *l, const float *a, const float *b, int n)
{
	size_t bytes = n * sizeof(float);
	int blocks = (n + BLOCK - 1) / BLOCK;

	CHECK(cudaMemcpyAsync(l->a, a, bytes, cudaMemcpyHostToDevice, l->stream));
	CHECK(cudaMemcpyAsync(l->b, b, bytes, cudaMemcpyHostToDevice, l->stream));
	vector_add<<<blocks, BLOCK, 0, l->stream>>>(l->a, l->b, l->sum, n);
	saxpy<<<blocks, BLOCK, 0, l->stream>>>(n, 2.0f, l->sum, l->acc);
	reduce_sum<<<REDUCE_BLOCKS, BLOCK, 0, l->stream>>>(l->acc, l->part, n);
	CHECK(cudaGetLastError());
	CHECK(cudaMemcpyAsync(l->host_part, l->part, REDUCE_BLOCKS * sizeof(float),
			      cudaMemcpyDeviceToHost, l->stream));
}

static void lane_finish(struct lane *l)
{
	CHECK(cudaStreamSynchronize(l->stream));
	l->total = 0.0;
	for (int i = 0; i < REDUCE_BLOCKS; i++)
		l->total += l->host_part[i];
}

static void lane_close(struct lane *l)
{
	CHECK(cudaFree(l->a));
	CHECK(cudaFree(l->b));
	CHECK(cudaFree(l->sum));
	CHECK(cudaFree(l->acc));
	CHECK(cudaFree(l->part));
	CHECK(cudaFreeHost(l->host_part));
	CHECK(cudaStreamDestroy(l->stream));
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1000;
	int n = argc > 2 ? atoi(argv[2]) : 1 << 16;
	struct lane lanes[STREAMS];
	double one_round = 0.0;
	float *a, *b;
	int wrong = 0;

	if (rounds < STREAMS || n <= 0) {
		fprintf(stderr, "usage: pipeline [rounds >= %d [elements]]\n", STREAMS);
		return 64;
	}
	CHECK(cudaMallocHost(&a, n * sizeof(float)));
	CHECK(cudaMallocHost(&b, n * sizeof(float)));
	for (int i = 0; i < n; i++) {
		a[i] = (float)(i % 4);
		b[i] = (float)(i % 3);
		one_round += 2.0 * (a[i] + b[i]);
	}
	for (int i = 0; i < STREAMS; i++)
		lane_open(&lanes[i], n);
	for (int r = 0; r < rounds; r++) {
		struct lane *l = &lanes[r % STREAMS];

		if (r >= STREAMS)
			lane_finish(l);
		lane_round(l, a, b, n);
	}
	for (int i = 0; i < STREAMS; i++) {
		int done = rounds / STREAMS + (i < rounds % STREAMS);

		lane_finish(&lanes[i]);
		wrong += lanes[i].total != one_round * done;
		printf("stream %d: %d rounds, sum %.0f\n", i, done, lanes[i].total);
		lane_close(&lanes[i]);
	}
	CHECK(cudaFreeHost(a));
	CHECK(cudaFreeHost(b));
	printf("%s\n", wrong ? "result: WRONG" : "result: ok");
	return wrong ? 1 : 0;
}
