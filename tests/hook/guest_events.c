/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_events.c - an event from its beginning to its end, and waits for memory.
 *
 * Prints a line per call: the function and its result.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>

#include "guest.h"

static void *driver;

static void *find(const char *symbol)
{
	void *found = dlsym(driver, symbol);

	CHECK(found);
	return found;
}

#define FIND(symbol) ((__typeof__(&symbol))find(#symbol))
#define SAY(symbol, ...) printf("%s %d\n", #symbol, (int)FIND(symbol)(__VA_ARGS__))

int main(void)
{
	CUstreamBatchMemOpParams write = { .operation = CU_STREAM_MEM_OP_WRITE_VALUE_32 };
	CUcontext context;
	CUdeviceptr memory;
	CUstream stream;
	CUevent event;

	driver = dlopen("libcuda.so.1", RTLD_NOW);
	CHECK(driver);
	CHECK(FIND(cuInit)(0) == CUDA_SUCCESS);
	CHECK(FIND(cuCtxCreate_v2)(&context, 0, 0) == CUDA_SUCCESS);
	CHECK(FIND(cuStreamCreate)(&stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
	CHECK(FIND(cuMemAlloc_v2)(&memory, 64) == CUDA_SUCCESS);
	CHECK(FIND(cuMemsetD8_v2)(memory, 0, 64) == CUDA_SUCCESS);
	SAY(cuEventCreate, &event, 0);
	SAY(cuEventRecord, event, stream);
	SAY(cuStreamWaitEvent, stream, event, 0);
	SAY(cuStreamWaitValue32, stream, memory, 0, CU_STREAM_WAIT_VALUE_GEQ);
	SAY(cuStreamWaitValue32_v2, stream, memory, 0, CU_STREAM_WAIT_VALUE_GEQ);
	SAY(cuStreamWaitValue64, stream, memory, 0, CU_STREAM_WAIT_VALUE_GEQ);
	SAY(cuStreamWaitValue64_v2, stream, memory, 0, CU_STREAM_WAIT_VALUE_GEQ);
	SAY(cuStreamWaitValue32_v2_ptsz, stream, memory, 0, CU_STREAM_WAIT_VALUE_GEQ);
	/* Refused by the simulated driver; one that only writes would be no wait anyway. */
	SAY(cuStreamBatchMemOp_v2, stream, 1, &write, 0);
	SAY(cuEventDestroy_v2, event);
	return 0;
}
