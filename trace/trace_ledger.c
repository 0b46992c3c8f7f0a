/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_ledger.c - sparse ticks.
 */
#include "trace/trace_ledger.h"

#include <assert.h>
#include <errno.h>

#include "trace/trace_format.h"

#define TICK(field) offsetof(struct rk_op, tick.field)

/* A run of numbers: ids from .id, memory from .offset. On-disk ids: append only. */
static const struct {
	uint8_t id, count;
	uint16_t offset;
} runs[] = {
	{ 0, RK_WORK_COUNT, TICK(ledger.calls) },
	{ 8, RK_WORK_COUNT, TICK(ledger.failed) },
	{ 16, RK_WORK_COUNT, TICK(ledger.captured) },
	{ 24, RK_WORK_COUNT, TICK(ledger.joined) },
	{ 32, RK_WORK_COUNT, TICK(ledger.open) },
	{ 40, RK_WORK_COUNT, TICK(ledger.lost) },
	{ 48, 1, TICK(ledger.gpu_kernels) },
	{ 49, 1, TICK(ledger.gpu_memcpys) },
	{ 50, 1, TICK(ledger.gpu_memsets) },
	{ 51, 1, TICK(ledger.gpu_graphs) },
	{ 52, 1, TICK(ledger.gpu_joined) },
	{ 53, 1, TICK(ledger.gpu_orphan) },
	{ 54, 1, TICK(ledger.gpu_invalid) },
	{ 55, 1, TICK(ledger.gpu_dropped) },
	{ 56, 1, TICK(ledger.unwrapped) },
	{ 57, RK_WORK_COUNT, TICK(ledger.withheld) },
	{ 61, 1, TICK(ledger.withheld_other) },
	{ 62, 1, TICK(ledger.withheld_stacks) },
	{ 64, RK_LOSS_COUNT, TICK(ledger.dropped) },
	{ 96, 1, TICK(cpu_ns) },
	{ 97, 1, TICK(rss_bytes) },
	{ 98, 1, TICK(ring_depth_max) },
	{ 99, 1, TICK(lag_ns) },
	{ 100, 1, TICK(hook_ns) },
	{ 101, 1, TICK(gpu_overhead_ns) },
	{ 102, 1, TICK(busy_ns) },
	{ 103, 1, TICK(step) },
	{ 104, RK_ACTIVE_DEVICES, TICK(active) },
};

/* A field added to either struct must get an id above, or it would be lost in the file. */
static_assert(sizeof(struct rk_ledger) == 8 * (7 * RK_WORK_COUNT + 8 + RK_LOSS_COUNT + 3),
	      "every number of the ledger has an id");
static_assert(sizeof(((struct rk_op *)0)->tick) ==
		      sizeof(struct rk_ledger) + (8 + RK_ACTIVE_DEVICES) * 8,
	      "every number of a tick has an id");
static_assert(RK_WORK_COUNT <= 4 && RK_LOSS_COUNT <= 32 && RK_ACTIVE_DEVICES <= 24,
	      "ids of a run stay apart");

size_t rk_trace_varint_put(uint8_t *out, uint64_t value)
{
	size_t size = 0;

	for (; value >= 0x80; value >>= 7)
		out[size++] = (uint8_t)(value | 0x80);
	out[size++] = (uint8_t)value;
	return size;
}

int rk_trace_varint_get(const uint8_t *data, size_t size, size_t *offset, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64 && *offset < size; shift += 7) {
		uint8_t byte = data[(*offset)++];

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return -EBADMSG;
}

size_t rk_trace_ledger_put(uint8_t *out, struct rk_trace_ledger *last, const struct rk_op *op)
{
	size_t size = 0;
	unsigned behind = 0; /* id after the last one written */

	for (unsigned r = 0; r < sizeof(runs) / sizeof(runs[0]); r++) {
		for (unsigned i = 0; i < runs[r].count; i++) {
			unsigned id = runs[r].id + i;
			uint64_t value;

			memcpy(&value, (const char *)op + runs[r].offset + 8 * i, 8);
			if (value == last->values[id])
				continue;
			size += rk_trace_varint_put(out + size, id - behind + 1);
			size += rk_trace_varint_put(out + size,
						    rk_trace_zigzag(value - last->values[id]));
			last->values[id] = value;
			behind = id + 1;
		}
	}
	out[size++] = 0;
	return size;
}

static void fill(struct rk_op *op, const struct rk_trace_ledger *last)
{
	for (unsigned r = 0; r < sizeof(runs) / sizeof(runs[0]); r++)
		memcpy((char *)op + runs[r].offset, &last->values[runs[r].id],
		       8 * (size_t)runs[r].count);
}

int rk_trace_ledger_get(const uint8_t *data, size_t size, size_t *offset,
			struct rk_trace_ledger *last, struct rk_op *op)
{
	uint64_t id = 0, step, difference;

	for (;;) {
		if (rk_trace_varint_get(data, size, offset, &step))
			return -EBADMSG;
		if (step == 0)
			break;
		if (rk_trace_varint_get(data, size, offset, &difference))
			return -EBADMSG;
		if (step > RK_TRACE_LEDGER_IDS || id + step - 1 >= RK_TRACE_LEDGER_IDS)
			return -EBADMSG;
		id += step - 1;
		last->values[id] += rk_trace_unzigzag(difference);
		id++;
	}
	fill(op, last);
	return 0;
}
