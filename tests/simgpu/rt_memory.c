/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/rt_memory.c - the simulated runtime: allocations, copies, memsets,
 * symbols, arrays, pools.
 */
#include <string.h>

#include "rt.h"

/* ---- allocations ---- */
RT_API(cudaMalloc, void **devPtr, size_t size)
{
	CUdeviceptr ptr = 0;
	CUresult result;

	RT_BIND();
	if (!devPtr)
		return rt_done(CUDA_ERROR_INVALID_VALUE);
	*devPtr = NULL;
	if (!size)
		return cudaSuccess;
	result = DRV(cuMemAlloc)(&ptr, size);
	*devPtr = (void *)(uintptr_t)ptr;
	return rt_done(result);
}

RT_API(cudaFree, void *devPtr)
{
	RT_BIND();
	return devPtr ? rt_done(DRV(cuMemFree)(RT_PTR(devPtr))) : cudaSuccess;
}

RT_API(cudaMallocManaged, void **devPtr, size_t size, unsigned int flags)
{
	RT_CALL(cuMemAllocManaged, (CUdeviceptr *)devPtr, size, flags);
}

RT_API(cudaMallocHost, void **ptr, size_t size)
{
	RT_CALL(cuMemAllocHost, ptr, size);
}

RT_API(cudaHostAlloc, void **pHost, size_t size, unsigned int flags)
{
	RT_CALL(cuMemHostAlloc, pHost, size, flags);
}

RT_API(cudaFreeHost, void *ptr)
{
	RT_BIND();
	return ptr ? rt_done(DRV(cuMemFreeHost)(ptr)) : cudaSuccess;
}

RT_API(cudaHostRegister, void *ptr, size_t size, unsigned int flags)
{
	RT_CALL(cuMemHostRegister, ptr, size, flags);
}

RT_API(cudaHostUnregister, void *ptr)
{
	RT_CALL(cuMemHostUnregister, ptr);
}

RT_API(cudaHostGetDevicePointer, void **pDevice, void *pHost, unsigned int flags)
{
	RT_CALL(cuMemHostGetDevicePointer, (CUdeviceptr *)pDevice, pHost, flags);
}

RT_API(cudaHostGetFlags, unsigned int *pFlags, void *pHost)
{
	RT_CALL(cuMemHostGetFlags, pFlags, pHost);
}

RT_API(cudaMallocPitch, void **devPtr, size_t *pitch, size_t width, size_t height)
{
	RT_CALL(cuMemAllocPitch, (CUdeviceptr *)devPtr, pitch, width, height, 4);
}

RT_API(cudaMalloc3D, struct cudaPitchedPtr *pitchedDevPtr, struct cudaExtent extent)
{
	void *ptr = NULL;
	size_t pitch = 0;
	cudaError_t error =
		rt_cudaMallocPitch(&ptr, &pitch, extent.width, extent.height * extent.depth);

	*pitchedDevPtr = (struct cudaPitchedPtr){ ptr, pitch, extent.width, extent.height };
	return error;
}

RT_API(cudaMemGetInfo, size_t *free_bytes, size_t *total)
{
	RT_CALL(cuMemGetInfo, free_bytes, total);
}

RT_API(cudaPointerGetAttributes, struct cudaPointerAttributes *attributes, const void *ptr)
{
	unsigned int type = 0, managed = 0;
	int device = -2;
	CUdeviceptr dev = 0;
	void *host = NULL;
	CUpointer_attribute want[] = { CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
				       CU_POINTER_ATTRIBUTE_IS_MANAGED,
				       CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
				       CU_POINTER_ATTRIBUTE_DEVICE_POINTER,
				       CU_POINTER_ATTRIBUTE_HOST_POINTER };
	void *data[] = { &type, &managed, &device, &dev, &host };
	CUresult result;

	RT_BIND();
	result = DRV(cuPointerGetAttributes)(5, want, data, RT_PTR(ptr));
	memset(attributes, 0, sizeof(*attributes));
	attributes->type = managed ? cudaMemoryTypeManaged : (enum cudaMemoryType)type;
	attributes->device = device;
	attributes->devicePointer = (void *)(uintptr_t)dev;
	attributes->hostPointer = host;
	return rt_done(result);
}

RT_API(cudaMemAdvise, const void *devPtr, size_t count, enum cudaMemoryAdvise advice,
       struct cudaMemLocation location)
{
	CUmemLocation l = { .type = (CUmemLocationType)location.type };

	l.id = location.id;
	RT_CALL(cuMemAdvise, RT_PTR(devPtr), count, (CUmem_advise)advice, l);
}

RT_API(cudaMemPrefetchAsync, const void *devPtr, size_t count, struct cudaMemLocation location,
       unsigned int flags, cudaStream_t stream)
{
	CUmemLocation l = { .type = (CUmemLocationType)location.type };

	l.id = location.id;
	RT_CALL(cuMemPrefetchAsync, RT_PTR(devPtr), count, l, flags, stream);
}

/* ---- linear copies ---- */
RT_API(cudaMemcpy, void *dst, const void *src, size_t count, enum cudaMemcpyKind kind)
{
	RT_BIND();
	if (!count)
		return cudaSuccess;
	switch (kind) {
	case cudaMemcpyHostToDevice:
		return rt_done(DRV(cuMemcpyHtoD)(RT_PTR(dst), src, count));
	case cudaMemcpyDeviceToHost:
		return rt_done(DRV(cuMemcpyDtoH)(dst, RT_PTR(src), count));
	case cudaMemcpyDeviceToDevice:
		return rt_done(DRV(cuMemcpyDtoD)(RT_PTR(dst), RT_PTR(src), count));
	case cudaMemcpyHostToHost:
	case cudaMemcpyDefault:
		return rt_done(DRV(cuMemcpy)(RT_PTR(dst), RT_PTR(src), count));
	}
	return rt_done(CUDA_ERROR_INVALID_VALUE);
}

RT_API(cudaMemcpyAsync, void *dst, const void *src, size_t count, enum cudaMemcpyKind kind,
       cudaStream_t stream)
{
	RT_BIND();
	if (!count)
		return cudaSuccess;
	switch (kind) {
	case cudaMemcpyHostToDevice:
		return rt_done(DRV(cuMemcpyHtoDAsync)(RT_PTR(dst), src, count, stream));
	case cudaMemcpyDeviceToHost:
		return rt_done(DRV(cuMemcpyDtoHAsync)(dst, RT_PTR(src), count, stream));
	case cudaMemcpyDeviceToDevice:
		return rt_done(DRV(cuMemcpyDtoDAsync)(RT_PTR(dst), RT_PTR(src), count, stream));
	case cudaMemcpyHostToHost:
	case cudaMemcpyDefault:
		return rt_done(DRV(cuMemcpyAsync)(RT_PTR(dst), RT_PTR(src), count, stream));
	}
	return rt_done(CUDA_ERROR_INVALID_VALUE);
}

static CUresult context_of(int device, CUcontext *ctx)
{
	return rt_driver[0].cuDevicePrimaryCtxRetain(ctx, device);
}

RT_API(cudaMemcpyPeer, void *dst, int dstDevice, const void *src, int srcDevice, size_t count)
{
	CUcontext to, from;
	CUresult result;

	RT_BIND();
	result = context_of(dstDevice, &to);
	if (!result)
		result = context_of(srcDevice, &from);
	if (!result)
		result = DRV(cuMemcpyPeer)(RT_PTR(dst), to, RT_PTR(src), from, count);
	return rt_done(result);
}

RT_API(cudaMemcpyPeerAsync, void *dst, int dstDevice, const void *src, int srcDevice, size_t count,
       cudaStream_t stream)
{
	CUcontext to, from;
	CUresult result;

	RT_BIND();
	result = context_of(dstDevice, &to);
	if (!result)
		result = context_of(srcDevice, &from);
	if (!result)
		result = DRV(cuMemcpyPeerAsync)(RT_PTR(dst), to, RT_PTR(src), from, count, stream);
	return rt_done(result);
}

RT_API(cudaMemcpyBatchAsync, void *const *dsts, const void *const *srcs, const size_t *sizes,
       size_t count, struct cudaMemcpyAttributes *attrs, size_t *attrsIdxs, size_t numAttrs,
       cudaStream_t stream)
{
	RT_CALL(cuMemcpyBatchAsync, (CUdeviceptr *)(uintptr_t)dsts, (CUdeviceptr *)(uintptr_t)srcs,
		(size_t *)(uintptr_t)sizes, count, (CUmemcpyAttributes *)(void *)attrs, attrsIdxs,
		numAttrs, stream);
}

/* ---- 2D and 3D copies ---- */
struct flat {
	void *ptr;
	size_t pitch;
	CUarray array;
	size_t x, y;
};

static CUmemorytype type_of(bool source, enum cudaMemcpyKind kind)
{
	switch (kind) {
	case cudaMemcpyHostToHost:
		return CU_MEMORYTYPE_HOST;
	case cudaMemcpyHostToDevice:
		return source ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
	case cudaMemcpyDeviceToHost:
		return source ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
	case cudaMemcpyDeviceToDevice:
		return CU_MEMORYTYPE_DEVICE;
	case cudaMemcpyDefault:
		break;
	}
	return CU_MEMORYTYPE_UNIFIED;
}

static CUDA_MEMCPY2D flat_copy(struct flat dst, struct flat src, size_t width, size_t height,
			       enum cudaMemcpyKind kind)
{
	CUDA_MEMCPY2D c = {
		.srcXInBytes = src.x,
		.srcY = src.y,
		.srcMemoryType = src.array ? CU_MEMORYTYPE_ARRAY : type_of(true, kind),
		.srcHost = src.ptr,
		.srcDevice = RT_PTR(src.ptr),
		.srcArray = src.array,
		.srcPitch = src.pitch,
		.dstXInBytes = dst.x,
		.dstY = dst.y,
		.dstMemoryType = dst.array ? CU_MEMORYTYPE_ARRAY : type_of(false, kind),
		.dstHost = dst.ptr,
		.dstDevice = RT_PTR(dst.ptr),
		.dstArray = dst.array,
		.dstPitch = dst.pitch,
		.WidthInBytes = width,
		.Height = height,
	};

	return c;
}

#define LINEAR(p, pitch_) ((struct flat){ .ptr = (void *)(uintptr_t)(p), .pitch = (pitch_) })
#define ARRAY(a, x_, y_)  ((struct flat){ .array = (CUarray)(uintptr_t)(a), .x = (x_), .y = (y_) })

RT_API(cudaMemcpy2D, void *dst, size_t dpitch, const void *src, size_t spitch, size_t width,
       size_t height, enum cudaMemcpyKind kind)
{
	CUDA_MEMCPY2D c = flat_copy(LINEAR(dst, dpitch), LINEAR(src, spitch), width, height, kind);

	RT_CALL(cuMemcpy2DUnaligned, &c);
}

RT_API(cudaMemcpy2DAsync, void *dst, size_t dpitch, const void *src, size_t spitch, size_t width,
       size_t height, enum cudaMemcpyKind kind, cudaStream_t stream)
{
	CUDA_MEMCPY2D c = flat_copy(LINEAR(dst, dpitch), LINEAR(src, spitch), width, height, kind);

	RT_CALL(cuMemcpy2DAsync, &c, stream);
}

RT_API(cudaMemcpy2DToArray, cudaArray_t dst, size_t wOffset, size_t hOffset, const void *src,
       size_t spitch, size_t width, size_t height, enum cudaMemcpyKind kind)
{
	CUDA_MEMCPY2D c =
		flat_copy(ARRAY(dst, wOffset, hOffset), LINEAR(src, spitch), width, height, kind);

	RT_CALL(cuMemcpy2DUnaligned, &c);
}

RT_API(cudaMemcpy2DFromArray, void *dst, size_t dpitch, cudaArray_const_t src, size_t wOffset,
       size_t hOffset, size_t width, size_t height, enum cudaMemcpyKind kind)
{
	CUDA_MEMCPY2D c =
		flat_copy(LINEAR(dst, dpitch), ARRAY(src, wOffset, hOffset), width, height, kind);

	RT_CALL(cuMemcpy2DUnaligned, &c);
}

CUDA_MEMCPY3D rt_box(const struct cudaMemcpy3DParms *p)
{
	CUDA_MEMCPY3D c = {
		.srcXInBytes = p->srcPos.x,
		.srcY = p->srcPos.y,
		.srcZ = p->srcPos.z,
		.srcMemoryType = p->srcArray ? CU_MEMORYTYPE_ARRAY : type_of(true, p->kind),
		.srcHost = p->srcPtr.ptr,
		.srcDevice = RT_PTR(p->srcPtr.ptr),
		.srcArray = (CUarray)p->srcArray,
		.srcPitch = p->srcPtr.pitch,
		.srcHeight = p->srcPtr.ysize,
		.dstXInBytes = p->dstPos.x,
		.dstY = p->dstPos.y,
		.dstZ = p->dstPos.z,
		.dstMemoryType = p->dstArray ? CU_MEMORYTYPE_ARRAY : type_of(false, p->kind),
		.dstHost = p->dstPtr.ptr,
		.dstDevice = RT_PTR(p->dstPtr.ptr),
		.dstArray = (CUarray)p->dstArray,
		.dstPitch = p->dstPtr.pitch,
		.dstHeight = p->dstPtr.ysize,
		.WidthInBytes = p->extent.width,
		.Height = p->extent.height,
		.Depth = p->extent.depth,
	};

	return c;
}

RT_API(cudaMemcpy3D, const struct cudaMemcpy3DParms *p)
{
	CUDA_MEMCPY3D c = rt_box(p);

	RT_CALL(cuMemcpy3D, &c);
}

RT_API(cudaMemcpy3DAsync, const struct cudaMemcpy3DParms *p, cudaStream_t stream)
{
	CUDA_MEMCPY3D c = rt_box(p);

	RT_CALL(cuMemcpy3DAsync, &c, stream);
}

/* ---- memset ---- */
RT_API(cudaMemset, void *devPtr, int value, size_t count)
{
	RT_CALL(cuMemsetD8, RT_PTR(devPtr), (unsigned char)value, count);
}

RT_API(cudaMemsetAsync, void *devPtr, int value, size_t count, cudaStream_t stream)
{
	RT_CALL(cuMemsetD8Async, RT_PTR(devPtr), (unsigned char)value, count, stream);
}

RT_API(cudaMemset2D, void *devPtr, size_t pitch, int value, size_t width, size_t height)
{
	RT_CALL(cuMemsetD2D8, RT_PTR(devPtr), pitch, (unsigned char)value, width, height);
}

RT_API(cudaMemset2DAsync, void *devPtr, size_t pitch, int value, size_t width, size_t height,
       cudaStream_t stream)
{
	RT_CALL(cuMemsetD2D8Async, RT_PTR(devPtr), pitch, (unsigned char)value, width, height,
		stream);
}

/* ---- symbols ---- */
RT_API(cudaGetSymbolAddress, void **devPtr, const void *symbol)
{
	return rt_symbol(symbol, devPtr, NULL);
}

RT_API(cudaGetSymbolSize, size_t *size, const void *symbol)
{
	return rt_symbol(symbol, NULL, size);
}

RT_API(cudaMemcpyToSymbol, const void *symbol, const void *src, size_t count, size_t offset,
       enum cudaMemcpyKind kind)
{
	void *at;
	cudaError_t error = rt_symbol(symbol, &at, NULL);

	return error ? error : rt_cudaMemcpy((char *)at + offset, src, count, kind);
}

RT_API(cudaMemcpyFromSymbol, void *dst, const void *symbol, size_t count, size_t offset,
       enum cudaMemcpyKind kind)
{
	void *at;
	cudaError_t error = rt_symbol(symbol, &at, NULL);

	return error ? error : rt_cudaMemcpy(dst, (char *)at + offset, count, kind);
}

RT_API(cudaMemcpyToSymbolAsync, const void *symbol, const void *src, size_t count, size_t offset,
       enum cudaMemcpyKind kind, cudaStream_t stream)
{
	void *at;
	cudaError_t error = rt_symbol(symbol, &at, NULL);

	return error ? error : rt_cudaMemcpyAsync((char *)at + offset, src, count, kind, stream);
}

RT_API(cudaMemcpyFromSymbolAsync, void *dst, const void *symbol, size_t count, size_t offset,
       enum cudaMemcpyKind kind, cudaStream_t stream)
{
	void *at;
	cudaError_t error = rt_symbol(symbol, &at, NULL);

	return error ? error : rt_cudaMemcpyAsync(dst, (char *)at + offset, count, kind, stream);
}

/* ---- arrays ---- */
static CUarray_format format_of(const struct cudaChannelFormatDesc *d)
{
	if (d->f == cudaChannelFormatKindFloat)
		return d->x == 16 ? CU_AD_FORMAT_HALF : CU_AD_FORMAT_FLOAT;
	if (d->f == cudaChannelFormatKindSigned)
		return d->x == 8  ? CU_AD_FORMAT_SIGNED_INT8 :
		       d->x == 16 ? CU_AD_FORMAT_SIGNED_INT16 :
				    CU_AD_FORMAT_SIGNED_INT32;
	return d->x == 8  ? CU_AD_FORMAT_UNSIGNED_INT8 :
	       d->x == 16 ? CU_AD_FORMAT_UNSIGNED_INT16 :
			    CU_AD_FORMAT_UNSIGNED_INT32;
}

RT_API(cudaMalloc3DArray, cudaArray_t *array, const struct cudaChannelFormatDesc *desc,
       struct cudaExtent extent, unsigned int flags)
{
	CUDA_ARRAY3D_DESCRIPTOR d = {
		.Width = extent.width,
		.Height = extent.height,
		.Depth = extent.depth,
		.Format = format_of(desc),
		.NumChannels = 1u + (desc->y > 0) + (desc->z > 0) + (desc->w > 0),
		.Flags = flags,
	};

	RT_CALL(cuArray3DCreate, (CUarray *)array, &d);
}

RT_API(cudaMallocArray, cudaArray_t *array, const struct cudaChannelFormatDesc *desc, size_t width,
       size_t height, unsigned int flags)
{
	return rt_cudaMalloc3DArray(array, desc, (struct cudaExtent){ width, height, 0 }, flags);
}

RT_API(cudaFreeArray, cudaArray_t array)
{
	RT_BIND();
	return array ? rt_done(DRV(cuArrayDestroy)((CUarray)array)) : cudaSuccess;
}

RT_EXPORT struct cudaChannelFormatDesc cudaCreateChannelDesc(int x, int y, int z, int w,
							     enum cudaChannelFormatKind f)
{
	return (struct cudaChannelFormatDesc){ x, y, z, w, f };
}

/* ---- stream-ordered allocation ---- */
RT_API(cudaMallocAsync, void **devPtr, size_t size, cudaStream_t hStream)
{
	RT_CALL(cuMemAllocAsync, (CUdeviceptr *)devPtr, size, hStream);
}

RT_API(cudaMallocFromPoolAsync, void **ptr, size_t size, cudaMemPool_t memPool, cudaStream_t stream)
{
	RT_CALL(cuMemAllocFromPoolAsync, (CUdeviceptr *)ptr, size, memPool, stream);
}

RT_API(cudaFreeAsync, void *devPtr, cudaStream_t hStream)
{
	RT_CALL(cuMemFreeAsync, RT_PTR(devPtr), hStream);
}

RT_API(cudaDeviceGetDefaultMemPool, cudaMemPool_t *memPool, int device)
{
	RT_CALL(cuDeviceGetDefaultMemPool, memPool, device);
}

RT_API(cudaDeviceGetMemPool, cudaMemPool_t *memPool, int device)
{
	RT_CALL(cuDeviceGetMemPool, memPool, device);
}

RT_API(cudaDeviceSetMemPool, int device, cudaMemPool_t memPool)
{
	RT_CALL(cuDeviceSetMemPool, device, memPool);
}

RT_API(cudaMemPoolCreate, cudaMemPool_t *memPool, const struct cudaMemPoolProps *poolProps)
{
	RT_CALL(cuMemPoolCreate, memPool, (const CUmemPoolProps *)(const void *)poolProps);
}

RT_API(cudaMemPoolDestroy, cudaMemPool_t memPool)
{
	RT_CALL(cuMemPoolDestroy, memPool);
}

RT_API(cudaMemPoolTrimTo, cudaMemPool_t memPool, size_t minBytesToKeep)
{
	RT_CALL(cuMemPoolTrimTo, memPool, minBytesToKeep);
}

RT_API(cudaMemPoolSetAttribute, cudaMemPool_t memPool, enum cudaMemPoolAttr attr, void *value)
{
	RT_CALL(cuMemPoolSetAttribute, memPool, (CUmemPool_attribute)attr, value);
}

RT_API(cudaMemPoolGetAttribute, cudaMemPool_t memPool, enum cudaMemPoolAttr attr, void *value)
{
	RT_CALL(cuMemPoolGetAttribute, memPool, (CUmemPool_attribute)attr, value);
}
