/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/killed.c - threads that use the GPU until somebody ends the program, and count
 * in a file what has returned.
 *
 * usage: killed COUNTS THREADS [HOW AFTER_MS]
 *   HOW  exit, _exit, exec (true), confine (a filter for every thread; then 0.5 s more and exit)
 *
 * COUNTS is mapped: what is in it was there when the program was killed. Numbers of 64 bits: the
 * process, 1 once the threads run, then for each thread launches, memsets, allocations, frees.
 */
#include <cuda.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define THREADS_MAX 16
#define US_PER_MS   1000u

struct counts {
	_Atomic uint64_t launches, memsets, allocations, frees;
};

static struct {
	_Atomic uint64_t pid, runs;
	struct counts threads[THREADS_MAX];
} * counts;

static const char ptx[] = ".version 7.0\n.target sm_52\n.address_size 64\n"
			  ".visible .entry killed_kernel()\n{\n\tret;\n}\n";
static CUcontext context;
static _Atomic bool is_over;
static pthread_t ids[THREADS_MAX];
static CUfunction kernel;

static void map_counts(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*counts))) {
		perror(path);
		exit(2);
	}
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (counts == MAP_FAILED)
		exit(2);
	atomic_store(&counts->pid, (uint64_t)getpid());
}

/* Each call, and behind it that it has returned. With pauses, so that rings do not fill on a slow
 * machine. */
static void *use_gpu(void *data)
{
	struct counts *mine = data;
	CUdeviceptr memory;
	CUstream stream;

	CHECK(cuCtxSetCurrent(context));
	CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	while (!atomic_load(&is_over)) {
		CHECK(cuMemAlloc(&memory, 4096));
		atomic_fetch_add(&mine->allocations, 1);
		for (int i = 0; i < 16; i++) {
			CHECK(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, stream, NULL, NULL));
			atomic_fetch_add(&mine->launches, 1);
		}
		CHECK(cuMemsetD8Async(memory, 0, 4096, stream));
		atomic_fetch_add(&mine->memsets, 1);
		CHECK(cuStreamSynchronize(stream));
		CHECK(cuMemFree(memory));
		atomic_fetch_add(&mine->frees, 1);
		usleep(US_PER_MS);
	}
	return NULL;
}

/* What a sandbox does, with a filter that lets everything through. */
static void confine(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = { .len = 1, .filter = &allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter))
		perror("killed: seccomp");
	usleep(500 * US_PER_MS);
}

static void end(const char *how, int threads)
{
	if (strcmp(how, "_exit") == 0)
		_exit(3);
	if (strcmp(how, "exec") == 0)
		execlp("true", "true", (char *)NULL);
	if (strcmp(how, "confine") == 0)
		confine();
	atomic_store(&is_over, true);
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	exit(4);
}

int main(int argc, char **argv)
{
	int threads = argc > 2 ? atoi(argv[2]) : 0;
	CUmodule module;

	if (threads < 1 || threads > THREADS_MAX)
		return 2;
	map_counts(argv[1]);
	CHECK(cuInit(0));
	CHECK(cuDevicePrimaryCtxRetain(&context, 0));
	CHECK(cuCtxSetCurrent(context));
	CHECK(cuModuleLoadData(&module, ptx));
	CHECK(cuModuleGetFunction(&kernel, module, "killed_kernel"));
	puts("begun");
	fflush(stdout);
	for (int i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, use_gpu, &counts->threads[i]);
	atomic_store(&counts->runs, 1);
	if (argc > 4) {
		usleep((unsigned int)atoi(argv[4]) * US_PER_MS);
		end(argv[3], threads);
	}
	for (;;)
		pause();
}
