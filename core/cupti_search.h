/* SPDX-License-Identifier: Apache-2.0
 *
 * core/cupti_search.h - where libcupti is looked for, by the tracer and by `rktrace doctor`.
 *
 * One order for both, so that what doctor names is what a program gets: the library that the
 * process has already; the configured one; beside libcudart and libcuda; CUDA_HOME, CUDA_PATH,
 * /usr/local/cuda; the loader's own search. The newest version of a place comes first.
 */
#ifndef RK_CORE_CUPTI_SEARCH_H
#define RK_CORE_CUPTI_SEARCH_H

#include <stddef.h>

enum rk_cupti_neighbour { RK_CUPTI_BY_RUNTIME, RK_CUPTI_BY_DRIVER, RK_CUPTI_NEIGHBOURS };

struct rk_cupti_search {
	char loaded[256]; /* a libcupti of this process; "" = none */
	char folders[RK_CUPTI_NEIGHBOURS][256]; /* of libcudart, libcuda; "" = not loaded */
};

/**
 * Take the places from what this process has loaded.
 *
 * Context: any but a hook: takes the loader's lock.
 */
void rk_cupti_search_init(struct rk_cupti_search *search);

/**
 * Open the first libcupti that there is.
 *
 * @configured: path or name; "" = none. One that cannot be opened ends the search.
 * @reason: why there is none.
 * Context: any but a hook. Return: a handle of dlopen(); NULL when there is none.
 */
void *rk_cupti_search_open(const struct rk_cupti_search *search, const char *configured,
			   char *reason, size_t reason_size);

#endif
