/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/test_driver.c - the simulated driver keeps the rules that programs and
 * tracers rely on: names, timeline, legacy stream, capture, graphs, host functions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cuda.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define KERNEL_NS 20000
#define SLOW_NS	  5000000ull /* by SIMGPU_KERNEL_TIMES, see meson.build */

static const char ptx[] = ".version 7.0\n.target sm_52\n.address_size 64\n"
			  ".visible .entry plain()\n{\n\tret;\n}\n"
			  ".visible .entry slow()\n{\n\tret;\n}\n";

static CUcontext ctx;
static CUfunction plain, slow;

static int setup(void **state)
{
	CUmodule module;

	(void)state;
	assert_int_equal(cuInit(0), CUDA_SUCCESS);
	assert_int_equal(cuDevicePrimaryCtxRetain(&ctx, 0), CUDA_SUCCESS);
	assert_int_equal(cuCtxSetCurrent(ctx), CUDA_SUCCESS);
	assert_int_equal(cuModuleLoadData(&module, ptx), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&plain, module, "plain"), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&slow, module, "slow"), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&slow, module, "absent"), CUDA_ERROR_NOT_FOUND);
	assert_int_equal(cuModuleGetFunction(&slow, module, "slow"), CUDA_SUCCESS);
	return 0;
}

static CUresult launch(CUfunction f, CUstream s)
{
	return cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, s, NULL, NULL);
}

static CUevent marks[64];
static size_t mark_count;

static int forget_marks(void **state)
{
	(void)state;
	while (mark_count)
		cuEventDestroy(marks[--mark_count]);
	return 0;
}

static CUevent mark(CUstream s)
{
	CUevent e;

	assert_int_equal(cuEventCreate(&e, 0), CUDA_SUCCESS);
	assert_int_equal(cuEventRecord(e, s), CUDA_SUCCESS);
	marks[mark_count++] = e;
	return e;
}

/* Times come as float milliseconds: whole ns survive up to some ms. */
static long elapsed_ns(CUevent a, CUevent b)
{
	float ms;

	assert_int_equal(cuEventSynchronize(a), CUDA_SUCCESS);
	assert_int_equal(cuEventSynchronize(b), CUDA_SUCCESS);
	assert_int_equal(cuEventElapsedTime(&ms, a, b), CUDA_SUCCESS);
	return (long)((double)ms * 1e6 + (ms < 0 ? -0.5 : 0.5));
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		int version, flags;
		const char *symbol;
	} want[] = {
		{ "cuMemAlloc", 3020, 0, "cuMemAlloc_v2" },
		{ "cuMemAlloc", 13000, 0, "cuMemAlloc_v2" },
		{ "cuMemAlloc", 2000, 0, "cuMemAlloc" },
		{ "cuLaunchKernel", 4000, 0, "cuLaunchKernel" },
		{ "cuLaunchKernel", 4000, 2, "cuLaunchKernel" },
		{ "cuLaunchKernel", 7000, 2, "cuLaunchKernel_ptsz" },
		{ "cuLaunchKernelEx", 11060, 0, "cuLaunchKernelEx" },
		{ "cuGraphLaunch", 10000, 2, "cuGraphLaunch_ptsz" },
		{ "cuCtxSynchronize", 2000, 0, "cuCtxSynchronize" },
		{ "cuCtxSynchronize", 13000, 0, "cuCtxSynchronize_v2" },
		{ "cuEventElapsedTime", 12080, 0, "cuEventElapsedTime_v2" },
		{ "cuMemcpyHtoD", 7000, 2, "cuMemcpyHtoD_v2_ptds" },
		{ "cuMemcpyBatchAsync", 12080, 0, "cuMemcpyBatchAsync" },
		{ "cuMemcpyBatchAsync", 13000, 0, "cuMemcpyBatchAsync_v2" },
		{ "cuStreamBeginCapture", 10010, 2, "cuStreamBeginCapture_v2_ptsz" },
		{ "cuGetProcAddress", 11030, 0, "cuGetProcAddress" },
		{ "cuGetProcAddress", 12000, 0, "cuGetProcAddress_v2" },
	};
	CUdriverProcAddressQueryResult status;
	void *fn;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		fn = NULL;
		assert_int_equal(cuGetProcAddress_v2(want[i].name, &fn, want[i].version,
						     (cuuint64_t)want[i].flags, &status),
				 CUDA_SUCCESS);
		if (fn != dlsym(RTLD_DEFAULT, want[i].symbol))
			fail_msg("%s %d %d is not %s", want[i].name, want[i].version, want[i].flags,
				 want[i].symbol);
	}
	assert_int_equal(cuGetProcAddress_v2("cuGraphLaunch", &fn, 9000, 0, &status), CUDA_SUCCESS);
	assert_int_equal(status, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
	assert_null(fn);
	assert_int_equal(cuGetProcAddress_v2("cuGetExportTable", &fn, 13000, 0, &status),
			 CUDA_SUCCESS);
	assert_int_equal(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
	assert_null(dlsym(RTLD_DEFAULT, "cuGetExportTable"));
	assert_int_equal(cuGetProcAddress_v2("cuInit", &fn, 99000, 0, &status),
			 CUDA_ERROR_INVALID_VALUE);
}

static void test_stream_order(void **state)
{
	uint64_t start, queued, done;
	CUevent a, b;
	CUstream s;

	(void)state;
	assert_int_equal(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
	launch(slow, s); /* still runs when the next is submitted, however late that is */
	a = mark(s);
	launch(plain, s);
	b = mark(s);
	assert_int_equal(elapsed_ns(a, b), KERNEL_NS);

	start = now_ns();
	for (int i = 0; i < 20; i++)
		assert_int_equal(launch(slow, s), CUDA_SUCCESS);
	queued = now_ns();
	assert_int_equal(cuStreamQuery(s), CUDA_ERROR_NOT_READY);
	assert_int_equal(cuStreamSynchronize(s), CUDA_SUCCESS);
	done = now_ns();
	assert_int_equal(cuStreamQuery(s), CUDA_SUCCESS);
	assert_true(done - start >= 20 * SLOW_NS);
	assert_true(queued - start < 10 * SLOW_NS); /* launching does not wait for the work */
	cuStreamDestroy(s);
	assert_int_equal(launch(plain, s), CUDA_ERROR_INVALID_HANDLE);
}

static void test_legacy_stream(void **state)
{
	CUstream a, b, free_stream;
	CUevent ea, el, eb, ef;

	(void)state;
	cuStreamCreate(&a, 0);
	cuStreamCreate(&b, 0);
	cuStreamCreate(&free_stream, CU_STREAM_NON_BLOCKING);
	cuCtxSynchronize();
	launch(slow, a);
	ea = mark(a);
	launch(slow, free_stream);
	ef = mark(free_stream);
	launch(slow, NULL); /* waits for a */
	el = mark(NULL);
	launch(slow, b); /* waits for the legacy stream */
	eb = mark(b);
	assert_true(elapsed_ns(ea, el) >= 5000000);
	assert_true(elapsed_ns(el, eb) >= 5000000);
	assert_true(elapsed_ns(ea, ef) < 4000000);
	cuStreamDestroy(a);
	cuStreamDestroy(b);
	cuStreamDestroy(free_stream);
}

static void test_wait_event(void **state)
{
	CUstream a, b;
	CUevent first, second;

	(void)state;
	cuStreamCreate(&a, CU_STREAM_NON_BLOCKING);
	cuStreamCreate(&b, CU_STREAM_NON_BLOCKING);
	launch(slow, a);
	first = mark(a);
	assert_int_equal(cuEventQuery(first), CUDA_ERROR_NOT_READY);
	assert_int_equal(cuStreamWaitEvent(b, first, 0), CUDA_SUCCESS);
	launch(plain, b);
	second = mark(b);
	assert_int_equal(elapsed_ns(first, second), KERNEL_NS);
	cuStreamDestroy(a);
	cuStreamDestroy(b);
}

static void test_capture_rules(void **state)
{
	CUstreamCaptureStatus status;
	CUstream blocking;
	CUdeviceptr ptr;
	CUgraph graph;

	(void)state;
	cuStreamCreate(&blocking, 0);
	assert_int_equal(cuStreamBeginCapture(blocking, CU_STREAM_CAPTURE_MODE_GLOBAL),
			 CUDA_SUCCESS);
	/* a question about the legacy stream is refused and spoils nothing */
	assert_int_equal(cuStreamIsCapturing(NULL, &status), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
	assert_int_equal(cuStreamIsCapturing(blocking, &status), CUDA_SUCCESS);
	assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
	/* a launch there does */
	assert_int_equal(launch(plain, NULL), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
	assert_int_equal(launch(plain, blocking), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	assert_int_equal(cuStreamEndCapture(blocking, &graph),
			 CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	assert_int_equal(launch(plain, NULL), CUDA_SUCCESS);

	/* an allocation spoils a global capture, not a relaxed one */
	assert_int_equal(cuStreamBeginCapture(blocking, CU_STREAM_CAPTURE_MODE_GLOBAL),
			 CUDA_SUCCESS);
	assert_int_equal(cuMemAlloc(&ptr, 4096), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	assert_int_equal(cuStreamEndCapture(blocking, &graph),
			 CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	assert_int_equal(cuStreamBeginCapture(blocking, CU_STREAM_CAPTURE_MODE_RELAXED),
			 CUDA_SUCCESS);
	assert_int_equal(cuMemAlloc(&ptr, 4096), CUDA_SUCCESS);
	assert_int_equal(cuStreamEndCapture(blocking, &graph), CUDA_SUCCESS);
	assert_int_equal(cuMemFree(ptr), CUDA_SUCCESS);
	cuGraphDestroy(graph);
	cuStreamDestroy(blocking);
}

static void test_graph(void **state)
{
	unsigned char back[64];
	CUdeviceptr ptr;
	CUgraphExec exec;
	CUgraph graph;
	CUstream s;
	CUevent a, b;
	size_t nodes = 0;

	(void)state;
	cuStreamCreate(&s, CU_STREAM_NON_BLOCKING);
	cuMemAlloc(&ptr, sizeof(back));
	cuMemsetD8(ptr, 1, sizeof(back));
	cuCtxSynchronize();
	assert_int_equal(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
			 CUDA_SUCCESS);
	launch(plain, s);
	cuMemsetD8Async(ptr, 2, sizeof(back), s);
	launch(plain, s);
	assert_int_equal(cuStreamEndCapture(s, &graph), CUDA_SUCCESS);
	cuGraphGetNodes(graph, NULL, &nodes);
	assert_int_equal(nodes, 3);
	cuMemcpyDtoH(back, ptr, sizeof(back));
	assert_int_equal(back[0], 1); /* captured is not done */
	assert_int_equal(cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_SUCCESS);
	assert_int_equal(cuGraphLaunch(exec, s), CUDA_SUCCESS);
	a = mark(s);
	assert_int_equal(cuGraphLaunch(exec, s), CUDA_SUCCESS);
	b = mark(s);
	assert_true(elapsed_ns(a, b) >= 2 * KERNEL_NS);
	cuMemcpyDtoH(back, ptr, sizeof(back));
	assert_int_equal(back[0], 2);
	cuGraphExecDestroy(exec);
	cuGraphDestroy(graph);
	cuMemFree(ptr);
	cuStreamDestroy(s);
}

static void host_write(void *user)
{
	struct timespec nap = { 0, 3000000 };

	nanosleep(&nap, NULL);
	*(int *)user = 42;
}

static void test_host_function(void **state)
{
	int *pinned, back = 0;
	CUdeviceptr ptr;
	CUstream s;

	(void)state;
	cuStreamCreate(&s, 0);
	cuMemAlloc(&ptr, sizeof(int));
	cuMemAllocHost((void **)&pinned, sizeof(int));
	*pinned = 0;
	assert_int_equal(cuLaunchHostFunc(s, host_write, pinned), CUDA_SUCCESS);
	assert_int_equal(cuMemcpyHtoDAsync(ptr, pinned, sizeof(int), s), CUDA_SUCCESS);
	assert_int_equal(cuStreamSynchronize(s), CUDA_SUCCESS);
	cuMemcpyDtoH(&back, ptr, sizeof(int));
	assert_int_equal(back, 42);
	cuMemFreeHost(pinned);
	cuMemFree(ptr);
	cuStreamDestroy(s);
}

static void test_memory(void **state)
{
	size_t before, after, total;
	CUdeviceptr ptr, none;
	char byte;

	(void)state;
	cuMemGetInfo(&before, &total);
	assert_int_equal(cuMemAlloc(&none, total + 1), CUDA_ERROR_OUT_OF_MEMORY);
	assert_int_equal(cuMemAlloc(&ptr, 1 << 20), CUDA_SUCCESS);
	cuMemGetInfo(&after, &total);
	assert_int_equal(before - after, 1 << 20);
	assert_int_equal(cuMemcpyDtoH(&byte, ptr + (1 << 20), 1), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemFree(ptr + 8), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemFree(ptr), CUDA_SUCCESS);
	assert_int_equal(cuMemFree(ptr), CUDA_ERROR_INVALID_VALUE);
	cuMemGetInfo(&after, &total);
	assert_int_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	      cmocka_unit_test(test_stream_order),
		cmocka_unit_test(test_legacy_stream), cmocka_unit_test(test_wait_event),
		cmocka_unit_test(test_capture_rules), cmocka_unit_test(test_graph),
		cmocka_unit_test(test_host_function), cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, setup, forget_marks);
}
