/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/every_work.c - puts work on the GPU in every form, then ends in one of many ways.
 *
 * usage: every_work WORK [ROUNDS [END]]
 *
 * WORK: every    all copies, memsets, launches, a graph and a capture, round by round
 *       fail     a call of each kind that fails between two that do not
 *       threads  eight threads that do "every", and end without waiting for their work
 *       devices  a context and its work on each device, and copies between them
 *       churn    contexts that are made, used and destroyed
 *       storm    launches as fast as they go
 *       fork     "every" in this process, and in a child that begins anew
 *       fault    launches until one of them faults, and calls after that
 *       long     launches that are not waited for
 *       parts    "every" and "fail" in turns: outside of a recording and inside of it. Says which is
 *                next, and waits for a line: whoever reads it sees to that. Work is under way then
 *       profiled the same, and says so to the driver, by cuProfilerStart and cuProfilerStop
 * END:  return (the default), _exit, quick_exit, thread (exit in another thread), exec, kill,
 *       nowait (return with work under way)
 */
#include <cuda.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of cudaProfiler.h, which not every toolkit's packages have. */
CUresult CUDAAPI cuProfilerStart(void);
CUresult CUDAAPI cuProfilerStop(void);

#define BYTES	4096
#define THREADS 8
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define CHECK(call)                                                                                \
	do {                                                                                       \
		CUresult checked = (call);                                                         \
                                                                                                   \
		if (checked) {                                                                     \
			fprintf(stderr, "%s:%d: %s: %d\n", __FILE__, __LINE__, #call,              \
				(int)checked);                                                     \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry ledger_kernel()\n{\n\tret;\n}\n";

/* What a thread works with, in one context. */
struct bench {
	CUcontext context;
	CUfunction kernel;
	CUstream stream;
	CUdeviceptr a, b, wide;
	size_t pitch;
	CUarray array, other_array;
	unsigned char host[BYTES]; /* pageable */
};

static int rounds = 1;

static void bench_init(struct bench *bench, CUcontext context)
{
	CUDA_ARRAY_DESCRIPTOR shape = {
		.Width = 256, .Height = 4, .Format = CU_AD_FORMAT_UNSIGNED_INT8, .NumChannels = 1
	};
	CUmodule module;

	memset(bench, 0, sizeof(*bench));
	bench->context = context;
	CHECK(cuCtxSetCurrent(context));
	CHECK(cuModuleLoadData(&module, ptx));
	CHECK(cuModuleGetFunction(&bench->kernel, module, "ledger_kernel"));
	CHECK(cuStreamCreate(&bench->stream, CU_STREAM_NON_BLOCKING));
	CHECK(cuMemAlloc(&bench->a, BYTES));
	CHECK(cuMemAlloc(&bench->b, BYTES));
	CHECK(cuMemAllocPitch(&bench->wide, &bench->pitch, 128, 8, 4));
	CHECK(cuArrayCreate(&bench->array, &shape));
	CHECK(cuArrayCreate(&bench->other_array, &shape));
}

static void bench_finish(struct bench *bench)
{
	CHECK(cuMemFree(bench->a));
	CHECK(cuMemFree(bench->b));
	CHECK(cuMemFree(bench->wide));
	CHECK(cuArrayDestroy(bench->array));
	CHECK(cuArrayDestroy(bench->other_array));
	CHECK(cuStreamDestroy(bench->stream));
}

static CUresult launch(const struct bench *bench, CUstream stream)
{
	return cuLaunchKernel(bench->kernel, 1, 1, 1, 32, 1, 1, 0, stream, NULL, NULL);
}

static void launch_all(const struct bench *bench)
{
	CUlaunchConfig config = { .gridDimX = 2,
				  .gridDimY = 1,
				  .gridDimZ = 1,
				  .blockDimX = 32,
				  .blockDimY = 1,
				  .blockDimZ = 1,
				  .hStream = bench->stream };
	CUDA_LAUNCH_PARAMS list[2] = { { .function = bench->kernel,
					 .gridDimX = 1,
					 .gridDimY = 1,
					 .gridDimZ = 1,
					 .blockDimX = 32,
					 .blockDimY = 1,
					 .blockDimZ = 1,
					 .hStream = bench->stream } };

	list[1] = list[0];
	CHECK(launch(bench, bench->stream));
	CHECK(launch(bench, NULL));
	CHECK(launch(bench, CU_STREAM_PER_THREAD));
	CHECK(cuLaunchKernelEx(&config, bench->kernel, NULL, NULL));
	CHECK(cuLaunchCooperativeKernel(bench->kernel, 1, 1, 1, 32, 1, 1, 0, bench->stream, NULL));
	CHECK(cuLaunchCooperativeKernelMultiDevice(list, 2, 0));
	CHECK(cuFuncSetBlockShape(bench->kernel, 32, 1, 1));
	CHECK(cuLaunch(bench->kernel));
	CHECK(cuLaunchGrid(bench->kernel, 2, 2));
	CHECK(cuLaunchGridAsync(bench->kernel, 2, 2, bench->stream));
}

static void copy_linear(struct bench *bench)
{
	CUdeviceptr host = (CUdeviceptr)(uintptr_t)bench->host;

	CHECK(cuMemcpyHtoD(bench->a, bench->host, BYTES));
	CHECK(cuMemcpyDtoD(bench->b, bench->a, BYTES));
	CHECK(cuMemcpyDtoH(bench->host, bench->b, BYTES));
	CHECK(cuMemcpy(bench->a, host, BYTES));
	CHECK(cuMemcpyHtoDAsync(bench->a, bench->host, BYTES, bench->stream));
	CHECK(cuMemcpyDtoDAsync(bench->b, bench->a, BYTES, bench->stream));
	CHECK(cuMemcpyDtoHAsync(bench->host, bench->b, BYTES, bench->stream));
	CHECK(cuMemcpyAsync(bench->a, host, BYTES, bench->stream));
	CHECK(cuMemcpyHtoD(bench->a, bench->host, 0)); /* nothing to do, and no record of it */
	CHECK(cuMemcpyPeer(bench->a, bench->context, bench->b, bench->context, BYTES));
	CHECK(cuMemcpyPeerAsync(bench->a, bench->context, bench->b, bench->context, BYTES,
				bench->stream));
}

static void copy_arrays(struct bench *bench)
{
	CHECK(cuMemcpyHtoA(bench->array, 0, bench->host, 128));
	CHECK(cuMemcpyAtoA(bench->other_array, 0, bench->array, 0, 128));
	CHECK(cuMemcpyAtoD(bench->a, bench->array, 0, 128));
	CHECK(cuMemcpyDtoA(bench->array, 0, bench->a, 128));
	CHECK(cuMemcpyAtoH(bench->host, bench->array, 0, 128));
	CHECK(cuMemcpyHtoAAsync(bench->array, 0, bench->host, 128, bench->stream));
	CHECK(cuMemcpyAtoHAsync(bench->host, bench->array, 0, 128, bench->stream));
}

static void copy_boxes(struct bench *bench)
{
	CUDA_MEMCPY2D flat = { .srcMemoryType = CU_MEMORYTYPE_HOST,
			       .srcHost = bench->host,
			       .srcPitch = 128,
			       .dstMemoryType = CU_MEMORYTYPE_DEVICE,
			       .dstDevice = bench->wide,
			       .dstPitch = bench->pitch,
			       .WidthInBytes = 128,
			       .Height = 8 };
	CUDA_MEMCPY3D box = { .srcMemoryType = CU_MEMORYTYPE_HOST,
			      .srcHost = bench->host,
			      .srcPitch = 16,
			      .srcHeight = 4,
			      .dstMemoryType = CU_MEMORYTYPE_DEVICE,
			      .dstDevice = bench->a,
			      .dstPitch = 16,
			      .dstHeight = 4,
			      .WidthInBytes = 16,
			      .Height = 4,
			      .Depth = 2 };

	CHECK(cuMemcpy2D(&flat));
	CHECK(cuMemcpy2DUnaligned(&flat));
	CHECK(cuMemcpy2DAsync(&flat, bench->stream));
	CHECK(cuMemcpy3D(&box));
	CHECK(cuMemcpy3DAsync(&box, bench->stream));
}

static void set_all(const struct bench *bench)
{
	CHECK(cuMemsetD8(bench->a, 1, BYTES));
	CHECK(cuMemsetD16(bench->a, 1, BYTES / 2));
	CHECK(cuMemsetD32(bench->a, 1, BYTES / 4));
	CHECK(cuMemsetD8Async(bench->a, 1, BYTES, bench->stream));
	CHECK(cuMemsetD16Async(bench->a, 1, BYTES / 2, bench->stream));
	CHECK(cuMemsetD32Async(bench->a, 1, BYTES / 4, bench->stream));
	CHECK(cuMemsetD2D8(bench->wide, bench->pitch, 1, 64, 8));
	CHECK(cuMemsetD2D16(bench->wide, bench->pitch, 1, 32, 8));
	CHECK(cuMemsetD2D32(bench->wide, bench->pitch, 1, 16, 8));
	CHECK(cuMemsetD2D8Async(bench->wide, bench->pitch, 1, 64, 8, bench->stream));
	CHECK(cuMemsetD2D16Async(bench->wide, bench->pitch, 1, 32, 8, bench->stream));
	CHECK(cuMemsetD2D32Async(bench->wide, bench->pitch, 1, 16, 8, bench->stream));
}

/* Captured: two launches, a copy and a memset. Run twice. */
static void run_graph(struct bench *bench)
{
	CUgraph graph;
	CUgraphExec exec;

	CHECK(cuStreamBeginCapture(bench->stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	CHECK(launch(bench, bench->stream));
	CHECK(cuMemcpyDtoDAsync(bench->b, bench->a, BYTES, bench->stream));
	CHECK(cuMemsetD8Async(bench->a, 3, BYTES, bench->stream));
	CHECK(launch(bench, bench->stream));
	CHECK(cuStreamEndCapture(bench->stream, &graph));
	CHECK(cuGraphInstantiateWithFlags(&exec, graph, 0));
	CHECK(cuGraphLaunch(exec, bench->stream));
	CHECK(cuGraphLaunch(exec, bench->stream));
	CHECK(cuStreamSynchronize(bench->stream));
	CHECK(cuGraphExecDestroy(exec));
	CHECK(cuGraphDestroy(graph));
}

static void do_every(struct bench *bench)
{
	for (int i = 0; i < rounds; i++) {
		launch_all(bench);
		copy_linear(bench);
		copy_arrays(bench);
		copy_boxes(bench);
		set_all(bench);
		run_graph(bench);
	}
}

/* Each of these is refused. */
static void do_fail(struct bench *bench)
{
	CUresult results[] = {
		cuLaunchKernel(bench->kernel, 1, 1, 1, 4096, 1, 1, 0, bench->stream, NULL, NULL),
		cuLaunchCooperativeKernel(bench->kernel, 0, 1, 1, 32, 1, 1, 0, NULL, NULL),
		cuLaunchCooperativeKernelMultiDevice(NULL, 0, 0),
		cuGraphLaunch(NULL, bench->stream),
		cuMemcpyHtoD(0, bench->host, 16),
		cuMemcpyDtoDAsync(0, 0, 16, bench->stream),
		cuMemcpy2D(&(CUDA_MEMCPY2D){ .WidthInBytes = 1, .Height = 1 }),
		cuMemsetD8(0, 1, 16),
		cuMemsetD32Async(0, 1, 16, bench->stream),
		cuStreamDestroy(NULL),
		cuModuleLoadData(&(CUmodule){ NULL }, NULL),
	};

	for (size_t i = 0; i < COUNT(results); i++) {
		if (!results[i])
			fprintf(stderr, "call %zu did not fail\n", i);
		CHECK(launch(bench, bench->stream));
	}
}

static void *do_thread(void *context)
{
	struct bench *bench = malloc(sizeof(*bench));

	bench_init(bench, context);
	do_every(bench);
	CHECK(launch(bench, bench->stream)); /* ends before it does */
	return NULL;
}

static void do_threads(CUcontext context)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, do_thread, context);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void do_devices(void)
{
	static struct bench benches[16];
	CUdevice device;
	CUcontext context;
	int count;

	CHECK(cuDeviceGetCount(&count));
	for (int i = 0; i < count; i++) {
		CHECK(cuDeviceGet(&device, i));
		CHECK(cuDevicePrimaryCtxRetain(&context, device));
		bench_init(&benches[i], context);
		do_every(&benches[i]);
		if (i) {
			CHECK(cuMemcpyPeer(benches[0].a, benches[0].context, benches[i].a, context,
					   BYTES));
			CHECK(cuMemcpyPeerAsync(benches[0].a, benches[0].context, benches[i].a,
						context, BYTES, benches[i].stream));
		}
	}
	for (int i = 0; i < count; i++) {
		CHECK(cuCtxSetCurrent(benches[i].context));
		CHECK(cuCtxSynchronize());
	}
}

static void do_churn(void)
{
	struct bench bench;
	CUcontext context;

	for (int i = 0; i < 4 * rounds; i++) {
		CHECK(cuCtxCreate(&context, NULL, 0, 0));
		bench_init(&bench, context);
		launch_all(&bench);
		copy_linear(&bench);
		set_all(&bench);
		if (i % 2) {
			CHECK(cuCtxSynchronize());
			bench_finish(&bench);
		}
		CHECK(cuCtxDestroy(context));
	}
}

static void do_fault(struct bench *bench)
{
	for (int i = 0; i < rounds; i++) {
		CUresult result = launch(bench, bench->stream);

		if (result || cuStreamSynchronize(bench->stream))
			printf("fault at %d\n", i);
		cuMemcpyDtoH(bench->host, bench->a, 16);
		cuMemsetD8Async(bench->a, 1, 16, bench->stream);
	}
}

static void wait_for_line(const char *what)
{
	char line[16];

	printf("%s\n", what);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

static void do_parts(struct bench *bench, bool tells_driver)
{
	int parts = rounds;

	rounds = 1;
	for (int i = 0; i < parts; i++) {
		do_every(bench);
		do_fail(bench);
		wait_for_line("inside");
		if (tells_driver)
			CHECK(cuProfilerStart());
		do_every(bench);
		do_fail(bench);
		if (tells_driver)
			CHECK(cuProfilerStop());
		wait_for_line("outside");
	}
}

static CUcontext begin(void)
{
	CUcontext context;
	CUdevice device;

	CHECK(cuInit(0));
	CHECK(cuDeviceGet(&device, 0));
	CHECK(cuDevicePrimaryCtxRetain(&context, device));
	return context;
}

static void do_work(const char *work, CUcontext context);

/* The parent has not used the GPU: the child may. */
static void do_fork(void)
{
	pid_t child = fork();

	if (child < 0)
		exit(1);
	do_work("every", begin());
	if (!child)
		exit(0);
	waitpid(child, NULL, 0);
}

static void do_work(const char *work, CUcontext context)
{
	static struct bench bench;

	bench_init(&bench, context);
	if (!strcmp(work, "every"))
		do_every(&bench);
	else if (!strcmp(work, "fail"))
		do_fail(&bench);
	else if (!strcmp(work, "threads"))
		do_threads(context);
	else if (!strcmp(work, "devices"))
		do_devices();
	else if (!strcmp(work, "churn"))
		do_churn();
	else if (!strcmp(work, "fault"))
		do_fault(&bench);
	else if (!strcmp(work, "parts") || !strcmp(work, "profiled"))
		do_parts(&bench, !strcmp(work, "profiled"));
	for (int i = 0; i < rounds && (!strcmp(work, "storm") || !strcmp(work, "long")); i++)
		CHECK(launch(&bench, bench.stream));
	if (strcmp(work, "fault") != 0 && strcmp(work, "long") != 0) {
		CHECK(cuCtxSetCurrent(context));
		CHECK(cuCtxSynchronize());
	}
}

static void *exit_here(void *unused)
{
	(void)unused;
	exit(0);
}

static void end(const char *how, char **argv)
{
	pthread_t thread;

	fflush(stdout);
	if (!strcmp(how, "_exit"))
		_exit(0);
	if (!strcmp(how, "quick_exit"))
		quick_exit(0);
	if (!strcmp(how, "kill"))
		raise(SIGKILL);
	if (!strcmp(how, "exec"))
		execl("/bin/true", "true", (char *)NULL);
	if (!strcmp(how, "thread")) {
		pthread_create(&thread, NULL, exit_here, argv);
		pthread_join(thread, NULL);
	}
}

int main(int argc, char **argv)
{
	const char *work = argc > 1 ? argv[1] : "every";

	rounds = argc > 2 ? atoi(argv[2]) : 1;
	if (!strcmp(work, "fork"))
		do_fork();
	else
		do_work(work, begin());
	end(argc > 3 ? argv[3] : "return", argv);
	return 0;
}
