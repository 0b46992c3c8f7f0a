/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_errno.c - errno around calls that succeed and fail, on the fake driver,
 * which never touches it. N launches fill the ring on the way. Also: an answer of
 * cuGetProcAddress that is not the exported function comes through as it is.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

#include "guest.h"

static void *find(void *driver, const char *name)
{
	void *found = dlsym(driver, name);

	CHECK(found);
	return found;
}

int main(int argc, char **argv)
{
	void *driver = dlopen("libcuda.so.1", RTLD_NOW);
	CUfunction any = (CUfunction)(uintptr_t)1;
	CUcontext context;
	void *answer = NULL;

	CHECK(driver && argc == 2);
	__typeof__(&cuLaunchKernel) launch = (__typeof__(launch))find(driver, "cuLaunchKernel");
	__typeof__(&cuCtxCreate_v2) create = (__typeof__(create))find(driver, "cuCtxCreate_v2");
	__typeof__(&cuInit) init = (__typeof__(init))find(driver, "cuInit");
	__typeof__(&cuGetProcAddress_v2) gpa = (__typeof__(gpa))find(driver, "cuGetProcAddress_v2");

	errno = EXDEV;
	CHECK(init(0) == CUDA_SUCCESS);
	CHECK(errno == EXDEV);
	CHECK(create(&context, 0, 0) == CUDA_SUCCESS); /* everything starts here */
	CHECK(errno == EXDEV);
	for (int i = 0; i < atoi(argv[1]); i++) {
		errno = i % 2 ? EXDEV : 0;
		CHECK(launch(any, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL) == CUDA_SUCCESS);
		CHECK(errno == (i % 2 ? EXDEV : 0));
	}
	errno = ENOTTY;
	CHECK(launch(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL) == CUDA_ERROR_INVALID_HANDLE);
	CHECK(errno == ENOTTY);
	CHECK(gpa("cuMemsetD8", &answer, 12000, 0, NULL) == CUDA_SUCCESS);
	CHECK(answer && answer != find(driver, "cuMemsetD8_v2"));
	return 0;
}
