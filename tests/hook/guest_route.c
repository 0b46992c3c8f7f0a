/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_route.c - launches N kernels, having found the driver by the named route.
 *
 * usage: guest_route ROUTE N
 *   dlsym      dlopen, then dlsym per function
 *   dlvsym     the same for a name without a version: must fail as it does without us
 *   gpa        dlsym of cuGetProcAddress_v2, then that
 *   gpa1       dlsym of cuGetProcAddress, the version with four arguments
 *   gpa_gpa    cuGetProcAddress_v2 asked for "cuGetProcAddress", then that
 *   ptsz       gpa with the per-thread default stream
 *   count      only asks for the number of devices
 *   none       opens the driver and asks nothing
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <string.h>

#include "guest.h"

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry guest_kernel()\n{\n\tret;\n}\n";

static void *driver;
static const char *route;
static __typeof__(&cuGetProcAddress_v2) gpa2;
static __typeof__(&cuGetProcAddress) gpa1;

/* @symbol: as exported. @name, @version: as asked of cuGetProcAddress. */
static void *find(const char *symbol, const char *name, int version)
{
	CUdriverProcAddressQueryResult status;
	void *found = NULL;

	if (strcmp(route, "dlsym") == 0)
		found = dlsym(driver, symbol);
	else if (strcmp(route, "gpa1") == 0)
		CHECK(gpa1(name, &found, version, 0) == CUDA_SUCCESS);
	else if (strcmp(route, "ptsz") == 0)
		CHECK(gpa2(name, &found, version < 7000 ? 7000 : version,
			   CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM, &status) == CUDA_SUCCESS);
	else
		CHECK(gpa2(name, &found, version, 0, &status) == CUDA_SUCCESS);
	CHECK(found);
	return found;
}

#define FIND(symbol, name, version) ((__typeof__(&symbol))find(#symbol, #name, version))

static void open_driver(void)
{
	CUdriverProcAddressQueryResult status;
	void *found = NULL;

	driver = dlopen("libcuda.so.1", RTLD_NOW);
	CHECK(driver);
	gpa2 = (__typeof__(gpa2))dlsym(driver, "cuGetProcAddress_v2");
	gpa1 = (__typeof__(gpa1))dlsym(driver, "cuGetProcAddress");
	if (strcmp(route, "gpa_gpa") == 0) {
		CHECK(gpa2("cuGetProcAddress", &found, 12000, 0, &status) == CUDA_SUCCESS);
		CHECK(found);
		gpa2 = (__typeof__(gpa2))found;
	}
}

static void launch(int count)
{
	CUcontext context;
	CUmodule module;
	CUfunction function;
	CUstream stream;

	CHECK(FIND(cuCtxCreate_v2, cuCtxCreate, 3020)(&context, 0, 0) == CUDA_SUCCESS);
	CHECK(FIND(cuModuleLoadData, cuModuleLoadData, 2000)(&module, ptx) == CUDA_SUCCESS);
	CHECK(FIND(cuModuleGetFunction, cuModuleGetFunction, 2000)(&function, module,
								   "guest_kernel") == CUDA_SUCCESS);
	CHECK(FIND(cuStreamCreate, cuStreamCreate, 2000)(&stream, 0) == CUDA_SUCCESS);
	__typeof__(&cuLaunchKernel) launch_kernel = FIND(cuLaunchKernel, cuLaunchKernel, 4000);

	for (int i = 0; i < count; i++)
		CHECK(launch_kernel(function, (unsigned int)i + 1, 2, 3, 32, 4, 1, 0, stream, NULL,
				    NULL) == CUDA_SUCCESS);
	CHECK(FIND(cuStreamSynchronize, cuStreamSynchronize, 2000)(stream) == CUDA_SUCCESS);
	printf("%d launches\n", count);
}

int main(int argc, char **argv)
{
	int devices = 0;

	CHECK(argc == 3);
	route = argv[1];
	open_driver();
	if (strcmp(route, "none") == 0)
		return 0;
	if (strcmp(route, "dlvsym") == 0) {
		CHECK(!dlvsym(driver, "cuLaunchKernel", "NO_SUCH_VERSION"));
		CHECK(dlerror());
		CHECK(!dlsym(driver, "cuNoSuchFunction"));
		CHECK(dlerror());
		CHECK(dlsym(driver, "cuLaunchKernel") && !dlerror());
		route = "dlsym";
	}
	CHECK(FIND(cuInit, cuInit, 2000)(0) == CUDA_SUCCESS);
	CHECK(FIND(cuDeviceGetCount, cuDeviceGetCount, 2000)(&devices) == CUDA_SUCCESS);
	CHECK(devices >= 1);
	if (strcmp(argv[1], "count") == 0)
		printf("%d device(s)\n", devices);
	else
		launch(atoi(argv[2]));
	return 0;
}
