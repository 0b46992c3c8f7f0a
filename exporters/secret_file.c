/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/secret_file.c - open, look, read.
 */
#include "exporters/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sandbox.h"

static const char *who(const struct rk_secret_file *file)
{
	return file->who ? file->who : "otlp";
}

static void check_mode(struct rk_secret_file *file, mode_t mode)
{
	if (!(mode & 077) || file->said_mode)
		return;
	file->said_mode = true;
	if (file->what)
		rk_log_warn("%s: %s %s can be read by others than its owner (mode %03o); 600 keeps "
			    "its secrets",
			    who(file), file->what, file->path, (unsigned)mode & 0777);
}

static ssize_t read_open(struct rk_secret_file *file, int fd, char *text, size_t size)
{
	struct stat stat;
	ssize_t length;

	if (fstat(fd, &stat))
		return -errno;
	file->device = stat.st_dev;
	file->inode = stat.st_ino;
	file->changed = stat.st_mtim;
	if (!S_ISREG(stat.st_mode))
		return -EINVAL;
	check_mode(file, stat.st_mode);
	length = read(fd, text, size);
	return length < 0 ? -errno : length;
}

static const char *why(int err)
{
	switch (err) {
	case -EINVAL:
		return "it is not a regular file";
	case -ENODATA:
		return "it is empty";
	case -EBADMSG:
		return "it is too long, or has more than one line";
	default:
		return rk_strerror(err);
	}
}

/* Said when it begins: the file may be read again every few seconds. */
static void note(struct rk_secret_file *file, ssize_t result)
{
	if (result < 0 && !file->is_failing && file->what)
		rk_log_warn("%s: could not read %s %s: %s", who(file), file->what, file->path,
			    why((int)result));
	file->is_failing = result < 0;
}

static ssize_t read_file(struct rk_secret_file *file, char *text, size_t size)
{
	/* Not blocking: it might be a pipe, which is refused. */
	int fd = rk_sandbox_open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read_open(file, fd, text, size);
	close(fd);
	return length;
}

ssize_t rk_secret_file_read(struct rk_secret_file *file, char *text, size_t size)
{
	ssize_t length = read_file(file, text, size);

	note(file, length);
	return length;
}

/* In place. Return: length of the one line; -ENODATA, -EBADMSG. */
static ssize_t trim(char *line, size_t length)
{
	size_t start = 0;

	while (length && strchr(" \t\r\n", line[length - 1]))
		length--;
	while (start < length && strchr(" \t\r\n", line[start]))
		start++;
	memmove(line, line + start, length - start);
	length -= start;
	line[length] = '\0';
	if (!length)
		return -ENODATA;
	return memchr(line, '\n', length) || strlen(line) != length ? -EBADMSG : (ssize_t)length;
}

ssize_t rk_secret_file_read_line(struct rk_secret_file *file, char *line, size_t size)
{
	ssize_t length = read_file(file, line, size);

	if (length == (ssize_t)size)
		length = -EBADMSG;
	if (length >= 0)
		length = trim(line, (size_t)length);
	if (length < 0)
		explicit_bzero(line, size);
	note(file, length);
	return length;
}

bool rk_secret_file_has_changed(const struct rk_secret_file *file)
{
	struct stat now;

	/* One that is away for a moment is being replaced. */
	if (stat(file->path, &now))
		return false;
	return now.st_dev != file->device || now.st_ino != file->inode ||
	       now.st_mtim.tv_sec != file->changed.tv_sec ||
	       now.st_mtim.tv_nsec != file->changed.tv_nsec;
}
