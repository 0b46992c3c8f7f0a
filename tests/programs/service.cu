/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/service.cu - serves made-up requests with the whole C API until time is up.
 *
 * usage: service [seconds]     prints "ready" after the first request
 *
 * A request is the kernel span service/request with its four stages. Every tenth asks for more
 * memory than there is; every fifth is told to its circuit breaker as a failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "rustkernel.h"

static struct rk_kernel_metrics metrics;
static struct rk_counter requests;
static struct rk_circuit_breaker breaker = RK_CIRCUIT_BREAKER_INIT("service/backend");

__global__ void service_kernel(void)
{
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void run_stage(const char *name, void (*work)(void *), void *data)
{
	struct rk_span stage;

	rk_stage_begin(&stage, name);
	work(data);
	rk_span_end(&stage);
}

static void validate(void *data)
{
	(void)data;
}

static void copy_in(void *ptr)
{
	CHECK(cudaMemset(ptr, 1, 1 << 16));
}

static void launch(void *ptr)
{
	(void)ptr;
	for (int i = 0; i < 4; i++)
		service_kernel<<<1, 64>>>();
}

static void collect(void *ptr)
{
	unsigned char host[256];

	CHECK(cudaMemcpy(host, ptr, sizeof(host), cudaMemcpyDeviceToHost));
}

static void serve(long number, void *ptr)
{
	double start = now();
	struct rk_span span;
	void *huge;

	rk_kernel_span_begin(&span, "service/request", "Service");
	rk_span_set_integer(&span, "request", number);
	run_stage("validate", validate, NULL);
	run_stage("prepare_input", copy_in, ptr);
	run_stage("gpu_execute", launch, ptr);
	run_stage("collect_output", collect, ptr);
	if (number % 10 == 9 && cudaMalloc(&huge, (size_t)1 << 50) != cudaSuccess) {
		cudaGetLastError();
		rk_span_set_status(&span, RK_STATUS_ERROR, "not enough memory");
		rk_log(RK_LEVEL_ERROR, "Service", "request %ld failed", number);
	}
	rk_span_end(&span);
	rk_counter_add(requests, 1);
	rk_circuit_breaker_note(&breaker, number % 5 != 0);
	rk_kernel_metrics_set_queue_depth(metrics, (uint64_t)(number % 7));
	rk_kernel_metrics_record_execution(metrics, (uint64_t)((now() - start) * 1e9),
					   number % 10 == 9 ? RK_STATUS_ERROR : RK_STATUS_OK);
}

int main(int argc, char **argv)
{
	double until = now() + (argc > 1 ? atof(argv[1]) : 60.0);
	struct timespec pause = { 0, 2000000 };
	void *ptr;

	metrics = rk_kernel_metrics_create("service/request", "Service");
	requests = rk_counter_create("service_requests", "", "Requests that were served.");
	CHECK(cudaMalloc(&ptr, 1 << 16));
	rk_kernel_metrics_record_memory_allocated(metrics, 1 << 20);
	for (long number = 0; now() < until; number++) {
		serve(number, ptr);
		nanosleep(&pause, NULL);
		if (number == 0) {
			printf("ready\n");
			fflush(stdout);
		}
	}
	rk_kernel_metrics_record_memory_freed(metrics, 1 << 20);
	CHECK(cudaFree(ptr));
	printf("done\n");
	return 0;
}
