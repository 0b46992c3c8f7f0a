/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/own_files.h - a descriptor table of the thread's own.
 *
 * With it no descriptor of ours is ever in the program's table, and none of the program's is
 * held open by us (a pipe's reader would never see the end). Standard input and output become
 * /dev/null in it; standard error stays for as long as the program's own is the same file.
 */
#ifndef RK_PIPELINE_LIVE_OWN_FILES_H
#define RK_PIPELINE_LIVE_OWN_FILES_H

#include <stdbool.h>
#include <sys/types.h>

struct rk_own_files {
	bool is_own;		 /* false: the kernel refused, the table is the program's */
	bool stderr_is_terminal; /* at the start */
	bool stderr_let_go;	 /* the program's became another file */
	dev_t stderr_device;
	ino_t stderr_inode;
};

/**
 * Take a table of one's own and close everything in it but standard error.
 *
 * Context: exporter, at its start; before it opens anything.
 */
void rk_own_files_take(struct rk_own_files *files);

/**
 * Whether standard error is still the file it was, in the program's table.
 *
 * Context: exporter.
 */
bool rk_own_files_has_stderr(const struct rk_own_files *files);

/**
 * Let go of standard error if the program has: it may be a pipe whose reader waits for its end.
 *
 * Context: exporter, now and then.
 */
void rk_own_files_check(struct rk_own_files *files);

#endif
