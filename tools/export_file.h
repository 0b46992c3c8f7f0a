/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_file.h - the files of an export: they get their names when they are whole.
 *
 * Until then a part is NAME.partial. An existing file stays unless the user said otherwise.
 */
#ifndef RK_TOOLS_EXPORT_FILE_H
#define RK_TOOLS_EXPORT_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct rk_export_file {
	const char *wanted; /* -o; NULL or "-" = standard output */
	bool is_split, may_replace;
	uint32_t part;	    /* 1, 2, 3... */
	bool is_direct;	    /* a device or a pipe, standard output: no name to give */
	char name[PATH_MAX], partial[PATH_MAX + 16];
};

/**
 * Prepare the next part; nothing is created.
 *
 * Context: tools. Return: RK_TOOL_OK, RK_TOOL_CANNOT_WRITE with a message.
 */
int rk_export_file_begin(struct rk_export_file *file, const char *verb);

/**
 * Open what rk_export_file_begin() prepared, for formats that write it themselves.
 *
 * Context: tools. Ownership: the caller, close(). Return: a descriptor, -errno.
 */
int rk_export_file_open(const struct rk_export_file *file);

/**
 * Give the part its name / remove it.
 *
 * Context: tools. Return: 0, -errno.
 */
int rk_export_file_commit(const struct rk_export_file *file);
void rk_export_file_discard(const struct rk_export_file *file);

/**
 * What messages call it.
 *
 * Context: any.
 */
const char *rk_export_file_name(const struct rk_export_file *file);

#endif
