/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_image.h - the shape of a kernel as its op lies in memory.
 *
 * Nearly every op is a kernel of the shape that was expected. To see that takes no packing:
 * its bytes are compared as they are, but for what differs from op to op.
 */
#ifndef RK_TRACE_TRACE_IMAGE_H
#define RK_TRACE_TRACE_IMAGE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/op.h"

#define RK_TRACE_IMAGE_WORDS 19u
struct rk_trace_image {
	uint64_t words[RK_TRACE_IMAGE_WORDS];
};

/* What of an op's bytes from stream_handle on is in the image: all but the correlation id and
 * what pads the struct. */
#define RK_TRACE_IMAGE_FROM (offsetof(struct rk_op, stream_handle) / 8)
#define RK_TRACE_WORD(field) (offsetof(struct rk_op, field) / 8)
static_assert(offsetof(struct rk_op, kernel.graph_node) + 8 == 8 * RK_TRACE_IMAGE_WORDS,
	      "an image ends with the kernel");
static_assert(offsetof(struct rk_op, correlation) % 8 == 0 &&
		      offsetof(struct rk_op, flags) % 8 == 3 &&
		      offsetof(struct rk_op, kernel.graph) % 8 == 0,
	      "what is left out is one half of a word");

/**
 * Whether @op, a kernel, has the shape of this image.
 *
 * Context: any.
 */
static inline bool rk_trace_image_fits(const struct rk_trace_image *image, const struct rk_op *op)
{
	uint64_t words[RK_TRACE_IMAGE_WORDS], different = 0;

	memcpy(words + RK_TRACE_IMAGE_FROM, &op->stream_handle,
	       sizeof(words) - 8 * RK_TRACE_IMAGE_FROM);
	words[RK_TRACE_WORD(correlation)] &= ~(uint64_t)UINT32_MAX;
	words[RK_TRACE_WORD(flags)] &= UINT32_MAX;
	words[RK_TRACE_WORD(kernel.graph)] &= UINT32_MAX;
	for (unsigned i = RK_TRACE_IMAGE_FROM; i < RK_TRACE_IMAGE_WORDS; i++)
		different |= words[i] ^ image->words[i];
	return !different;
}

#endif
