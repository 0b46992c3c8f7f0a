/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/memory.cu - one allocation of every kind, checked and freed.
 *
 * usage: memory [leak]     leak: leave the device, pinned and managed ones allocated
 */
#include <cuda.h>
#include <string.h>

#include "check.h"

#define MIB (1024ul * 1024ul)

static void vmm(void)
{
	CUmemGenericAllocationHandle handle;
	CUmemAllocationProp prop;
	CUmemAccessDesc access;
	CUdeviceptr at;
	size_t unit = 0, size;

	memset(&prop, 0, sizeof(prop));
	prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
	prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	CHECK(cuMemGetAllocationGranularity(&unit, &prop, CU_MEM_ALLOC_GRANULARITY_MINIMUM));
	size = (8 * MIB + unit - 1) / unit * unit;
	CHECK(cuMemAddressReserve(&at, size, 0, 0, 0));
	CHECK(cuMemCreate(&handle, size, &prop, 0));
	CHECK(cuMemMap(at, size, 0, handle, 0));
	access.location = prop.location;
	access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
	CHECK(cuMemSetAccess(at, size, &access, 1));
	CHECK(cuMemsetD8(at, 7, size));
	CHECK(cuCtxSynchronize());
	CHECK(cuMemUnmap(at, size));
	CHECK(cuMemRelease(handle));
	CHECK(cuMemAddressFree(at, size));
}

static void pools(void)
{
	cudaStream_t s;
	cudaMemPoolProps props;
	cudaMemPool_t pool;
	void *a, *b;

	memset(&props, 0, sizeof(props));
	props.allocType = cudaMemAllocationTypePinned;
	props.location.type = cudaMemLocationTypeDevice;
	CHECK(cudaStreamCreate(&s));
	CHECK(cudaMallocAsync(&a, 4 * MIB, s));
	CHECK(cudaMemPoolCreate(&pool, &props));
	CHECK(cudaMallocFromPoolAsync(&b, 2 * MIB, pool, s));
	CHECK(cudaMemsetAsync(a, 1, 4 * MIB, s));
	CHECK(cudaFreeAsync(b, s));
	CHECK(cudaFreeAsync(a, s));
	CHECK(cudaStreamSynchronize(s));
	CHECK(cudaMemPoolDestroy(pool));
	CHECK(cudaStreamDestroy(s));
}

static void arrays(void)
{
	cudaChannelFormatDesc desc = cudaCreateChannelDesc(32, 0, 0, 0, cudaChannelFormatKindFloat);
	cudaArray_t array;
	float in[64], out[64];

	for (int i = 0; i < 64; i++)
		in[i] = (float)i;
	CHECK(cudaMallocArray(&array, &desc, 16, 4));
	CHECK(cudaMemcpy2DToArray(array, 0, 0, in, 64, 64, 4, cudaMemcpyHostToDevice));
	CHECK(cudaMemcpy2DFromArray(out, 64, array, 0, 0, 64, 4, cudaMemcpyDeviceToHost));
	CHECK(memcmp(in, out, sizeof(in)));
	CHECK(cudaFreeArray(array));
}

int main(int argc, char **argv)
{
	int leak = argc > 1 && !strcmp(argv[1], "leak");
	void *device, *managed, *pinned;
	void *own = aligned_alloc(4096, MIB);
	size_t before, with, total;

	CHECK(cudaFree(NULL));
	CHECK(cudaMemGetInfo(&before, &total));
	CHECK(cudaMalloc(&device, 16 * MIB));
	CHECK(cudaMallocManaged(&managed, 8 * MIB));
	CHECK(cudaMallocHost(&pinned, 4 * MIB));
	CHECK(cudaHostRegister(own, MIB, 0));
	CHECK(cudaMemGetInfo(&with, &total));
	memset(managed, 5, 8 * MIB);
	CHECK(cudaMemset(device, 3, 16 * MIB));
	CHECK(cudaMemcpy(pinned, device, 4 * MIB, cudaMemcpyDeviceToHost));
	CHECK(((char *)pinned)[MIB] != 3);
	CHECK(cudaMemcpy(own, managed, MIB, cudaMemcpyDefault));
	CHECK(((char *)own)[MIB - 1] != 5);
	pools();
	arrays();
	vmm();
	CHECK(cudaHostUnregister(own));
	if (!leak) {
		CHECK(cudaFree(device));
		CHECK(cudaFree(managed));
		CHECK(cudaFreeHost(pinned));
	}
	free(own);
	printf("memory: peak of the plain kinds %lu MiB or more: %s\n", 16ul,
	       before - with >= 16 * MIB ? "ok" : "WRONG");
	return 0;
}
