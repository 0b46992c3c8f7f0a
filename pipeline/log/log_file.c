/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_file.c - append, look now and then, move out of the way.
 */
#include "pipeline/log/log_file.h"
#include "core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* How old the knowledge of the file may be, others write to it as well. */
#define CHECK_AFTER_NS	  100000000ull
#define CHECK_AFTER_BYTES 16384u

/* Take over what @fd is. */
static int adopt(struct rk_log_file *file, int fd)
{
	struct stat status;

	if (fstat(fd, &status)) {
		int err = -errno;

		close(fd);
		return err;
	}
	if (file->fd >= 0)
		close(file->fd);
	file->fd = fd;
	file->size = (uint64_t)status.st_size;
	file->unchecked = 0;
	file->device = status.st_dev;
	file->inode = status.st_ino;
	file->is_regular = S_ISREG(status.st_mode);
	file->is_torn = false;
	return 0;
}

static int open_path(const char *path)
{
	/* Not blocking: a path may be a pipe, and a pipe full. */
	int fd = rk_sandbox_open(path,
				 O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC |
					 O_NONBLOCK | O_NOCTTY,
				 0600);

	return fd < 0 ? -errno : fd;
}

int rk_log_file_open(struct rk_log_file *file, const char *path, uint64_t max_bytes,
		     uint32_t max_files)
{
	int fd;

	memset(file, 0, sizeof(*file));
	file->fd = -1;
	file->max_bytes = max_bytes;
	file->max_files = max_files ? max_files : 1;
	if ((size_t)snprintf(file->path, sizeof(file->path), "%s", path) >= sizeof(file->path))
		return -ENAMETOOLONG;
	fd = open_path(path);
	return fd < 0 ? fd : adopt(file, fd);
}

void rk_log_file_close(struct rk_log_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* Whether the path is still the file that is open. */
static bool is_in_place(const struct rk_log_file *file)
{
	struct stat status;

	return lstat(file->path, &status) == 0 && status.st_dev == file->device &&
	       status.st_ino == file->inode;
}

/* Somebody moved it, or removed it. What cannot be opened again goes on where it is. */
static void follow_path(struct rk_log_file *file)
{
	int fd;

	if (is_in_place(file))
		return;
	fd = open_path(file->path);
	if (fd >= 0)
		adopt(file, fd);
}

static void name_older(const struct rk_log_file *file, uint32_t number, char *out, size_t size)
{
	if (number)
		snprintf(out, size, "%s.%u", file->path, number);
	else
		snprintf(out, size, "%s", file->path);
}

/* Up to the first number that is free, so that keeping many costs nothing while there are few. */
static void move_older(const struct rk_log_file *file)
{
	char from[PATH_MAX + 16], to[PATH_MAX + 16];
	uint32_t last = 0;

	do
		name_older(file, ++last, to, sizeof(to));
	while (last < file->max_files && access(to, F_OK) == 0);
	for (; last > 0; last--) {
		name_older(file, last - 1, from, sizeof(from));
		name_older(file, last, to, sizeof(to));
		rename(from, to);
	}
}

static void rotate(struct rk_log_file *file)
{
	int locked = file->fd;

	/* Who does not get the lock finds the new file at the next look. */
	if (flock(locked, LOCK_EX | LOCK_NB))
		return;
	if (is_in_place(file))
		move_older(file);
	follow_path(file);
	if (file->fd == locked)
		flock(locked, LOCK_UN);
}

static void look(struct rk_log_file *file, uint64_t now_ns)
{
	struct stat status;

	file->checked_ns = now_ns;
	file->unchecked = 0;
	follow_path(file);
	if (fstat(file->fd, &status) == 0)
		file->size = (uint64_t)status.st_size;
}

static void prepare(struct rk_log_file *file, size_t length, uint64_t now_ns)
{
	if (!file->is_regular)
		return;
	if (file->unchecked >= CHECK_AFTER_BYTES || now_ns >= file->checked_ns + CHECK_AFTER_NS ||
	    file->size + length > file->max_bytes)
		look(file, now_ns);
	if (file->size && file->size + length > file->max_bytes)
		rotate(file);
}

static int append(struct rk_log_file *file, const char *bytes, size_t length)
{
	ssize_t written;

	do
		written = write(file->fd, bytes, length);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	file->size += (uint64_t)written;
	file->unchecked += (uint64_t)written;
	file->is_torn = (size_t)written < length;
	return file->is_torn ? -ENOSPC : 0;
}

int rk_log_file_write(struct rk_log_file *file, const char *line, size_t length, uint64_t now_ns)
{
	int err = 0;

	if (file->fd < 0)
		return -EBADF;
	prepare(file, length, now_ns);
	if (file->is_torn)
		err = append(file, "\n", 1);
	return err ? err : append(file, line, length);
}
