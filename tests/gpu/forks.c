/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/gpu/forks.c - children of a process that traces.
 *
 * usage: forks after|server [CHILDREN]
 *
 * after:  the parent works, then forks; a child asks CUDA for something and ends. Says what it was
 *         answered, then works on.
 * server: the parent never touches CUDA; each child works for itself, one after the other.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "kernels.h"

#define LAUNCHES 100

static void work(void)
{
	struct gpu gpu;

	gpu_open(&gpu);
	for (int i = 0; i < LAUNCHES; i++)
		CHECK(gpu_spin(&gpu, 5000, NULL));
	CHECK(cuCtxSynchronize());
}

/* Return: what the child ended with. */
static int run_child(bool works)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		int count;

		if (works) {
			work();
			exit(0);
		}
		exit((int)cuInit(0) + (int)cuDeviceGetCount(&count));
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	bool is_server = argc > 1 && strcmp(argv[1], "server") == 0;
	int children = argc > 2 ? atoi(argv[2]) : 3;

	if (!is_server)
		work();
	for (int i = 0; i < children; i++) {
		printf("child %d: %d\n", i, run_child(is_server));
		fflush(stdout);
	}
	if (!is_server)
		work();
	puts("done");
	return 0;
}
