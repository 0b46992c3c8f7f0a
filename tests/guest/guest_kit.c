/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/guest_kit.c - the GPU work and the self-portrait of the test programs.
 */
#include "guest_kit.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry guest_kernel()\n{\n\tret;\n}\n";
static CUcontext context;
static CUfunction function;
static _Atomic uint64_t launches;

void guest_start(void)
{
	CUmodule module;

	CHECK(cuInit(0) == CUDA_SUCCESS);
	CHECK(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
	guest_enter();
	CHECK(cuModuleLoadData(&module, ptx) == CUDA_SUCCESS);
	CHECK(cuModuleGetFunction(&function, module, "guest_kernel") == CUDA_SUCCESS);
}

void guest_enter(void)
{
	CHECK(cuCtxSetCurrent(context) == CUDA_SUCCESS);
}

CUresult guest_try_launch(void)
{
	CUresult result;

	errno = 4711;
	result = cuLaunchKernel(function, 7, 1, 1, 64, 1, 1, 0, NULL, NULL, NULL);
	if (result == CUDA_SUCCESS) {
		CHECK(errno == 4711); /* the simulated driver leaves it alone; so must we */
		atomic_fetch_add(&launches, 1);
	}
	return result;
}

void guest_launch(int count)
{
	for (int i = 0; i < count; i++)
		CHECK(guest_try_launch() == CUDA_SUCCESS);
}

void guest_wait(void)
{
	CHECK(cuCtxSynchronize() == CUDA_SUCCESS);
}

uint64_t guest_launches(void)
{
	return atomic_load(&launches);
}

uint64_t guest_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool guest_is_on_tracer_thread(void)
{
	char name[16] = "";

	prctl(PR_GET_NAME, name);
	return strncmp(name, "rk-", 3) == 0 || strncmp(name, "simgpu-cupti", 12) == 0;
}

/* A line of /proc that begins with @key; the rest of it in @out. */
static bool read_status(const char *path, const char *key, char *out, size_t size)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strncmp(line, key, strlen(key)) == 0;
	if (file)
		fclose(file);
	if (found) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(out, size, "%s", line + strlen(key) + strspn(line + strlen(key), ": \t"));
	}
	return found;
}

static void report_descriptors(void)
{
	char path[64], target[512];
	struct stat status;
	int next;

	for (int fd = 0; fd < 256; fd++) {
		ssize_t length;

		if (fcntl(fd, F_GETFD) < 0 || fstat(fd, &status))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		printf("descriptor %d flags %d type %o %s\n", fd, fcntl(fd, F_GETFD),
		       status.st_mode & S_IFMT,
		       S_ISREG(status.st_mode) || S_ISCHR(status.st_mode) ? strrchr(target, '/') :
									    "");
	}
	next = open("/dev/null", O_RDONLY);
	printf("next descriptor %d\n", next);
	close(next);
}

static const char *library_of(void *address)
{
	Dl_info info;
	const char *slash;

	if (!dladdr(address, &info) || !info.dli_fname)
		return "?";
	slash = strrchr(info.dli_fname, '/');
	return slash ? slash + 1 : info.dli_fname;
}

static void report_signals(void)
{
	struct itimerval timer;
	struct sigaction action;
	stack_t stack;

	for (int number = 1; number <= 64; number++) {
		if (sigaction(number, NULL, &action) || action.sa_handler == SIG_DFL)
			continue;
		printf("signal %d %s flags %x\n", number,
		       action.sa_handler == SIG_IGN ? "ignored" :
						      library_of((void *)action.sa_handler),
		       (unsigned)action.sa_flags);
	}
	CHECK(sigaltstack(NULL, &stack) == 0);
	printf("alternate stack flags %d size %zu\n", stack.ss_flags, stack.ss_size);
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		CHECK(getitimer((__itimer_which_t)which, &timer) == 0);
		printf("timer %d interval %ld\n", which, (long)timer.it_interval.tv_usec);
	}
}

static bool is_tracer_name(const char *name)
{
	return strncmp(name, "rk-", 3) == 0 || strcmp(name, "simgpu-cupti") == 0;
}

/* One that has only just begun has no name yet; the programs' own never block everything. */
static bool blocks_everything(const char *blocked)
{
	return strtoull(blocked, NULL, 16) >> 34 == UINT64_MAX >> 34;
}

/* Threads that are not the tracer's, CUPTI's worker included: how many, and what they block. */
static void report_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	while (tasks && (entry = readdir(tasks))) {
		char path[300], name[64], blocked[64];

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		if (entry->d_name[0] == '.' || !read_status(path, "Name", name, sizeof(name)) ||
		    is_tracer_name(name) ||
		    !read_status(path, "SigBlk", blocked, sizeof(blocked)) ||
		    blocks_everything(blocked))
			continue;
		count++;
		printf("thread %s blocks %s\n", name, blocked);
	}
	if (tasks)
		closedir(tasks);
	printf("threads %d\n", count);
}

static void report_environment(void)
{
	FILE *file = fopen("/proc/self/environ", "re");
	bool is_same = file != NULL;
	char **at = environ;
	char *entry = NULL;
	size_t size = 0;

	while (file && getdelim(&entry, &size, '\0', file) > 0)
		is_same = is_same && at && *at && strcmp(*at++, entry) == 0;
	printf("environment %s\n", is_same && !(at && *at) ? "as at the start" : "changed");
	free(entry);
	if (file)
		fclose(file);
}

static void report_limits(void)
{
	struct rlimit limit;
	char folder[512];
	mode_t mask = umask(0);

	umask(mask);
	printf("umask %o folder %s\n", mask, getcwd(folder, sizeof(folder)) ? "there" : "gone");
	for (int which = 0; which < RLIMIT_NLIMITS; which++) {
		CHECK(getrlimit((__rlimit_resource_t)which, &limit) == 0);
		printf("limit %d %lx %lx\n", which, (unsigned long)limit.rlim_cur,
		       (unsigned long)limit.rlim_max);
	}
	printf("nice %d dumpable %d no new privileges %d slack %d\n", getpriority(PRIO_PROCESS, 0),
	       prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	       prctl(PR_GET_TIMERSLACK));
	errno = 0;
	CHECK(waitpid(-1, NULL, WNOHANG) == -1);
	printf("no children: %d\n", errno);
}

void guest_report(const char *title)
{
	printf("== %s\n", title);
	report_descriptors();
	report_signals();
	report_threads();
	report_environment();
	report_limits();
	fflush(stdout);
}

static void measure_threads(FILE *out)
{
	DIR *tasks = opendir("/proc/self/task");
	const char *separator = "";
	struct dirent *entry;

	while (tasks && (entry = readdir(tasks))) {
		char path[300], name[64], blocked[64];

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		if (entry->d_name[0] == '.' || !read_status(path, "Name", name, sizeof(name)) ||
		    !read_status(path, "SigBlk", blocked, sizeof(blocked)))
			continue;
		fprintf(out, "%s{\"name\":\"%s\",\"tid\":%s,\"blocked\":\"%s\"}", separator, name,
			entry->d_name, blocked);
		separator = ",";
	}
	if (tasks)
		closedir(tasks);
}

void guest_measure(void)
{
	const char *path = getenv("GUEST_MEASURE");
	const char *linger_ms = getenv("GUEST_LINGER_MS"); /* for a test that looks from outside */
	FILE *out = path ? fopen(path, "we") : NULL;
	char peak[64] = "0";

	if (!out)
		return;
	read_status("/proc/self/status", "VmHWM", peak, sizeof(peak));
	fprintf(out, "{\"pid\":%d,\"rss_kib\":%d,\"launches\":%lu,\"threads\":[", getpid(),
		atoi(peak), (unsigned long)guest_launches());
	measure_threads(out);
	fprintf(out, "],\"end_ns\":%lu}\n", (unsigned long)guest_now_ns());
	fclose(out);
	if (linger_ms)
		usleep((useconds_t)atoi(linger_ms) * 1000);
}
