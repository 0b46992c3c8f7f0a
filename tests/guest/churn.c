/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/churn.c - things that come and go by the million; what stays of each must not grow.
 *
 * usage: churn KIND COUNT
 *   kernels   kernels of ever new names, of 20 to 500 characters, a hundred in a module
 *   modules   a module is loaded, a kernel of it launched, and the module unloaded
 *   contexts  a context is created, used and destroyed
 *   streams   a stream and an event are created, used and destroyed
 *   graphs    a graph is captured, instantiated, launched and destroyed
 *   memory    blocks of ever new sizes are taken, some by stream order, and given back
 *   ranges    NVTX: ranges of ever new names, in 1,000 domains, some by registered strings
 *   said      the C API: spans, log lines, metrics and breakers of ever new names, new baggage
 *
 * The memory of the process after a half, three quarters and all of it goes into $GUEST_MEASURE.
 */
#include <nvtx3/nvToolsExt.h>
#include <string.h>
#include <unistd.h>

#include "guest_kit.h"
#include "include/rustkernel.h"

#define NAMES_OF_A_MODULE 100
#define NAME_MOST	  500
#define DOMAINS		  1000

static const char one_kernel[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
				 ".visible .entry churned()\n{\n\tret;\n}\n";
static CUdevice device;
static CUstream stream;
static long rss_kib[3]; /* after a half, three quarters, all */

#define DO(call) CHECK((call) == CUDA_SUCCESS)

static void launch(CUfunction function, CUstream on)
{
	DO(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, on, NULL, NULL));
}

static void name_kernel(char *out, long number)
{
	int length = 20 + (int)(number % (NAME_MOST - 20));

	snprintf(out, NAME_MOST + 1, "k%0*ld", length, number);
}

/* The hundred names that begin with @first as a module. */
static CUmodule load_names(long first)
{
	static char image[NAMES_OF_A_MODULE * (NAME_MOST + 40) + 100];
	char name[NAME_MOST + 1], *at = image;
	CUmodule module;

	at += sprintf(at, ".version 8.0\n.target sm_70\n.address_size 64\n");
	for (long i = 0; i < NAMES_OF_A_MODULE; i++) {
		name_kernel(name, first + i);
		at += sprintf(at, ".visible .entry %s()\n{\n\tret;\n}\n", name);
	}
	DO(cuModuleLoadData(&module, image));
	return module;
}

static void churn_kernels(long number)
{
	static CUmodule module;
	char name[NAME_MOST + 1];
	CUfunction function;

	if (number % NAMES_OF_A_MODULE == 0)
		module = load_names(number);
	name_kernel(name, number);
	DO(cuModuleGetFunction(&function, module, name));
	launch(function, stream);
	if (number % NAMES_OF_A_MODULE == NAMES_OF_A_MODULE - 1) {
		guest_wait();
		DO(cuModuleUnload(module));
	}
}

static void churn_modules(long number)
{
	CUfunction function;
	CUmodule module;

	(void)number;
	DO(cuModuleLoadData(&module, one_kernel));
	DO(cuModuleGetFunction(&function, module, "churned"));
	launch(function, stream);
	DO(cuModuleUnload(module));
}

static void churn_contexts(long number)
{
	CUfunction function;
	CUcontext context;
	CUmodule module;

	(void)number;
	DO(cuCtxCreate_v2(&context, 0, device));
	DO(cuModuleLoadData(&module, one_kernel));
	DO(cuModuleGetFunction(&function, module, "churned"));
	launch(function, NULL);
	DO(cuCtxSynchronize());
	DO(cuCtxDestroy_v2(context));
}

static void churn_streams(long number)
{
	CUstream own;
	CUevent event;

	(void)number;
	DO(cuStreamCreate(&own, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
	DO(cuEventRecord(event, own));
	DO(cuStreamWaitEvent(stream, event, 0));
	DO(cuEventDestroy_v2(event));
	DO(cuStreamDestroy_v2(own));
}

static void churn_graphs(long number)
{
	static CUfunction function;
	CUgraphExec exec;
	CUgraph graph;

	if (number == 0) {
		CUmodule module;

		DO(cuModuleLoadData(&module, one_kernel));
		DO(cuModuleGetFunction(&function, module, "churned"));
	}
	DO(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	launch(function, stream);
	DO(cuStreamEndCapture(stream, &graph));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphLaunch(exec, stream));
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

static void churn_memory(long number)
{
	size_t bytes = 256 + (size_t)(number % 4096) * 16;
	CUdeviceptr first, second;
	void *pinned;

	DO(cuMemAlloc_v2(&first, bytes));
	DO(cuMemAllocAsync(&second, bytes, stream));
	DO(cuMemHostAlloc(&pinned, bytes, 0));
	DO(cuMemFreeHost(pinned));
	DO(cuMemFreeAsync(second, stream));
	DO(cuMemFree_v2(first));
}

static void churn_ranges(long number)
{
	nvtxEventAttributes_t attributes = { .version = NVTX_VERSION,
					     .size = NVTX_EVENT_ATTRIB_STRUCT_SIZE };
	nvtxDomainHandle_t domain;
	char name[64];

	snprintf(name, sizeof(name), "domain %ld", number % DOMAINS);
	domain = nvtxDomainCreateA(name);
	snprintf(name, sizeof(name), "range %ld", number);
	attributes.messageType = NVTX_MESSAGE_TYPE_ASCII;
	attributes.message.ascii = name;
	if (number % 2) {
		attributes.messageType = NVTX_MESSAGE_TYPE_REGISTERED;
		attributes.message.registered = nvtxDomainRegisterStringA(domain, name);
	}
	nvtxDomainRangePushEx(domain, &attributes);
	nvtxDomainRangePop(domain);
	nvtxRangeEnd(nvtxRangeStartA(name));
	nvtxDomainDestroy(domain);
}

static void churn_said(long number)
{
	struct rk_context remote = rk_context_current(), previous;
	struct rk_span span;
	char name[64];

	snprintf(name, sizeof(name), "said_%ld", number);
	rk_baggage_set(&remote, "tenant_id", name);
	previous = rk_context_attach(&remote);
	rk_kernel_span_begin(&span, name, "Churn");
	rk_counter_add(rk_counter_create(name, "1", name), 1);
	rk_log(RK_LEVEL_WARN, "Churn", "line %ld", number);
	rk_circuit_breaker_set(name, RK_CIRCUIT_OPEN);
	rk_span_end(&span);
	rk_context_detach(&previous);
}

static const struct {
	const char *name;
	void (*churn)(long number);
	int wait_every; /* so that the driver's own queue has an end */
} kinds[] = {
	{ "kernels", churn_kernels, 1000 }, { "modules", churn_modules, 1000 },
	{ "contexts", churn_contexts, 0 },  { "streams", churn_streams, 1000 },
	{ "graphs", churn_graphs, 1000 },   { "memory", churn_memory, 1000 },
	{ "ranges", churn_ranges, 0 },	    { "said", churn_said, 0 },
};

/* What is resident now, not what was at the most. */
static long resident_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	CHECK(file && fscanf(file, "%*d %ld", &pages) == 1);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void measure(void)
{
	const char *path = getenv("GUEST_MEASURE");
	FILE *out = path ? fopen(path, "we") : NULL;

	if (!out)
		return;
	fprintf(out, "{\"half_kib\":%ld,\"most_kib\":%ld,\"all_kib\":%ld,\"end_ns\":%lu}\n",
		rss_kib[0], rss_kib[1], rss_kib[2], (unsigned long)guest_now_ns());
	fclose(out);
}

static void run(size_t kind, long count)
{
	for (long i = 0; i < count; i++) {
		kinds[kind].churn(i);
		if (kinds[kind].wait_every && i % kinds[kind].wait_every == 0)
			guest_wait();
		if (i == count / 2)
			rss_kib[0] = resident_kib();
		if (i == count / 4 * 3)
			rss_kib[1] = resident_kib();
	}
	guest_wait();
	rss_kib[2] = resident_kib();
}

int main(int argc, char **argv)
{
	CHECK(argc == 3);
	guest_start();
	DO(cuDeviceGet(&device, 0));
	DO(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].name) == 0) {
			run(i, atol(argv[2]));
			printf("%s of %s\n", argv[2], argv[1]);
			measure();
			return 0;
		}
	}
	fprintf(stderr, "churn: no such kind: %s\n", argv[1]);
	return 2;
}
