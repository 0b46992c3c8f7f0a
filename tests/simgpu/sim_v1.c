/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_v1.c - the first versions of copies and memsets, with 32 bits.
 *
 * Their memory comes from the first cuMemAlloc().
 */
#include <string.h>

#include "sim.h"

static CUDA_MEMCPY2D wide_2d(const CUDA_MEMCPY2D_v1 *p)
{
	return (CUDA_MEMCPY2D){
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
	};
}

static CUDA_MEMCPY3D wide_3d(const CUDA_MEMCPY3D_v1 *p)
{
	return (CUDA_MEMCPY3D){
		.srcXInBytes = p->srcXInBytes,
		.srcY = p->srcY,
		.srcZ = p->srcZ,
		.srcMemoryType = p->srcMemoryType,
		.srcHost = p->srcHost,
		.srcDevice = p->srcDevice,
		.srcArray = p->srcArray,
		.srcPitch = p->srcPitch,
		.srcHeight = p->srcHeight,
		.dstXInBytes = p->dstXInBytes,
		.dstY = p->dstY,
		.dstZ = p->dstZ,
		.dstMemoryType = p->dstMemoryType,
		.dstHost = p->dstHost,
		.dstDevice = p->dstDevice,
		.dstArray = p->dstArray,
		.dstPitch = p->dstPitch,
		.dstHeight = p->dstHeight,
		.WidthInBytes = p->WidthInBytes,
		.Height = p->Height,
		.Depth = p->Depth,
	};
}

CUresult sim_cuMemcpyHtoD_v2(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount);
CUresult sim_cuMemcpyDtoH_v2(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount);
CUresult sim_cuMemcpyDtoD_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount);
CUresult sim_cuMemcpyDtoA_v2(CUarray dstArray, size_t dstOffset, CUdeviceptr srcDevice,
			     size_t ByteCount);
CUresult sim_cuMemcpyAtoD_v2(CUdeviceptr dstDevice, CUarray srcArray, size_t srcOffset,
			     size_t ByteCount);
CUresult sim_cuMemcpyHtoA_v2(CUarray dstArray, size_t dstOffset, const void *srcHost,
			     size_t ByteCount);
CUresult sim_cuMemcpyAtoH_v2(void *dstHost, CUarray srcArray, size_t srcOffset, size_t ByteCount);
CUresult sim_cuMemcpyAtoA_v2(CUarray dstArray, size_t dstOffset, CUarray srcArray, size_t srcOffset,
			     size_t ByteCount);
CUresult sim_cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount,
				  CUstream hStream);
CUresult sim_cuMemcpyDtoHAsync_v2(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount,
				  CUstream hStream);
CUresult sim_cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount,
				  CUstream hStream);
CUresult sim_cuMemcpyHtoAAsync_v2(CUarray dstArray, size_t dstOffset, const void *srcHost,
				  size_t ByteCount, CUstream hStream);
CUresult sim_cuMemcpyAtoHAsync_v2(void *dstHost, CUarray srcArray, size_t srcOffset,
				  size_t ByteCount, CUstream hStream);
CUresult sim_cuMemcpy2D_v2(const CUDA_MEMCPY2D *pCopy);
CUresult sim_cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *pCopy);
CUresult sim_cuMemcpy3D_v2(const CUDA_MEMCPY3D *pCopy);
CUresult sim_cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *pCopy, CUstream hStream);
CUresult sim_cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *pCopy, CUstream hStream);
CUresult sim_cuMemsetD8_v2(CUdeviceptr dstDevice, unsigned char uc, size_t N);
CUresult sim_cuMemsetD16_v2(CUdeviceptr dstDevice, unsigned short us, size_t N);
CUresult sim_cuMemsetD32_v2(CUdeviceptr dstDevice, unsigned int ui, size_t N);
CUresult sim_cuMemsetD2D8_v2(CUdeviceptr dstDevice, size_t dstPitch, unsigned char uc, size_t Width,
			     size_t Height);
CUresult sim_cuMemsetD2D16_v2(CUdeviceptr dstDevice, size_t dstPitch, unsigned short us,
			      size_t Width, size_t Height);
CUresult sim_cuMemsetD2D32_v2(CUdeviceptr dstDevice, size_t dstPitch, unsigned int ui, size_t Width,
			      size_t Height);

SIM_API(cuMemcpyHtoD, CUdeviceptr_v1 dstDevice, const void *srcHost, unsigned int ByteCount)
{
	return sim_cuMemcpyHtoD_v2(dstDevice, srcHost, ByteCount);
}

SIM_API(cuMemcpyDtoH, void *dstHost, CUdeviceptr_v1 srcDevice, unsigned int ByteCount)
{
	return sim_cuMemcpyDtoH_v2(dstHost, srcDevice, ByteCount);
}

SIM_API(cuMemcpyDtoD, CUdeviceptr_v1 dstDevice, CUdeviceptr_v1 srcDevice, unsigned int ByteCount)
{
	return sim_cuMemcpyDtoD_v2(dstDevice, srcDevice, ByteCount);
}

SIM_API(cuMemcpyDtoA, CUarray dstArray, unsigned int dstOffset, CUdeviceptr_v1 srcDevice,
	unsigned int ByteCount)
{
	return sim_cuMemcpyDtoA_v2(dstArray, dstOffset, srcDevice, ByteCount);
}

SIM_API(cuMemcpyAtoD, CUdeviceptr_v1 dstDevice, CUarray srcArray, unsigned int srcOffset,
	unsigned int ByteCount)
{
	return sim_cuMemcpyAtoD_v2(dstDevice, srcArray, srcOffset, ByteCount);
}

SIM_API(cuMemcpyHtoA, CUarray dstArray, unsigned int dstOffset, const void *srcHost,
	unsigned int ByteCount)
{
	return sim_cuMemcpyHtoA_v2(dstArray, dstOffset, srcHost, ByteCount);
}

SIM_API(cuMemcpyAtoH, void *dstHost, CUarray srcArray, unsigned int srcOffset,
	unsigned int ByteCount)
{
	return sim_cuMemcpyAtoH_v2(dstHost, srcArray, srcOffset, ByteCount);
}

SIM_API(cuMemcpyAtoA, CUarray dstArray, unsigned int dstOffset, CUarray srcArray,
	unsigned int srcOffset, unsigned int ByteCount)
{
	return sim_cuMemcpyAtoA_v2(dstArray, dstOffset, srcArray, srcOffset, ByteCount);
}

SIM_API(cuMemcpyHtoDAsync, CUdeviceptr_v1 dstDevice, const void *srcHost, unsigned int ByteCount,
	CUstream hStream)
{
	return sim_cuMemcpyHtoDAsync_v2(dstDevice, srcHost, ByteCount, hStream);
}

SIM_API(cuMemcpyDtoHAsync, void *dstHost, CUdeviceptr_v1 srcDevice, unsigned int ByteCount,
	CUstream hStream)
{
	return sim_cuMemcpyDtoHAsync_v2(dstHost, srcDevice, ByteCount, hStream);
}

SIM_API(cuMemcpyDtoDAsync, CUdeviceptr_v1 dstDevice, CUdeviceptr_v1 srcDevice,
	unsigned int ByteCount, CUstream hStream)
{
	return sim_cuMemcpyDtoDAsync_v2(dstDevice, srcDevice, ByteCount, hStream);
}

SIM_API(cuMemcpyHtoAAsync, CUarray dstArray, unsigned int dstOffset, const void *srcHost,
	unsigned int ByteCount, CUstream hStream)
{
	return sim_cuMemcpyHtoAAsync_v2(dstArray, dstOffset, srcHost, ByteCount, hStream);
}

SIM_API(cuMemcpyAtoHAsync, void *dstHost, CUarray srcArray, unsigned int srcOffset,
	unsigned int ByteCount, CUstream hStream)
{
	return sim_cuMemcpyAtoHAsync_v2(dstHost, srcArray, srcOffset, ByteCount, hStream);
}

SIM_API(cuMemcpy2D, const CUDA_MEMCPY2D_v1 *pCopy)
{
	CUDA_MEMCPY2D wide = wide_2d(pCopy);

	return sim_cuMemcpy2D_v2(&wide);
}

SIM_API(cuMemcpy2DUnaligned, const CUDA_MEMCPY2D_v1 *pCopy)
{
	CUDA_MEMCPY2D wide = wide_2d(pCopy);

	return sim_cuMemcpy2DUnaligned_v2(&wide);
}

SIM_API(cuMemcpy3D, const CUDA_MEMCPY3D_v1 *pCopy)
{
	CUDA_MEMCPY3D wide = wide_3d(pCopy);

	return sim_cuMemcpy3D_v2(&wide);
}

SIM_API(cuMemcpy2DAsync, const CUDA_MEMCPY2D_v1 *pCopy, CUstream hStream)
{
	CUDA_MEMCPY2D wide = wide_2d(pCopy);

	return sim_cuMemcpy2DAsync_v2(&wide, hStream);
}

SIM_API(cuMemcpy3DAsync, const CUDA_MEMCPY3D_v1 *pCopy, CUstream hStream)
{
	CUDA_MEMCPY3D wide = wide_3d(pCopy);

	return sim_cuMemcpy3DAsync_v2(&wide, hStream);
}

SIM_API(cuMemsetD8, CUdeviceptr_v1 dstDevice, unsigned char uc, unsigned int N)
{
	return sim_cuMemsetD8_v2(dstDevice, uc, N);
}

SIM_API(cuMemsetD16, CUdeviceptr_v1 dstDevice, unsigned short us, unsigned int N)
{
	return sim_cuMemsetD16_v2(dstDevice, us, N);
}

SIM_API(cuMemsetD32, CUdeviceptr_v1 dstDevice, unsigned int ui, unsigned int N)
{
	return sim_cuMemsetD32_v2(dstDevice, ui, N);
}

SIM_API(cuMemsetD2D8, CUdeviceptr_v1 dstDevice, unsigned int dstPitch, unsigned char uc,
	unsigned int Width, unsigned int Height)
{
	return sim_cuMemsetD2D8_v2(dstDevice, dstPitch, uc, Width, Height);
}

SIM_API(cuMemsetD2D16, CUdeviceptr_v1 dstDevice, unsigned int dstPitch, unsigned short us,
	unsigned int Width, unsigned int Height)
{
	return sim_cuMemsetD2D16_v2(dstDevice, dstPitch, us, Width, Height);
}

SIM_API(cuMemsetD2D32, CUdeviceptr_v1 dstDevice, unsigned int dstPitch, unsigned int ui,
	unsigned int Width, unsigned int Height)
{
	return sim_cuMemsetD2D32_v2(dstDevice, dstPitch, ui, Width, Height);
}
