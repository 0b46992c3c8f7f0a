/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/output_file.h - the one file that a verb makes, as a stream: whole, or not there.
 */
#ifndef RK_TOOLS_OUTPUT_FILE_H
#define RK_TOOLS_OUTPUT_FILE_H

#include <limits.h>
#include <stdio.h>

#include "tools/export_file.h"

struct rk_output_file {
	struct rk_export_file file; /* .wanted as of -o, .may_replace */
	const char *input;	    /* the trace file; without -o its name and .suffix are taken */
	const char *suffix;
	FILE *stream;
	char made[PATH_MAX]; /* private */
};

/**
 * Settle the name, and see whether the file may be made, before there is work to be lost.
 *
 * Context: tools. Return: RK_TOOL_OK; RK_TOOL_CANNOT_WRITE after a message.
 */
int rk_output_file_check(struct rk_output_file *output, const char *verb);

/**
 * Open it for writing, by .stream.
 *
 * Context: tools. Return: as above; then it is not open.
 */
int rk_output_file_open(struct rk_output_file *output, const char *verb);

/**
 * Close it. With a @status other than RK_TOOL_OK, or if not all of it could be written, there is
 * no such file.
 *
 * Context: tools. Return: @status, or RK_TOOL_CANNOT_WRITE after a message.
 */
int rk_output_file_close(struct rk_output_file *output, const char *verb, int status);

#endif
