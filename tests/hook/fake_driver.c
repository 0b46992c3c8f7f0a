/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/fake_driver.c - a libcuda whose functions return at once.
 *
 * For what the simulated driver is too honest or too slow for: the cost of a hook, errno, and
 * drivers that lack a function. cuLaunchKernel() fails when its function is NULL and leaves
 * errno as it was.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <stddef.h>
#include <string.h>

CUresult cuInit(unsigned int Flags)
{
	return Flags ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count)
{
	*count = 1;
	return CUDA_SUCCESS;
}

CUresult cuCtxCreate_v2(CUcontext *pctx, unsigned int flags, CUdevice dev)
{
	*pctx = (CUcontext)(0x1000ul + (unsigned int)dev + flags);
	return CUDA_SUCCESS;
}

__attribute__((noinline)) CUresult cuLaunchKernel(CUfunction f, unsigned int gridDimX,
						  unsigned int gridDimY, unsigned int gridDimZ,
						  unsigned int blockDimX, unsigned int blockDimY,
						  unsigned int blockDimZ,
						  unsigned int sharedMemBytes, CUstream hStream,
						  void **kernelParams, void **extra)
{
	(void)gridDimX;
	(void)gridDimY;
	(void)gridDimZ;
	(void)blockDimX;
	(void)blockDimY;
	(void)blockDimZ;
	(void)sharedMemBytes;
	(void)hStream;
	(void)kernelParams;
	(void)extra;
	return f ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuMemAlloc_v2(CUdeviceptr *dptr, size_t bytesize)
{
	*dptr = bytesize;
	return bytesize ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* Not what libcuda exports under that name: an answer that must be passed on as it is. */
static CUresult hidden_memset(CUdeviceptr dst, unsigned char value, size_t count)
{
	(void)dst;
	(void)value;
	(void)count;
	return CUDA_SUCCESS;
}

CUresult cuMemsetD8_v2(CUdeviceptr dst, unsigned char value, size_t count)
{
	return hidden_memset(dst, value, count);
}

CUresult cuGetProcAddress_v2(const char *symbol, void **pfn, int cudaVersion, cuuint64_t flags,
			     CUdriverProcAddressQueryResult *symbolStatus)
{
	static const struct {
		const char *name;
		int version;
		void *function;
	} table[] = {
		{ "cuInit", 2000, (void *)cuInit },
		{ "cuLaunchKernel", 4000, (void *)cuLaunchKernel },
		{ "cuMemAlloc", 3020, (void *)cuMemAlloc_v2 },
		{ "cuMemsetD8", 3020, (void *)hidden_memset },
		{ "cuCtxCreate", 3020, (void *)cuCtxCreate_v2 },
		{ "cuDeviceGetCount", 2000, (void *)cuDeviceGetCount },
		{ "cuGetProcAddress", 12000, (void *)cuGetProcAddress_v2 },
	};

	(void)flags;
	*pfn = NULL;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, symbol) == 0 && cudaVersion >= table[i].version)
			*pfn = table[i].function;
	if (symbolStatus)
		*symbolStatus =
			*pfn ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
	return CUDA_SUCCESS;
}
