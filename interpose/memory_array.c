/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/memory_array.c - hooks of CUDA arrays, and how many bytes one has.
 *
 * The bytes are those of the texels. The driver lays arrays out for its texture units and takes
 * somewhat more, which it tells nobody.
 */
#include "interpose/memory.h"

/* Texels of a format come in blocks of @edge by @edge, of @bits together. */
struct format {
	CUarray_format format;
	uint8_t edge;
	uint8_t bits;
	bool is_channel; /* the bits are those of one channel */
};

static const struct format formats[] = {
	{ CU_AD_FORMAT_UNSIGNED_INT8, 1, 8, true },
	{ CU_AD_FORMAT_SIGNED_INT8, 1, 8, true },
	{ CU_AD_FORMAT_UNSIGNED_INT16, 1, 16, true },
	{ CU_AD_FORMAT_SIGNED_INT16, 1, 16, true },
	{ CU_AD_FORMAT_HALF, 1, 16, true },
	{ CU_AD_FORMAT_UNSIGNED_INT32, 1, 32, true },
	{ CU_AD_FORMAT_SIGNED_INT32, 1, 32, true },
	{ CU_AD_FORMAT_FLOAT, 1, 32, true },
	{ CU_AD_FORMAT_UNORM_INT8X1, 1, 8, false },
	{ CU_AD_FORMAT_SNORM_INT8X1, 1, 8, false },
	{ CU_AD_FORMAT_UNORM_INT8X2, 1, 16, false },
	{ CU_AD_FORMAT_SNORM_INT8X2, 1, 16, false },
	{ CU_AD_FORMAT_UNORM_INT8X4, 1, 32, false },
	{ CU_AD_FORMAT_SNORM_INT8X4, 1, 32, false },
	{ CU_AD_FORMAT_UNORM_INT16X1, 1, 16, false },
	{ CU_AD_FORMAT_SNORM_INT16X1, 1, 16, false },
	{ CU_AD_FORMAT_UNORM_INT16X2, 1, 32, false },
	{ CU_AD_FORMAT_SNORM_INT16X2, 1, 32, false },
	{ CU_AD_FORMAT_UNORM_INT16X4, 1, 64, false },
	{ CU_AD_FORMAT_SNORM_INT16X4, 1, 64, false },
	{ CU_AD_FORMAT_UNORM_INT_101010_2, 1, 32, false },
	{ CU_AD_FORMAT_BC1_UNORM, 4, 64, false },
	{ CU_AD_FORMAT_BC1_UNORM_SRGB, 4, 64, false },
	{ CU_AD_FORMAT_BC2_UNORM, 4, 128, false },
	{ CU_AD_FORMAT_BC2_UNORM_SRGB, 4, 128, false },
	{ CU_AD_FORMAT_BC3_UNORM, 4, 128, false },
	{ CU_AD_FORMAT_BC3_UNORM_SRGB, 4, 128, false },
	{ CU_AD_FORMAT_BC4_UNORM, 4, 64, false },
	{ CU_AD_FORMAT_BC4_SNORM, 4, 64, false },
	{ CU_AD_FORMAT_BC5_UNORM, 4, 128, false },
	{ CU_AD_FORMAT_BC5_SNORM, 4, 128, false },
	{ CU_AD_FORMAT_BC6H_UF16, 4, 128, false },
	{ CU_AD_FORMAT_BC6H_SF16, 4, 128, false },
	{ CU_AD_FORMAT_BC7_UNORM, 4, 128, false },
	{ CU_AD_FORMAT_BC7_UNORM_SRGB, 4, 128, false },
	{ CU_AD_FORMAT_NV12, 1, 12, false },
	{ CU_AD_FORMAT_P010, 1, 24, false },
	{ CU_AD_FORMAT_P016, 1, 24, false },
	{ CU_AD_FORMAT_NV16, 1, 16, false },
	{ CU_AD_FORMAT_P210, 1, 32, false },
	{ CU_AD_FORMAT_P216, 1, 32, false },
	{ CU_AD_FORMAT_YUY2, 1, 16, false },
	{ CU_AD_FORMAT_Y210, 1, 32, false },
	{ CU_AD_FORMAT_Y216, 1, 32, false },
	{ CU_AD_FORMAT_AYUV, 1, 32, false },
	{ CU_AD_FORMAT_Y410, 1, 32, false },
	{ CU_AD_FORMAT_Y416, 1, 64, false },
	{ CU_AD_FORMAT_Y444_PLANAR8, 1, 24, false },
	{ CU_AD_FORMAT_Y444_PLANAR10, 1, 48, false },
	{ CU_AD_FORMAT_YUV444_8bit_SemiPlanar, 1, 24, false },
	{ CU_AD_FORMAT_YUV444_16bit_SemiPlanar, 1, 48, false },
};

/* One level of an array; 0 for a format that is not in the table: nothing is guessed. */
static uint64_t level_bytes(const CUDA_ARRAY3D_DESCRIPTOR *d)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		const struct format *f = &formats[i];
		uint64_t height = d->Height ? d->Height : 1;
		uint64_t blocks, bits;

		if (f->format != d->Format)
			continue;
		blocks = (d->Width + f->edge - 1) / f->edge * ((height + f->edge - 1) / f->edge);
		blocks *= d->Depth ? d->Depth : 1;
		bits = (uint64_t)f->bits * (f->is_channel ? d->NumChannels : 1);
		return (blocks * bits + 7) / 8;
	}
	return 0;
}

static size_t halved(size_t extent)
{
	return extent > 1 ? extent / 2 : extent;
}

/* The layers of an array do not become fewer with its levels. */
static uint64_t array_bytes(CUDA_ARRAY3D_DESCRIPTOR d, unsigned int levels)
{
	bool is_layered = d.Flags & (CUDA_ARRAY3D_LAYERED | CUDA_ARRAY3D_CUBEMAP);
	uint64_t bytes = 0;

	/* Their memory is made and mapped by itself. */
	if (d.Flags & (CUDA_ARRAY3D_SPARSE | CUDA_ARRAY3D_DEFERRED_MAPPING))
		return 0;
	for (unsigned int level = 0; level < levels; level++) {
		bytes += level_bytes(&d);
		if (d.Width <= 1 && d.Height <= 1 && (is_layered || d.Depth <= 1))
			break;
		d.Width = halved(d.Width);
		d.Height = halved(d.Height);
		if (!is_layered)
			d.Depth = halved(d.Depth);
	}
	return bytes;
}

static void fill_array(struct rk_hook *hook, CUresult result, const void *handle,
		       const CUDA_ARRAY3D_DESCRIPTOR *descriptor, unsigned int levels)
{
	/* After other failures nobody says that the descriptor can be read. */
	bool is_read = result == CUDA_SUCCESS || result == CUDA_ERROR_OUT_OF_MEMORY;

	rk_memory_fill(hook, RK_REC_ALLOC,
		       (struct rk_memory){ .ptr = rk_memory_result(result, handle),
					   .bytes = is_read ? array_bytes(*descriptor, levels) : 0,
					   .pool = RK_POOL_ARRAY });
}

static void fill_free(struct rk_hook *hook, const void *handle)
{
	rk_memory_fill(hook, RK_REC_FREE,
		       (struct rk_memory){ .ptr = (uint64_t)handle, .pool = RK_POOL_ARRAY });
}

/* Both versions of both descriptors have these members, of different widths. */
#define FILL_FLAT(flat)                                                                            \
	do {                                                                                       \
		CUDA_ARRAY3D_DESCRIPTOR descriptor = { 0 };                                        \
                                                                                                   \
		if (result == CUDA_SUCCESS || result == CUDA_ERROR_OUT_OF_MEMORY) {                \
			descriptor.Width = (flat)->Width;                                          \
			descriptor.Height = (flat)->Height;                                        \
			descriptor.Format = (flat)->Format;                                        \
			descriptor.NumChannels = (flat)->NumChannels;                              \
		}                                                                                  \
		fill_array(&hook, result, pHandle, &descriptor, 1);                                \
	} while (0)

static CUDA_ARRAY3D_DESCRIPTOR widened(CUresult result, const CUDA_ARRAY3D_DESCRIPTOR_v1 *narrow)
{
	CUDA_ARRAY3D_DESCRIPTOR descriptor = { 0 };

	if (result == CUDA_SUCCESS || result == CUDA_ERROR_OUT_OF_MEMORY)
		descriptor = (CUDA_ARRAY3D_DESCRIPTOR){ .Width = narrow->Width,
							.Height = narrow->Height,
							.Depth = narrow->Depth,
							.Format = narrow->Format,
							.NumChannels = narrow->NumChannels,
							.Flags = narrow->Flags };
	return descriptor;
}

RK_HOOK(cuArrayCreate_v2, (CUarray * pHandle, const CUDA_ARRAY_DESCRIPTOR *pAllocateArray),
	(pHandle, pAllocateArray), FILL_FLAT(pAllocateArray))
RK_HOOK(cuArrayCreate, (CUarray * pHandle, const CUDA_ARRAY_DESCRIPTOR_v1 *pAllocateArray),
	(pHandle, pAllocateArray), FILL_FLAT(pAllocateArray))
RK_HOOK(cuArray3DCreate_v2, (CUarray * pHandle, const CUDA_ARRAY3D_DESCRIPTOR *pAllocateArray),
	(pHandle, pAllocateArray), fill_array(&hook, result, pHandle, pAllocateArray, 1))
RK_HOOK(cuArray3DCreate, (CUarray * pHandle, const CUDA_ARRAY3D_DESCRIPTOR_v1 *pAllocateArray),
	(pHandle, pAllocateArray), CUDA_ARRAY3D_DESCRIPTOR wide = widened(result, pAllocateArray);
	fill_array(&hook, result, pHandle, &wide, 1))
RK_HOOK(cuArrayDestroy, (CUarray hArray), (hArray), fill_free(&hook, hArray))
RK_HOOK(cuMipmappedArrayCreate,
	(CUmipmappedArray * pHandle, const CUDA_ARRAY3D_DESCRIPTOR *pMipmappedArrayDesc,
	 unsigned int numMipmapLevels),
	(pHandle, pMipmappedArrayDesc, numMipmapLevels),
	fill_array(&hook, result, pHandle, pMipmappedArrayDesc, numMipmapLevels))
RK_HOOK(cuMipmappedArrayDestroy, (CUmipmappedArray hMipmappedArray), (hMipmappedArray),
	fill_free(&hook, hMipmappedArray))
