/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/ways_out.c - leaves in every way there is.
 *
 * usage: ways_out return|thread|_exit|quick_exit|abort|SIGTERM|SIGKILL|SIGSEGV|exec|exit
 *        ways_out library PATH     exit() in the constructor of a library that is being opened
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "guest_kit.h"

#define LAUNCHES 200

static void say(const char *words)
{
	(void)!write(STDOUT_FILENO, words, strlen(words));
}

static void say_first(void)
{
	say("registered before CUDA\n");
	guest_try_launch(); /* the tracer has left, the driver may have: nobody minds */
}

static void say_later(void)
{
	say("registered after CUDA\n");
	guest_enter(); /* exit() may have been called by a thread that has no context */
	guest_launch(1);
}

static void say_quickly(void)
{
	say("quick\n");
}

static void *exit_here(void *data)
{
	exit(*(int *)data);
}

static void leave_by_thread(void)
{
	static int code = 7;
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, exit_here, &code) == 0);
	for (;;)
		pause();
}

static void leave_by_signal(const char *name)
{
	if (strcmp(name, "SIGTERM") == 0)
		kill(getpid(), SIGTERM);
	else if (strcmp(name, "SIGKILL") == 0)
		kill(getpid(), SIGKILL);
	else if (strcmp(name, "SIGSEGV") == 0)
		raise(SIGSEGV);
	for (;;)
		pause();
}

static int leave(const char *how, const char *path)
{
	if (strcmp(how, "return") == 0)
		return 3;
	if (strcmp(how, "exit") == 0)
		exit(4);
	if (strcmp(how, "thread") == 0)
		leave_by_thread();
	if (strcmp(how, "_exit") == 0)
		_exit(5);
	if (strcmp(how, "quick_exit") == 0)
		quick_exit(6);
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "exec") == 0)
		execl("/bin/echo", "echo", "another program", (char *)NULL);
	if (strcmp(how, "library") == 0) {
		dlopen(path, RTLD_NOW);
		return 98;
	}
	leave_by_signal(how);
	return 97;
}

int main(int argc, char **argv)
{
	CHECK(argc > 1);
	atexit(say_first);
	at_quick_exit(say_quickly);
	guest_start();
	atexit(say_later);
	guest_launch(LAUNCHES);
	guest_wait();
	guest_report(argv[1]);
	guest_measure();
	return leave(argv[1], argc > 2 ? argv[2] : NULL);
}
