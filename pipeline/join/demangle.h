/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/demangle.h - C++ and Rust names as people write them, within bounds.
 *
 * The names come from whoever traced program there is, and the demangler was not written for
 * strangers: it recurses, it takes stack by the length of the name, and by its substitutions a
 * name of 200 bytes can stand for one of gigabytes. So names are bounded before and after.
 */
#ifndef RK_PIPELINE_JOIN_DEMANGLE_H
#define RK_PIPELINE_JOIN_DEMANGLE_H

#include <stddef.h>

/* As deep as nests what fits: 1 MiB of stack, half of what rk-exporter has (measured). */
#define RK_DEMANGLE_BYTES_MAX 8192u
#define RK_DEMANGLED_SIZE     (64u << 10)

/**
 * Write the whole name that @mangled stands for.
 *
 * Context: any thread with 2 MiB of stack. Does not allocate.
 * Return: its length; 0 when @mangled is none, or one of the bounds is passed.
 */
size_t rk_demangle(const char *mangled, char *out, size_t size);

/**
 * The name in front of the template arguments, for names that are too long to be demangled:
 * "cutlass::device_kernel". Nothing but lengths are looked at.
 *
 * Context: any. Does not allocate. Return: its length; 0 when there is none.
 */
size_t rk_demangle_base(const char *mangled, char *out, size_t size);

#endif
