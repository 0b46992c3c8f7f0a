/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/process_stats.c - from /proc/self and the clocks.
 */
#include "pipeline/live/process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/proc_stat.h"
#include "core/process_id.h"
#include "core/sandbox.h"

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
	char path[64];
	DIR *folder;

	rk_process_path(path, sizeof(path), "fd");
	if (stat(path, &st) == 0 && st.st_size > 0)
		return (double)st.st_size;
	folder = rk_sandbox_was_entered() ? NULL : opendir(path);
	if (!folder)
		return -1;
	for (const struct dirent *entry; count <= FDS_COUNTED_MAX && (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	/* A process whose main thread has ended shows none: that is not a count. */
	return count > 0 && count <= FDS_COUNTED_MAX ? count : -1;
}

static void read_stat(struct rk_process_stats *stats)
{
	struct rk_proc_stat process;

	if (!rk_proc_stat_read(&process, 0))
		return;
	stats->virtual_bytes = (double)process.virtual_bytes;
	stats->resident_bytes = (double)process.resident_pages * (double)sysconf(_SC_PAGESIZE);
	rk_proc_stat_start_unix(&process, &stats->start_unix_seconds);
}

void rk_process_stats_get(struct rk_process_stats *stats)
{
	struct rlimit limit;
	clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;

	clock_getcpuclockid(rk_process_id(), &clock);
	*stats = (struct rk_process_stats){ -1, -1, -1, -1, -1, -1 };
	stats->cpu_seconds = clock_seconds(clock);
	stats->open_fds = count_fds();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		stats->max_fds = (double)limit.rlim_cur;
	read_stat(stats);
}
