/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/soak.c - launches at a steady rate for long, and says how it fares once a second.
 *
 * usage: soak SECONDS LAUNCHES_PER_SECOND [THREADS]
 *
 * Lines of $GUEST_MEASURE: seconds since the start, launches, KiB of resident memory, CPU
 * milliseconds of the tracer's threads and of all. When it has launched all it prints "launched",
 * and waits for the end of its standard input.
 */
#include <dirent.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest_kit.h"

#define TICK_NS	  1000000u
#define SECOND_NS 1000000000u
#define HELPERS_MAX 63

static uint64_t ticks_due, rate; /* of each thread */

static long resident_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	CHECK(file && fscanf(file, "%*d %ld", &pages) == 1);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Ticks of the user's and the kernel's time of one thread; whether the tracer made it. */
static long read_ticks(const char *tid, bool *is_tracer)
{
	char path[300], text[512] = "";
	unsigned long user = 0, kernel = 0;
	const char *behind_name;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return 0; /* it has ended */
	CHECK(fgets(text, sizeof(text), file));
	fclose(file);
	behind_name = strrchr(text, ')');
	*is_tracer = strstr(text, "(rk-") != NULL;
	CHECK(behind_name && sscanf(behind_name,
				    ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
				    " %lu %lu",
				    &user, &kernel) == 2);
	return (long)(user + kernel);
}

static void tell(FILE *out, uint64_t second)
{
	long tracer = 0, all = 0, tick_ms = 1000 / sysconf(_SC_CLK_TCK);
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;

	CHECK(tasks);
	while ((entry = readdir(tasks))) {
		bool is_tracer = false;
		long ticks = entry->d_name[0] == '.' ? 0 : read_ticks(entry->d_name, &is_tracer);

		all += ticks;
		tracer += is_tracer ? ticks : 0;
	}
	closedir(tasks);
	fprintf(out, "%lu %lu %ld %ld %ld\n", (unsigned long)second,
		(unsigned long)guest_launches(), resident_kib(), tracer * tick_ms, all * tick_ms);
	fflush(out);
}

static void sleep_until(uint64_t moment)
{
	struct timespec at = { .tv_sec = (time_t)(moment / SECOND_NS),
			       .tv_nsec = (long)(moment % SECOND_NS) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL))
		;
}

/* One thread's share of the launches, at a steady rate. @out: NULL = the others tell nothing. */
static void launch_all(uint64_t began, FILE *out)
{
	uint64_t done = 0;

	for (uint64_t tick = 1; tick <= ticks_due; tick++) {
		guest_launch((int)(tick * rate / 1000 - done));
		done = tick * rate / 1000;
		if (tick % 10 == 0)
			guest_wait();
		if (out && tick % 1000 == 0)
			tell(out, tick / 1000);
		sleep_until(began + tick * TICK_NS);
	}
	guest_wait();
}

static void *help(void *data)
{
	guest_enter();
	launch_all(*(const uint64_t *)data, NULL);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t helpers[HELPERS_MAX];
	unsigned long threads = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
	uint64_t began;
	FILE *out;

	CHECK(argc >= 3 && getenv("GUEST_MEASURE") && threads && threads <= HELPERS_MAX + 1);
	out = fopen(getenv("GUEST_MEASURE"), "we");
	CHECK(out);
	ticks_due = strtoull(argv[1], NULL, 10) * 1000;
	rate = strtoull(argv[2], NULL, 10) / threads;
	guest_start();
	began = guest_now_ns();
	for (unsigned long i = 0; i + 1 < threads; i++)
		CHECK(!pthread_create(&helpers[i], NULL, help, &began));
	launch_all(began, out);
	for (unsigned long i = 0; i + 1 < threads; i++)
		CHECK(!pthread_join(helpers[i], NULL));
	printf("launched %lu\n", (unsigned long)guest_launches());
	fflush(stdout);
	while (getchar() != EOF)
		;
	fclose(out);
	return 0;
}
