/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/memset.c - hooks of the functions that fill memory.
 */
#include "interpose/hook.h"

struct set {
	uint64_t dst, bytes, stream;
	uint32_t value;
	uint8_t flags;
};

static inline void fill_set(struct rk_hook *hook, struct set set)
{
	rk_hook_submit(hook, RK_REC_MEMSET, set.stream, set.flags);
	hook->rec.set.dst = set.dst;
	hook->rec.set.bytes = set.bytes;
	hook->rec.set.stream = set.stream;
	hook->rec.set.value = set.value;
}

RK_HOOK(cuMemsetD8_v2, (CUdeviceptr dstDevice, unsigned char uc, size_t N), (dstDevice, uc, N),
	fill_set(&hook, (struct set){ dstDevice, N, 0, uc, 0 }))
RK_HOOK(cuMemsetD8_v2_ptds, (CUdeviceptr dstDevice, unsigned char uc, size_t N), (dstDevice, uc, N),
	fill_set(&hook, (struct set){ dstDevice, N, 0, uc, RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD8Async, (CUdeviceptr dstDevice, unsigned char uc, size_t N, CUstream hStream),
	(dstDevice, uc, N, hStream),
	fill_set(&hook, (struct set){ dstDevice, N, (uint64_t)hStream, uc, RK_REC_ASYNC }))
RK_HOOK(cuMemsetD8Async_ptsz, (CUdeviceptr dstDevice, unsigned char uc, size_t N, CUstream hStream),
	(dstDevice, uc, N, hStream),
	fill_set(&hook, (struct set){ dstDevice, N, (uint64_t)hStream, uc,
				      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD16_v2, (CUdeviceptr dstDevice, unsigned short us, size_t N), (dstDevice, us, N),
	fill_set(&hook, (struct set){ dstDevice, N * 2, 0, us, 0 }))
RK_HOOK(cuMemsetD16_v2_ptds, (CUdeviceptr dstDevice, unsigned short us, size_t N),
	(dstDevice, us, N),
	fill_set(&hook, (struct set){ dstDevice, N * 2, 0, us, RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD16Async, (CUdeviceptr dstDevice, unsigned short us, size_t N, CUstream hStream),
	(dstDevice, us, N, hStream),
	fill_set(&hook, (struct set){ dstDevice, N * 2, (uint64_t)hStream, us, RK_REC_ASYNC }))
RK_HOOK(cuMemsetD16Async_ptsz,
	(CUdeviceptr dstDevice, unsigned short us, size_t N, CUstream hStream),
	(dstDevice, us, N, hStream),
	fill_set(&hook, (struct set){ dstDevice, N * 2, (uint64_t)hStream, us,
				      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD32_v2, (CUdeviceptr dstDevice, unsigned int ui, size_t N), (dstDevice, ui, N),
	fill_set(&hook, (struct set){ dstDevice, N * 4, 0, ui, 0 }))
RK_HOOK(cuMemsetD32_v2_ptds, (CUdeviceptr dstDevice, unsigned int ui, size_t N), (dstDevice, ui, N),
	fill_set(&hook, (struct set){ dstDevice, N * 4, 0, ui, RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD32Async, (CUdeviceptr dstDevice, unsigned int ui, size_t N, CUstream hStream),
	(dstDevice, ui, N, hStream),
	fill_set(&hook, (struct set){ dstDevice, N * 4, (uint64_t)hStream, ui, RK_REC_ASYNC }))
RK_HOOK(cuMemsetD32Async_ptsz, (CUdeviceptr dstDevice, unsigned int ui, size_t N, CUstream hStream),
	(dstDevice, ui, N, hStream),
	fill_set(&hook, (struct set){ dstDevice, N * 4, (uint64_t)hStream, ui,
				      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD2D8_v2,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned char uc, size_t Width, size_t Height),
	(dstDevice, dstPitch, uc, Width, Height),
	fill_set(&hook, (struct set){ dstDevice, Width *Height, 0, uc, 0 }))
RK_HOOK(cuMemsetD2D8_v2_ptds,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned char uc, size_t Width, size_t Height),
	(dstDevice, dstPitch, uc, Width, Height),
	fill_set(&hook, (struct set){ dstDevice, Width *Height, 0, uc, RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD2D8Async,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned char uc, size_t Width, size_t Height,
	 CUstream hStream),
	(dstDevice, dstPitch, uc, Width, Height, hStream),
	fill_set(&hook,
		 (struct set){ dstDevice, Width *Height, (uint64_t)hStream, uc, RK_REC_ASYNC }))
RK_HOOK(cuMemsetD2D8Async_ptsz,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned char uc, size_t Width, size_t Height,
	 CUstream hStream),
	(dstDevice, dstPitch, uc, Width, Height, hStream),
	fill_set(&hook, (struct set){ dstDevice, Width *Height, (uint64_t)hStream, uc,
				      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD2D16_v2,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned short us, size_t Width, size_t Height),
	(dstDevice, dstPitch, us, Width, Height),
	fill_set(&hook, (struct set){ dstDevice, Width *Height * 2, 0, us, 0 }))
RK_HOOK(cuMemsetD2D16_v2_ptds,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned short us, size_t Width, size_t Height),
	(dstDevice, dstPitch, us, Width, Height),
	fill_set(&hook,
		 (struct set){ dstDevice, Width *Height * 2, 0, us, RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD2D16Async,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned short us, size_t Width, size_t Height,
	 CUstream hStream),
	(dstDevice, dstPitch, us, Width, Height, hStream),
	fill_set(&hook,
		 (struct set){ dstDevice, Width *Height * 2, (uint64_t)hStream, us, RK_REC_ASYNC }))
RK_HOOK(cuMemsetD2D16Async_ptsz,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned short us, size_t Width, size_t Height,
	 CUstream hStream),
	(dstDevice, dstPitch, us, Width, Height, hStream),
	fill_set(&hook, (struct set){ dstDevice, Width *Height * 2, (uint64_t)hStream, us,
				      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD2D32_v2,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned int ui, size_t Width, size_t Height),
	(dstDevice, dstPitch, ui, Width, Height),
	fill_set(&hook, (struct set){ dstDevice, Width *Height * 4, 0, ui, 0 }))
RK_HOOK(cuMemsetD2D32_v2_ptds,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned int ui, size_t Width, size_t Height),
	(dstDevice, dstPitch, ui, Width, Height),
	fill_set(&hook,
		 (struct set){ dstDevice, Width *Height * 4, 0, ui, RK_REC_PER_THREAD_STREAM }))

RK_HOOK(cuMemsetD2D32Async,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned int ui, size_t Width, size_t Height,
	 CUstream hStream),
	(dstDevice, dstPitch, ui, Width, Height, hStream),
	fill_set(&hook,
		 (struct set){ dstDevice, Width *Height * 4, (uint64_t)hStream, ui, RK_REC_ASYNC }))
RK_HOOK(cuMemsetD2D32Async_ptsz,
	(CUdeviceptr dstDevice, size_t dstPitch, unsigned int ui, size_t Width, size_t Height,
	 CUstream hStream),
	(dstDevice, dstPitch, ui, Width, Height, hStream),
	fill_set(&hook, (struct set){ dstDevice, Width *Height * 4, (uint64_t)hStream, ui,
				      RK_REC_ASYNC | RK_REC_PER_THREAD_STREAM }))

/* The first versions, with addresses and sizes of 32 bits. */
RK_HOOK(cuMemsetD8, (CUdeviceptr_v1 dstDevice, unsigned char uc, unsigned int N),
	(dstDevice, uc, N), fill_set(&hook, (struct set){ dstDevice, (uint64_t)N, 0, uc, 0 }))
RK_HOOK(cuMemsetD16, (CUdeviceptr_v1 dstDevice, unsigned short us, unsigned int N),
	(dstDevice, us, N), fill_set(&hook, (struct set){ dstDevice, (uint64_t)N * 2, 0, us, 0 }))
RK_HOOK(cuMemsetD32, (CUdeviceptr_v1 dstDevice, unsigned int ui, unsigned int N),
	(dstDevice, ui, N), fill_set(&hook, (struct set){ dstDevice, (uint64_t)N * 4, 0, ui, 0 }))
RK_HOOK(cuMemsetD2D8,
	(CUdeviceptr_v1 dstDevice, unsigned int dstPitch, unsigned char uc, unsigned int Width,
	 unsigned int Height),
	(dstDevice, dstPitch, uc, Width, Height),
	fill_set(&hook, (struct set){ dstDevice, (uint64_t)Width *Height, 0, uc, 0 }))
RK_HOOK(cuMemsetD2D16,
	(CUdeviceptr_v1 dstDevice, unsigned int dstPitch, unsigned short us, unsigned int Width,
	 unsigned int Height),
	(dstDevice, dstPitch, us, Width, Height),
	fill_set(&hook, (struct set){ dstDevice, (uint64_t)Width *Height * 2, 0, us, 0 }))
RK_HOOK(cuMemsetD2D32,
	(CUdeviceptr_v1 dstDevice, unsigned int dstPitch, unsigned int ui, unsigned int Width,
	 unsigned int Height),
	(dstDevice, dstPitch, ui, Width, Height),
	fill_set(&hook, (struct set){ dstDevice, (uint64_t)Width *Height * 4, 0, ui, 0 }))
