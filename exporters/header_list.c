/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/header_list.c - parse, decode, hand to the call.
 */
#include "exporters/header_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"

#define FILE_BYTES_MAX (64u << 10)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. A '%' that starts no escape stays: tokens are pasted as they are. */
static void percent_decode(char *text)
{
	char *out = text;

	while (*text) {
		int high = *text == '%' ? hex_digit(text[1]) : -1;
		int low = high < 0 ? -1 : hex_digit(text[2]);

		if (low < 0) {
			*out++ = *text++;
			continue;
		}
		*out++ = (char)(high << 4 | low);
		text += 3;
	}
	*out = '\0';
}

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r", end[-1]))
		end--;
	*end = '\0';
	return text;
}

/* These describe the body, which is ours. */
static bool is_ours(const char *name)
{
	return strcasecmp(name, "Content-Type") == 0 || strcasecmp(name, "Content-Length") == 0 ||
	       strcasecmp(name, "Content-Encoding") == 0 ||
	       strcasecmp(name, "Transfer-Encoding") == 0;
}

void rk_header_list_each(const char *list, const char *what, rk_header_fn add, void *data)
{
	char *copy = strdup(list), *rest = copy, *item;
	unsigned position = 0;

	while (copy && (item = strsep(&rest, ",\n"))) {
		char *value = strchr(item, '=');
		char *name;
		int err = -EINVAL;

		position++;
		if (!*trim(item))
			continue;
		if (value) {
			*value++ = '\0';
			value = trim(value);
			percent_decode(value);
			name = trim(item);
			err = is_ours(name) ? -EINVAL : add(data, name, value);
		}
		if (err && what)
			rk_log_warn("otlp: could not use entry %u of %s: expected "
				    "<header name>=<value>",
				    position, what);
	}
	if (copy)
		explicit_bzero(copy, strlen(list));
	free(copy);
}

/* Return: length; -errno. */
static ssize_t read_file(struct rk_header_file *file, char *text, size_t size)
{
	/* Not blocking: it might be a pipe, which is refused. */
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = fstat(fd, &stat) ? -errno : S_ISREG(stat.st_mode) ? 0 : -EINVAL;
	if (length == 0 || length == -EINVAL) {
		file->device = stat.st_dev;
		file->inode = stat.st_ino;
		file->changed = stat.st_mtim;
	}
	if (length == 0) {
		if (stat.st_mode & 077 && !file->said_mode && file->what)
			rk_log_warn("otlp: %s %s can be read by others than its owner (mode %03o); "
				    "600 keeps its secrets",
				    file->what, file->path, (unsigned)stat.st_mode & 0777);
		file->said_mode |= (stat.st_mode & 077) != 0;
		length = read(fd, text, size);
		if (length < 0)
			length = -errno;
	}
	close(fd);
	return length;
}

bool rk_header_file_each(struct rk_header_file *file, rk_header_fn add, void *data)
{
	char *text = malloc(FILE_BYTES_MAX + 1);
	ssize_t length = text ? read_file(file, text, FILE_BYTES_MAX) : -ENOMEM;

	if (length < 0 && file->what) {
		rk_log_warn("otlp: could not read %s %s: %s", file->what, file->path,
			    length == -EINVAL ? "it is not a regular file" :
						rk_strerror((int)length));
	} else if (length >= 0) {
		text[length] = '\0';
		rk_header_list_each(text, file->what, add, data);
		explicit_bzero(text, (size_t)length);
	}
	free(text);
	return length >= 0;
}

bool rk_header_file_has_changed(const struct rk_header_file *file)
{
	struct stat now;

	/* One that is away for a moment is being replaced. */
	if (stat(file->path, &now))
		return false;
	return now.st_dev != file->device || now.st_ino != file->inode ||
	       now.st_mtim.tv_sec != file->changed.tv_sec ||
	       now.st_mtim.tv_nsec != file->changed.tv_nsec;
}
