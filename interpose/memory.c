/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/memory.c - hooks of the functions that take and give back memory: of the device,
 * managed, pinned, registered.
 */
#include "interpose/memory.h"

static inline void fill_alloc(struct rk_hook *hook, uint64_t ptr, uint64_t bytes, uint8_t pool)
{
	rk_memory_fill(hook, RK_REC_ALLOC,
		       (struct rk_memory){ .ptr = ptr, .bytes = bytes, .pool = pool });
}

/* The pool of what is freed is the allocation's; the join knows it by the pointer. */
static inline void fill_free(struct rk_hook *hook, uint64_t ptr, uint8_t pool)
{
	rk_memory_fill(hook, RK_REC_FREE, (struct rk_memory){ .ptr = ptr, .pool = pool });
}

CUresult cuMemAlloc_v2(CUdeviceptr *dptr, size_t bytesize)
{
	struct rk_hook hook;

	if (!rk_hook_enter(&hook, RK_API_cuMemAlloc_v2))
		return rk_real.cuMemAlloc_v2(dptr, bytesize); /* nested or inert */

	CUresult result = rk_real.cuMemAlloc_v2(dptr, bytesize);

	fill_alloc(&hook, rk_memory_result(result, dptr), bytesize, RK_POOL_DEVICE);
	return rk_hook_leave(&hook, result);
}

/* What a pitched allocation that was refused had needed at least. */
static inline uint64_t pitched(CUresult result, const size_t *pitch, uint64_t width,
			       uint64_t height)
{
	return (result == CUDA_SUCCESS ? *pitch : width) * height;
}

RK_HOOK(cuMemAllocPitch_v2,
	(CUdeviceptr * dptr, size_t *pPitch, size_t WidthInBytes, size_t Height,
	 unsigned int ElementSizeBytes),
	(dptr, pPitch, WidthInBytes, Height, ElementSizeBytes),
	fill_alloc(&hook, rk_memory_result(result, dptr),
		   pitched(result, pPitch, WidthInBytes, Height), RK_POOL_DEVICE))
RK_HOOK(cuMemAllocManaged, (CUdeviceptr * dptr, size_t bytesize, unsigned int flags),
	(dptr, bytesize, flags),
	fill_alloc(&hook, rk_memory_result(result, dptr), bytesize, RK_POOL_MANAGED))
RK_HOOK(cuMemFree_v2, (CUdeviceptr dptr), (dptr), fill_free(&hook, dptr, RK_POOL_DEVICE))

/* The first versions, with addresses and sizes of 32 bits; libcuda still exports them. */
static inline uint64_t result_v1(CUresult result, const CUdeviceptr_v1 *out)
{
	return result == CUDA_SUCCESS && out ? *out : 0;
}

static inline uint64_t pitched_v1(CUresult result, const unsigned int *pitch, unsigned int width,
				  unsigned int height)
{
	return (uint64_t)(result == CUDA_SUCCESS ? *pitch : width) * height;
}

RK_HOOK(cuMemAlloc, (CUdeviceptr_v1 * dptr, unsigned int bytesize), (dptr, bytesize),
	fill_alloc(&hook, result_v1(result, dptr), bytesize, RK_POOL_DEVICE))
RK_HOOK(cuMemAllocPitch,
	(CUdeviceptr_v1 * dptr, unsigned int *pPitch, unsigned int WidthInBytes,
	 unsigned int Height, unsigned int ElementSizeBytes),
	(dptr, pPitch, WidthInBytes, Height, ElementSizeBytes),
	fill_alloc(&hook, result_v1(result, dptr), pitched_v1(result, pPitch, WidthInBytes, Height),
		   RK_POOL_DEVICE))
RK_HOOK(cuMemFree, (CUdeviceptr_v1 dptr), (dptr), fill_free(&hook, dptr, RK_POOL_DEVICE))
RK_HOOK(cuMemAllocHost, (void **pp, unsigned int bytesize), (pp, bytesize),
	fill_alloc(&hook, rk_memory_result(result, pp), bytesize, RK_POOL_PINNED))

RK_HOOK(cuMemAllocHost_v2, (void **pp, size_t bytesize), (pp, bytesize),
	fill_alloc(&hook, rk_memory_result(result, pp), bytesize, RK_POOL_PINNED))
RK_HOOK(cuMemHostAlloc, (void **pp, size_t bytesize, unsigned int Flags), (pp, bytesize, Flags),
	fill_alloc(&hook, rk_memory_result(result, pp), bytesize, RK_POOL_PINNED))
RK_HOOK(cuMemFreeHost, (void *p), (p), fill_free(&hook, (uint64_t)p, RK_POOL_PINNED))
/* The program's own memory, pinned until it is unregistered. */
RK_HOOK(cuMemHostRegister, (void *p, size_t bytesize, unsigned int Flags), (p, bytesize, Flags),
	fill_alloc(&hook, (uint64_t)p, bytesize, RK_POOL_PINNED))
RK_HOOK(cuMemHostRegister_v2, (void *p, size_t bytesize, unsigned int Flags), (p, bytesize, Flags),
	fill_alloc(&hook, (uint64_t)p, bytesize, RK_POOL_PINNED))
RK_HOOK(cuMemHostUnregister, (void *p), (p), fill_free(&hook, (uint64_t)p, RK_POOL_PINNED))

/* No memory changes hands: known only when they fail. */
RK_HOOK(cuMemPrefetchAsync,
	(CUdeviceptr devPtr, size_t count, CUdevice dstDevice, CUstream hStream),
	(devPtr, count, dstDevice, hStream), (void)hook)
RK_HOOK(cuMemPrefetchAsync_ptsz,
	(CUdeviceptr devPtr, size_t count, CUdevice dstDevice, CUstream hStream),
	(devPtr, count, dstDevice, hStream), (void)hook)
RK_HOOK(cuMemPrefetchAsync_v2,
	(CUdeviceptr devPtr, size_t count, CUmemLocation location, unsigned int flags,
	 CUstream hStream),
	(devPtr, count, location, flags, hStream), (void)hook)
RK_HOOK(cuMemPrefetchAsync_v2_ptsz,
	(CUdeviceptr devPtr, size_t count, CUmemLocation location, unsigned int flags,
	 CUstream hStream),
	(devPtr, count, location, flags, hStream), (void)hook)
