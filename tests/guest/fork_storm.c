/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/fork_storm.c - four threads launch while another makes children in every way.
 *
 * usage: fork_storm CHILDREN
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest_kit.h"

#define THREADS 4
#define BATCH	50

extern char **environ;

static _Atomic bool is_over;
static char name[] = "true";
static char *const command[] = { name, NULL };

static void *launch_until_over(void *data)
{
	(void)data;
	guest_enter();
	while (!atomic_load(&is_over)) {
		guest_launch(BATCH);
		guest_wait();
	}
	return NULL;
}

/* In the child: calls the driver refuses, and no thread but this one. */
static void be_child(void)
{
	for (int i = 0; i < 3; i++)
		if (guest_try_launch() == CUDA_SUCCESS)
			_exit(2);
	_exit(access("/proc/self/task", R_OK) ? 3 : 0);
}

static pid_t make_child(int kind)
{
	pid_t child = -1;

	switch (kind % 5) {
	case 0:
		child = fork();
		if (child == 0)
			be_child();
		break;
	case 1:
		child = _Fork();
		if (child == 0)
			be_child();
		break;
	case 2:
		child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (child == 0)
			be_child();
		break;
	case 3:
		child = vfork();
		if (child == 0) {
			execve("/bin/true", command, environ);
			_exit(4);
		}
		break;
	default:
		CHECK(posix_spawn(&child, "/bin/true", NULL, NULL, command, environ) == 0);
	}
	return child;
}

int main(int argc, char **argv)
{
	int children = argc > 1 ? atoi(argv[1]) : 100;
	pthread_t threads[THREADS];
	int status, bad = 0;

	guest_start();
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, launch_until_over, NULL) == 0);
	for (int i = 0; i < children; i++) {
		pid_t child = make_child(i);

		CHECK(child > 0 && waitpid(child, &status, 0) == child);
		if (status != 0) {
			fprintf(stderr, "child %d of kind %d: status %x\n", i, i % 5, status);
			bad++;
		}
	}
	atomic_store(&is_over, true);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	printf("%d children, %d of them bad\n", children, bad);
	guest_report("after the storm");
	guest_measure();
	return bad ? 1 : 0;
}
