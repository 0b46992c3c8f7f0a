/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_weak.c - calls what the preload exports in a process without a driver.
 */
#include <dlfcn.h>

#include "guest.h"

int main(void)
{
	int (*init)(unsigned int) = (int (*)(unsigned int))dlsym(RTLD_DEFAULT, "cuInit");
	int (*synchronize)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "cuCtxSynchronize");

	CHECK(init && synchronize);
	CHECK(init(0) == 3); /* CUDA_ERROR_NOT_INITIALIZED */
	CHECK(synchronize() == 3);
	return 0;
}
