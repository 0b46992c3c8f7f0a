/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/bench/launches.h - cuLaunchKernel of the driver, and of copies of the library before it.
 */
#ifndef RK_BENCH_LAUNCHES_H
#define RK_BENCH_LAUNCHES_H

#include <cuda.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s: %s\n", program_invocation_short_name, #condition);    \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

typedef __typeof__(&cuLaunchKernel) launch_fn;
typedef CUresult (*context_fn)(CUcontext *context, unsigned int flags, CUdevice device);

static inline void *open_library(const char *path, int flags)
{
	void *library = dlopen(path, RTLD_NOW | flags);

	if (!library)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(library);
	return library;
}

static inline launch_fn open_direct(void)
{
	launch_fn launch =
		(launch_fn)dlsym(open_library("libcuda.so.1", RTLD_GLOBAL), "cuLaunchKernel");

	CHECK(launch);
	return launch;
}

/* The wrapper in @path, started by a context of the fake driver. */
static inline launch_fn open_traced(const char *path)
{
	void *library = open_library(path, RTLD_LOCAL);
	context_fn create = (context_fn)dlsym(library, "cuCtxCreate_v2");
	launch_fn launch = (launch_fn)dlsym(library, "cuLaunchKernel");
	CUcontext context;

	CHECK(create && launch && create(&context, 0, 0) == CUDA_SUCCESS);
	return launch;
}

#endif
