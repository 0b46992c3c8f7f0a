/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/memory.h - the record of a call that takes memory or gives it back.
 *
 * What the call says is told, and nothing is kept here: whose memory an address is, who holds
 * it, and what a context takes with it, is known where the records of all threads meet.
 */
#ifndef RK_INTERPOSE_MEMORY_H
#define RK_INTERPOSE_MEMORY_H

#include "interpose/hook.h"

struct rk_memory {
	uint64_t ptr, bytes, stream;
	uint8_t pool, act, place;
};

RK_HOOK_INLINE void rk_memory_fill(struct rk_hook *hook, uint8_t kind, struct rk_memory memory)
{
	hook->rec.kind = kind;
	hook->rec.mem.ptr = memory.ptr;
	hook->rec.mem.bytes = memory.bytes;
	hook->rec.mem.stream = memory.stream;
	hook->rec.mem.pool = memory.pool;
	hook->rec.mem.act = memory.act;
	hook->rec.mem.place = memory.place;
}

/* What a successful call has stored through @out. */
RK_HOOK_INLINE uint64_t rk_memory_result(CUresult result, const void *out)
{
	return result == CUDA_SUCCESS && out ? *(const uint64_t *)out : 0;
}

/* Devices from 254 on do not fit, and count for the context's. */
RK_HOOK_INLINE uint8_t rk_memory_place(CUdevice device)
{
	return device >= 0 && device < RK_MEMORY_HOST - 1 ? (uint8_t)(device + 1) : 0;
}

/* All memory of the host is the same here: which node of it nobody asks. */
RK_HOOK_INLINE uint8_t rk_memory_location(const CUmemLocation *location)
{
	if (location->type == CU_MEM_LOCATION_TYPE_DEVICE)
		return rk_memory_place(location->id);
	return location->type == CU_MEM_LOCATION_TYPE_HOST ||
			       location->type == CU_MEM_LOCATION_TYPE_HOST_NUMA ||
			       location->type == CU_MEM_LOCATION_TYPE_HOST_NUMA_CURRENT ?
		       RK_MEMORY_HOST :
		       0;
}

#endif
