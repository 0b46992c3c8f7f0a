/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/oom/everything.c - a little of everything that the tracer looks at, in a short time.
 *
 * Four threads launch, copy, allocate and record events; one captures and launches a graph.
 * Ranges of NVTX, spans, metrics, logs and baggage of the C API, calls that fail. What it prints
 * depends on the program alone: results, errno and the number of things done.
 *
 * usage: everything ROUNDS
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <errno.h>
#include <nvtx3/nvToolsExt.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "include/rustkernel.h"

#define THREADS 4
#define BYTES	4096

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			_Exit(99);                                                                 \
		}                                                                                  \
	} while (0)
#define DO(call) CHECK((call) == CUDA_SUCCESS)

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry first_kernel()\n{\n\tret;\n}\n"
			  ".visible .entry second_kernel()\n{\n\tret;\n}\n";
static CUcontext context;
static int rounds;

static void launch(CUfunction function, CUstream stream)
{
	errno = 4711;
	DO(cuLaunchKernel(function, 2, 1, 1, 32, 1, 1, 0, stream, NULL, NULL));
	CHECK(errno == 4711);
}

static uint64_t copy(CUstream stream, unsigned char fill)
{
	unsigned char host[BYTES] = { 0 };
	CUdeviceptr memory, later;
	uint64_t sum = 0;

	DO(cuMemAlloc_v2(&memory, BYTES));
	DO(cuMemAllocAsync(&later, BYTES, stream));
	DO(cuMemsetD8Async(memory, fill, BYTES, stream));
	DO(cuMemcpyDtoDAsync_v2(later, memory, BYTES, stream));
	DO(cuMemcpyDtoHAsync_v2(host, later, BYTES, stream));
	DO(cuMemFreeAsync(later, stream));
	DO(cuStreamSynchronize(stream));
	DO(cuMemFree_v2(memory));
	for (int i = 0; i < BYTES; i++)
		sum += host[i];
	return sum;
}

static void fail(void)
{
	CUdeviceptr memory;

	CHECK(cuLaunchKernel(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL) ==
	      CUDA_ERROR_INVALID_HANDLE);
	CHECK(cuMemAlloc_v2(&memory, (size_t)1 << 60) == CUDA_ERROR_OUT_OF_MEMORY);
}

static void wait_across(CUstream from, CUstream to)
{
	CUevent event;

	DO(cuEventCreate(&event, CU_EVENT_DEFAULT));
	DO(cuEventRecord(event, from));
	DO(cuStreamWaitEvent(to, event, 0));
	DO(cuEventSynchronize(event));
	DO(cuEventDestroy_v2(event));
}

static void say(int number)
{
	static const double bounds[] = { 1, 10 };
	struct rk_metric_options options = RK_METRIC_OPTIONS_INIT;
	struct rk_attribute field = rk_integer("number", number);
	struct rk_context remote = rk_context_extract(
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1", "region=eu");
	struct rk_context previous;
	struct rk_span span;
	char name[32];

	snprintf(name, sizeof(name), "requests_%d", number);
	options.name = name;
	options.bounds = bounds;
	options.bound_count = 2;
	rk_baggage_set(&remote, "tenant_id", number % 2 ? "odd" : "even");
	previous = rk_context_attach(&remote);
	rk_kernel_span_begin(&span, "everything", "Test");
	rk_counter_add(rk_counter_create(name, "1", "requests"), 1);
	rk_histogram_record(rk_histogram_create_with(&options), number);
	rk_kernel_metrics_record_execution(rk_kernel_metrics_create("everything", "Test"), 1000,
					   RK_STATUS_OK);
	rk_span_set_text(&span, "text", "of a span");
	rk_span_add_event(&span, "something", &field, 1);
	rk_log_fields(RK_LEVEL_WARN, "Test", "said", &field, 1);
	rk_circuit_breaker_set("database", RK_CIRCUIT_OPEN);
	rk_span_end(&span);
	rk_context_detach(&previous);
}

static uint64_t run_rounds(int number)
{
	CUstream stream, other;
	CUfunction function;
	CUmodule module;
	uint64_t sum = 0;

	DO(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	DO(cuModuleLoadData(&module, ptx));
	DO(cuModuleGetFunction(&function, module, number % 2 ? "first_kernel" : "second_kernel"));
	for (int round = 0; round < rounds; round++) {
		nvtxRangePushA(round % 2 ? "odd round" : "even round");
		launch(function, stream);
		sum += copy(stream, (unsigned char)(number + round));
		wait_across(stream, other);
		say(number * rounds + round);
		fail();
		nvtxRangePop();
	}
	DO(cuStreamDestroy_v2(other));
	DO(cuStreamDestroy_v2(stream));
	DO(cuModuleUnload(module));
	return sum;
}

static void *run(void *data)
{
	uint64_t *sum = data;

	DO(cuCtxSetCurrent(context));
	nvtxNameOsThreadA(0, "worker");
	*sum = run_rounds((int)*sum);
	return NULL;
}

static void run_graph(void)
{
	CUstream stream;
	CUfunction function;
	CUmodule module;
	CUgraphExec exec;
	CUgraph graph;

	DO(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	DO(cuModuleLoadData(&module, ptx));
	DO(cuModuleGetFunction(&function, module, "first_kernel"));
	DO(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	launch(function, stream);
	launch(function, stream);
	DO(cuStreamEndCapture(stream, &graph));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	for (int round = 0; round < rounds; round++)
		DO(cuGraphLaunch(exec, stream));
	DO(cuStreamSynchronize(stream));
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	uint64_t sums[THREADS];

	rounds = argc > 1 ? atoi(argv[1]) : 5;
	DO(cuInit(0));
	DO(cuCtxCreate_v2(&context, 0, 0));
	for (int i = 0; i < THREADS; i++) {
		sums[i] = (uint64_t)i;
		CHECK(pthread_create(&threads[i], NULL, run, &sums[i]) == 0);
	}
	run_graph();
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(threads[i], NULL) == 0);
		printf("thread %d: %lu\n", i, (unsigned long)sums[i]);
	}
	DO(cuCtxSynchronize());
	DO(cuCtxDestroy_v2(context));
	printf("%d rounds\n", rounds);
	return 0;
}
