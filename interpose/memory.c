/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/memory.c - hooks of the functions that take and give back memory.
 *
 * An allocation that is captured becomes a node of a graph: no memory has been taken, and
 * the pointer that comes back is only a promise. Such calls leave no record.
 */
#include "interpose/hook.h"

struct memory {
	uint64_t ptr, bytes, stream;
	uint8_t pool;
};

static inline void fill_memory(struct rk_hook *hook, uint8_t kind, struct memory memory)
{
	hook->rec.kind = kind;
	hook->rec.mem.ptr = memory.ptr;
	hook->rec.mem.bytes = memory.bytes;
	hook->rec.mem.stream = memory.stream;
	hook->rec.mem.pool = memory.pool;
}

static inline void fill_async(struct rk_hook *hook, uint8_t kind, struct memory memory,
			      uint8_t flags)
{
	rk_hook_submit(hook, kind, memory.stream, flags | RK_REC_ASYNC);
	if (hook->rec.flags & RK_REC_CAPTURED)
		hook->rec.kind = RK_REC_CALL;
	else
		fill_memory(hook, kind, memory);
}

/* What a successful call has stored through @out. */
static inline uint64_t result_at(CUresult result, const void *out)
{
	return result == CUDA_SUCCESS && out ? *(const uint64_t *)out : 0;
}

CUresult cuMemAlloc_v2(CUdeviceptr *dptr, size_t bytesize)
{
	struct rk_hook hook;

	if (!rk_hook_enter(&hook, RK_API_cuMemAlloc_v2))
		return rk_real.cuMemAlloc_v2(dptr, bytesize); /* nested or inert */

	CUresult result = rk_real.cuMemAlloc_v2(dptr, bytesize);

	fill_memory(&hook, RK_REC_ALLOC,
		    (struct memory){ result_at(result, dptr), bytesize, 0, RK_POOL_DEVICE });
	return rk_hook_leave(&hook, result);
}

RK_HOOK(cuMemAllocPitch_v2,
	(CUdeviceptr * dptr, size_t *pPitch, size_t WidthInBytes, size_t Height,
	 unsigned int ElementSizeBytes),
	(dptr, pPitch, WidthInBytes, Height, ElementSizeBytes),
	fill_memory(&hook, RK_REC_ALLOC,
		    (struct memory){ result_at(result, dptr), result_at(result, pPitch) * Height, 0,
				     RK_POOL_DEVICE }))
RK_HOOK(cuMemAllocManaged, (CUdeviceptr * dptr, size_t bytesize, unsigned int flags),
	(dptr, bytesize, flags),
	fill_memory(&hook, RK_REC_ALLOC,
		    (struct memory){ result_at(result, dptr), bytesize, 0, RK_POOL_MANAGED }))
/* The pool of what is freed is the allocation's; the join knows it by the pointer. */
RK_HOOK(cuMemFree_v2, (CUdeviceptr dptr), (dptr),
	fill_memory(&hook, RK_REC_FREE, (struct memory){ dptr, 0, 0, RK_POOL_DEVICE }))

RK_HOOK(cuMemAllocHost_v2, (void **pp, size_t bytesize), (pp, bytesize),
	fill_memory(&hook, RK_REC_ALLOC,
		    (struct memory){ result_at(result, pp), bytesize, 0, RK_POOL_PINNED }))
RK_HOOK(cuMemHostAlloc, (void **pp, size_t bytesize, unsigned int Flags), (pp, bytesize, Flags),
	fill_memory(&hook, RK_REC_ALLOC,
		    (struct memory){ result_at(result, pp), bytesize, 0, RK_POOL_PINNED }))
RK_HOOK(cuMemFreeHost, (void *p), (p),
	fill_memory(&hook, RK_REC_FREE, (struct memory){ (uint64_t)p, 0, 0, RK_POOL_PINNED }))
RK_HOOK(cuMemHostRegister, (void *p, size_t bytesize, unsigned int Flags), (p, bytesize, Flags),
	fill_memory(&hook, RK_REC_ALLOC,
		    (struct memory){ (uint64_t)p, bytesize, 0, RK_POOL_PINNED }))
RK_HOOK(cuMemHostRegister_v2, (void *p, size_t bytesize, unsigned int Flags), (p, bytesize, Flags),
	fill_memory(&hook, RK_REC_ALLOC,
		    (struct memory){ (uint64_t)p, bytesize, 0, RK_POOL_PINNED }))
RK_HOOK(cuMemHostUnregister, (void *p), (p),
	fill_memory(&hook, RK_REC_FREE, (struct memory){ (uint64_t)p, 0, 0, RK_POOL_PINNED }))

RK_HOOK(cuMemAllocAsync, (CUdeviceptr * dptr, size_t bytesize, CUstream hStream),
	(dptr, bytesize, hStream),
	fill_async(&hook, RK_REC_ALLOC,
		   (struct memory){ result_at(result, dptr), bytesize, (uint64_t)hStream,
				    RK_POOL_ASYNC },
		   0))
RK_HOOK(cuMemAllocAsync_ptsz, (CUdeviceptr * dptr, size_t bytesize, CUstream hStream),
	(dptr, bytesize, hStream),
	fill_async(&hook, RK_REC_ALLOC,
		   (struct memory){ result_at(result, dptr), bytesize, (uint64_t)hStream,
				    RK_POOL_ASYNC },
		   RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuMemAllocFromPoolAsync,
	(CUdeviceptr * dptr, size_t bytesize, CUmemoryPool pool, CUstream hStream),
	(dptr, bytesize, pool, hStream),
	fill_async(&hook, RK_REC_ALLOC,
		   (struct memory){ result_at(result, dptr), bytesize, (uint64_t)hStream,
				    RK_POOL_ASYNC },
		   0))
RK_HOOK(cuMemAllocFromPoolAsync_ptsz,
	(CUdeviceptr * dptr, size_t bytesize, CUmemoryPool pool, CUstream hStream),
	(dptr, bytesize, pool, hStream),
	fill_async(&hook, RK_REC_ALLOC,
		   (struct memory){ result_at(result, dptr), bytesize, (uint64_t)hStream,
				    RK_POOL_ASYNC },
		   RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuMemFreeAsync, (CUdeviceptr dptr, CUstream hStream), (dptr, hStream),
	fill_async(&hook, RK_REC_FREE, (struct memory){ dptr, 0, (uint64_t)hStream, RK_POOL_ASYNC },
		   0))
RK_HOOK(cuMemFreeAsync_ptsz, (CUdeviceptr dptr, CUstream hStream), (dptr, hStream),
	fill_async(&hook, RK_REC_FREE, (struct memory){ dptr, 0, (uint64_t)hStream, RK_POOL_ASYNC },
		   RK_REC_PER_THREAD_STREAM))

/* Virtual memory: what counts is the physical memory, known by its handle. */
RK_HOOK(cuMemCreate,
	(CUmemGenericAllocationHandle * handle, size_t size, const CUmemAllocationProp *prop,
	 unsigned long long flags),
	(handle, size, prop, flags),
	fill_memory(&hook, RK_REC_ALLOC,
		    (struct memory){ result_at(result, handle), size, 0, RK_POOL_VMM }))
RK_HOOK(cuMemRelease, (CUmemGenericAllocationHandle handle), (handle),
	fill_memory(&hook, RK_REC_FREE, (struct memory){ handle, 0, 0, RK_POOL_VMM }))

static uint64_t format_bytes(CUarray_format format)
{
	switch (format) {
	case CU_AD_FORMAT_UNSIGNED_INT8:
	case CU_AD_FORMAT_SIGNED_INT8:
	case CU_AD_FORMAT_UNORM_INT8X1:
	case CU_AD_FORMAT_SNORM_INT8X1:
		return 1;
	case CU_AD_FORMAT_UNSIGNED_INT16:
	case CU_AD_FORMAT_SIGNED_INT16:
	case CU_AD_FORMAT_HALF:
	case CU_AD_FORMAT_UNORM_INT16X1:
	case CU_AD_FORMAT_SNORM_INT16X1:
		return 2;
	case CU_AD_FORMAT_UNSIGNED_INT32:
	case CU_AD_FORMAT_SIGNED_INT32:
	case CU_AD_FORMAT_FLOAT:
		return 4;
	default:
		return 0; /* packed and compressed: the size is not known, and not guessed */
	}
}

static uint64_t array_bytes(const CUDA_ARRAY3D_DESCRIPTOR *d)
{
	uint64_t texels = d->Width;

	texels *= d->Height ? d->Height : 1;
	texels *= d->Depth ? d->Depth : 1;
	return texels * d->NumChannels * format_bytes(d->Format);
}

static void fill_array(struct rk_hook *hook, CUresult result, const void *handle,
		       const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
	fill_memory(hook, RK_REC_ALLOC,
		    (struct memory){ result_at(result, handle),
				     result == CUDA_SUCCESS ? array_bytes(descriptor) : 0, 0,
				     RK_POOL_ARRAY });
}

static void fill_flat_array(struct rk_hook *hook, CUresult result, const void *handle,
			    const CUDA_ARRAY_DESCRIPTOR *flat)
{
	CUDA_ARRAY3D_DESCRIPTOR descriptor = { 0 };

	if (result == CUDA_SUCCESS)
		descriptor = (CUDA_ARRAY3D_DESCRIPTOR){
			.Width = flat->Width,
			.Height = flat->Height,
			.Format = flat->Format,
			.NumChannels = flat->NumChannels,
		};
	fill_array(hook, result, handle, &descriptor);
}

RK_HOOK(cuArrayCreate_v2, (CUarray * pHandle, const CUDA_ARRAY_DESCRIPTOR *pAllocateArray),
	(pHandle, pAllocateArray), fill_flat_array(&hook, result, pHandle, pAllocateArray))
RK_HOOK(cuArray3DCreate_v2, (CUarray * pHandle, const CUDA_ARRAY3D_DESCRIPTOR *pAllocateArray),
	(pHandle, pAllocateArray), fill_array(&hook, result, pHandle, pAllocateArray))
RK_HOOK(cuArrayDestroy, (CUarray hArray), (hArray),
	fill_memory(&hook, RK_REC_FREE, (struct memory){ (uint64_t)hArray, 0, 0, RK_POOL_ARRAY }))
/* Without its levels: the first one is what is counted. */
RK_HOOK(cuMipmappedArrayCreate,
	(CUmipmappedArray * pHandle, const CUDA_ARRAY3D_DESCRIPTOR *pMipmappedArrayDesc,
	 unsigned int numMipmapLevels),
	(pHandle, pMipmappedArrayDesc, numMipmapLevels),
	fill_array(&hook, result, pHandle, pMipmappedArrayDesc))
RK_HOOK(cuMipmappedArrayDestroy, (CUmipmappedArray hMipmappedArray), (hMipmappedArray),
	fill_memory(&hook, RK_REC_FREE,
		    (struct memory){ (uint64_t)hMipmappedArray, 0, 0, RK_POOL_ARRAY }))

/* No memory changes hands: known only when they fail. */
RK_HOOK(cuMemPoolCreate, (CUmemoryPool * pool, const CUmemPoolProps *poolProps), (pool, poolProps),
	(void)hook)
RK_HOOK(cuMemPoolDestroy, (CUmemoryPool pool), (pool), (void)hook)
RK_HOOK(cuMemPoolTrimTo, (CUmemoryPool pool, size_t minBytesToKeep), (pool, minBytesToKeep),
	(void)hook)
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
