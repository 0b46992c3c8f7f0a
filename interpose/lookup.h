/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/lookup.h - how programs find the driver's functions, and what we answer.
 *
 * Four routes lead to a driver function: the plain exported symbol, dlsym() and dlvsym(), and
 * cuGetProcAddress() in both versions. Whatever the route, the real lookup is made first, with
 * the caller's own arguments, and its answer is replaced only when it is the address that
 * libcuda exports for that very function. Everything else is passed on as it is.
 *
 * dlsym() and dlvsym() themselves are assembly: for a name that is not ours, and for RTLD_NEXT
 * and RTLD_DEFAULT, whose meaning depends on who calls, they are a jump and leave no frame.
 */
#ifndef RK_INTERPOSE_LOOKUP_H
#define RK_INTERPOSE_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "interpose/api.h"

/**
 * Number of @name among the functions that are ours: an enum rk_api, or RK_API_COUNT + an
 * enum rk_guest_function.
 *
 * Context: any, before every constructor included. Calls nothing.
 * Return: -1 for any other name.
 */
int rk_lookup_find(const char *name);

/**
 * The libc's own dlsym() (or the next interposer's), as a caller in this library.
 *
 * Context: any but hooks' fast paths. Takes the loader's lock.
 * Return: NULL if there is no such symbol.
 */
void *rk_lookup_symbol(void *handle, const char *name);

/**
 * Whether libcuda is in the process. Pins it when it is: it will not be unloaded any more.
 *
 * Context: any but hooks' fast paths. Preserves errno.
 */
bool rk_lookup_has_driver(void);

/**
 * A function of libcuda by its exported name, wrapped or not.
 *
 * Context: any but hooks' fast paths. Preserves errno.
 * Return: NULL without a driver or when it lacks the function.
 */
void *rk_lookup_driver(const char *name);

/**
 * What a wrapper has to call: the next library that exports the name, else libcuda.
 *
 * Context: any but hooks' fast paths. Preserves errno.
 * Return: NULL when there is none.
 */
void *rk_lookup_real(enum rk_api api);

/**
 * What to hand out for @found, the real answer to a question for @api.
 *
 * Context: app. Return: the wrapper, or @found, which is then counted as unwrapped.
 */
void *rk_lookup_wrap(enum rk_api api, void *found);

/**
 * The same for an answer of cuGetProcAddress(@name, @version, @flags). A name that has no
 * wrapper in any version is none of our business and not counted.
 *
 * Context: app. Return: the wrapper or @found.
 */
void *rk_lookup_wrap_request(const char *name, int version, uint64_t flags, void *found);

/**
 * How often a wrapper was handed out, and how often a function that has one was handed out
 * without it.
 *
 * Context: any.
 */
uint64_t rk_lookup_wrapped(void);
uint64_t rk_lookup_unwrapped(void);

#endif
