/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/hot_path.c - what a hook calls besides the function it wraps: nothing.
 *
 * Needs the spy behind the tracer, and the driver whose functions return at once.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "guest_kit.h"

#define CALLS 10000

static void (*spy_enter)(void);
static const char *(*spy_leave)(unsigned *);
static CUcontext context;

static void call_all(int count)
{
	CUdeviceptr memory;

	for (int i = 0; i < count; i++) {
		errno = i;
		CHECK(cuLaunchKernel((CUfunction)(uintptr_t)1, 1, 1, 1, 1, 1, 1, 0, NULL, NULL,
				     NULL) == CUDA_SUCCESS);
		CHECK(cuMemAlloc_v2(&memory, 16) == CUDA_SUCCESS);
		CHECK(cuMemsetD8_v2(memory, 0, 16) == CUDA_SUCCESS);
		CHECK(cuLaunchKernel(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL) ==
		      CUDA_ERROR_INVALID_HANDLE);
		CHECK(errno == i);
	}
}

static void watch(const char *where)
{
	const char *name;
	unsigned count;

	spy_enter();
	call_all(CALLS);
	name = spy_leave(&count);
	printf("%s: %u calls of others %s\n", where, count, name);
}

/* From its first call on: a thread's ring is had without the allocator, too. */
static void *run(void *data)
{
	(void)data;
	watch("another thread");
	return NULL;
}

int main(void)
{
	pthread_t thread;

	spy_enter = (void (*)(void))dlsym(RTLD_DEFAULT, "spy_enter");
	spy_leave = (const char *(*)(unsigned *))dlsym(RTLD_DEFAULT, "spy_leave");
	CHECK(spy_enter && spy_leave);
	CHECK(cuInit(0) == CUDA_SUCCESS && cuCtxCreate_v2(&context, 0, 0) == CUDA_SUCCESS);
	call_all(1);
	watch("main thread");
	CHECK(pthread_create(&thread, NULL, run, NULL) == 0 && pthread_join(thread, NULL) == 0);
	return 0;
}
