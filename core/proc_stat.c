/* SPDX-License-Identifier: Apache-2.0
 *
 * core/proc_stat.c - the fields stand behind the name, which may hold blanks and parentheses.
 */
#include "core/proc_stat.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/process_id.h"
#include "core/sandbox.h"

/* In the table of one thread: to others the number means nothing. */
static struct {
	_Atomic pid_t tid;
	int fd;
} kept;

void rk_proc_stat_keep_own(void)
{
	kept.fd = rk_sandbox_open("/proc/self/stat", O_RDONLY | O_CLOEXEC, 0);
	atomic_store(&kept.tid, kept.fd < 0 ? 0 : (pid_t)syscall(SYS_gettid));
}

static ssize_t read_text(int pid, char *text, size_t size)
{
	char path[64];
	ssize_t length;
	int fd;

	if (!pid && atomic_load(&kept.tid) == (pid_t)syscall(SYS_gettid))
		return pread(kept.fd, text, size, 0);
	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	else
		rk_process_path(path, sizeof(path), "stat");
	fd = rk_sandbox_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	length = read(fd, text, size);
	close(fd);
	return length;
}

bool rk_proc_stat_read(struct rk_proc_stat *process, int pid)
{
	char text[1024];
	ssize_t length = read_text(pid, text, sizeof(text) - 1);
	const char *fields;

	text[length > 0 ? length : 0] = '\0';
	fields = strrchr(text, ')');
	return fields && sscanf(fields + 1,
				" %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
				"%*d %*d %*d %llu %llu %lld",
				&process->state, &process->start_ticks, &process->virtual_bytes,
				&process->resident_pages) == 4;
}

bool rk_proc_stat_start_unix(const struct rk_proc_stat *process, double *seconds)
{
	struct timespec wall, boot;
	long hz = sysconf(_SC_CLK_TCK);

	if (hz <= 0 || clock_gettime(CLOCK_REALTIME, &wall) || clock_gettime(CLOCK_BOOTTIME, &boot))
		return false;
	*seconds = (double)(wall.tv_sec - boot.tv_sec) +
		   (double)(wall.tv_nsec - boot.tv_nsec) / 1e9 +
		   (double)process->start_ticks / (double)hz;
	return true;
}
