/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/program_file.h - which file a command line starts.
 */
#ifndef RK_TOOLS_PROGRAM_FILE_H
#define RK_TOOLS_PROGRAM_FILE_H

#include <limits.h>
#include <stddef.h>

/**
 * As the shell does it: a name with a '/' as it is, any other along PATH.
 *
 * Context: tools. Return: 0, -ENOENT, -EACCES, -EISDIR, or what stat() said.
 */
int rk_program_file_find(const char *name, char path[PATH_MAX]);

/**
 * What may have been meant by @name, which cannot be run: "; did you mean ./app?", or how a trace
 * file is read; else "".
 *
 * Context: tools. Return: @out.
 */
const char *rk_program_file_hint(const char *name, char *out, size_t size);

/**
 * The program that runs the script @path: the word behind "#!", or the program that env is to
 * find.
 *
 * Context: tools. Return: 0; -ENOEXEC when it is no script; as rk_program_file_find().
 */
int rk_program_file_interpreter(const char *path, char interpreter[PATH_MAX]);

#endif
