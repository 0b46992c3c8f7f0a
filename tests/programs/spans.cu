/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/spans.cu - executions with stages, and work for callers, told by the C API.
 *
 * usage: spans pagerank [executions]  the four stages; the stage that launches ends at once
 *        spans broken                 a call in a stage fails
 *        spans callers                two requests with W3C headers of their own
 *        spans queue                  a message to another thread, handled in its context
 *        spans forgotten              a span that is never ended
 *        spans quiet                  one execution, then nothing until standard input ends
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rustkernel.h"

#define BYTES (1 << 16)

__global__ void rank_kernel(void)
{
}

static unsigned char host[BYTES];

static void prepare(void *ptr)
{
	struct rk_span stage;

	rk_stage_begin(&stage, "prepare_input");
	CHECK(cudaMemcpy(ptr, host, BYTES, cudaMemcpyHostToDevice));
	rk_span_end(&stage);
}

static void launch(void)
{
	struct rk_attribute detail = rk_integer("iteration", 3);
	struct rk_span stage;

	rk_stage_begin(&stage, "gpu_execute");
	for (int i = 0; i < 4; i++)
		rank_kernel<<<2, 64>>>();
	rk_span_add_event(&stage, "launched", &detail, 1);
	rk_span_end(&stage);
}

static void collect(void *ptr)
{
	struct rk_span stage;

	rk_stage_begin(&stage, "collect_output");
	CHECK(cudaMemcpy(host, ptr, BYTES, cudaMemcpyDeviceToHost));
	rk_span_end(&stage);
}

static void pagerank(void *ptr, int number)
{
	struct rk_context other = rk_context_extract(
		"00-11111111111111111111111111111111-2222222222222222-01", "v=1", NULL);
	struct rk_attribute why = rk_text("why", "batched");
	struct rk_span span, stage;

	rk_kernel_span_begin(&span, "graph/pagerank", "GraphAnalytics");
	rk_span_set_integer(&span, "number", number);
	rk_span_set_text(&span, "graph", "a first value");
	rk_span_set_text(&span, "graph", "web");
	rk_span_set_number(&span, "damping", 0.85);
	rk_span_set_bool(&span, "directed", true);
	rk_span_add_link(&span, &other, &why, 1);
	rk_stage_begin(&stage, "validate");
	rk_span_end(&stage);
	prepare(ptr);
	launch();
	collect(ptr);
	rk_span_set_status(&span, RK_STATUS_OK, "");
	rk_span_end(&span);
}

static void broken(void)
{
	struct rk_span span, stage;
	void *huge;

	rk_kernel_span_begin(&span, "graph/broken", NULL);
	rk_stage_begin(&stage, "prepare_input");
	if (cudaMalloc(&huge, (size_t)1 << 50) == cudaSuccess)
		exit(1);
	cudaGetLastError();
	rk_span_end(&stage);
	rk_span_end(&span);
}

static void *one_kernel(void *unused)
{
	(void)unused;
	rank_kernel<<<1, 64>>>();
	CHECK(cudaDeviceSynchronize());
	return NULL;
}

static void callers(void)
{
	struct rk_context first = rk_context_extract(
		"00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01", "v=1", "tenant_id=acme");
	struct rk_context second = rk_context_extract(
		"00-cccccccccccccccccccccccccccccccc-dddddddddddddddd-00", NULL, "tenant_id=emca");

	rk_execute_with_context(&first, one_kernel, NULL);
	rk_execute_with_context(&second, one_kernel, NULL);
	one_kernel(NULL); /* for nobody */
}

static void *handle(void *message)
{
	struct rk_context previous = rk_context_attach((struct rk_context *)message);

	one_kernel(NULL);
	rk_context_detach(&previous);
	return NULL;
}

static void queue(void)
{
	struct rk_context captured, same;
	struct rk_span span;
	pthread_t threads[2];

	rk_kernel_span_begin(&span, "queue/producer", NULL);
	captured = rk_context_capture();
	same = rk_span_context(&span);
	for (int i = 0; i < 2; i++) {
		CHECK(pthread_create(&threads[i], NULL, handle, i ? &same : &captured));
		CHECK(pthread_join(threads[i], NULL));
	}
	rk_span_end(&span);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "pagerank";
	int executions = argc > 2 ? atoi(argv[2]) : 1;
	struct rk_span forgotten;
	void *ptr;

	if (strcmp(what, "early") == 0)
		rk_circuit_breaker_set("upstream", RK_CIRCUIT_CLOSED);
	CHECK(cudaMalloc(&ptr, BYTES));
	if (strcmp(what, "pagerank") == 0 || strcmp(what, "early") == 0) {
		for (int i = 0; i < executions; i++)
			pagerank(ptr, i);
	} else if (strcmp(what, "broken") == 0) {
		broken();
	} else if (strcmp(what, "callers") == 0) {
		callers();
	} else if (strcmp(what, "queue") == 0) {
		queue();
	} else if (strcmp(what, "quiet") == 0) {
		pagerank(ptr, 0);
		while (getchar() != EOF)
			;
	} else {
		rk_kernel_span_begin(&forgotten, "graph/forgotten", NULL);
		one_kernel(NULL);
	}
	CHECK(cudaFree(ptr));
	printf("done\n");
	return 0;
}
