/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/process_stats.c - from /proc/self and the clocks.
 */
#include "pipeline/process_stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1e9
/* Descriptors are counted one by one on kernels before 6.2; 64 Ki of them take 10 ms. */
#define FDS_COUNTED_MAX 65536

static double clock_seconds(clockid_t id)
{
	struct timespec ts;

	return clock_gettime(id, &ts) == 0 ? (double)ts.tv_sec + (double)ts.tv_nsec / NS_PER_S : -1;
}

/* Since Linux 6.2 the folder's size is the number of descriptors; before, it is 0. */
static double count_fds(void)
{
	struct stat st;
	double count = 0;
	DIR *folder;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return (double)st.st_size;
	folder = opendir("/proc/self/fd");
	if (!folder)
		return -1;
	for (const struct dirent *entry; count <= FDS_COUNTED_MAX && (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	/* A process whose main thread has ended shows none: that is not a count. */
	return count > 0 && count <= FDS_COUNTED_MAX ? count : -1;
}

/* The fields of /proc/self/stat behind the name, which may hold blanks and parentheses. */
static void read_stat(struct rk_process_stats *stats)
{
	unsigned long long start = 0, virtual_bytes = 0;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	double since_boot = clock_seconds(CLOCK_BOOTTIME);
	long long resident_pages = 0;
	const char *fields;
	char text[1024];
	ssize_t length;

	if (fd < 0)
		return;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	fields = strrchr(text, ')');
	if (!fields || sscanf(fields + 1,
			      " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			      "%*d %*d %*d %llu %llu %lld",
			      &start, &virtual_bytes, &resident_pages) != 3)
		return;
	stats->virtual_bytes = (double)virtual_bytes;
	stats->resident_bytes = (double)resident_pages * (double)sysconf(_SC_PAGESIZE);
	if (since_boot >= 0)
		stats->start_unix_seconds = clock_seconds(CLOCK_REALTIME) - since_boot +
					    (double)start / (double)sysconf(_SC_CLK_TCK);
}

void rk_process_stats_get(struct rk_process_stats *stats)
{
	struct rlimit limit;

	*stats = (struct rk_process_stats){ -1, -1, -1, -1, -1, -1 };
	stats->cpu_seconds = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
	stats->open_fds = count_fds();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		stats->max_fds = (double)limit.rlim_cur;
	read_stat(stats);
}
