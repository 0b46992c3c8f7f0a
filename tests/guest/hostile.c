/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/hostile.c - signals, limits and an environment that make life hard.
 *
 * usage: hostile signals | environment | descriptors | memory | size
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "guest_kit.h"

#define LAUNCHES     500
#define ENOUGH_TICKS 50

static sigjmp_buf back;
static _Atomic int ticks, strays;
static _Atomic bool is_over;

static void handle_segv(int number)
{
	(void)number;
	siglongjmp(back, 1);
}

static void handle_profile(int number)
{
	(void)number;
	atomic_fetch_add(&ticks, 1);
	if (guest_is_on_tracer_thread())
		atomic_fetch_add(&strays, 1);
}

static void crash_and_return(void *page)
{
	if (sigsetjmp(back, 1) == 0) {
		*(volatile char *)page = 1;
		CHECK(!"the page can be written");
	}
}

static void run_signals(void)
{
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction profile = { .sa_handler = handle_profile, .sa_flags = SA_RESTART };
	struct sigaction segv = { .sa_handler = handle_segv, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_size = 64 << 10 };
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t end;

	stack.ss_sp = malloc(stack.ss_size);
	CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGSEGV, &segv, NULL) == 0);
	CHECK(sigaction(SIGPROF, &profile, NULL) == 0);
	CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
	guest_start();
	end = guest_now_ns() + 20000000000u; /* the timer counts processor time */
	do {
		guest_launch(20);
		crash_and_return(page);
		guest_wait();
	} while (guest_now_ns() < end && atomic_load(&ticks) < ENOUGH_TICKS);
	CHECK(atomic_load(&ticks) >= ENOUGH_TICKS && atomic_load(&strays) == 0);
}

static void *change_environment(void *data)
{
	char value[32];

	(void)data;
	for (int i = 0; !atomic_load(&is_over); i++) {
		snprintf(value, sizeof(value), "value%d", i);
		setenv("RUSTKERNEL_LOG_LEVEL", value, 1);
		setenv(value, value, 1);
		unsetenv(value);
		if (i % 64 == 0)
			clearenv();
	}
	return NULL;
}

static void run_environment(void)
{
	pthread_t thread;

	setenv("GUEST_OWN", "1", 1);
	CHECK(pthread_create(&thread, NULL, change_environment, NULL) == 0);
	for (int i = 0; i < 10; i++)
		usleep(1000);
	guest_start();
	for (int i = 0; i < 20; i++) {
		guest_launch(LAUNCHES / 20);
		usleep(20000);
	}
	guest_wait();
	atomic_store(&is_over, true);
	CHECK(pthread_join(thread, NULL) == 0);
	clearenv();
}

static void limit(int which, rlim_t value)
{
	struct rlimit bound;

	CHECK(getrlimit((__rlimit_resource_t)which, &bound) == 0);
	bound.rlim_cur = value;
	CHECK(setrlimit((__rlimit_resource_t)which, &bound) == 0);
}

static void work(void)
{
	guest_start();
	guest_launch(LAUNCHES);
	guest_wait();
	usleep(700000); /* the tracer has tried to open and to write by now */
	guest_launch(LAUNCHES);
	guest_wait();
}

static void run_descriptors(void)
{
	int last = 0, fds[16], count = 0;

	limit(RLIMIT_NOFILE, 16);
	while (count < 16 && (last = open("/dev/null", O_RDONLY)) >= 0)
		fds[count++] = last;
	printf("%d descriptors were to be had\n", count);
	work();
	CHECK(open("/dev/null", O_RDONLY) < 0);
	while (count)
		close(fds[--count]);
}

static unsigned long mapped_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	CHECK(file && fscanf(file, "%lu", &pages) == 1);
	fclose(file);
	return pages * 4096;
}

static void run_memory(void)
{
	CHECK(cuInit(0) == CUDA_SUCCESS);
	limit(RLIMIT_AS, mapped_bytes() + (3 << 20));
	work();
	limit(RLIMIT_AS, RLIM_INFINITY);
	printf("worked in little memory\n");
}

static void run_size(void)
{
	char block[4096] = "";
	int fd;

	limit(RLIMIT_FSIZE, 4096);
	work();
	fd = open("own", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0 && write(fd, block, sizeof(block)) == sizeof(block));
	close(fd);
	printf("wrote as much as it may\n");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = { { "signals", run_signals },
		      { "environment", run_environment },
		      { "descriptors", run_descriptors },
		      { "memory", run_memory },
		      { "size", run_size },
		      { "disk", work } };

	CHECK(argc == 2);
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, argv[1]) == 0)
			modes[i].run();
	guest_report(argv[1]);
	guest_measure();
	return 0;
}
