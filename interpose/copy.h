/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/copy.h - what the hooks of all functions that copy have in common.
 */
#ifndef RK_INTERPOSE_COPY_H
#define RK_INTERPOSE_COPY_H

#include "interpose/hook.h"

struct rk_copy {
	uint64_t dst, src, bytes, stream;
	uint8_t flags;
};

/* Context: app. Preserves errno. */
RK_HOOK_INLINE void rk_copy_fill(struct rk_hook *hook, struct rk_copy copy)
{
	rk_hook_submit(hook, RK_REC_MEMCPY, copy.stream, copy.flags);
	hook->rec.copy.dst = copy.dst;
	hook->rec.copy.src = copy.src;
	hook->rec.copy.bytes = copy.bytes;
	hook->rec.copy.stream = copy.stream;
}

/* One end of a copy by its description. Context: app. */
RK_HOOK_INLINE uint64_t rk_copy_place(CUmemorytype type, const void *host, CUdeviceptr device,
				      CUarray array)
{
	if (type == CU_MEMORYTYPE_HOST)
		return (uint64_t)host;
	return type == CU_MEMORYTYPE_ARRAY ? (uint64_t)array : (uint64_t)device;
}

#endif
