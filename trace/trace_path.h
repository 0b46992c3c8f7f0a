/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_path.h - the setting trace.file as the name of one process's file.
 *
 *   %p pid   %h host   %e executable   %t start (20260131T235959Z)   %q{VAR} variable   %% %
 *   auto, or a name that ends in '/': <executable>.<pid>.<start>.rkt.zst
 */
#ifndef RK_TRACE_TRACE_PATH_H
#define RK_TRACE_TRACE_PATH_H

#include <stddef.h>
#include <stdint.h>

struct rk_trace_path_vars {
	const char *executable; /* a path is fine: its last part is used */
	const char *host;
	uint32_t pid;
	uint64_t start_wall_ns;
	/* The environment was copied at start; this looks a name up there. NULL = unset. */
	const char *(*get_env)(const char *name, void *data);
	void *data;
};

/**
 * Expand @pattern. In %h and %e everything but letters, digits and "._+@=-" becomes '_', so
 * that neither can name another folder; in %q, which the user wrote and may well be a folder,
 * only control characters do. An unset variable is "".
 *
 * Context: any but hooks. Does not allocate. Logs what is wrong with the pattern, once.
 * Return: 0; -EINVAL (unknown field, %q without braces, empty result), -ENAMETOOLONG. Then
 *         @out is "".
 */
int rk_trace_path_expand(char *out, size_t size, const char *pattern,
			 const struct rk_trace_path_vars *vars);

#endif
