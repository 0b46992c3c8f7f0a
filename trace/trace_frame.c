/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_frame.c - zstd.
 */
#include "trace/trace_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "trace/trace_format.h"

#define FRAME_MAGIC	0xfd2fb528u
#define SKIPPABLE_MASK	0xfffffff0u
#define SKIPPABLE_MAGIC 0x184d2a50u
#define CHECKSUM_FLAG	0x04u /* of the frame header descriptor, the byte behind the magic */

struct rk_trace_packer {
	ZSTD_CCtx *zstd;
	uint8_t *data;
	size_t capacity;
};

int rk_trace_packer_create(struct rk_trace_packer **out, uint32_t level, size_t content_max)
{
	struct rk_trace_packer *packer = calloc(1, sizeof(*packer));
	int wanted = level < 1 ? 1 : level > 19 ? 19 : (int)level;

	*out = NULL;
	if (!packer)
		return -ENOMEM;
	/* Each cut may cost one more block header than the bound counts with. */
	packer->capacity = ZSTD_compressBound(content_max) + 16u * RK_TRACE_CUTS_MAX;
	packer->data = malloc(packer->capacity);
	packer->zstd = ZSTD_createCCtx();
	if (!packer->data || !packer->zstd) {
		rk_trace_packer_destroy(packer);
		return -ENOMEM;
	}
	ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_compressionLevel, wanted);
	ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_contentSizeFlag, 1);
	*out = packer;
	return 0;
}

void rk_trace_packer_destroy(struct rk_trace_packer *packer)
{
	if (!packer)
		return;
	ZSTD_freeCCtx(packer->zstd);
	free(packer->data);
	free(packer);
}

static int pack_piece(struct rk_trace_packer *packer, ZSTD_outBuffer *out, ZSTD_inBuffer *in,
		      ZSTD_EndDirective how)
{
	size_t left;

	do {
		left = ZSTD_compressStream2(packer->zstd, out, in, how);
		if (ZSTD_isError(left))
			return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? -ENOMEM :
											 -EIO;
		if (left && out->pos == out->size)
			return -EIO; /* cannot happen: the capacity is a bound */
	} while (left);
	return 0;
}

int rk_trace_frame_pack(struct rk_trace_packer *packer, const struct rk_trace_buffer *block,
			const uint8_t **data, size_t *size)
{
	ZSTD_outBuffer out = { .dst = packer->data, .size = packer->capacity };
	ZSTD_inBuffer in = { .src = block->data };
	int err = 0;

	ZSTD_CCtx_reset(packer->zstd, ZSTD_reset_session_only);
	ZSTD_CCtx_setPledgedSrcSize(packer->zstd, block->size);
	for (uint32_t i = 0; i < block->cut_count && !err; i++) {
		in.size = block->cuts[i];
		if (in.size > in.pos)
			err = pack_piece(packer, &out, &in, ZSTD_e_flush);
	}
	in.size = block->size;
	if (!err)
		err = pack_piece(packer, &out, &in, ZSTD_e_end);
	*data = packer->data;
	*size = out.pos;
	return err;
}

enum rk_trace_frame_kind rk_trace_frame_look(const uint8_t *data, size_t size, uint64_t *frame_size,
					     size_t *content_size)
{
	unsigned long long content;
	size_t compressed;
	uint64_t magic;

	if (size < 8)
		return RK_TRACE_FRAME_INCOMPLETE;
	magic = rk_trace_load(data, 4);
	if ((magic & SKIPPABLE_MASK) == SKIPPABLE_MAGIC) {
		*frame_size = 8 + rk_trace_load(data + 4, 4);
		return RK_TRACE_FRAME_SKIPPABLE;
	}
	if (magic != FRAME_MAGIC)
		return RK_TRACE_FRAME_FOREIGN;
	content = ZSTD_getFrameContentSize(data, size);
	if (content == ZSTD_CONTENTSIZE_ERROR && size < 18) /* the longest frame header */
		return RK_TRACE_FRAME_INCOMPLETE;
	if (content > RK_TRACE_RAW_MAX || !(data[4] & CHECKSUM_FLAG))
		return RK_TRACE_FRAME_DAMAGED;
	compressed = ZSTD_findFrameCompressedSize(data, size);
	if (ZSTD_isError(compressed))
		return ZSTD_getErrorCode(compressed) == ZSTD_error_srcSize_wrong ?
			       RK_TRACE_FRAME_INCOMPLETE :
			       RK_TRACE_FRAME_DAMAGED;
	*frame_size = compressed;
	*content_size = (size_t)content;
	return RK_TRACE_FRAME_DATA;
}
