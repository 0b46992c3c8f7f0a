/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/libc_symbol.h - a function of the C library, without asking the dynamic linker.
 *
 * We export dlsym() and dlvsym() ourselves, so the first of them cannot be found by calling
 * the other: it is read from the symbol table of the libc that is loaded.
 */
#ifndef RK_INTERPOSE_LIBC_SYMBOL_H
#define RK_INTERPOSE_LIBC_SYMBOL_H

#include <stdbool.h>

/* For what may run before a sanitizer's own library is ready: not instrumented. */
#define RK_RAW __attribute__((no_sanitize("address", "thread", "undefined")))

/**
 * Whether the libc of the process is glibc, the only one that this library traces under. In a
 * program of another, say musl, it must load, stay inert and pass every call on.
 *
 * Context: any. Calls nothing.
 */
bool rk_libc_symbol_is_glibc(void);

/**
 * Address of the default version of @name in the process's libc, glibc or musl.
 *
 * Context: any, before every constructor included. Calls nothing, takes no lock.
 * Return: NULL if there is no such libc in the process, or no such function in it.
 */
void *rk_libc_symbol_find(const char *name);

#endif
