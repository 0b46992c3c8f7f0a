/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_names.h - kernel names of activity records as rk_intern ids.
 *
 * A record points at a name that CUPTI owns and that may go when the module is unloaded, so
 * the name is copied while its record is decoded. The cache is by pointer and content: a
 * pointer alone may be handed out again for another name. After an unload every entry is
 * stale and its pointer is not trusted: it is read through the kernel once, which says EFAULT
 * where a plain read would crash the program.
 */
#ifndef RK_CUPTI_CUPTI_NAMES_H
#define RK_CUPTI_CUPTI_NAMES_H

#include <stdatomic.h>
#include <stdint.h>

#define RK_CUPTI_NAMES	  4096	/* direct mapped, 64 KiB; programs have some hundred kernels */
#define RK_CUPTI_NAME_MAX 65536 /* longer names are cut: template instances reach a few KiB */

struct rk_cupti_name {
	uint64_t pointer; /* 0 = unused */
	uint32_t id;
	uint32_t generation;
};

struct rk_cupti_names {
	_Atomic uint32_t generation;		      /* +1 by any thread at each unload */
	struct rk_cupti_name entries[RK_CUPTI_NAMES]; /* the decoding thread's only */
	char buffer[RK_CUPTI_NAME_MAX];		      /* the decoding thread's only */
};

/**
 * The string id of the name at address @pointer.
 *
 * Context: cupti, one thread at a time. Does not malloc.
 * Return: 0 for a null pointer and for memory that cannot be read.
 */
uint32_t rk_cupti_names_get(struct rk_cupti_names *names, uint64_t pointer);

/**
 * Make every cached pointer stale.
 *
 * Context: any, hooks included: one atomic addition.
 */
void rk_cupti_names_forget(struct rk_cupti_names *names);

#endif
