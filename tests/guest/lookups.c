/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/lookups.c - dlsym() in every way that depends on who calls, from 8 threads.
 *
 * usage: lookups PATH     the library of lookup_library.c
 */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "guest_kit.h"

#define THREADS 8
#define ROUNDS	2000

static void *library;

/* What the library has under a name that begins like the driver's is the library's. */
static void check_stranger(void)
{
	int (*create)(void) = (int (*)(void))dlsym(library, "cudnnCreate");
	int (*launch)(void) = (int (*)(void))dlsym(library, "cuLaunchKernel");
	int (*versioned)(void) = (int (*)(void))dlvsym(library, "cudnnVersioned", "STRANGER_1");

	CHECK(create && create() == 41);
	CHECK(launch && launch() == 42); /* the driver's name, but another's function */
	CHECK(versioned && versioned() == 43);
	CHECK(!dlvsym(library, "cudnnVersioned", "STRANGER_9") && dlerror());
	CHECK(!dlsym(library, "cuInit_v9") && strstr(dlerror(), "cuInit_v9"));
}

static void *run(void *data)
{
	int (*next)(void) = (int (*)(void))dlsym(library, "lookup_next");

	for (int i = 0; i < ROUNDS; i++) {
		check_stranger();
		CHECK(next && next() == 0);
	}
	return data;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int (*frames)(void);

	CHECK(argc == 2);
	library = dlopen(argv[1], RTLD_NOW);
	CHECK(library);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, run, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	/* Finding it runs code of the library inside dlsym(), which looks at who called. */
	CHECK(dlsym(library, "lookup_selected"));
	CHECK(dlvsym(library, "lookup_selected_too", "STRANGER_1"));
	frames = (int (*)(void))dlsym(library, "lookup_foreign_frames");
	printf("frames of the tracer under dlsym(): %d\n", frames());
	return 0;
}
