/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/libc_symbol.h - a function of the C library, without asking the dynamic linker.
 *
 * We export dlsym() and dlvsym() ourselves, so the first of them cannot be found by calling
 * the other: it is read from the symbol table of the libc that is loaded.
 */
#ifndef RK_INTERPOSE_LIBC_SYMBOL_H
#define RK_INTERPOSE_LIBC_SYMBOL_H

/* For what may run before a sanitizer's own library is ready: not instrumented. */
#define RK_RAW __attribute__((no_sanitize("address", "thread", "undefined")))

/**
 * Address of the default version of @name in libc.so.6.
 *
 * Context: any, before every constructor included. Calls nothing, takes no lock.
 * Return: NULL if there is no such libc in the process, or no such function in it.
 */
void *rk_libc_symbol_find(const char *name);

#endif
