/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_said.c - ids of traces and spans, as they lie in their column.
 */
#include "trace/trace_said.h"

static const struct {
	uint8_t bit, bytes, offset;
} ids[] = {
	{ RK_TRACE_HAS_TRACE_ID, 16, offsetof(struct rk_op_said, trace_id) },
	{ RK_TRACE_HAS_SPAN_ID, 8, offsetof(struct rk_op_said, span_id) },
	{ RK_TRACE_HAS_PARENT_ID, 8, offsetof(struct rk_op_said, parent_id) },
};
#define IDS (sizeof(ids) / sizeof(ids[0]))

unsigned rk_trace_said_present(const struct rk_op_said *said)
{
	static const uint8_t zero[16];
	unsigned present = said->number ? RK_TRACE_HAS_SPAN : 0;

	for (unsigned i = 0; i < IDS; i++) {
		if (memcmp((const char *)said + ids[i].offset, zero, ids[i].bytes) != 0)
			present |= ids[i].bit;
	}
	return present;
}

size_t rk_trace_ids_bytes(unsigned present)
{
	size_t size = 0;

	for (unsigned i = 0; i < IDS; i++)
		size += present & ids[i].bit ? ids[i].bytes : 0;
	return size;
}

size_t rk_trace_ids_put(uint8_t *out, const struct rk_op_said *said)
{
	unsigned present = rk_trace_said_present(said);
	size_t size = 0;

	for (unsigned i = 0; i < IDS; i++) {
		if (!(present & ids[i].bit))
			continue;
		memcpy(out + size, (const char *)said + ids[i].offset, ids[i].bytes);
		size += ids[i].bytes;
	}
	return size;
}

void rk_trace_ids_get(const uint8_t *in, unsigned present, struct rk_op_said *said)
{
	for (unsigned i = 0; i < IDS; i++) {
		if (!(present & ids[i].bit))
			continue;
		memcpy((char *)said + ids[i].offset, in, ids[i].bytes);
		in += ids[i].bytes;
	}
}
