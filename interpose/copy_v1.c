/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/copy_v1.c - the first versions of the copies, with addresses and sizes of 32 bits.
 *
 * libcuda still exports them, and who looks them up by name gets them.
 */
#include "interpose/copy.h"

static void fill_2d(struct rk_hook *hook, const CUDA_MEMCPY2D_v1 *p, uint64_t stream, uint8_t flags)
{
	static const CUDA_MEMCPY2D_v1 none;

	if (!p)
		p = &none; /* the driver has refused it */
	rk_copy_fill(hook,
		     (struct rk_copy){
			     rk_copy_place(p->dstMemoryType, p->dstHost, p->dstDevice, p->dstArray),
			     rk_copy_place(p->srcMemoryType, p->srcHost, p->srcDevice, p->srcArray),
			     (uint64_t)p->WidthInBytes * p->Height,
			     stream,
			     flags,
		     });
}

static void fill_3d(struct rk_hook *hook, const CUDA_MEMCPY3D_v1 *p, uint64_t stream, uint8_t flags)
{
	static const CUDA_MEMCPY3D_v1 none;

	if (!p)
		p = &none; /* the driver has refused it */
	rk_copy_fill(hook,
		     (struct rk_copy){
			     rk_copy_place(p->dstMemoryType, p->dstHost, p->dstDevice, p->dstArray),
			     rk_copy_place(p->srcMemoryType, p->srcHost, p->srcDevice, p->srcArray),
			     (uint64_t)p->WidthInBytes * p->Height * p->Depth,
			     stream,
			     flags,
		     });
}

RK_HOOK(cuMemcpyHtoD, (CUdeviceptr_v1 dstDevice, const void *srcHost, unsigned int ByteCount),
	(dstDevice, srcHost, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, (uint64_t)srcHost, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyDtoH, (void *dstHost, CUdeviceptr_v1 srcDevice, unsigned int ByteCount),
	(dstHost, srcDevice, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstHost, srcDevice, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyDtoD, (CUdeviceptr_v1 dstDevice, CUdeviceptr_v1 srcDevice, unsigned int ByteCount),
	(dstDevice, srcDevice, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, srcDevice, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyDtoA,
	(CUarray dstArray, unsigned int dstOffset, CUdeviceptr_v1 srcDevice,
	 unsigned int ByteCount),
	(dstArray, dstOffset, srcDevice, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstArray, srcDevice, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyAtoD,
	(CUdeviceptr_v1 dstDevice, CUarray srcArray, unsigned int srcOffset,
	 unsigned int ByteCount),
	(dstDevice, srcArray, srcOffset, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, (uint64_t)srcArray, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyHtoA,
	(CUarray dstArray, unsigned int dstOffset, const void *srcHost, unsigned int ByteCount),
	(dstArray, dstOffset, srcHost, ByteCount),
	rk_copy_fill(&hook,
		     (struct rk_copy){ (uint64_t)dstArray, (uint64_t)srcHost, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyAtoH,
	(void *dstHost, CUarray srcArray, unsigned int srcOffset, unsigned int ByteCount),
	(dstHost, srcArray, srcOffset, ByteCount),
	rk_copy_fill(&hook,
		     (struct rk_copy){ (uint64_t)dstHost, (uint64_t)srcArray, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyAtoA,
	(CUarray dstArray, unsigned int dstOffset, CUarray srcArray, unsigned int srcOffset,
	 unsigned int ByteCount),
	(dstArray, dstOffset, srcArray, srcOffset, ByteCount),
	rk_copy_fill(&hook,
		     (struct rk_copy){ (uint64_t)dstArray, (uint64_t)srcArray, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyHtoDAsync,
	(CUdeviceptr_v1 dstDevice, const void *srcHost, unsigned int ByteCount, CUstream hStream),
	(dstDevice, srcHost, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, (uint64_t)srcHost, ByteCount,
					      (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpyDtoHAsync,
	(void *dstHost, CUdeviceptr_v1 srcDevice, unsigned int ByteCount, CUstream hStream),
	(dstHost, srcDevice, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstHost, srcDevice, ByteCount,
					      (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpyDtoDAsync,
	(CUdeviceptr_v1 dstDevice, CUdeviceptr_v1 srcDevice, unsigned int ByteCount,
	 CUstream hStream),
	(dstDevice, srcDevice, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, srcDevice, ByteCount, (uint64_t)hStream,
					      RK_REC_ASYNC }))
RK_HOOK(cuMemcpyHtoAAsync,
	(CUarray dstArray, unsigned int dstOffset, const void *srcHost, unsigned int ByteCount,
	 CUstream hStream),
	(dstArray, dstOffset, srcHost, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstArray, (uint64_t)srcHost, ByteCount,
					      (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpyAtoHAsync,
	(void *dstHost, CUarray srcArray, unsigned int srcOffset, unsigned int ByteCount,
	 CUstream hStream),
	(dstHost, srcArray, srcOffset, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstHost, (uint64_t)srcArray, ByteCount,
					      (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpy2D, (const CUDA_MEMCPY2D_v1 *pCopy), (pCopy), fill_2d(&hook, pCopy, 0, 0))
RK_HOOK(cuMemcpy2DUnaligned, (const CUDA_MEMCPY2D_v1 *pCopy), (pCopy), fill_2d(&hook, pCopy, 0, 0))
RK_HOOK(cuMemcpy3D, (const CUDA_MEMCPY3D_v1 *pCopy), (pCopy), fill_3d(&hook, pCopy, 0, 0))
RK_HOOK(cuMemcpy2DAsync, (const CUDA_MEMCPY2D_v1 *pCopy, CUstream hStream), (pCopy, hStream),
	fill_2d(&hook, pCopy, (uint64_t)hStream, RK_REC_ASYNC))
RK_HOOK(cuMemcpy3DAsync, (const CUDA_MEMCPY3D_v1 *pCopy, CUstream hStream), (pCopy, hStream),
	fill_3d(&hook, pCopy, (uint64_t)hStream, RK_REC_ASYNC))
