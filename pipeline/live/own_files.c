/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/own_files.c - close_range, else unshare, else sharing.
 */
#include "pipeline/live/own_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/log.h"
#include "core/proc_stat.h"
#include "core/process_id.h"
#include "core/sandbox.h"

/* Of the calling thread, whatever table the program has. */
#define OWN_TABLE      "/proc/thread-self/fd"

/* Before Linux 5.9: the table is copied, then emptied by hand. */
static bool empty_by_hand(void)
{
	DIR *folder;
	struct dirent *entry;

	if (unshare(CLONE_FILES))
		return false;
	folder = opendir(OWN_TABLE);
	if (!folder)
		return true;
	while ((entry = readdir(folder))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (fd > STDERR_FILENO && fd != dirfd(folder))
			close(fd);
	}
	closedir(folder);
	return true;
}

static void put_null(int fd)
{
	int null = rk_sandbox_open("/dev/null", O_RDWR | O_CLOEXEC, 0);

	if (null < 0) {
		close(fd);
		return;
	}
	if (null != fd) {
		dup3(null, fd, O_CLOEXEC);
		close(null);
	}
}

void rk_own_files_take(struct rk_own_files *files)
{
	struct stat status;

	memset(files, 0, sizeof(*files));
	files->is_own =
		syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, CLOSE_RANGE_UNSHARE) == 0 ||
		empty_by_hand();
	if (fstat(STDERR_FILENO, &status) == 0) {
		files->stderr_is_terminal = isatty(STDERR_FILENO);
		files->stderr_device = status.st_dev;
		files->stderr_inode = status.st_ino;
	} else {
		files->stderr_let_go = true;
	}
	if (!files->is_own) {
		rk_log_warn("exporter: could not get a descriptor table of its own; "
			    "ours are in the program's");
		return;
	}
	rk_sandbox_watch();
	rk_proc_stat_keep_own();
	put_null(STDIN_FILENO);
	put_null(STDOUT_FILENO);
	if (files->stderr_let_go)
		put_null(STDERR_FILENO);
}

bool rk_own_files_has_stderr(const struct rk_own_files *files)
{
	struct stat status;
	char path[64];

	rk_process_path(path, sizeof(path), "fd/2");
	if (files->stderr_let_go || stat(path, &status))
		return false;
	return status.st_dev == files->stderr_device && status.st_ino == files->stderr_inode;
}

void rk_own_files_check(struct rk_own_files *files)
{
	struct stat status;
	char path[64];

	rk_process_path(path, sizeof(path), "fd");
	/* A main thread that has ended has no table to look at: that is no reason. */
	if (!files->is_own || files->stderr_let_go || fstatat(AT_FDCWD, path, &status, 0) ||
	    rk_own_files_has_stderr(files))
		return;
	files->stderr_let_go = true;
	put_null(STDERR_FILENO);
}
