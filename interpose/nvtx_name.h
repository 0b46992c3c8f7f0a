/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/nvtx_name.h - what a program names by NVTX: domains, strings, categories, threads.
 *
 * Handles that the program holds stay valid for ever: a domain that was destroyed keeps its
 * place, and one of the same name gets it again. So a handle that is used too late, or that
 * another copy of NVTX made, does no harm. All tables are of a fixed size; what does not fit has
 * no name, and the range is recorded all the same.
 */
#ifndef RK_INTERPOSE_NVTX_NAME_H
#define RK_INTERPOSE_NVTX_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#define RK_NVTX_WIDE_BYTES 4096u /* of a wide text as UTF-8; the rest is cut */

struct rk_nvtx_domain {
	_Atomic uint32_t name; /* string; 0 = free place */
};

/**
 * The domain @name, a new one if need be.
 *
 * Context: app. Does not lock. Return: never NULL.
 */
const struct rk_nvtx_domain *rk_nvtx_domain_create(const char *name);

/**
 * The domain of a handle that came from the program; NULL, the default one, for whatever is none.
 *
 * Context: app.
 */
const struct rk_nvtx_domain *rk_nvtx_domain_of(const void *handle);

/**
 * Its name; "" for the default one.
 *
 * Context: app. Ownership: borrowed for ever.
 */
const char *rk_nvtx_domain_name(const struct rk_nvtx_domain *domain);

/**
 * A handle for a copy of @text / the text of a handle, "" for whatever is none.
 *
 * Context: app. Does not lock.
 */
void *rk_nvtx_string_create(const char *text);
const char *rk_nvtx_string_of(const void *handle);

/**
 * Name category @category of @domain / its name, "" = it has none.
 *
 * Context: app. Does not lock.
 */
void rk_nvtx_category_set(const struct rk_nvtx_domain *domain, uint32_t category, const char *name);
const char *rk_nvtx_category_name(const struct rk_nvtx_domain *domain, uint32_t category);

/**
 * Note the name of thread @tid / whether any waits / take that of @tid, "" = none.
 *
 * Context: app. Does not lock.
 */
void rk_nvtx_thread_set(uint32_t tid, const char *name);
bool rk_nvtx_thread_is_named(void);
const char *rk_nvtx_thread_take(uint32_t tid);

/**
 * UTF-8 of @text.
 *
 * Context: app. Return: @out; NULL for NULL.
 */
const char *rk_nvtx_narrow(const wchar_t *text, char out[RK_NVTX_WIDE_BYTES]);

#endif
