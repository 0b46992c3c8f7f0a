/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/cupti/test_cupti_simgpu.c - cupti/ on the simulated driver and its libcupti.
 *
 * No hook is involved: the test calls the driver as a program would, and looks at what comes
 * out of the ring. Every case is a process of its own, because the simulated GPU is scripted
 * by the environment it was loaded with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cuda.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/activity.h"
#include "core/clock.h"
#include "core/intern.h"
#include "core/ledger.h"
#include "core/thread.h"
#include "cupti/cupti.h"
#include "cupti/cupti_share.h"

#define THREADS	 4
#define LAUNCHES 100	/* per thread */
#define SLACK_NS 200000 /* two clocks and a scheduler between submission and start */

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

#define DRIVER(row)                                                                                \
	row(cuInit) row(cuDevicePrimaryCtxRetain) row(cuCtxSetCurrent) row(cuCtxSynchronize)       \
		row(cuModuleLoadData) row(cuModuleGetFunction) row(cuModuleUnload)                 \
			row(cuStreamCreate) row(cuLaunchKernel) row(cuMemAlloc_v2)                 \
				row(cuMemcpyHtoD_v2) row(cuMemsetD8_v2) row(cuGraphLaunch)         \
					row(cuStreamBeginCapture_v2) row(cuStreamEndCapture)       \
						row(cuGraphInstantiateWithFlags)

static struct {
#define MEMBER(function) __typeof__(&function) function;
	DRIVER(MEMBER)
#undef MEMBER
} drv;

static struct rk_config config;
static CUcontext context;
static CUmodule module;
static struct rk_activity seen[4000];
static uint32_t seen_count;
static uint64_t dropped;

/* ---- in the child ---- */

static void load_driver(void)
{
	void *handle = dlopen(SIMGPU_LIBCUDA, RTLD_NOW | RTLD_GLOBAL);

	CHECK(handle != NULL);
#define LOOK_UP(function)                                                                          \
	*(void **)&drv.function = dlsym(handle, #function);                                        \
	CHECK(drv.function != NULL);
	DRIVER(LOOK_UP)
#undef LOOK_UP
}

static int start(void)
{
	int err;

	load_driver();
	rk_clock_mark();
	CHECK(drv.cuInit(0) == CUDA_SUCCESS);
	rk_clock_init();
	config.cupti_enabled = true;
	config.cupti_library = ""; /* beside libcuda */
	config.cupti_buffer_size = 65536;
	config.cupti_buffers = 8;
	config.cupti_flush_interval = 5000000;
	err = rk_cupti_start(&config, NULL);
	CHECK(drv.cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
	CHECK(drv.cuCtxSetCurrent(context) == CUDA_SUCCESS);
	CHECK(drv.cuModuleLoadData(&module, ".version 8.0 // fast slow other\n") == CUDA_SUCCESS);
	return err;
}

static void drain(void)
{
	struct rk_ring *ring = rk_cupti_ring();
	uint64_t count = rk_ring_peek(ring);

	for (uint64_t i = 0; i < count; i++) {
		const struct rk_activity *activity = rk_ring_at(ring, i);

		if (activity->kind == RK_ACT_DROPPED)
			dropped += activity->bytes;
		else if (activity->kind != RK_ACT_FLUSHED && seen_count < 4000)
			seen[seen_count++] = *activity;
	}
	rk_ring_release(ring, count);
}

static void rest(int ms)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < ms; i++)
		nanosleep(&pause, NULL);
}

static void drain_until(uint32_t wanted)
{
	for (int i = 0; i < 5000 && seen_count < wanted; i++) {
		drain();
		rest(1);
	}
	CHECK(seen_count == wanted);
}

static CUfunction function_of(const char *name)
{
	CUfunction function;

	CHECK(drv.cuModuleGetFunction(&function, module, name) == CUDA_SUCCESS);
	return function;
}

/* The correlation id that CUPTI gave the launch. */
static uint32_t launch(CUfunction function, CUstream stream)
{
	rk_thread_self.correlation = 0;
	CHECK(drv.cuLaunchKernel(function, 3, 2, 1, 128, 1, 1, 256, stream, NULL, NULL) ==
	      CUDA_SUCCESS);
	return rk_thread_self.correlation;
}

struct storm {
	uint32_t ids[LAUNCHES];
	uint64_t times[LAUNCHES];
};

static void *run_storm(void *argument)
{
	struct storm *storm = argument;
	CUfunction fast = function_of("fast");
	CUstream streams[2];

	CHECK(drv.cuCtxSetCurrent(context) == CUDA_SUCCESS);
	for (int i = 0; i < 2; i++)
		CHECK(drv.cuStreamCreate(&streams[i], CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
	for (int i = 0; i < LAUNCHES; i++) {
		storm->times[i] = rk_clock_now();
		storm->ids[i] = launch(fast, streams[i & 1]);
	}
	return NULL;
}

static const struct rk_activity *find(uint32_t correlation)
{
	const struct rk_activity *found = NULL;

	for (uint32_t i = 0; i < seen_count; i++)
		if (seen[i].correlation == correlation) {
			CHECK(found == NULL);
			found = &seen[i];
		}
	CHECK(found != NULL);
	return found;
}

static void check_storm(const struct storm *storm, uint64_t after)
{
	for (int i = 0; i < LAUNCHES; i++) {
		const struct rk_activity *activity = find(storm->ids[i]);

		CHECK(activity->kind == RK_ACT_KERNEL && activity->flags == 0);
		CHECK(activity->end - activity->start == 30000);
		CHECK(activity->start + SLACK_NS > storm->times[i]);
		CHECK(activity->end < after + SLACK_NS);
		CHECK(activity->grid[0] == 3 && activity->grid[1] == 2 &&
		      activity->block[0] == 128);
		CHECK(activity->dynamic_shared_bytes == 256);
		CHECK(strcmp(rk_intern_get(activity->name), "fast") == 0);
		CHECK(activity->stream ==
		      find(storm->ids[i & 1])->stream); /* two streams, in turns */
	}
	CHECK(find(storm->ids[0])->stream != find(storm->ids[1])->stream);
}

static void storm_of(const char *version)
{
	static struct storm storms[THREADS];
	pthread_t threads[THREADS];
	struct rk_cupti_info info;

	setenv("SIMGPU_KERNEL_TIMES", "fast:30000", 1);
	if (version)
		setenv("SIMGPU_CUPTI_VERSION", version, 1);
	CHECK(start() == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, run_storm, &storms[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK(drv.cuCtxSynchronize() == CUDA_SUCCESS);
	drain_until(THREADS * LAUNCHES);
	for (int i = 0; i < THREADS; i++)
		check_storm(&storms[i], rk_clock_now());
	CHECK(rk_cupti_stop(2000) == 0);
	drain();
	CHECK(seen_count == THREADS * LAUNCHES && dropped == 0);
	rk_cupti_get_info(&info);
	CHECK(info.open == 0 && info.own_clock);
	CHECK(!version || info.version == (uint32_t)atoi(version));
}

static void newest(void)
{
	storm_of(NULL);
}
static void kernel_4(void)
{
	storm_of("12");
}
static void kernel_5(void)
{
	storm_of("13");
}
static void kernel_6(void)
{
	storm_of("15");
}
static void kernel_7(void)
{
	storm_of("17");
}
static void kernel_8(void)
{
	storm_of("18");
}
static void kernel_9(void)
{
	storm_of("28");
}

static void copies_and_memsets(void)
{
	static char host[5000];
	CUdeviceptr device;
	uint32_t copy, set;

	CHECK(start() == 0);
	CHECK(drv.cuMemAlloc_v2(&device, sizeof(host)) == CUDA_SUCCESS);
	CHECK(drv.cuMemcpyHtoD_v2(device, host, sizeof(host)) == CUDA_SUCCESS);
	copy = rk_thread_self.correlation;
	CHECK(drv.cuMemsetD8_v2(device, 0x5a, 4000) == CUDA_SUCCESS);
	set = rk_thread_self.correlation;
	CHECK(drv.cuCtxSynchronize() == CUDA_SUCCESS);
	drain_until(2);
	CHECK(find(copy)->kind == RK_ACT_MEMCPY && find(copy)->copy_kind == RK_COPY_HTOD);
	CHECK(find(copy)->bytes == sizeof(host) && find(copy)->end > find(copy)->start);
	CHECK(find(set)->kind == RK_ACT_MEMSET && find(set)->bytes == 4000);
	CHECK(rk_cupti_stop(2000) == 0);
}

static void refused_kind(void)
{
	setenv("SIMGPU_CUPTI_REFUSE_KINDS", "10", 1);
	CHECK(start() == 0);
	launch(function_of("fast"), NULL);
	drain_until(1);
	CHECK(seen[0].kind == RK_ACT_KERNEL);
	CHECK(rk_cupti_stop(2000) == 0);
}

static void occupied(void)
{
	struct rk_cupti_info info;

	setenv("SIMGPU_CUPTI", "error39", 1);
	CHECK(start() == -EBUSY);
	rk_cupti_get_info(&info);
	CHECK(info.state == RK_CUPTI_OCCUPIED && strstr(info.reason, "another tool"));
	CHECK(launch(function_of("fast"), NULL) == 0);
}

static void refused(void)
{
	struct rk_cupti_info info;

	setenv("SIMGPU_CUPTI", "refused", 1);
	CHECK(start() == -EACCES);
	rk_cupti_get_info(&info);
	CHECK(info.state == RK_CUPTI_REFUSED && strstr(info.reason, "35"));
}

static void dropped_records(void)
{
	CUfunction fast;

	setenv("SIMGPU_CUPTI_DROP_EVERY", "10", 1);
	CHECK(start() == 0);
	fast = function_of("fast");
	for (int i = 0; i < 100; i++)
		launch(fast, NULL);
	CHECK(drv.cuCtxSynchronize() == CUDA_SUCCESS);
	CHECK(rk_cupti_stop(2000) == 0);
	drain();
	CHECK(seen_count == 90 && dropped == 10);
}

static void invalid_times(void)
{
	CUfunction fast;
	int invalid = 0;

	setenv("SIMGPU_CUPTI_INVALID_TIME_EVERY", "10", 1);
	CHECK(start() == 0);
	fast = function_of("fast");
	for (int i = 0; i < 100; i++)
		launch(fast, NULL);
	CHECK(drv.cuCtxSynchronize() == CUDA_SUCCESS);
	drain_until(100);
	for (uint32_t i = 0; i < seen_count; i++)
		invalid += seen[i].flags & RK_ACT_INVALID_TIME;
	CHECK(invalid == 10);
	CHECK(rk_cupti_stop(2000) == 0);
}

static void withheld(void)
{
	struct rk_cupti_info info;

	setenv("SIMGPU_KERNEL_TIMES", "slow:20000000000,fast:30000", 1);
	CHECK(start() == 0);
	launch(function_of("fast"), NULL);
	launch(function_of("slow"), NULL);
	rest(60);
	drain();
	CHECK(seen_count == 0); /* one buffer, and slow runs on */
	CHECK(rk_cupti_stop(2000) == 0);
	drain();
	CHECK(seen_count == 1 && strcmp(rk_intern_get(seen[0].name), "fast") == 0);
	CHECK(seen[0].end - seen[0].start == 30000);
	rk_cupti_get_info(&info);
	CHECK(info.open == 1);
	_exit(0); /* not through the driver's end: slow has 20 s to go */
}

static CUgraphExec graph_of_three(CUstream stream)
{
	CUfunction fast = function_of("fast");
	CUgraphExec exec;
	CUgraph graph;

	CHECK(drv.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) ==
	      CUDA_SUCCESS);
	for (int i = 0; i < 3; i++)
		launch(fast, stream);
	CHECK(drv.cuStreamEndCapture(stream, &graph) == CUDA_SUCCESS);
	CHECK(drv.cuGraphInstantiateWithFlags(&exec, graph, 0) == CUDA_SUCCESS);
	return exec;
}

static void launch_graphs(uint32_t ids[2])
{
	CUgraphExec exec;
	CUstream stream;

	CHECK(start() == 0);
	CHECK(drv.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
	exec = graph_of_three(stream);
	for (int i = 0; i < 2; i++) {
		CHECK(drv.cuGraphLaunch(exec, stream) == CUDA_SUCCESS);
		ids[i] = rk_thread_self.correlation;
	}
	CHECK(ids[0] && ids[1] && ids[0] != ids[1]);
	CHECK(drv.cuCtxSynchronize() == CUDA_SUCCESS);
}

static void graphs_by_node(void)
{
	uint32_t ids[2];

	launch_graphs(ids);
	drain_until(6);
	for (uint32_t i = 0; i < 6; i++) {
		CHECK(seen[i].kind == RK_ACT_KERNEL);
		CHECK(seen[i].correlation == ids[i / 3]);
		CHECK(seen[i].graph != 0 && seen[i].graph_node != 0);
	}
	CHECK(seen[0].graph_node != seen[1].graph_node);
	CHECK(seen[0].graph_node == seen[3].graph_node);
	CHECK(rk_cupti_stop(2000) == 0);
}

static void graphs_as_a_whole(void)
{
	uint32_t ids[2];

	config.graph_trace = RK_GRAPH_GRAPH;
	launch_graphs(ids);
	drain_until(2);
	for (uint32_t i = 0; i < 2; i++) {
		CHECK(seen[i].kind == RK_ACT_GRAPH && seen[i].correlation == ids[i]);
		CHECK(seen[i].end > seen[i].start && seen[i].graph != 0);
	}
	CHECK(rk_cupti_stop(2000) == 0);
}

/* ---- in the parent ---- */

static void in_child(void **state)
{
	void (*run)(void) = (void (*)(void)) * state;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(60);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define CASE(fn)                                                                                   \
	{                                                                                          \
#fn, in_child, NULL, NULL, (void *)(fn)                                            \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(newest),	     CASE(kernel_4), CASE(kernel_5),	   CASE(kernel_6),
		CASE(kernel_7),	     CASE(kernel_8), CASE(kernel_9),	   CASE(copies_and_memsets),
		CASE(refused_kind),  CASE(occupied), CASE(refused),	   CASE(dropped_records),
		CASE(invalid_times), CASE(withheld), CASE(graphs_by_node), CASE(graphs_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
