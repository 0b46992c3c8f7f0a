/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/storm_driver.c - the storm by the driver API, which is found in one
 * of five ways, chosen when it is compiled:
 *
 *   STORM_LINKED      calls are linked (-lcuda)
 *   STORM_DLSYM       dlopen and dlsym for every function
 *   STORM_GPA_LINKED  cuGetProcAddress_v2 is linked, the rest asked of it
 *   STORM_GPA_DLSYM   cuGetProcAddress_v2 by dlsym, the rest asked of it
 *   STORM_GPA_GPA     cuGetProcAddress_v2 by dlsym gives cuGetProcAddress (the 11030
 *                     one with four arguments), the rest is asked of that
 *
 * usage: storm_driver_* [launches [threads [streams]]]
 */
#include <cuda.h>
#include <cudaTypedefs.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "check.h"

/* name, introduction version, exported symbol */
#define FUNCTIONS(X)                                                                               \
	X(cuInit, 2000, cuInit)                                                                    \
	X(cuDevicePrimaryCtxRetain, 7000, cuDevicePrimaryCtxRetain)                                \
	X(cuCtxSetCurrent, 4000, cuCtxSetCurrent)                                                  \
	X(cuCtxSynchronize, 2000, cuCtxSynchronize)                                                \
	X(cuModuleLoadData, 2000, cuModuleLoadData)                                                \
	X(cuModuleGetFunction, 2000, cuModuleGetFunction)                                          \
	X(cuStreamCreate, 2000, cuStreamCreate)                                                    \
	X(cuStreamDestroy, 4000, cuStreamDestroy_v2)                                               \
	X(cuLaunchKernel, 4000, cuLaunchKernel)

#ifdef STORM_LINKED
#undef cuCtxSynchronize /* newer headers rename it to the variant with a context */
#define CALL(name) name
static void find_functions(void)
{
}
#else
#define CALL(name)		 api.name
static struct {
#define X(name, version, symbol) PFN_##name##_v##version name;
	FUNCTIONS(X)
#undef X
} api;

static void keep(void *slot, void *fn, const char *name)
{
	if (!fn) {
		fprintf(stderr, "storm: %s was not found\n", name);
		exit(1);
	}
	memcpy(slot, &fn, sizeof(fn));
}

#ifndef STORM_GPA_LINKED
static void *open_driver(void)
{
	void *lib = dlopen("libcuda.so.1", RTLD_NOW);

	if (!lib) {
		fprintf(stderr, "storm: %s\n", dlerror());
		exit(1);
	}
	return lib;
}
#endif

#if defined(STORM_DLSYM)
static void find_functions(void)
{
	void *lib = open_driver();

#define X(name, version, symbol) keep(&api.name, dlsym(lib, #symbol), #symbol);
	FUNCTIONS(X)
#undef X
}
#elif defined(STORM_GPA_GPA)
static void find_functions(void)
{
	PFN_cuGetProcAddress_v12000 first;
	PFN_cuGetProcAddress_v11030 ask;
	void *fn = NULL;

	keep(&first, dlsym(open_driver(), "cuGetProcAddress_v2"), "cuGetProcAddress_v2");
	CHECK(first("cuGetProcAddress", &fn, 11030, 0, NULL));
	keep(&ask, fn, "cuGetProcAddress");
#define X(name, version, symbol)                                                                   \
	CHECK(ask(#name, &fn, version, 0));                                                        \
	keep(&api.name, fn, #name);
	FUNCTIONS(X)
#undef X
}
#else
static void find_functions(void)
{
	PFN_cuGetProcAddress_v12000 ask;
	void *fn = NULL;

#ifdef STORM_GPA_LINKED
	ask = cuGetProcAddress_v2;
#else
	keep(&ask, dlsym(open_driver(), "cuGetProcAddress_v2"), "cuGetProcAddress_v2");
#endif
#define X(name, version, symbol)                                                                   \
	CHECK(ask(#name, &fn, version, 0, NULL));                                                  \
	keep(&api.name, fn, #name);
	FUNCTIONS(X)
#undef X
}
#endif
#endif

static const char ptx[] = ".version 7.0\n"
			  ".target sm_52\n"
			  ".address_size 64\n"
			  ".visible .entry storm_a()\n{\n\tret;\n}\n"
			  ".visible .entry storm_b(.param .u32 unused)\n{\n\tret;\n}\n";

#define MAX_THREADS 256

static int launches = 1000, threads = 4, stream_count = 8;
static CUstream *streams;
static CUcontext ctx;
static CUfunction kernels[2];

static void *work(void *arg)
{
	CHECK(CALL(cuCtxSetCurrent)(ctx));
	for (long i = (long)arg; i < launches; i += threads) {
		int value = (int)i;
		void *params[] = { &value };

		CHECK(CALL(cuLaunchKernel)(kernels[i % 2], 1 + (unsigned int)i % 7, 1, 1,
					   32 * (1 + (unsigned int)i % 4), 1, 1, 0,
					   streams[i % stream_count], i % 2 ? params : NULL, NULL));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ids[MAX_THREADS];
	CUmodule module;

	if (argc > 1)
		launches = atoi(argv[1]);
	if (argc > 2)
		threads = atoi(argv[2]);
	if (argc > 3)
		stream_count = atoi(argv[3]);
	if (threads < 1 || threads > MAX_THREADS || stream_count < 1)
		return 64;
	find_functions();
	CHECK(CALL(cuInit)(0));
	CHECK(CALL(cuDevicePrimaryCtxRetain)(&ctx, 0));
	CHECK(CALL(cuCtxSetCurrent)(ctx));
	CHECK(CALL(cuModuleLoadData)(&module, ptx));
	CHECK(CALL(cuModuleGetFunction)(&kernels[0], module, "storm_a"));
	CHECK(CALL(cuModuleGetFunction)(&kernels[1], module, "storm_b"));
	streams = calloc((size_t)stream_count, sizeof(CUstream));
	for (int i = 0; i < stream_count; i++)
		CHECK(CALL(cuStreamCreate)(&streams[i], CU_STREAM_NON_BLOCKING));
	for (long i = 0; i < threads; i++)
		CHECK(pthread_create(&ids[i], NULL, work, (void *)i));
	for (int i = 0; i < threads; i++)
		CHECK(pthread_join(ids[i], NULL));
	CHECK(CALL(cuCtxSynchronize)());
	for (int i = 0; i < stream_count; i++)
		CHECK(CALL(cuStreamDestroy)(streams[i]));
	free(streams);
	printf("storm: %d launches, %d threads, %d streams: ok\n", launches, threads, stream_count);
	return 0;
}
