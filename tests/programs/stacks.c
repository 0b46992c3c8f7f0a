/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/stacks.c - calls of the driver out of functions that a test knows by name.
 *
 *   main -> train -> forward -> launch            a kernel, STEPS times
 *                 -> reserve                      an allocation
 *                 -> dive -> dive... -> launch    a kernel, far below
 *                 -> fail                         a call that fails
 *                 -> plugin_launch -> launch_at   a kernel through a library opened for it
 *        -> in_thread -> launch                   a kernel as the first call of a thread
 *        -> on_signal -> launch                   a kernel out of a signal handler
 *
 * usage: stacks [steps [plugin.so]]
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "check.h"

#define DEPTH	 300
#ifdef __clang__ /* which does not clone */
#define OUTLINE __attribute__((noinline))
#else
#define OUTLINE __attribute__((noinline, noclone))
#endif
/* Otherwise a call at a function's end becomes a jump, and the function is in no stack. */
#define AND_RETURN __asm__ volatile("" ::: "memory")

typedef void (*plugin_fn)(void (*launch)(void));

static const char ptx[] = ".version 7.0\n.target sm_52\n.address_size 64\n"
			  ".visible .entry stacked()\n{\n\tret;\n}\n";
static CUcontext context;
static CUfunction kernel;

OUTLINE static void launch(void)
{
	CHECK(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL));
	AND_RETURN;
}

OUTLINE static void forward(void)
{
	launch();
	AND_RETURN;
}

OUTLINE static void reserve(void)
{
	CUdeviceptr memory;

	CHECK(cuMemAlloc_v2(&memory, 4096));
	CHECK(cuMemFree_v2(memory));
}

OUTLINE static void dive(int depth)
{
	if (depth)
		dive(depth - 1);
	else
		launch();
	AND_RETURN;
}

OUTLINE static void fail(void)
{
	CUdeviceptr memory;

	CHECK(cuMemAlloc_v2(&memory, 0) == CUDA_SUCCESS);
}

OUTLINE static void load_plugin(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	plugin_fn plugin = library ? (plugin_fn)dlsym(library, "plugin_launch") : NULL;

	if (!plugin) {
		fprintf(stderr, "stacks: %s\n", dlerror());
		exit(1);
	}
	plugin(launch);
	AND_RETURN;
}

OUTLINE static void train(int steps, const char *plugin)
{
	for (int i = 0; i < steps; i++)
		forward();
	reserve();
	dive(DEPTH);
	fail();
	if (plugin)
		load_plugin(plugin);
	AND_RETURN;
}

OUTLINE static void *in_thread(void *data)
{
	CHECK(cuCtxSetCurrent(context));
	launch();
	return data;
}

OUTLINE static void on_signal(int number)
{
	(void)number;
	launch();
	AND_RETURN;
}

int main(int argc, char **argv)
{
	CUmodule module;
	pthread_t thread;

	CHECK(cuInit(0));
	CHECK(cuDevicePrimaryCtxRetain(&context, 0));
	CHECK(cuCtxSetCurrent(context));
	CHECK(cuModuleLoadData(&module, ptx));
	CHECK(cuModuleGetFunction(&kernel, module, "stacked"));
	train(argc > 1 ? atoi(argv[1]) : 10, argc > 2 ? argv[2] : NULL);
	CHECK(pthread_create(&thread, NULL, in_thread, NULL));
	CHECK(pthread_join(thread, NULL));
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	CHECK(cuCtxSynchronize());
	puts("stacks: ok");
	return 0;
}
