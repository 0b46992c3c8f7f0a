/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/header_list.h - request headers as people configure them.
 *
 * "name=value,name=value"; values percent-encoded where they hold a comma. In a file, line
 * ends separate too. Values are secrets: no message ever shows one.
 */
#ifndef RK_EXPORTERS_HEADER_LIST_H
#define RK_EXPORTERS_HEADER_LIST_H

#include <stdbool.h>
#include <time.h>

#include <sys/types.h>

/* Takes one header; -EINVAL when it cannot be sent. The strings are wiped afterwards. */
typedef int (*rk_header_fn)(void *data, const char *name, const char *value);

/* A file of headers, and what it was like when it was read. */
struct rk_header_file {
	const char *path; /* borrowed */
	const char *what; /* the setting, for messages, borrowed; NULL = nothing is said */
	dev_t device;
	ino_t inode;
	struct timespec changed;
	bool said_mode; /* that others may read it */
};

/**
 * Hand every header of @list to @add. A bad one is named by its position and left out.
 *
 * @what: the setting, for messages; NULL = nothing is said.
 * Context: exporter.
 */
void rk_header_list_each(const char *list, const char *what, rk_header_fn add, void *data);

/**
 * The same from a file of at most 64 KiB. It has to be a regular file; one that others than its
 * owner may read is used, with a warning.
 *
 * Context: exporter. Return: false when it could not be read, which was then said.
 */
bool rk_header_file_each(struct rk_header_file *file, rk_header_fn add, void *data);

/**
 * Whether another content is there than was read last: tokens are replaced while we run.
 *
 * Context: exporter. One stat(2).
 */
bool rk_header_file_has_changed(const struct rk_header_file *file);

#endif
