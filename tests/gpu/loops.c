/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/gpu/loops.c - loops whose time is measured inside, so that no start and no exit is in it.
 *
 * usage: loops launch LAUNCHES            empty kernels on one stream: time of the calls alone
 *        loops storm LAUNCHES             kernels of 5 us, back to back, until all are done
 *        loops decode TOKENS KERNELS      a token is KERNELS small kernels, a copy of four bytes
 *        loops graph TOKENS KERNELS       to the host, and waiting for it; the same as one graph
 *
 * Prints one line of JSON: the loop, how many kernels, the ns of each, and the GPU memory in
 * use when it had run.
 */
#include "kernels.h"

#define STORM_NS 5000
#define DECODE_NS 3000
#define WARM_UP 64

struct token {
	CUstream stream;
	CUdeviceptr value;
	int *host;
	int kernels;
};

static uint64_t launch_loop(const struct gpu *gpu, int count)
{
	uint64_t spent_ns = 0;

	/* In batches that fit the queue of a stream: a full one would make the call wait. */
	for (int done = 0; done < count;) {
		int batch = count - done < 500 ? count - done : 500;
		uint64_t start_ns = now_ns();

		for (int i = 0; i < batch; i++)
			CHECK(cuLaunchKernel(gpu->nothing, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
		spent_ns += now_ns() - start_ns;
		CHECK(cuCtxSynchronize());
		done += batch;
	}
	return spent_ns;
}

static uint64_t storm_loop(const struct gpu *gpu, int count)
{
	uint64_t start_ns = now_ns();

	for (int i = 0; i < count; i++)
		CHECK(gpu_spin(gpu, STORM_NS, NULL));
	CHECK(cuCtxSynchronize());
	return now_ns() - start_ns;
}

static void enqueue_token(const struct gpu *gpu, const struct token *token)
{
	for (int i = 0; i < token->kernels; i++)
		CHECK(gpu_spin(gpu, DECODE_NS, token->stream));
	CHECK(cuMemcpyDtoHAsync(token->host, token->value, sizeof(*token->host), token->stream));
}

static CUgraphExec capture_token(const struct gpu *gpu, const struct token *token)
{
	CUgraphExec exec;
	CUgraph graph;

	CHECK(cuStreamBeginCapture(token->stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	enqueue_token(gpu, token);
	CHECK(cuStreamEndCapture(token->stream, &graph));
	CHECK(cuGraphInstantiate(&exec, graph, 0));
	CHECK(cuGraphDestroy(graph));
	return exec;
}

static uint64_t decode_loop(const struct gpu *gpu, int tokens, int kernels, bool by_graph)
{
	struct token token = { .kernels = kernels };
	CUgraphExec exec = NULL;
	uint64_t start_ns;

	CHECK(cuStreamCreate(&token.stream, CU_STREAM_NON_BLOCKING));
	CHECK(cuMemAlloc(&token.value, sizeof(*token.host)));
	CHECK(cuMemAllocHost((void **)&token.host, sizeof(*token.host)));
	if (by_graph)
		exec = capture_token(gpu, &token);
	start_ns = now_ns();
	for (int i = 0; i < tokens; i++) {
		if (exec)
			CHECK(cuGraphLaunch(exec, token.stream));
		else
			enqueue_token(gpu, &token);
		CHECK(cuStreamSynchronize(token.stream));
	}
	return now_ns() - start_ns;
}

int main(int argc, char **argv)
{
	const char *loop = argc > 2 ? argv[1] : "";
	int count = argc > 2 ? atoi(argv[2]) : 0;
	int kernels = argc > 3 ? atoi(argv[3]) : 1;
	size_t free_bytes, total;
	uint64_t spent_ns;
	struct gpu gpu;

	if (count < 1 || kernels < 1)
		return 64;
	gpu_open(&gpu);
	for (int i = 0; i < WARM_UP; i++)
		CHECK(gpu_spin(&gpu, STORM_NS, NULL));
	CHECK(cuCtxSynchronize());
	if (strcmp(loop, "launch") == 0)
		spent_ns = launch_loop(&gpu, count);
	else if (strcmp(loop, "storm") == 0)
		spent_ns = storm_loop(&gpu, count);
	else
		spent_ns = decode_loop(&gpu, count, kernels, strcmp(loop, "graph") == 0);
	CHECK(cuMemGetInfo(&free_bytes, &total));
	printf("{\"loop\": \"%s\", \"kernels\": %d, \"spent_ns\": %llu, \"gpu_bytes\": %zu}\n",
	       loop, count * kernels, (unsigned long long)spent_ns, total - free_bytes);
	return 0;
}
