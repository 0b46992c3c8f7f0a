/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/secret_file.h - files that hold what nobody else may know.
 *
 * They are read when they are used, so one that is replaced goes on working; they have to be
 * regular files; one that others than its owner may read is used, with a warning. No message
 * shows what is in them.
 */
#ifndef RK_EXPORTERS_SECRET_FILE_H
#define RK_EXPORTERS_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <sys/types.h>

/* A file, and what it was like when it was read. */
struct rk_secret_file {
	const char *path; /* borrowed */
	const char *what; /* the setting, for messages, borrowed; NULL = nothing is said */
	const char *who;  /* the first word of messages; NULL = "otlp" */
	dev_t device;
	ino_t inode;
	struct timespec changed;
	bool said_mode;	 /* that others may read it */
	bool is_failing; /* and that was said */
};

/**
 * Its bytes, @size at most.
 *
 * Context: exporter.
 * Return: length; -errno, and it was said the first time: -EINVAL when it is no regular file.
 */
ssize_t rk_secret_file_read(struct rk_secret_file *file, char *text, size_t size);

/**
 * Its one line: without line ends and blanks around it, ended by a NUL.
 *
 * Context: exporter.
 * Return: length, at least 1; -errno, and it was said the first time: -ENODATA when it is
 *         empty, -EBADMSG when it has several lines or does not fit.
 */
ssize_t rk_secret_file_read_line(struct rk_secret_file *file, char *line, size_t size);

/**
 * Whether another content is there than was read last.
 *
 * Context: exporter. One stat(2).
 */
bool rk_secret_file_has_changed(const struct rk_secret_file *file);

#endif
