/* SPDX-License-Identifier: Apache-2.0
 *
 * examples/api_pipeline.cu - a small service that says what it does by the C API.
 *
 * usage: api_pipeline [REQUESTS]
 *
 * Each request comes with W3C headers from a caller, is one execution "graph/pagerank" with the
 * stages validate, prepare_input, gpu_execute and collect_output, counts in the service's own
 * metrics and leaves a log line. A second thread collects the results: the context goes with
 * the message. Without rkpreload the calls do nothing and the program prints the same.
 */
#include <cuda_runtime.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "rustkernel.h"

#define CHECK(call)                                                                                \
	do {                                                                                       \
		cudaError_t status = (call);                                                       \
		if (status != cudaSuccess) {                                                       \
			fprintf(stderr, "api_pipeline: %s: %s\n", #call,                           \
				cudaGetErrorString(status));                                       \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static const int COUNT = 1 << 16;

/* What the worker hands to the collector: the work, and in which context it goes on. */
struct message {
	struct rk_context context;
	float *ranks;
	double sum;
};

__global__ void pagerank_step(float *ranks, int count)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < count)
		ranks[i] = 0.15f / count + 0.85f * ranks[i];
}

static void *collect(void *data)
{
	struct message *message = (struct message *)data;
	struct rk_context before = rk_context_attach(&message->context);
	float *copy = (float *)malloc(COUNT * sizeof(float));
	struct rk_span stage;

	rk_stage_begin(&stage, "collect_output");
	CHECK(cudaMemcpy(copy, message->ranks, COUNT * sizeof(float), cudaMemcpyDeviceToHost));
	for (int i = 0; i < COUNT; i++)
		message->sum += copy[i];
	rk_span_set_number(&stage, "app.sum", message->sum);
	rk_span_end(&stage);
	free(copy);
	rk_context_detach(&before);
	return NULL;
}

static bool validate(int request)
{
	struct rk_span stage;
	bool is_valid = request % 5 != 4;

	rk_stage_begin(&stage, "validate");
	if (!is_valid)
		rk_span_set_status(&stage, RK_STATUS_ERROR, "the graph has no edges");
	rk_span_end(&stage);
	return is_valid;
}

static void run_stages(float *ranks)
{
	struct rk_span stage;
	struct message message = {};
	pthread_t collector;

	rk_stage_begin(&stage, "prepare_input");
	CHECK(cudaMemset(ranks, 0, COUNT * sizeof(float)));
	rk_span_end(&stage);

	rk_stage_begin(&stage, "gpu_execute");
	for (int step = 0; step < 3; step++)
		pagerank_step<<<(COUNT + 255) / 256, 256>>>(ranks, COUNT);
	CHECK(cudaGetLastError());
	rk_span_end(&stage);

	message.context = rk_context_capture();
	message.ranks = ranks;
	pthread_create(&collector, NULL, collect, &message);
	pthread_join(collector, NULL);
}

static void serve(int request, float *ranks, struct rk_counter requests)
{
	char caller[RK_TRACEPARENT_BYTES];
	struct rk_context remote, before;
	struct rk_attribute fields[2];
	struct rk_span execution;

	/* In a service these come from the headers of the request. */
	snprintf(caller, sizeof(caller),
		 "00-0af7651916cd43dd8448eb211c8031%02x-b7ad6b7169203331-01", request);
	remote = rk_context_extract(caller, NULL, request % 2 ? "tenant_id=a" : "tenant_id=b");
	before = rk_context_attach(&remote);

	rk_kernel_span_begin(&execution, "graph/pagerank", "GraphAnalytics");
	rk_span_set_integer(&execution, "app.request", request);
	if (validate(request)) {
		run_stages(ranks);
	} else {
		fields[0] = rk_integer("request", request);
		fields[1] = rk_text("reason", "the graph has no edges");
		rk_log_fields(RK_LEVEL_WARN, "GraphAnalytics", "request refused", fields, 2);
		rk_span_set_status(&execution, RK_STATUS_ERROR, "refused");
	}
	rk_span_end(&execution);
	rk_context_detach(&before);
	rk_counter_add(requests, 1);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 10;
	struct rk_counter requests = rk_counter_create("app_requests", "{request}", "Served.");
	struct rk_kernel_metrics kernel =
		rk_kernel_metrics_create("graph/pagerank", "GraphAnalytics");
	float *ranks;

	CHECK(cudaMalloc(&ranks, COUNT * sizeof(float)));
	rk_kernel_metrics_record_memory_allocated(kernel, COUNT * sizeof(float));
	for (int request = 0; request < count; request++) {
		rk_kernel_metrics_set_queue_depth(kernel, (uint64_t)(count - request - 1));
		serve(request, ranks, requests);
	}
	CHECK(cudaFree(ranks));
	rk_kernel_metrics_record_memory_freed(kernel, COUNT * sizeof(float));
	printf("%d requests\n", count);
	return 0;
}
