/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/test_cupti.c - the simulated CUPTI keeps the contract of the real one.
 *
 * usage: test_cupti contract | layout BYTES | drops | refused | null
 *
 * The script variables are read when the library is loaded, so each script is a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cuda.h>
#include <cupti.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KERNEL_NS   20000
#define SLOW_NS	    50000000
#define MAX_RECORDS 4096

static const char ptx[] = ".version 7.0\n.target sm_52\n.address_size 64\n"
			  ".visible .entry plain()\n{\n\tret;\n}\n"
			  ".visible .entry slow()\n{\n\tret;\n}\n";

struct seen {
	CUpti_ActivityKind kind;
	uint32_t corr;
	uint64_t start, end;
	uint32_t graph;
	pthread_t thread;
	char name[32];
};

static struct seen seen[MAX_RECORDS];
static size_t seen_count;
static size_t buffer_size = 64 * 1024;
static int requests;
static size_t valid_bytes;

static CUcontext ctx;
static CUfunction plain, slow;
static CUpti_SubscriberHandle subscriber;
static uint32_t enter_corr, exit_corr, callbacks;

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* A clock of its own, to see that records are in it. */
static uint64_t client_clock(void)
{
	return clock_ns() + 1000000000000ull;
}

static void CUPTIAPI buffer_requested(uint8_t **buffer, size_t *size, size_t *max)
{
	requests++;
	*buffer = aligned_alloc(8, buffer_size);
	*size = buffer_size;
	*max = 0;
}

static void keep(const CUpti_Activity *record)
{
	const CUpti_ActivityKernel10 *k = (const void *)record;
	const CUpti_ActivityGraphTrace2 *g = (const void *)record;
	struct seen *s = &seen[seen_count];

	assert_true(seen_count < MAX_RECORDS);
	memset(s, 0, sizeof(*s));
	s->kind = record->kind;
	s->thread = pthread_self();
	if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
		s->corr = k->correlationId;
		s->start = k->start;
		s->end = k->end;
		strncpy(s->name, k->name, sizeof(s->name) - 1);
	} else if (record->kind == CUPTI_ACTIVITY_KIND_GRAPH_TRACE) {
		s->corr = g->correlationId;
		s->start = g->start;
		s->end = g->end;
		s->graph = g->graphId;
	}
	/* Pairs with the acquire in test_worker(), where another thread looks on. */
	__atomic_store_n(&seen_count, seen_count + 1, __ATOMIC_RELEASE);
}

static void CUPTIAPI buffer_completed(CUcontext c, uint32_t stream, uint8_t *buffer, size_t size,
				      size_t valid)
{
	CUpti_Activity *record = NULL;

	(void)c;
	(void)stream;
	(void)size;
	valid_bytes += valid;
	while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS)
		keep(record);
	free(buffer);
}

static void CUPTIAPI on_call(void *user, CUpti_CallbackDomain domain, CUpti_CallbackId cbid,
			     const void *info)
{
	const CUpti_CallbackData *data = info;

	(void)user;
	if (domain != CUPTI_CB_DOMAIN_DRIVER_API)
		return;
	callbacks++;
	if (cbid == CUPTI_DRIVER_TRACE_CBID_cuLaunchKernel &&
	    data->callbackSite == CUPTI_API_ENTER) {
		enter_corr = data->correlationId;
		assert_string_equal(data->functionName, "cuLaunchKernel");
		assert_non_null(data->symbolName);
	} else if (data->callbackSite == CUPTI_API_EXIT) {
		exit_corr = data->correlationId;
	}
}

static CUresult launch(CUfunction f, CUstream s)
{
	return cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, s, NULL, NULL);
}

static int setup(void **state)
{
	CUmodule module;

	(void)state;
	assert_int_equal(cuptiSubscribe(&subscriber, on_call, NULL), CUPTI_SUCCESS);
	assert_int_equal(cuptiActivityRegisterTimestampCallback(client_clock), CUPTI_SUCCESS);
	assert_int_equal(cuptiActivityRegisterCallbacks(buffer_requested, buffer_completed),
			 CUPTI_SUCCESS);
	assert_int_equal(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL), CUPTI_SUCCESS);
	assert_int_equal(cuInit(0), CUDA_SUCCESS);
	assert_int_equal(cuDevicePrimaryCtxRetain(&ctx, 0), CUDA_SUCCESS);
	assert_int_equal(cuCtxSetCurrent(ctx), CUDA_SUCCESS);
	assert_int_equal(cuModuleLoadData(&module, ptx), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&plain, module, "plain"), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&slow, module, "slow"), CUDA_SUCCESS);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	cuCtxSynchronize();
	cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
	seen_count = 0;
	requests = 0;
	valid_bytes = 0;
	callbacks = 0;
	buffer_size = 64 * 1024;
	return 0;
}

static void test_one_subscriber(void **state)
{
	CUpti_SubscriberHandle other;

	(void)state;
	assert_int_equal(cuptiSubscribe(&other, on_call, NULL),
			 CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED);
}

static void test_correlation(void **state)
{
	uint64_t before = client_clock();

	(void)state;
	cuptiEnableCallback(1, subscriber, CUPTI_CB_DOMAIN_DRIVER_API,
			    CUPTI_DRIVER_TRACE_CBID_cuLaunchKernel);
	assert_int_equal(launch(plain, NULL), CUDA_SUCCESS);
	cuCtxSynchronize(); /* not enabled: no callback */
	cuptiEnableCallback(0, subscriber, CUPTI_CB_DOMAIN_DRIVER_API,
			    CUPTI_DRIVER_TRACE_CBID_cuLaunchKernel);
	assert_int_equal(callbacks, 2);
	assert_int_equal(enter_corr, exit_corr);
	cuptiActivityFlushAll(0);
	assert_int_equal(seen_count, 1);
	assert_int_equal(seen[0].corr, enter_corr);
	assert_string_equal(seen[0].name, "plain");
	assert_int_equal(seen[0].end - seen[0].start, KERNEL_NS);
	assert_true(seen[0].start >= before && seen[0].end <= client_clock());
	assert_true(pthread_equal(seen[0].thread, pthread_self())); /* the flush's caller */
}

static void test_withheld_and_forced(void **state)
{
	(void)state;
	launch(plain, NULL);
	launch(slow, NULL);
	cuptiActivityFlushAll(0);
	assert_int_equal(seen_count, 0); /* the whole buffer stays */
	usleep(10000);
	cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen[0].end - seen[0].start, KERNEL_NS);
	assert_true(seen[1].start != 0);
	assert_int_equal(seen[1].end, 0); /* still running */
	cuCtxSynchronize();
	cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
	assert_int_equal(seen_count, 2); /* and never again */
}

static void test_worker(void **state)
{
	(void)state;
	buffer_size = 4 * sizeof(CUpti_ActivityKernel10);
	for (int i = 0; i < 10; i++)
		launch(plain, NULL);
	cuCtxSynchronize();
	for (int i = 0; i < 200 && __atomic_load_n(&seen_count, __ATOMIC_ACQUIRE) < 8; i++)
		usleep(5000);
	assert_int_equal(seen_count, 8); /* the third buffer is not full */
	assert_int_equal(requests, 3);
	assert_false(pthread_equal(seen[0].thread, pthread_self()));
}

static void test_graph(void **state)
{
	CUgraphExec exec;
	CUgraph graph;
	CUstream s;
	uint32_t id;

	(void)state;
	cuStreamCreate(&s, CU_STREAM_NON_BLOCKING);
	cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
	launch(plain, s);
	launch(plain, s);
	assert_int_equal(cuStreamEndCapture(s, &graph), CUDA_SUCCESS);
	cuGraphInstantiateWithFlags(&exec, graph, 0);
	cuGraphLaunch(exec, s);
	cuCtxSynchronize();
	cuptiActivityFlushAll(0);
	assert_int_equal(seen_count, 2); /* capturing gave none */
	assert_int_equal(seen[0].corr, seen[1].corr);
	clear(state);

	assert_int_equal(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_GRAPH_TRACE), CUPTI_SUCCESS);
	cuGraphLaunch(exec, s);
	launch(plain, s);
	cuCtxSynchronize();
	cuptiActivityFlushAll(0);
	cuptiActivityDisable(CUPTI_ACTIVITY_KIND_GRAPH_TRACE);
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen[0].kind, CUPTI_ACTIVITY_KIND_GRAPH_TRACE);
	assert_int_equal(seen[0].end - seen[0].start, 2 * KERNEL_NS);
	assert_int_equal(cuptiGetGraphExecId(exec, &id), CUPTI_SUCCESS);
	assert_int_equal(seen[0].graph, id);
	assert_int_equal(seen[1].kind, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
	cuGraphExecDestroy(exec);
	cuGraphDestroy(graph);
	cuStreamDestroy(s);
}

static int layout_bytes;

static void test_layout(void **state)
{
	(void)state;
	buffer_size = (size_t)layout_bytes * 3;
	for (int i = 0; i < 3; i++)
		launch(plain, NULL);
	cuCtxSynchronize();
	cuptiActivityFlushAll(0);
	assert_int_equal(requests, 1);
	assert_int_equal(valid_bytes, 3 * layout_bytes);
	assert_int_equal(seen_count, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(seen[i].end - seen[i].start, KERNEL_NS);
}

static void test_drops(void **state)
{
	uint32_t stream_id;
	size_t dropped;

	(void)state;
	for (int i = 0; i < 100; i++)
		launch(plain, NULL);
	cuCtxSynchronize();
	cuptiActivityFlushAll(0);
	assert_int_equal(seen_count, 90);
	cuptiGetStreamIdEx(ctx, NULL, 0, &stream_id);
	assert_int_equal(cuptiActivityGetNumDroppedRecords(ctx, stream_id, &dropped),
			 CUPTI_SUCCESS);
	assert_int_equal(dropped, 10);
	cuptiActivityGetNumDroppedRecords(NULL, 0, &dropped);
	assert_int_equal(dropped, 0); /* counted once */
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_MEMCPY),
			 CUPTI_ERROR_NOT_COMPATIBLE);
	assert_int_equal(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_MEMSET), CUPTI_SUCCESS);
}

static sigjmp_buf crashed;

static void CUPTIAPI no_buffer(uint8_t **buffer, size_t *size, size_t *max)
{
	*buffer = NULL;
	*size = 0;
	*max = 0;
}

static void on_crash(int sig)
{
	siglongjmp(crashed, sig);
}

/* Before 12.9 a NULL buffer ended the process. The library's lock is lost with the jump,
 * so nothing may follow. */
static int run_null(void)
{
	setup(NULL);
	cuptiActivityRegisterCallbacks(no_buffer, buffer_completed);
	if (sigsetjmp(crashed, 1))
		_exit(0);
	signal(SIGSEGV, on_crash);
	launch(plain, NULL);
	return 1;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, clear, clear)

int main(int argc, char **argv)
{
	const struct CMUnitTest contract[] = {
		CASE(test_one_subscriber), CASE(test_correlation), CASE(test_withheld_and_forced),
		CASE(test_worker),	   CASE(test_graph),
	};
	const struct CMUnitTest layout[] = { CASE(test_layout) };
	const struct CMUnitTest drops[] = { CASE(test_drops) };
	const struct CMUnitTest refused[] = { CASE(test_refused) };
	const char *what = argc > 1 ? argv[1] : "contract";

	if (!strcmp(what, "layout") && argc > 2) {
		layout_bytes = atoi(argv[2]);
		return cmocka_run_group_tests(layout, setup, NULL);
	}
	if (!strcmp(what, "null"))
		return run_null();
	if (!strcmp(what, "drops"))
		return cmocka_run_group_tests(drops, setup, NULL);
	if (!strcmp(what, "refused"))
		return cmocka_run_group_tests(refused, setup, NULL);
	return cmocka_run_group_tests(contract, setup, NULL);
}
