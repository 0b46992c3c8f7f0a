/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_chain.c - everything a program may do with dlsym(), from 8 threads, with
 * other interposers in the chain. What it prints must not depend on us.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define THREADS 8
#define ROUNDS	2000

static void check_lookups(void *self, void *libc)
{
	CHECK(dlsym(RTLD_DEFAULT, "getuid"));
	CHECK(dlsym(libc, "getuid") && dlsym(self, "getuid"));
	CHECK(dlsym(libc, "getuid") != dlsym(libc, "getppid"));
	CHECK(!dlsym(libc, "cudnnCreate") && dlerror()); /* begins like one of ours */
	CHECK(!dlsym(libc, "cuNoSuchFunction") && dlerror());
	CHECK(!dlsym(libc, "cuLaunchKernel") && dlerror()); /* ours, but not of that library */
	CHECK(!dlsym(libc, "") && dlerror());
	CHECK(!dlvsym(libc, "getuid", "NO_SUCH_VERSION") && dlerror());
	CHECK(dlvsym(libc, "getuid", BASE_VERSION) == dlsym(libc, "getuid"));
	CHECK(!dlerror());
	CHECK(dlsym(libc, "dlsym") && dlsym(RTLD_DEFAULT, "dlsym"));
	CHECK(getuid() == geteuid() || getuid() != (uid_t)-1);
	CHECK(getppid() > 0 || getppid() == 0);
}

static void *run(void *data)
{
	void *self = dlopen(NULL, RTLD_NOW);
	void *libc = dlopen("libc.so.6", RTLD_NOW);

	(void)data;
	CHECK(self && libc);
	for (int i = 0; i < ROUNDS; i++)
		check_lookups(self, libc);
	return NULL;
}

/* The interposers in the chain count; the driver is linked, so the plain symbol is called. */
static void print_counts(const char *name)
{
	uint64_t (*count)(void) = (uint64_t(*)(void))dlsym(RTLD_DEFAULT, name);

	if (count)
		printf("%s %lu\n", name, (unsigned long)count());
}

int main(void)
{
	pthread_t threads[THREADS];
	CUcontext context;

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, run, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(cuInit(0) == CUDA_SUCCESS && cuCtxCreate_v2(&context, 0, 0) == CUDA_SUCCESS);
	for (int i = 0; i < 100; i++)
		CHECK(cuLaunchKernel((CUfunction)(uintptr_t)1, 1, 1, 1, 1, 1, 1, 0, NULL, NULL,
				     NULL) == CUDA_SUCCESS);
	print_counts("forwarder_a_count");
	print_counts("forwarder_b_count");
	return 0;
}
