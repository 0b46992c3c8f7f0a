/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_copy.c - copies and memsets of every form.
 *
 * All copies become one CUDA_MEMCPY3D-like box. A device address is checked against
 * the allocations, so that a wrong one is an error as on a real device.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define SET_BYTES_PER_NS 200 /* memset bandwidth */
#define SET_FIXED_NS	 1000

enum {
	KIND_HTOD = 1,
	KIND_DTOH,
	KIND_HTOA,
	KIND_ATOH,
	KIND_ATOA,
	KIND_ATOD,
	KIND_DTOA,
	KIND_DTOD,
	KIND_HTOH,
	KIND_PTOP
};
enum side { SIDE_HOST, SIDE_DEVICE, SIDE_ARRAY };

static uint32_t kind_of(enum side from, enum side to)
{
	static const uint32_t kinds[3][3] = {
		{ KIND_HTOH, KIND_HTOD, KIND_HTOA },
		{ KIND_DTOH, KIND_DTOD, KIND_DTOA },
		{ KIND_ATOH, KIND_ATOD, KIND_ATOA },
	};

	return kinds[from][to];
}

static enum side side_of(const void *ptr)
{
	uint32_t kind, device;

	sim_mem_kinds(ptr, &kind, &device);
	return kind == 1 || kind == 2 ? SIDE_HOST : kind == 4 ? SIDE_ARRAY : SIDE_DEVICE;
}

static bool inside(const void *ptr, size_t bytes)
{
	const struct sim_alloc *a = sim_mem_find(ptr);

	return a && (const char *)ptr + bytes <= a->base + a->size;
}

static size_t extent(size_t pitch, size_t slice, const struct sim_copy_work *c)
{
	return (c->depth - 1) * slice + (c->height - 1) * pitch + c->width;
}

/* Fills kinds, devices and duration; @from and @to as the call says, -1 to look. */
static CUresult finish(struct sim_work *work, int from, int to)
{
	struct sim_copy_work *c = &work->copy;
	bool ok = true;

	work->kind = SIM_WORK_COPY;
	if (!c->width || !c->height || !c->depth)
		return CUDA_SUCCESS;
	pthread_mutex_lock(&sim.lock);
	if (from < 0)
		from = side_of(c->src);
	if (to < 0)
		to = side_of(c->dst);
	if (from != SIDE_HOST)
		ok = inside(c->src, extent(c->src_pitch, c->src_slice, c));
	if (to != SIDE_HOST)
		ok = ok && inside(c->dst, extent(c->dst_pitch, c->dst_slice, c));
	sim_mem_kinds(c->src, &c->src_kind, &c->src_device);
	sim_mem_kinds(c->dst, &c->dst_kind, &c->dst_device);
	pthread_mutex_unlock(&sim.lock);
	c->kind = kind_of((enum side)from, (enum side)to);
	if (c->kind == KIND_DTOD && c->src_device != c->dst_device)
		c->kind = KIND_PTOP;
	work->dur_ns = sim_copy_ns(c->width * c->height * c->depth);
	return ok ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult linear(struct sim_work *work, void *dst, const void *src, size_t bytes, int sides)
{
	memset(work, 0, sizeof(*work));
	work->copy = (struct sim_copy_work){
		.dst = dst,
		.src = src,
		.dst_pitch = bytes,
		.src_pitch = bytes,
		.dst_slice = bytes,
		.src_slice = bytes,
		.width = bytes,
		.height = 1,
		.depth = 1,
	};
	return finish(work, sides < 0 ? -1 : sides / 4, sides < 0 ? -1 : sides % 4);
}

#define SIDES(from, to) ((from)*4 + (to))
#define PTR(devptr)	((void *)(uintptr_t)(devptr))

static bool nothing(const struct sim_work *work)
{
	return !work->copy.width || !work->copy.height || !work->copy.depth;
}

/* A synchronous copy that touches the host returns when it is done. */
static CUresult run_sync(struct sim_work *work)
{
	CUresult result = sim_capture_unsafe();
	uint32_t kind = work->copy.kind;

	if (result || nothing(work))
		return result;
	return sim_submit_wait(NULL, work,
			       kind != KIND_DTOD && kind != KIND_PTOP && kind != KIND_DTOA &&
				       kind != KIND_ATOD && kind != KIND_ATOA);
}

/* An asynchronous copy to pageable memory is not asynchronous, on real devices too. */
static CUresult run_async(struct sim_work *work, CUstream stream)
{
	struct sim_stream *s;
	bool capturing;
	CUresult result;

	work->copy.async = true;
	if (nothing(work))
		return sim_ready();
	if (work->copy.dst_kind != 1)
		return sim_submit(stream, work);
	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(stream, &s);
	capturing = !result && s->cap;
	pthread_mutex_unlock(&sim.lock);
	return result ? result : sim_submit_wait(stream, work, !capturing);
}

static CUresult check(struct sim_work *work, CUresult made)
{
	struct sim_ctx *ctx;
	CUresult result = sim_ctx_check(&ctx);

	(void)work;
	return result ? result : made;
}

#define SYNC(dst, src, bytes, sides)                                                               \
	do {                                                                                       \
		struct sim_work work;                                                              \
		CUresult result = check(&work, linear(&work, dst, src, bytes, sides));             \
		return result ? result : run_sync(&work);                                          \
	} while (0)
#define ASYNC(dst, src, bytes, sides, stream)                                                      \
	do {                                                                                       \
		struct sim_work work;                                                              \
		CUresult result = check(&work, linear(&work, dst, src, bytes, sides));             \
		return result ? result : run_async(&work, stream);                                 \
	} while (0)

/* ---- linear ---- */
SIM_API(cuMemcpy, CUdeviceptr dst, CUdeviceptr src, size_t ByteCount)
{
	SYNC(PTR(dst), PTR(src), ByteCount, -1);
}

SIM_API(cuMemcpyAsync, CUdeviceptr dst, CUdeviceptr src, size_t ByteCount, CUstream hStream)
{
	ASYNC(PTR(dst), PTR(src), ByteCount, -1, hStream);
}

SIM_API(cuMemcpyHtoD_v2, CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount)
{
	SYNC(PTR(dstDevice), srcHost, ByteCount, SIDES(SIDE_HOST, SIDE_DEVICE));
}

SIM_API(cuMemcpyDtoH_v2, void *dstHost, CUdeviceptr srcDevice, size_t ByteCount)
{
	SYNC(dstHost, PTR(srcDevice), ByteCount, SIDES(SIDE_DEVICE, SIDE_HOST));
}

SIM_API(cuMemcpyDtoD_v2, CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount)
{
	SYNC(PTR(dstDevice), PTR(srcDevice), ByteCount, SIDES(SIDE_DEVICE, SIDE_DEVICE));
}

SIM_API(cuMemcpyHtoDAsync_v2, CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount,
	CUstream hStream)
{
	ASYNC(PTR(dstDevice), srcHost, ByteCount, SIDES(SIDE_HOST, SIDE_DEVICE), hStream);
}

SIM_API(cuMemcpyDtoHAsync_v2, void *dstHost, CUdeviceptr srcDevice, size_t ByteCount,
	CUstream hStream)
{
	ASYNC(dstHost, PTR(srcDevice), ByteCount, SIDES(SIDE_DEVICE, SIDE_HOST), hStream);
}

SIM_API(cuMemcpyDtoDAsync_v2, CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount,
	CUstream hStream)
{
	ASYNC(PTR(dstDevice), PTR(srcDevice), ByteCount, SIDES(SIDE_DEVICE, SIDE_DEVICE), hStream);
}

SIM_API(cuMemcpyPeer, CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice,
	CUcontext srcContext, size_t ByteCount)
{
	(void)dstContext;
	(void)srcContext;
	SYNC(PTR(dstDevice), PTR(srcDevice), ByteCount, SIDES(SIDE_DEVICE, SIDE_DEVICE));
}

SIM_API(cuMemcpyPeerAsync, CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice,
	CUcontext srcContext, size_t ByteCount, CUstream hStream)
{
	(void)dstContext;
	(void)srcContext;
	ASYNC(PTR(dstDevice), PTR(srcDevice), ByteCount, SIDES(SIDE_DEVICE, SIDE_DEVICE), hStream);
}

/* ---- arrays, linear ---- */
static void *array_at(CUarray array, size_t offset)
{
	struct sim_array *a = sim_array_get(array);

	return a ? a->data + offset : NULL;
}

SIM_API(cuMemcpyHtoA_v2, CUarray dstArray, size_t dstOffset, const void *srcHost, size_t ByteCount)
{
	SYNC(array_at(dstArray, dstOffset), srcHost, ByteCount, SIDES(SIDE_HOST, SIDE_ARRAY));
}

SIM_API(cuMemcpyAtoH_v2, void *dstHost, CUarray srcArray, size_t srcOffset, size_t ByteCount)
{
	SYNC(dstHost, array_at(srcArray, srcOffset), ByteCount, SIDES(SIDE_ARRAY, SIDE_HOST));
}

SIM_API(cuMemcpyDtoA_v2, CUarray dstArray, size_t dstOffset, CUdeviceptr srcDevice,
	size_t ByteCount)
{
	SYNC(array_at(dstArray, dstOffset), PTR(srcDevice), ByteCount,
	     SIDES(SIDE_DEVICE, SIDE_ARRAY));
}

SIM_API(cuMemcpyAtoD_v2, CUdeviceptr dstDevice, CUarray srcArray, size_t srcOffset,
	size_t ByteCount)
{
	SYNC(PTR(dstDevice), array_at(srcArray, srcOffset), ByteCount,
	     SIDES(SIDE_ARRAY, SIDE_DEVICE));
}

SIM_API(cuMemcpyAtoA_v2, CUarray dstArray, size_t dstOffset, CUarray srcArray, size_t srcOffset,
	size_t ByteCount)
{
	SYNC(array_at(dstArray, dstOffset), array_at(srcArray, srcOffset), ByteCount,
	     SIDES(SIDE_ARRAY, SIDE_ARRAY));
}

SIM_API(cuMemcpyHtoAAsync_v2, CUarray dstArray, size_t dstOffset, const void *srcHost,
	size_t ByteCount, CUstream hStream)
{
	ASYNC(array_at(dstArray, dstOffset), srcHost, ByteCount, SIDES(SIDE_HOST, SIDE_ARRAY),
	      hStream);
}

SIM_API(cuMemcpyAtoHAsync_v2, void *dstHost, CUarray srcArray, size_t srcOffset, size_t ByteCount,
	CUstream hStream)
{
	ASYNC(dstHost, array_at(srcArray, srcOffset), ByteCount, SIDES(SIDE_ARRAY, SIDE_HOST),
	      hStream);
}

/* ---- boxes ---- */
struct box_end {
	CUmemorytype type;
	const void *host;
	CUdeviceptr device;
	CUarray array;
	size_t x, y, z, pitch, height;
};

static CUresult resolve(const struct box_end *e, const CUDA_MEMCPY3D *p, char **ptr, size_t *pitch,
			size_t *slice, int *side)
{
	struct sim_array *a;
	size_t height = e->height ? e->height : p->Height;

	*pitch = e->pitch ? e->pitch : p->WidthInBytes;
	*slice = *pitch * height;
	switch (e->type) {
	case CU_MEMORYTYPE_HOST:
		*ptr = (char *)(uintptr_t)e->host;
		*side = SIDE_HOST;
		break;
	case CU_MEMORYTYPE_DEVICE:
		*ptr = PTR(e->device);
		*side = SIDE_DEVICE;
		break;
	case CU_MEMORYTYPE_UNIFIED:
		*ptr = PTR(e->device);
		*side = -1;
		break;
	case CU_MEMORYTYPE_ARRAY:
		a = sim_array_get(e->array);
		if (!a)
			return CUDA_ERROR_INVALID_HANDLE;
		*ptr = a->data;
		*pitch = a->pitch;
		*slice = a->slice;
		*side = SIDE_ARRAY;
		break;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
	*ptr += e->z * *slice + e->y * *pitch + e->x;
	return CUDA_SUCCESS;
}

CUresult sim_copy_work(const CUDA_MEMCPY3D *p, struct sim_work *work)
{
	struct box_end src = { p->srcMemoryType, p->srcHost,	 p->srcDevice,
			       p->srcArray,	 p->srcXInBytes, p->srcY,
			       p->srcZ,		 p->srcPitch,	 p->srcHeight };
	struct box_end dst = { p->dstMemoryType, p->dstHost,	 p->dstDevice,
			       p->dstArray,	 p->dstXInBytes, p->dstY,
			       p->dstZ,		 p->dstPitch,	 p->dstHeight };
	struct sim_copy_work *c = &work->copy;
	char *from, *to;
	int from_side, to_side;
	CUresult result;

	memset(work, 0, sizeof(*work));
	result = resolve(&src, p, &from, &c->src_pitch, &c->src_slice, &from_side);
	if (!result)
		result = resolve(&dst, p, &to, &c->dst_pitch, &c->dst_slice, &to_side);
	if (result)
		return result;
	c->src = from;
	c->dst = to;
	c->width = p->WidthInBytes;
	c->height = p->Height;
	c->depth = p->Depth;
	c->async = true;
	work->copy_params = *p;
	return finish(work, from_side, to_side);
}

static CUDA_MEMCPY3D box_of_2d(const CUDA_MEMCPY2D *p)
{
	CUDA_MEMCPY3D b = {
		.srcXInBytes = p->srcXInBytes,
		.srcY = p->srcY,
		.srcMemoryType = p->srcMemoryType,
		.srcHost = p->srcHost,
		.srcDevice = p->srcDevice,
		.srcArray = p->srcArray,
		.srcPitch = p->srcPitch,
		.dstXInBytes = p->dstXInBytes,
		.dstY = p->dstY,
		.dstMemoryType = p->dstMemoryType,
		.dstHost = p->dstHost,
		.dstDevice = p->dstDevice,
		.dstArray = p->dstArray,
		.dstPitch = p->dstPitch,
		.WidthInBytes = p->WidthInBytes,
		.Height = p->Height,
		.Depth = 1,
	};

	return b;
}

SIM_API(cuMemcpy3D_v2, const CUDA_MEMCPY3D *pCopy)
{
	struct sim_work work;
	CUresult result = check(&work, sim_copy_work(pCopy, &work));

	work.copy.async = false;
	return result ? result : run_sync(&work);
}

SIM_API(cuMemcpy3DAsync_v2, const CUDA_MEMCPY3D *pCopy, CUstream hStream)
{
	struct sim_work work;
	CUresult result = check(&work, sim_copy_work(pCopy, &work));

	return result ? result : run_async(&work, hStream);
}

SIM_API(cuMemcpy2D_v2, const CUDA_MEMCPY2D *pCopy)
{
	CUDA_MEMCPY3D box = box_of_2d(pCopy);

	return sim_cuMemcpy3D_v2(&box);
}

SIM_API(cuMemcpy2DUnaligned_v2, const CUDA_MEMCPY2D *pCopy)
{
	return sim_cuMemcpy2D_v2(pCopy);
}

SIM_API(cuMemcpy2DAsync_v2, const CUDA_MEMCPY2D *pCopy, CUstream hStream)
{
	CUDA_MEMCPY3D box = box_of_2d(pCopy);

	return sim_cuMemcpy3DAsync_v2(&box, hStream);
}

/* The peer form starts with the same fields and ends with the two contexts. */
static CUDA_MEMCPY3D box_of_peer(const CUDA_MEMCPY3D_PEER *p)
{
	CUDA_MEMCPY3D b;

	memset(&b, 0, sizeof(b));
	b.srcXInBytes = p->srcXInBytes;
	b.srcY = p->srcY;
	b.srcZ = p->srcZ;
	b.srcMemoryType = p->srcMemoryType;
	b.srcHost = p->srcHost;
	b.srcDevice = p->srcDevice;
	b.srcArray = p->srcArray;
	b.srcPitch = p->srcPitch;
	b.srcHeight = p->srcHeight;
	b.dstXInBytes = p->dstXInBytes;
	b.dstY = p->dstY;
	b.dstZ = p->dstZ;
	b.dstMemoryType = p->dstMemoryType;
	b.dstHost = p->dstHost;
	b.dstDevice = p->dstDevice;
	b.dstArray = p->dstArray;
	b.dstPitch = p->dstPitch;
	b.dstHeight = p->dstHeight;
	b.WidthInBytes = p->WidthInBytes;
	b.Height = p->Height;
	b.Depth = p->Depth;
	return b;
}

SIM_API(cuMemcpy3DPeer, const CUDA_MEMCPY3D_PEER *pCopy)
{
	CUDA_MEMCPY3D box = box_of_peer(pCopy);

	return sim_cuMemcpy3D_v2(&box);
}

SIM_API(cuMemcpy3DPeerAsync, const CUDA_MEMCPY3D_PEER *pCopy, CUstream hStream)
{
	CUDA_MEMCPY3D box = box_of_peer(pCopy);

	return sim_cuMemcpy3DAsync_v2(&box, hStream);
}

/* ---- batches ---- */
SIM_API(cuMemcpyBatchAsync_v2, CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,
	CUmemcpyAttributes *attrs, size_t *attrsIdxs, size_t numAttrs, CUstream hStream)
{
	CUresult result = CUDA_SUCCESS;

	(void)attrs;
	(void)attrsIdxs;
	(void)numAttrs;
	if (!count || !hStream)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; !result && i < count; i++)
		result = sim_cuMemcpyAsync(dsts[i], srcs[i], sizes[i], hStream);
	return result;
}

SIM_API(cuMemcpyBatchAsync, CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,
	CUmemcpyAttributes *attrs, size_t *attrsIdxs, size_t numAttrs, size_t *failIdx,
	CUstream hStream)
{
	CUresult result = sim_cuMemcpyBatchAsync_v2(dsts, srcs, sizes, count, attrs, attrsIdxs,
						    numAttrs, hStream);

	if (result && failIdx)
		*failIdx = (size_t)-1;
	return result;
}

static CUDA_MEMCPY3D box_of_operands(const CUDA_MEMCPY3D_BATCH_OP *p)
{
	const size_t width = p->extent.width;
	CUDA_MEMCPY3D b = {
		.srcMemoryType = CU_MEMORYTYPE_UNIFIED,
		.srcDevice = p->src.op.ptr.ptr,
		.srcPitch = p->src.op.ptr.rowLength ? p->src.op.ptr.rowLength : width,
		.srcHeight = p->src.op.ptr.layerHeight,
		.dstMemoryType = CU_MEMORYTYPE_UNIFIED,
		.dstDevice = p->dst.op.ptr.ptr,
		.dstPitch = p->dst.op.ptr.rowLength ? p->dst.op.ptr.rowLength : width,
		.dstHeight = p->dst.op.ptr.layerHeight,
		.WidthInBytes = width,
		.Height = p->extent.height,
		.Depth = p->extent.depth,
	};

	return b;
}

/* Of arrays not: nobody here copies them in batches. */
SIM_API(cuMemcpy3DBatchAsync_v2, size_t numOps, CUDA_MEMCPY3D_BATCH_OP *opList,
	unsigned long long flags, CUstream hStream)
{
	CUresult result = CUDA_SUCCESS;

	if (!numOps || !hStream || flags)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; !result && i < numOps; i++) {
		CUDA_MEMCPY3D box = box_of_operands(&opList[i]);

		if (opList[i].src.type != CU_MEMCPY_OPERAND_TYPE_POINTER ||
		    opList[i].dst.type != CU_MEMCPY_OPERAND_TYPE_POINTER)
			return CUDA_ERROR_NOT_SUPPORTED;
		result = sim_cuMemcpy3DAsync_v2(&box, hStream);
	}
	return result;
}

SIM_API(cuMemcpy3DBatchAsync, size_t numOps, CUDA_MEMCPY3D_BATCH_OP *opList, size_t *failIdx,
	unsigned long long flags, CUstream hStream)
{
	CUresult result = sim_cuMemcpy3DBatchAsync_v2(numOps, opList, flags, hStream);

	if (result && failIdx)
		*failIdx = (size_t)-1;
	return result;
}

/* ---- memset ---- */
static CUresult set(CUdeviceptr dst, struct sim_set_work set, CUstream stream, bool sync)
{
	struct sim_work work = { .kind = SIM_WORK_SET };
	struct sim_ctx *ctx;
	CUresult result = sim_ctx_check(&ctx);
	size_t bytes;
	bool ok;

	if (!result && sync)
		result = sim_capture_unsafe();
	if (result)
		return result;
	set.dst = PTR(dst);
	if (!set.pitch)
		set.pitch = set.width * set.element;
	set.async = !sync;
	bytes = set.width * set.height * set.element;
	if (!bytes)
		return CUDA_SUCCESS;
	pthread_mutex_lock(&sim.lock);
	ok = inside(set.dst, (set.height - 1) * set.pitch + set.width * set.element);
	pthread_mutex_unlock(&sim.lock);
	if (!ok)
		return CUDA_ERROR_INVALID_VALUE;
	work.set = set;
	work.dur_ns = SET_FIXED_NS + bytes / SET_BYTES_PER_NS;
	return sim_submit(stream, &work);
}

#define SET1(value_, n, size)                                                                      \
	((struct sim_set_work){ .value = (value_), .width = (n), .height = 1, .element = (size) })
#define SET2(pitch_, value_, w, h, size)                                                           \
	((struct sim_set_work){ .pitch = (pitch_),                                                 \
				.value = (value_),                                                 \
				.width = (w),                                                      \
				.height = (h),                                                     \
				.element = (size) })

SIM_API(cuMemsetD8_v2, CUdeviceptr dstDevice, unsigned char uc, size_t N)
{
	return set(dstDevice, SET1(uc, N, 1), NULL, true);
}

SIM_API(cuMemsetD16_v2, CUdeviceptr dstDevice, unsigned short us, size_t N)
{
	return set(dstDevice, SET1(us, N, 2), NULL, true);
}

SIM_API(cuMemsetD32_v2, CUdeviceptr dstDevice, unsigned int ui, size_t N)
{
	return set(dstDevice, SET1(ui, N, 4), NULL, true);
}

SIM_API(cuMemsetD8Async, CUdeviceptr dstDevice, unsigned char uc, size_t N, CUstream hStream)
{
	return set(dstDevice, SET1(uc, N, 1), hStream, false);
}

SIM_API(cuMemsetD16Async, CUdeviceptr dstDevice, unsigned short us, size_t N, CUstream hStream)
{
	return set(dstDevice, SET1(us, N, 2), hStream, false);
}

SIM_API(cuMemsetD32Async, CUdeviceptr dstDevice, unsigned int ui, size_t N, CUstream hStream)
{
	return set(dstDevice, SET1(ui, N, 4), hStream, false);
}

SIM_API(cuMemsetD2D8_v2, CUdeviceptr dstDevice, size_t dstPitch, unsigned char uc, size_t Width,
	size_t Height)
{
	return set(dstDevice, SET2(dstPitch, uc, Width, Height, 1), NULL, true);
}

SIM_API(cuMemsetD2D16_v2, CUdeviceptr dstDevice, size_t dstPitch, unsigned short us, size_t Width,
	size_t Height)
{
	return set(dstDevice, SET2(dstPitch, us, Width, Height, 2), NULL, true);
}

SIM_API(cuMemsetD2D32_v2, CUdeviceptr dstDevice, size_t dstPitch, unsigned int ui, size_t Width,
	size_t Height)
{
	return set(dstDevice, SET2(dstPitch, ui, Width, Height, 4), NULL, true);
}

SIM_API(cuMemsetD2D8Async, CUdeviceptr dstDevice, size_t dstPitch, unsigned char uc, size_t Width,
	size_t Height, CUstream hStream)
{
	return set(dstDevice, SET2(dstPitch, uc, Width, Height, 1), hStream, false);
}

SIM_API(cuMemsetD2D16Async, CUdeviceptr dstDevice, size_t dstPitch, unsigned short us, size_t Width,
	size_t Height, CUstream hStream)
{
	return set(dstDevice, SET2(dstPitch, us, Width, Height, 2), hStream, false);
}

SIM_API(cuMemsetD2D32Async, CUdeviceptr dstDevice, size_t dstPitch, unsigned int ui, size_t Width,
	size_t Height, CUstream hStream)
{
	return set(dstDevice, SET2(dstPitch, ui, Width, Height, 4), hStream, false);
}
