/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/summary.h - the verdict of a trace file, as the live run prints it.
 */
#ifndef RK_TOOLS_SUMMARY_H
#define RK_TOOLS_SUMMARY_H

#include <stdio.h>

/**
 * Read @path and print its verdict on @out.
 *
 * Context: tools. Return: a status; a file that cannot be read was named.
 */
int rk_summary_print(const char *verb, const char *path, FILE *out);

#endif
