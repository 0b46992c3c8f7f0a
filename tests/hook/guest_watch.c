/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_watch.c - asks the driver things that fail, and some that do not.
 *
 * usage: guest_watch dlsym|gpa
 * Prints a line per call: the function and its result.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "guest.h"

static void *driver;
static bool uses_gpa;

static void *find(const char *symbol, const char *name, int version)
{
	void *found = NULL;

	if (!uses_gpa)
		return dlsym(driver, symbol);
	CHECK(((__typeof__(&cuGetProcAddress_v2))dlsym(driver, "cuGetProcAddress_v2"))(
		      name, &found, version, 0, NULL) == CUDA_SUCCESS);
	return found;
}

#define FIND(symbol, name, version) ((__typeof__(&symbol))find(#symbol, #name, version))
#define SAY(call_name, result)	    printf("%s %d\n", call_name, (int)(result))

static void ask(void)
{
	size_t size;
	CUdevice device;
	CUmodule module;
	CUdeviceptr base;
	int value;

	SAY("cuCtxGetDevice", FIND(cuCtxGetDevice, cuCtxGetDevice, 2000)(&device));
	SAY("cuModuleLoad", FIND(cuModuleLoad, cuModuleLoad, 2000)(&module, "/nonexistent.cubin"));
	SAY("cuMemGetAddressRange_v2",
	    FIND(cuMemGetAddressRange_v2, cuMemGetAddressRange, 3020)(&base, &size, 4711));
	SAY("cuFuncGetAttribute", FIND(cuFuncGetAttribute, cuFuncGetAttribute,
				       2020)(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, NULL));
}

int main(int argc, char **argv)
{
	CUcontext context;

	CHECK(argc == 2);
	uses_gpa = strcmp(argv[1], "gpa") == 0;
	driver = dlopen("libcuda.so.1", RTLD_NOW);
	CHECK(driver);
	CHECK(FIND(cuInit, cuInit, 2000)(0) == CUDA_SUCCESS);
	CHECK(FIND(cuCtxCreate_v2, cuCtxCreate, 3020)(&context, 0, 0) == CUDA_SUCCESS);
	ask();
	ask();
	return 0;
}
