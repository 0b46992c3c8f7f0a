/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_array.c - CUDA arrays: rows of plain memory, no texture hardware.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

size_t sim_array_element(const CUDA_ARRAY3D_DESCRIPTOR *desc)
{
	size_t bytes = 4;

	switch (desc->Format) {
	case CU_AD_FORMAT_UNSIGNED_INT8:
	case CU_AD_FORMAT_SIGNED_INT8:
		bytes = 1;
		break;
	case CU_AD_FORMAT_UNSIGNED_INT16:
	case CU_AD_FORMAT_SIGNED_INT16:
	case CU_AD_FORMAT_HALF:
		bytes = 2;
		break;
	default:
		break;
	}
	return bytes * desc->NumChannels;
}

struct sim_array *sim_array_get(CUarray handle)
{
	struct sim_array *a = (struct sim_array *)handle;

	return a && a->magic == SIM_MAGIC_ARRAY ? a : NULL;
}

SIM_API(cuArray3DCreate_v2, CUarray *pHandle, const CUDA_ARRAY3D_DESCRIPTOR *pAllocateArray)
{
	struct sim_alloc want = { .kind = SIM_MEM_ARRAY };
	CUresult result = sim_ctx_check(&want.ctx);
	struct sim_array *a;
	void *data = NULL;

	if (!result)
		result = sim_capture_unsafe();
	if (result || !pHandle || !pAllocateArray->Width)
		return result ? result : CUDA_ERROR_INVALID_VALUE;
	a = calloc(1, sizeof(*a));
	if (!a)
		return CUDA_ERROR_OUT_OF_MEMORY;
	a->magic = SIM_MAGIC_ARRAY;
	a->desc = *pAllocateArray;
	a->pitch = a->desc.Width * sim_array_element(&a->desc);
	a->slice = a->pitch * (a->desc.Height ? a->desc.Height : 1);
	a->size = a->slice * (a->desc.Depth ? a->desc.Depth : 1);
	a->device = want.ctx->device->ordinal;
	want.size = a->size;
	result = sim_mem_new(&want, &data);
	if (result) {
		free(a);
		return result;
	}
	a->data = data;
	*pHandle = (CUarray)a;
	return CUDA_SUCCESS;
}

SIM_API(cuArrayCreate_v2, CUarray *pHandle, const CUDA_ARRAY_DESCRIPTOR *pAllocateArray)
{
	CUDA_ARRAY3D_DESCRIPTOR desc = {
		.Width = pAllocateArray->Width,
		.Height = pAllocateArray->Height,
		.Format = pAllocateArray->Format,
		.NumChannels = pAllocateArray->NumChannels,
	};

	return sim_cuArray3DCreate_v2(pHandle, &desc);
}

SIM_API(cuArrayDestroy, CUarray hArray)
{
	struct sim_array *a = sim_array_get(hArray);
	CUresult result;

	if (!a)
		return CUDA_ERROR_INVALID_HANDLE;
	result = sim_mem_free(a->data, false);
	a->magic = SIM_MAGIC_DEAD;
	free(a);
	return result;
}

SIM_API(cuArray3DGetDescriptor_v2, CUDA_ARRAY3D_DESCRIPTOR *pArrayDescriptor, CUarray hArray)
{
	struct sim_array *a = sim_array_get(hArray);

	if (!a)
		return CUDA_ERROR_INVALID_HANDLE;
	*pArrayDescriptor = a->desc;
	return CUDA_SUCCESS;
}

SIM_API(cuArrayGetDescriptor_v2, CUDA_ARRAY_DESCRIPTOR *pArrayDescriptor, CUarray hArray)
{
	struct sim_array *a = sim_array_get(hArray);

	if (!a)
		return CUDA_ERROR_INVALID_HANDLE;
	pArrayDescriptor->Width = a->desc.Width;
	pArrayDescriptor->Height = a->desc.Height;
	pArrayDescriptor->Format = a->desc.Format;
	pArrayDescriptor->NumChannels = a->desc.NumChannels;
	return CUDA_SUCCESS;
}
