/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/copy.c - hooks of the functions that copy.
 *
 * Where an address is an array, the array's handle stands for it. The direction is not worked
 * out here: CUPTI knows it, and without CUPTI the function's name says what it can. A batch is
 * one call and one record, however many copies it makes.
 */
#include "interpose/copy.h"

static void fill_2d(struct rk_hook *hook, const CUDA_MEMCPY2D *p, uint64_t stream, uint8_t flags)
{
	static const CUDA_MEMCPY2D none;

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

static void fill_3d(struct rk_hook *hook, const CUDA_MEMCPY3D *p, uint64_t stream, uint8_t flags)
{
	static const CUDA_MEMCPY3D none;

	if (!p)
		p = &none;
	rk_copy_fill(hook,
		     (struct rk_copy){
			     rk_copy_place(p->dstMemoryType, p->dstHost, p->dstDevice, p->dstArray),
			     rk_copy_place(p->srcMemoryType, p->srcHost, p->srcDevice, p->srcArray),
			     (uint64_t)p->WidthInBytes * p->Height * p->Depth,
			     stream,
			     flags,
		     });
}

static void fill_peer(struct rk_hook *hook, const CUDA_MEMCPY3D_PEER *p, uint64_t stream,
		      uint8_t flags)
{
	static const CUDA_MEMCPY3D_PEER none;

	if (!p)
		p = &none;
	rk_copy_fill(hook,
		     (struct rk_copy){
			     rk_copy_place(p->dstMemoryType, p->dstHost, p->dstDevice, p->dstArray),
			     rk_copy_place(p->srcMemoryType, p->srcHost, p->srcDevice, p->srcArray),
			     (uint64_t)p->WidthInBytes * p->Height * p->Depth,
			     stream,
			     flags,
		     });
}

/* A batch that failed may have failed because of its pointers: none of them is followed. */
static uint64_t first(const CUdeviceptr *list, size_t count, CUresult result)
{
	return result == CUDA_SUCCESS && list && count ? list[0] : 0;
}

static uint64_t sum(const size_t *sizes, size_t count, CUresult result)
{
	uint64_t bytes = 0;

	for (size_t i = 0; result == CUDA_SUCCESS && i < count; i++)
		bytes += sizes[i];
	return bytes;
}

static uint64_t operand(const CUmemcpy3DOperand *operand)
{
	return operand->type == CU_MEMCPY_OPERAND_TYPE_ARRAY ? (uint64_t)operand->op.array.array :
							       operand->op.ptr.ptr;
}

/* The size of an array's elements is not known here; of pointers they are bytes. */
static void fill_3d_batch(struct rk_hook *hook, const CUDA_MEMCPY3D_BATCH_OP *list, size_t count,
			  CUresult result, struct rk_copy copy)
{
	if (result == CUDA_SUCCESS && count) {
		copy.dst = operand(&list[0].dst);
		copy.src = operand(&list[0].src);
		for (size_t i = 0; i < count; i++)
			copy.bytes += (uint64_t)list[i].extent.width * list[i].extent.height *
				      list[i].extent.depth;
	}
	rk_copy_fill(hook, copy);
}

RK_HOOK(cuMemcpy, (CUdeviceptr dst, CUdeviceptr src, size_t ByteCount), (dst, src, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dst, src, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpy_ptds, (CUdeviceptr dst, CUdeviceptr src, size_t ByteCount), (dst, src, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dst, src, ByteCount, 0, RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyPeer,
	(CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice, CUcontext srcContext,
	 size_t ByteCount),
	(dstDevice, dstContext, srcDevice, srcContext, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, srcDevice, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyPeer_ptds,
	(CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice, CUcontext srcContext,
	 size_t ByteCount),
	(dstDevice, dstContext, srcDevice, srcContext, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, srcDevice, ByteCount, 0,
					      RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyHtoD_v2, (CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount),
	(dstDevice, srcHost, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, (uint64_t)srcHost, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyHtoD_v2_ptds, (CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount),
	(dstDevice, srcHost, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, (uint64_t)srcHost, ByteCount, 0,
					      RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyDtoH_v2, (void *dstHost, CUdeviceptr srcDevice, size_t ByteCount),
	(dstHost, srcDevice, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstHost, srcDevice, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyDtoH_v2_ptds, (void *dstHost, CUdeviceptr srcDevice, size_t ByteCount),
	(dstHost, srcDevice, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstHost, srcDevice, ByteCount, 0,
					      RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyDtoD_v2, (CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount),
	(dstDevice, srcDevice, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, srcDevice, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyDtoD_v2_ptds, (CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount),
	(dstDevice, srcDevice, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, srcDevice, ByteCount, 0,
					      RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyDtoA_v2,
	(CUarray dstArray, size_t dstOffset, CUdeviceptr srcDevice, size_t ByteCount),
	(dstArray, dstOffset, srcDevice, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstArray, srcDevice, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyDtoA_v2_ptds,
	(CUarray dstArray, size_t dstOffset, CUdeviceptr srcDevice, size_t ByteCount),
	(dstArray, dstOffset, srcDevice, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstArray, srcDevice, ByteCount, 0,
					      RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyAtoD_v2,
	(CUdeviceptr dstDevice, CUarray srcArray, size_t srcOffset, size_t ByteCount),
	(dstDevice, srcArray, srcOffset, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, (uint64_t)srcArray, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyAtoD_v2_ptds,
	(CUdeviceptr dstDevice, CUarray srcArray, size_t srcOffset, size_t ByteCount),
	(dstDevice, srcArray, srcOffset, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, (uint64_t)srcArray, ByteCount, 0,
					      RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyHtoA_v2,
	(CUarray dstArray, size_t dstOffset, const void *srcHost, size_t ByteCount),
	(dstArray, dstOffset, srcHost, ByteCount),
	rk_copy_fill(&hook,
		     (struct rk_copy){ (uint64_t)dstArray, (uint64_t)srcHost, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyHtoA_v2_ptds,
	(CUarray dstArray, size_t dstOffset, const void *srcHost, size_t ByteCount),
	(dstArray, dstOffset, srcHost, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstArray, (uint64_t)srcHost, ByteCount, 0,
					      RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyAtoH_v2, (void *dstHost, CUarray srcArray, size_t srcOffset, size_t ByteCount),
	(dstHost, srcArray, srcOffset, ByteCount),
	rk_copy_fill(&hook,
		     (struct rk_copy){ (uint64_t)dstHost, (uint64_t)srcArray, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyAtoH_v2_ptds, (void *dstHost, CUarray srcArray, size_t srcOffset, size_t ByteCount),
	(dstHost, srcArray, srcOffset, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstHost, (uint64_t)srcArray, ByteCount, 0,
					      RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyAtoA_v2,
	(CUarray dstArray, size_t dstOffset, CUarray srcArray, size_t srcOffset, size_t ByteCount),
	(dstArray, dstOffset, srcArray, srcOffset, ByteCount),
	rk_copy_fill(&hook,
		     (struct rk_copy){ (uint64_t)dstArray, (uint64_t)srcArray, ByteCount, 0, 0 }))
RK_HOOK(cuMemcpyAtoA_v2_ptds,
	(CUarray dstArray, size_t dstOffset, CUarray srcArray, size_t srcOffset, size_t ByteCount),
	(dstArray, dstOffset, srcArray, srcOffset, ByteCount),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstArray, (uint64_t)srcArray, ByteCount, 0,
					      RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyAsync, (CUdeviceptr dst, CUdeviceptr src, size_t ByteCount, CUstream hStream),
	(dst, src, ByteCount, hStream),
	rk_copy_fill(&hook,
		     (struct rk_copy){ dst, src, ByteCount, (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpyAsync_ptsz, (CUdeviceptr dst, CUdeviceptr src, size_t ByteCount, CUstream hStream),
	(dst, src, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ dst, src, ByteCount, (uint64_t)hStream,
					      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyPeerAsync,
	(CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice, CUcontext srcContext,
	 size_t ByteCount, CUstream hStream),
	(dstDevice, dstContext, srcDevice, srcContext, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, srcDevice, ByteCount, (uint64_t)hStream,
					      RK_REC_ASYNC }))
RK_HOOK(cuMemcpyPeerAsync_ptsz,
	(CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice, CUcontext srcContext,
	 size_t ByteCount, CUstream hStream),
	(dstDevice, dstContext, srcDevice, srcContext, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, srcDevice, ByteCount, (uint64_t)hStream,
					      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyHtoDAsync_v2,
	(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount, CUstream hStream),
	(dstDevice, srcHost, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, (uint64_t)srcHost, ByteCount,
					      (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpyHtoDAsync_v2_ptsz,
	(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount, CUstream hStream),
	(dstDevice, srcHost, ByteCount, hStream),
	rk_copy_fill(&hook,
		     (struct rk_copy){ dstDevice, (uint64_t)srcHost, ByteCount, (uint64_t)hStream,
				       RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyDtoHAsync_v2,
	(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream),
	(dstHost, srcDevice, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstHost, srcDevice, ByteCount,
					      (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpyDtoHAsync_v2_ptsz,
	(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream),
	(dstHost, srcDevice, ByteCount, hStream),
	rk_copy_fill(&hook,
		     (struct rk_copy){ (uint64_t)dstHost, srcDevice, ByteCount, (uint64_t)hStream,
				       RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyDtoDAsync_v2,
	(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream),
	(dstDevice, srcDevice, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, srcDevice, ByteCount, (uint64_t)hStream,
					      RK_REC_ASYNC }))
RK_HOOK(cuMemcpyDtoDAsync_v2_ptsz,
	(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream),
	(dstDevice, srcDevice, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ dstDevice, srcDevice, ByteCount, (uint64_t)hStream,
					      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyHtoAAsync_v2,
	(CUarray dstArray, size_t dstOffset, const void *srcHost, size_t ByteCount,
	 CUstream hStream),
	(dstArray, dstOffset, srcHost, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstArray, (uint64_t)srcHost, ByteCount,
					      (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpyHtoAAsync_v2_ptsz,
	(CUarray dstArray, size_t dstOffset, const void *srcHost, size_t ByteCount,
	 CUstream hStream),
	(dstArray, dstOffset, srcHost, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstArray, (uint64_t)srcHost, ByteCount,
					      (uint64_t)hStream,
					      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyAtoHAsync_v2,
	(void *dstHost, CUarray srcArray, size_t srcOffset, size_t ByteCount, CUstream hStream),
	(dstHost, srcArray, srcOffset, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstHost, (uint64_t)srcArray, ByteCount,
					      (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpyAtoHAsync_v2_ptsz,
	(void *dstHost, CUarray srcArray, size_t srcOffset, size_t ByteCount, CUstream hStream),
	(dstHost, srcArray, srcOffset, ByteCount, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ (uint64_t)dstHost, (uint64_t)srcArray, ByteCount,
					      (uint64_t)hStream,
					      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpy2D_v2, (const CUDA_MEMCPY2D *pCopy), (pCopy), fill_2d(&hook, pCopy, 0, 0))
RK_HOOK(cuMemcpy2D_v2_ptds, (const CUDA_MEMCPY2D *pCopy), (pCopy),
	fill_2d(&hook, pCopy, 0, RK_REC_PER_THREAD_STREAM))

RK_HOOK(cuMemcpy2DUnaligned_v2, (const CUDA_MEMCPY2D *pCopy), (pCopy), fill_2d(&hook, pCopy, 0, 0))
RK_HOOK(cuMemcpy2DUnaligned_v2_ptds, (const CUDA_MEMCPY2D *pCopy), (pCopy),
	fill_2d(&hook, pCopy, 0, RK_REC_PER_THREAD_STREAM))

RK_HOOK(cuMemcpy3D_v2, (const CUDA_MEMCPY3D *pCopy), (pCopy), fill_3d(&hook, pCopy, 0, 0))
RK_HOOK(cuMemcpy3D_v2_ptds, (const CUDA_MEMCPY3D *pCopy), (pCopy),
	fill_3d(&hook, pCopy, 0, RK_REC_PER_THREAD_STREAM))

RK_HOOK(cuMemcpy3DPeer, (const CUDA_MEMCPY3D_PEER *pCopy), (pCopy), fill_peer(&hook, pCopy, 0, 0))
RK_HOOK(cuMemcpy3DPeer_ptds, (const CUDA_MEMCPY3D_PEER *pCopy), (pCopy),
	fill_peer(&hook, pCopy, 0, RK_REC_PER_THREAD_STREAM))

RK_HOOK(cuMemcpy2DAsync_v2, (const CUDA_MEMCPY2D *pCopy, CUstream hStream), (pCopy, hStream),
	fill_2d(&hook, pCopy, (uint64_t)hStream, RK_REC_ASYNC))
RK_HOOK(cuMemcpy2DAsync_v2_ptsz, (const CUDA_MEMCPY2D *pCopy, CUstream hStream), (pCopy, hStream),
	fill_2d(&hook, pCopy, (uint64_t)hStream, RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM))

RK_HOOK(cuMemcpy3DAsync_v2, (const CUDA_MEMCPY3D *pCopy, CUstream hStream), (pCopy, hStream),
	fill_3d(&hook, pCopy, (uint64_t)hStream, RK_REC_ASYNC))
RK_HOOK(cuMemcpy3DAsync_v2_ptsz, (const CUDA_MEMCPY3D *pCopy, CUstream hStream), (pCopy, hStream),
	fill_3d(&hook, pCopy, (uint64_t)hStream, RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM))

RK_HOOK(cuMemcpy3DPeerAsync, (const CUDA_MEMCPY3D_PEER *pCopy, CUstream hStream), (pCopy, hStream),
	fill_peer(&hook, pCopy, (uint64_t)hStream, RK_REC_ASYNC))
RK_HOOK(cuMemcpy3DPeerAsync_ptsz, (const CUDA_MEMCPY3D_PEER *pCopy, CUstream hStream),
	(pCopy, hStream),
	fill_peer(&hook, pCopy, (uint64_t)hStream, RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM))

RK_HOOK(cuMemcpyBatchAsync,
	(CUdeviceptr * dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,
	 CUmemcpyAttributes *attrs, size_t *attrsIdxs, size_t numAttrs, size_t *failIdx,
	 CUstream hStream),
	(dsts, srcs, sizes, count, attrs, attrsIdxs, numAttrs, failIdx, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ first(dsts, count, result),
					      first(srcs, count, result), sum(sizes, count, result),
					      (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpyBatchAsync_ptsz,
	(CUdeviceptr * dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,
	 CUmemcpyAttributes *attrs, size_t *attrsIdxs, size_t numAttrs, size_t *failIdx,
	 CUstream hStream),
	(dsts, srcs, sizes, count, attrs, attrsIdxs, numAttrs, failIdx, hStream),
	rk_copy_fill(&hook,
		     (struct rk_copy){ first(dsts, count, result), first(srcs, count, result),
				       sum(sizes, count, result), (uint64_t)hStream,
				       RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpyBatchAsync_v2,
	(CUdeviceptr * dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,
	 CUmemcpyAttributes *attrs, size_t *attrsIdxs, size_t numAttrs, CUstream hStream),
	(dsts, srcs, sizes, count, attrs, attrsIdxs, numAttrs, hStream),
	rk_copy_fill(&hook, (struct rk_copy){ first(dsts, count, result),
					      first(srcs, count, result), sum(sizes, count, result),
					      (uint64_t)hStream, RK_REC_ASYNC }))
RK_HOOK(cuMemcpyBatchAsync_v2_ptsz,
	(CUdeviceptr * dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,
	 CUmemcpyAttributes *attrs, size_t *attrsIdxs, size_t numAttrs, CUstream hStream),
	(dsts, srcs, sizes, count, attrs, attrsIdxs, numAttrs, hStream),
	rk_copy_fill(&hook,
		     (struct rk_copy){ first(dsts, count, result), first(srcs, count, result),
				       sum(sizes, count, result), (uint64_t)hStream,
				       RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpy3DBatchAsync,
	(size_t numOps, CUDA_MEMCPY3D_BATCH_OP *opList, size_t *failIdx, unsigned long long flags,
	 CUstream hStream),
	(numOps, opList, failIdx, flags, hStream),
	fill_3d_batch(&hook, opList, numOps, result,
		      (struct rk_copy){ .stream = (uint64_t)hStream, .flags = RK_REC_ASYNC }))
RK_HOOK(cuMemcpy3DBatchAsync_ptsz,
	(size_t numOps, CUDA_MEMCPY3D_BATCH_OP *opList, size_t *failIdx, unsigned long long flags,
	 CUstream hStream),
	(numOps, opList, failIdx, flags, hStream),
	fill_3d_batch(&hook, opList, numOps, result,
		      (struct rk_copy){ .stream = (uint64_t)hStream,
					.flags = RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemcpy3DBatchAsync_v2,
	(size_t numOps, CUDA_MEMCPY3D_BATCH_OP *opList, unsigned long long flags, CUstream hStream),
	(numOps, opList, flags, hStream),
	fill_3d_batch(&hook, opList, numOps, result,
		      (struct rk_copy){ .stream = (uint64_t)hStream, .flags = RK_REC_ASYNC }))
RK_HOOK(cuMemcpy3DBatchAsync_v2_ptsz,
	(size_t numOps, CUDA_MEMCPY3D_BATCH_OP *opList, unsigned long long flags, CUstream hStream),
	(numOps, opList, flags, hStream),
	fill_3d_batch(&hook, opList, numOps, result,
		      (struct rk_copy){ .stream = (uint64_t)hStream,
					.flags = RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))
