/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/memory_virtual.c - hooks of virtual memory management.
 *
 * What counts is the physical memory, once, by its handle. It is gone when the last handle is
 * released and the last mapping undone, so retaining, mapping and unmapping are told, too;
 * reserving addresses takes nothing.
 */
#include "interpose/memory.h"

static inline void fill_handle(struct rk_hook *hook, CUresult result, uint8_t act,
			       const CUmemGenericAllocationHandle *out)
{
	rk_memory_fill(hook, RK_REC_ALLOC,
		       (struct rk_memory){ .ptr = rk_memory_result(result, out),
					   .pool = RK_POOL_VMM,
					   .act = act });
}

static inline void fill_created(struct rk_hook *hook, CUresult result,
				const CUmemGenericAllocationHandle *out, uint64_t size,
				const CUmemAllocationProp *prop)
{
	bool is_read = result == CUDA_SUCCESS || result == CUDA_ERROR_OUT_OF_MEMORY;

	rk_memory_fill(hook, RK_REC_ALLOC,
		       (struct rk_memory){ .ptr = rk_memory_result(result, out),
					   .bytes = size,
					   .pool = RK_POOL_VMM,
					   .place = is_read ? rk_memory_location(&prop->location) :
							      0 });
}

RK_HOOK(cuMemCreate,
	(CUmemGenericAllocationHandle * handle, size_t size, const CUmemAllocationProp *prop,
	 unsigned long long flags),
	(handle, size, prop, flags), fill_created(&hook, result, handle, size, prop))
RK_HOOK(cuMemRetainAllocationHandle, (CUmemGenericAllocationHandle * handle, void *addr),
	(handle, addr), fill_handle(&hook, result, RK_MEMORY_RETAIN, handle))
RK_HOOK(cuMemRelease, (CUmemGenericAllocationHandle handle), (handle),
	rk_memory_fill(&hook, RK_REC_FREE,
		       (struct rk_memory){ .ptr = handle, .pool = RK_POOL_VMM }))
RK_HOOK(cuMemMap,
	(CUdeviceptr ptr, size_t size, size_t offset, CUmemGenericAllocationHandle handle,
	 unsigned long long flags),
	(ptr, size, offset, handle, flags),
	rk_memory_fill(&hook, RK_REC_ALLOC,
		       (struct rk_memory){ .ptr = ptr,
					   .bytes = size,
					   .stream = handle,
					   .pool = RK_POOL_VMM,
					   .act = RK_MEMORY_MAP }))
RK_HOOK(cuMemUnmap, (CUdeviceptr ptr, size_t size), (ptr, size),
	rk_memory_fill(&hook, RK_REC_FREE,
		       (struct rk_memory){ .ptr = ptr,
					   .bytes = size,
					   .pool = RK_POOL_VMM,
					   .act = RK_MEMORY_UNMAP }))

/* Handles that are released like any other, of memory that another process took, or of none. */
RK_HOOK(cuMemImportFromShareableHandle,
	(CUmemGenericAllocationHandle * handle, void *osHandle,
	 CUmemAllocationHandleType shHandleType),
	(handle, osHandle, shHandleType), fill_handle(&hook, result, RK_MEMORY_FOREIGN, handle))
RK_HOOK(cuMulticastCreate,
	(CUmemGenericAllocationHandle * mcHandle, const CUmulticastObjectProp *prop),
	(mcHandle, prop), fill_handle(&hook, result, RK_MEMORY_FOREIGN, mcHandle))
