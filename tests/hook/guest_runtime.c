/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_runtime.c - opens the real CUDA runtime and calls it, once.
 *
 * On a simulated driver it makes all of its requests to cuGetProcAddress and then refuses;
 * nobody circumvents that. What matters is what it was handed.
 */
#include <dlfcn.h>

#include "guest.h"

int main(int argc, char **argv)
{
	int (*get_count)(int *);
	int count = -1;
	void *runtime;

	CHECK(argc == 2);
	runtime = dlopen(argv[1], RTLD_NOW);
	CHECK(runtime);
	get_count = (int (*)(int *))dlsym(runtime, "cudaGetDeviceCount");
	CHECK(get_count);
	printf("cudaGetDeviceCount: %d\n", get_count(&count));
	return 0;
}
