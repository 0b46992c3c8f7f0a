/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_copies.c - calls every function that copies or fills memory, once.
 *
 * Each call moves another number of bytes. Prints a line per call: the function and its result.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <string.h>

#include "guest.h"

#define ROOM 65536

static void *driver;
static CUstream stream;
static CUcontext context;
static CUdeviceptr a, b;	 /* device memory */
static CUdeviceptr_v1 low_a, low_b; /* the same, where 32 bits reach */
static CUarray array_a, array_b;
static char host[ROOM];
static unsigned int n = 16; /* bytes, or elements, of the next call */

static void *find(const char *symbol)
{
	void *found = dlsym(driver, symbol);

	CHECK(found);
	return found;
}

/* @type: a function of the same parameters, which the header knows. */
#define CALL(type, symbol, ...)                                                                    \
	do {                                                                                       \
		CUresult result = ((__typeof__(&type))find(symbol))(__VA_ARGS__);                  \
                                                                                                   \
		printf("%s %d\n", symbol, (int)result);                                            \
		CHECK(result == CUDA_SUCCESS);                                                     \
		n++;                                                                               \
	} while (0)
#define BOTH(function, suffix, ...)                                                                \
	do {                                                                                       \
		CALL(function, #function, __VA_ARGS__);                                            \
		CALL(function, #function suffix, __VA_ARGS__);                                     \
	} while (0)
#define SYNC(function, ...)  BOTH(function, "_ptds", __VA_ARGS__)
#define ASYNC(function, ...) BOTH(function, "_ptsz", __VA_ARGS__)
#define FIRST(function, ...) CALL(function, #function, __VA_ARGS__)

static void prepare(void)
{
	CUDA_ARRAY_DESCRIPTOR desc = { .Width = 4096,
				       .Format = CU_AD_FORMAT_UNSIGNED_INT8,
				       .NumChannels = 1 };

	driver = dlopen("libcuda.so.1", RTLD_NOW);
	CHECK(driver);
	CHECK(((__typeof__(&cuInit))find("cuInit"))(0) == CUDA_SUCCESS);
	CHECK(((__typeof__(&cuCtxCreate_v2))find("cuCtxCreate_v2"))(&context, 0, 0) ==
	      CUDA_SUCCESS);
	CHECK(((__typeof__(&cuStreamCreate))find("cuStreamCreate"))(
		      &stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
	CHECK(((__typeof__(&cuMemAlloc_v2))find("cuMemAlloc_v2"))(&a, ROOM) == CUDA_SUCCESS);
	CHECK(((__typeof__(&cuMemAlloc_v2))find("cuMemAlloc_v2"))(&b, ROOM) == CUDA_SUCCESS);
	CHECK(((__typeof__(&cuMemAlloc))find("cuMemAlloc"))(&low_a, ROOM) == CUDA_SUCCESS);
	CHECK(((__typeof__(&cuMemAlloc))find("cuMemAlloc"))(&low_b, ROOM) == CUDA_SUCCESS);
	CHECK(((__typeof__(&cuArrayCreate_v2))find("cuArrayCreate_v2"))(&array_a, &desc) ==
	      CUDA_SUCCESS);
	CHECK(((__typeof__(&cuArrayCreate_v2))find("cuArrayCreate_v2"))(&array_b, &desc) ==
	      CUDA_SUCCESS);
}

static void copy_linear(void)
{
	SYNC(cuMemcpy, a, b, n);
	ASYNC(cuMemcpyAsync, a, b, n, stream);
	SYNC(cuMemcpyPeer, a, context, b, context, n);
	ASYNC(cuMemcpyPeerAsync, a, context, b, context, n, stream);
	SYNC(cuMemcpyHtoD_v2, a, host, n);
	SYNC(cuMemcpyDtoH_v2, host, a, n);
	SYNC(cuMemcpyDtoD_v2, a, b, n);
	ASYNC(cuMemcpyHtoDAsync_v2, a, host, n, stream);
	ASYNC(cuMemcpyDtoHAsync_v2, host, a, n, stream);
	ASYNC(cuMemcpyDtoDAsync_v2, a, b, n, stream);
	FIRST(cuMemcpyHtoD, low_a, host, n);
	FIRST(cuMemcpyDtoH, host, low_a, n);
	FIRST(cuMemcpyDtoD, low_a, low_b, n);
	FIRST(cuMemcpyHtoDAsync, low_a, host, n, stream);
	FIRST(cuMemcpyDtoHAsync, host, low_a, n, stream);
	FIRST(cuMemcpyDtoDAsync, low_a, low_b, n, stream);
}

static void copy_arrays(void)
{
	SYNC(cuMemcpyDtoA_v2, array_a, 0, a, n);
	SYNC(cuMemcpyAtoD_v2, a, array_a, 0, n);
	SYNC(cuMemcpyHtoA_v2, array_a, 0, host, n);
	SYNC(cuMemcpyAtoH_v2, host, array_a, 0, n);
	SYNC(cuMemcpyAtoA_v2, array_a, 0, array_b, 0, n);
	ASYNC(cuMemcpyHtoAAsync_v2, array_a, 0, host, n, stream);
	ASYNC(cuMemcpyAtoHAsync_v2, host, array_a, 0, n, stream);
	FIRST(cuMemcpyDtoA, array_a, 0, low_a, n);
	FIRST(cuMemcpyAtoD, low_a, array_a, 0, n);
	FIRST(cuMemcpyHtoA, array_a, 0, host, n);
	FIRST(cuMemcpyAtoH, host, array_a, 0, n);
	FIRST(cuMemcpyAtoA, array_a, 0, array_b, 0, n);
	FIRST(cuMemcpyHtoAAsync, array_a, 0, host, n, stream);
	FIRST(cuMemcpyAtoHAsync, host, array_a, 0, n, stream);
}

#define BOX_2D(device)                                                                             \
	{                                                                                          \
		.srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = host, .srcPitch = 256,             \
		.dstMemoryType = CU_MEMORYTYPE_DEVICE, .dstDevice = device, .dstPitch = 512,       \
		.WidthInBytes = n, .Height = 3                                                     \
	}
#define BOX_3D(device)                                                                             \
	{                                                                                          \
		.srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = device, .srcPitch = 256,       \
		.srcHeight = 4, .dstMemoryType = CU_MEMORYTYPE_HOST, .dstHost = host,              \
		.dstPitch = 512, .dstHeight = 4, .WidthInBytes = n, .Height = 3, .Depth = 2        \
	}

static void copy_boxes(void)
{
	SYNC(cuMemcpy2D_v2, &(CUDA_MEMCPY2D)BOX_2D(a));
	SYNC(cuMemcpy2DUnaligned_v2, &(CUDA_MEMCPY2D)BOX_2D(a));
	ASYNC(cuMemcpy2DAsync_v2, &(CUDA_MEMCPY2D)BOX_2D(a), stream);
	SYNC(cuMemcpy3D_v2, &(CUDA_MEMCPY3D)BOX_3D(a));
	ASYNC(cuMemcpy3DAsync_v2, &(CUDA_MEMCPY3D)BOX_3D(a), stream);
	SYNC(cuMemcpy3DPeer, &(CUDA_MEMCPY3D_PEER)BOX_3D(a));
	ASYNC(cuMemcpy3DPeerAsync, &(CUDA_MEMCPY3D_PEER)BOX_3D(a), stream);
	FIRST(cuMemcpy2D, &(CUDA_MEMCPY2D_v1)BOX_2D(low_a));
	FIRST(cuMemcpy2DUnaligned, &(CUDA_MEMCPY2D_v1)BOX_2D(low_a));
	FIRST(cuMemcpy2DAsync, &(CUDA_MEMCPY2D_v1)BOX_2D(low_a), stream);
	FIRST(cuMemcpy3D, &(CUDA_MEMCPY3D_v1)BOX_3D(low_a));
	FIRST(cuMemcpy3DAsync, &(CUDA_MEMCPY3D_v1)BOX_3D(low_a), stream);
}

#define OPERAND(address)                                                                           \
	{                                                                                          \
		.type = CU_MEMCPY_OPERAND_TYPE_POINTER, .op.ptr = {.ptr = address }                \
	}
#define BOXES                                                                                      \
	(CUDA_MEMCPY3D_BATCH_OP[])                                                                 \
	{                                                                                          \
		{ .src = OPERAND(a), .dst = OPERAND(b), .extent = { n, 3, 2 } },                   \
		{                                                                                  \
			.src = OPERAND(b), .dst = OPERAND(a), .extent = { n, 1, 1 }                \
		}                                                                                  \
	}

static void copy_batches(void)
{
	CUmemcpyAttributes attributes = { .srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_STREAM };
	size_t index = 0, failed;

	ASYNC(cuMemcpyBatchAsync, (CUdeviceptr[]){ a, b }, (CUdeviceptr[]){ b, a },
	      (size_t[]){ n, 2 * n }, 2, &attributes, &index, 1, &failed, stream);
	ASYNC(cuMemcpyBatchAsync_v2, (CUdeviceptr[]){ a, b }, (CUdeviceptr[]){ b, a },
	      (size_t[]){ n, 2 * n }, 2, &attributes, &index, 1, stream);
	ASYNC(cuMemcpy3DBatchAsync, 2, BOXES, &failed, 0, stream);
	ASYNC(cuMemcpy3DBatchAsync_v2, 2, BOXES, 0, stream);
}

static void set(void)
{
	SYNC(cuMemsetD8_v2, a, 1, n);
	SYNC(cuMemsetD16_v2, a, 2, n);
	SYNC(cuMemsetD32_v2, a, 3, n);
	SYNC(cuMemsetD2D8_v2, a, 256, 4, n, 3);
	SYNC(cuMemsetD2D16_v2, a, 256, 5, n, 3);
	SYNC(cuMemsetD2D32_v2, a, 1024, 6, n, 3);
	ASYNC(cuMemsetD8Async, a, 7, n, stream);
	ASYNC(cuMemsetD16Async, a, 8, n, stream);
	ASYNC(cuMemsetD32Async, a, 9, n, stream);
	ASYNC(cuMemsetD2D8Async, a, 256, 10, n, 3, stream);
	ASYNC(cuMemsetD2D16Async, a, 512, 11, n, 3, stream);
	ASYNC(cuMemsetD2D32Async, a, 1024, 12, n, 3, stream);
	FIRST(cuMemsetD8, low_a, 13, n);
	FIRST(cuMemsetD16, low_a, 14, n);
	FIRST(cuMemsetD32, low_a, 15, n);
	FIRST(cuMemsetD2D8, low_a, 256, 16, n, 3);
	FIRST(cuMemsetD2D16, low_a, 512, 17, n, 3);
	FIRST(cuMemsetD2D32, low_a, 1024, 18, n, 3);
}

int main(void)
{
	prepare();
	copy_linear();
	copy_arrays();
	copy_boxes();
	copy_batches();
	set();
	return 0;
}
