/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/late_load.c - opens the driver late, closes it, opens it again in another way.
 *
 * What the driver says of itself is printed: a function it lacks must stay missing.
 */
#include <dlfcn.h>

#include "guest_kit.h"

#define NONE "cuNoSuchFunction"

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry guest_kernel()\n{\n\tret;\n}\n";

static void *find(void *driver, const char *name)
{
	void *found = dlsym(driver, name);

	CHECK(found);
	return found;
}

static void ask_for_missing(void *driver)
{
	__typeof__(&cuGetProcAddress_v2) ask;
	CUdriverProcAddressQueryResult status = 77;
	void *found = driver;
	CUresult result;

	ask = (__typeof__(ask))find(driver, "cuGetProcAddress_v2");
	dlerror();
	printf("%s %d", NONE, dlsym(driver, NONE) != NULL);
	printf(" %d\n", dlerror() != NULL);
	for (int version = 2000; version <= 13000; version += 11000) {
		result = ask("cuLaunchKernel", &found, version, 0, &status);
		printf("cuLaunchKernel %d: %d %d %d\n", version, result, found != NULL, status);
	}
	result = ask(NONE, &found, 13000, 0, &status);
	printf("%s: %d %d %d\n", NONE, result, found != NULL, status);
	result = ask("", &found, 13000, 0, NULL);
	printf("nothing: %d %d\n", result, found != NULL);
	/* of a driver that lacks it, in the test's other folder */
	printf("cuGraphLaunch %d\n", dlsym(driver, "cuGraphLaunch") != NULL);
	dlerror();
}

static void launch_by(void *driver, int count)
{
	__typeof__(&cuInit) init = (__typeof__(init))find(driver, "cuInit");
	__typeof__(&cuCtxCreate_v2) create = (__typeof__(create))find(driver, "cuCtxCreate_v2");
	__typeof__(&cuLaunchKernel) launch = (__typeof__(launch))find(driver, "cuLaunchKernel");
	__typeof__(&cuModuleLoadData) load = (__typeof__(load))dlsym(driver, "cuModuleLoadData");
	__typeof__(&cuModuleGetFunction) get =
		(__typeof__(get))dlsym(driver, "cuModuleGetFunction");
	CUfunction function = (CUfunction)(uintptr_t)1; /* of the driver without modules */
	CUcontext context;
	CUmodule module;

	CHECK(init(0) == CUDA_SUCCESS && create(&context, 0, 0) == CUDA_SUCCESS);
	if (load && get)
		CHECK(load(&module, ptx) == CUDA_SUCCESS &&
		      get(&function, module, "guest_kernel") == CUDA_SUCCESS);
	for (int i = 0; i < count; i++)
		CHECK(launch(function, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL) == CUDA_SUCCESS);
}

/* Sanitizers refuse it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DEEPBIND 0
#else
#define DEEPBIND RTLD_DEEPBIND
#endif

int main(void)
{
	static const int ways[] = { RTLD_NOW | RTLD_LOCAL, RTLD_NOW | RTLD_LOCAL | DEEPBIND,
				    RTLD_LAZY | RTLD_GLOBAL, RTLD_NOW | RTLD_LOCAL };

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		void *driver = dlopen("libcuda.so.1", ways[i]);

		CHECK(driver);
		ask_for_missing(driver);
		launch_by(driver, 25);
		printf("closed %d\n", dlclose(driver));
	}
	return 0;
}
