/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_library.h - libcupti by dlopen, as one typed table of functions.
 *
 * Nothing is linked and no version is compared at compile time: what the library at hand
 * can do is asked with dlsym. A library that is already in the process is always taken,
 * because two libcupti in one process fight for the same driver hooks.
 */
#ifndef RK_CUPTI_CUPTI_LIBRARY_H
#define RK_CUPTI_CUPTI_LIBRARY_H

#include <cupti.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cupti/cupti_v2.h"

struct rk_cupti_library {
	void *handle;
	char path[256];
	uint32_t version; /* cuptiGetVersion() */
	struct rk_cupti_v2 v2;
	bool has_v2;
#define RK_CUPTI_REQUIRED(function) __typeof__(&function) function;
#define RK_CUPTI_OPTIONAL(function) __typeof__(&function) function; /* may be NULL */
#include "cupti/cupti_functions.def"
};

/**
 * Find and open libcupti, and look its functions up.
 *
 * Order: one already in the process; @configured, and then no other; the folders of the
 * process's libcudart and libcuda; CUDA_HOME or CUDA_PATH; /usr/local/cuda; the loader's
 * own search.
 *
 * @configured: a path, "" = look for it.
 * @reason: receives one line for people when the answer is not 0.
 * Context: init; the caller's hook depth is > 0. Ownership: the library is never closed.
 * Return: 0; -ENOENT when there is none or it lacks a required function or is too old.
 */
int rk_cupti_library_open(struct rk_cupti_library *library, const char *configured, char *reason,
			  size_t reason_size);

/**
 * CUPTI's own words for @result, or its number.
 *
 * Context: any. Ownership: borrowed; @buffer or static.
 */
const char *rk_cupti_library_strerror(const struct rk_cupti_library *library, CUptiResult result,
				      char *buffer, size_t size);

#endif
