/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/library_list.h - which libraries a program's own loader finds, without running it.
 */
#ifndef RK_TOOLS_LIBRARY_LIST_H
#define RK_TOOLS_LIBRARY_LIST_H

/**
 * Ask glibc's loader for the libraries of @program, in this environment.
 *
 * @loader: the program's PT_INTERP.
 * @found: called for each; @path is NULL for one that is missing.
 * Context: tools. Return: 0; -ENOTSUP for a loader that cannot be asked; -errno.
 */
int rk_library_list(const char *loader, const char *program,
		    void (*found)(void *data, const char *name, const char *path), void *data);

#endif
