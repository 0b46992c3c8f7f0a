/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/runtimes/plain.c - for builds without glibc's loader: static, and with musl.
 *
 * Looks up functions by name in every way that there is, and ends by exit().
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void say_bye(void)
{
	puts("bye");
}

static void *say(void *text)
{
	puts(text);
	return NULL;
}

#ifndef WITHOUT_LOADER
static void look_up(void)
{
	int (*say_now)(const char *) = (int (*)(const char *))dlsym(RTLD_DEFAULT, "puts");
	int (*say_next)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "puts");
	void *self = dlopen(NULL, RTLD_NOW);

	say_now("by RTLD_DEFAULT");
	say_next("by RTLD_NEXT");
	dlerror();
	printf("by a handle: %d\n", self && dlsym(self, "say_hello"));
	printf("missing: %d\n", dlsym(self, "no_such_function") != NULL);
	printf("told: %d\n", dlerror() != NULL);
	printf("the driver: %d\n", dlopen("libcuda.so.9", RTLD_NOW) != NULL);
}
#else
static void look_up(void)
{
}
#endif

int say_hello(int count);

int say_hello(int count)
{
	return printf("hello %d\n", count);
}

int main(int argc, char **argv)
{
	char said[] = "a thread";
	pthread_t thread;
	int status = 0;
	pid_t child;

	(void)argv;
	atexit(say_bye);
	say_hello(argc);
	look_up();
	if (pthread_create(&thread, NULL, say, said) || pthread_join(thread, NULL))
		return 99;
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(4);
	waitpid(child, &status, 0);
	printf("child %x\n", status);
	exit(3);
}
