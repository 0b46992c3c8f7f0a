/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/runtime.c - memory of every kind and launches from several threads.
 *
 * For allocators that come before or behind the tracer, and for sanitizers: built without one
 * here, and with each by the test.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>

#include "guest_kit.h"

#define THREADS	 4
#define LAUNCHES 50

static void *handed_over[THREADS];

static void say_allocator(void)
{
	Dl_info info;
	const char *slash;

	CHECK(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info) && info.dli_fname);
	slash = strrchr(info.dli_fname, '/');
	printf("malloc of %s\n", slash ? slash + 1 : info.dli_fname);
}

/* Freed by another thread than the one that allocated, between two launches. */
static void *work(void *data)
{
	void **slot = data;
	void *aligned;

	guest_enter();
	for (size_t i = 1; i <= LAUNCHES; i++) {
		char *text = malloc(i * 37);

		CHECK(text);
		memset(text, 1, i * 37);
		guest_launch(1);
		text = realloc(text, i * 911);
		CHECK(text && text[i * 37 - 1] == 1);
		/* mimalloc 2.0.9 on its own breaks its word at 256 and above. */
		CHECK(posix_memalign(&aligned, 64, i * 64) == 0);
		CHECK((uintptr_t)aligned % 64 == 0 && malloc_usable_size(aligned) >= i * 64);
		free(aligned);
		free(text);
	}
	*slot = calloc(1000, 100);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	say_allocator();
	guest_start();
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, &handed_over[i]) == 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(threads[i], NULL) == 0);
		CHECK(handed_over[i]);
		free(handed_over[i]);
	}
	guest_wait();
	guest_report("runtime");
	guest_measure();
	return 3;
}
