/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/workers.c - what Python's multiprocessing does: workers that end in _exit().
 *
 * usage: workers fork      forks before any CUDA; the workers use it, then the parent does
 *        workers spawn     the same with new programs
 *        workers late      the parent uses CUDA first; its forked workers are refused
 *        workers worker    one of the spawned
 */
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest_kit.h"

#define WORKERS	 4
#define LAUNCHES 50

extern char **environ;

static void work(void)
{
	guest_start();
	guest_launch(LAUNCHES);
	guest_wait();
}

static void be_worker(void)
{
	work();
	usleep(300000); /* as long as a batch takes */
	_exit(5);
}

static void be_refused(void)
{
	_exit(cuInit(0) != CUDA_SUCCESS && guest_try_launch() != CUDA_SUCCESS ? 5 : 6);
}

static pid_t make_worker(const char *mode, const char *self)
{
	char word[] = "worker", *const command[] = { word, word, NULL };
	pid_t child = -1;

	if (strcmp(mode, "spawn") == 0) {
		CHECK(posix_spawn(&child, self, NULL, NULL, command, environ) == 0);
		return child;
	}
	child = fork();
	if (child == 0 && strcmp(mode, "late") == 0)
		be_refused();
	else if (child == 0)
		be_worker();
	return child;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "fork";
	pid_t workers[WORKERS];
	int status;

	if (strcmp(mode, "worker") == 0)
		be_worker();
	if (strcmp(mode, "late") == 0)
		work();
	for (int i = 0; i < WORKERS; i++)
		workers[i] = make_worker(mode, argv[0]);
	for (int i = 0; i < WORKERS; i++) {
		CHECK(waitpid(workers[i], &status, 0) == workers[i]);
		printf("worker ended %x\n", status);
	}
	if (strcmp(mode, "late") != 0)
		work();
	guest_report(mode);
	guest_measure();
	return 0;
}
