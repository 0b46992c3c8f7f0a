/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_trace_block.c - the content of a block, behind its checksum, into ops.
 */
#include "core/op.h"
#include "trace/trace_ack.h"
#include "trace/trace_decoder.h"
#include "trace/trace_meta.h"
#include "trace/trace_said.h"

#include "fuzz.h"

static void visit(void *data, const char *destination, uint64_t first, uint64_t last)
{
	(void)data;
	(void)first;
	(void)last;
	FUZZ_CHECK(strlen(destination) < 65536);
}

static void read_ops(struct rk_trace_decoder *decoder, const uint8_t *bytes,
		     const struct rk_trace_header *header)
{
	unsigned sum = 0;
	struct rk_op op = { 0 };
	uint32_t count = 0;

	if (rk_trace_decoder_load(decoder, bytes, header))
		return;
	for (; rk_trace_decoder_next(decoder, &op) == 1; count++) {
		FUZZ_CHECK(op.kind != RK_OP_NONE && op.kind < RK_OP_KIND_COUNT);
		/* To its last byte: all of it must be the block's. */
		for (uint32_t i = 0; rk_trace_has_text(op.kind) && i < op.text_bytes; i++)
			sum += op.text[i];
	}
	__asm__ volatile("" : : "r"(sum)); /* or the reads would go */
	FUZZ_CHECK(count <= header->op_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct rk_trace_decoder *decoder;
	struct rk_trace_header header;
	struct rk_trace_meta meta;
	char *strings = NULL;

	if (!decoder && rk_trace_decoder_create(&decoder))
		abort();
	if (rk_trace_header_get(bytes, size, &header))
		return 0;
	read_ops(decoder, bytes, &header);
	rk_trace_ack_get(bytes, &header, visit, NULL);
	rk_trace_meta_get(bytes, &header, &meta, &strings);
	free(strings);
	return 0;
}
