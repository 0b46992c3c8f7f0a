/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_file.h - lines in a file that does not grow for ever.
 *
 *   app.log -> app.log.1 -> app.log.2 ... -> app.log.<max_files>, then gone
 *
 * Several processes may share one file: each line is one write to the end of it, who finds it
 * too big moves it away under a lock, and the others notice and open the new one. So does a
 * logrotate that renames. A line that does not fit on the disk is lost; what there is of it is
 * ended before the next one begins.
 */
#ifndef RK_PIPELINE_LOG_LOG_FILE_H
#define RK_PIPELINE_LOG_LOG_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rk_log_file {
	char path[PATH_MAX];
	int fd; /* -1 = closed */
	uint64_t max_bytes;
	uint32_t max_files;
	uint64_t size;	       /* at the last look, and what was written since */
	uint64_t unchecked;    /* bytes since the last look */
	uint64_t checked_ns;
	dev_t device;
	ino_t inode;
	bool is_regular; /* else a pipe or a device, never moved */
	bool is_torn;	 /* the last line stops in its middle */
};

/**
 * Open @path to append: 0600 if it is new, never through a symbolic link.
 *
 * @max_files: how many old ones are kept, at least 1.
 * Context: exporter. Return: 0; -errno, *file is then closed.
 */
int rk_log_file_open(struct rk_log_file *file, const char *path, uint64_t max_bytes,
		     uint32_t max_files);

/**
 * Append one line. Moves a file that would become too big out of the way before.
 *
 * @now_ns: of any clock that only goes forward.
 * Context: exporter; a full pipe does not block.
 * Return: 0; -errno: the line is lost.
 */
int rk_log_file_write(struct rk_log_file *file, const char *line, size_t length, uint64_t now_ns);
void rk_log_file_close(struct rk_log_file *file);

#endif
