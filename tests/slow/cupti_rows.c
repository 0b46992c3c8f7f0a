/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/slow/cupti_rows.c - what we read of a libcupti's records, and which ids we ask for.
 *
 * usage: cupti_rows VERSION
 * One line each: "row KIND STRUCT BYTES FIELD=OFFSET/WIDTH...", "cbid FUNCTION ID". Fields have
 * CUPTI's names, so that a checker made of a toolkit's headers can ask for the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cupti/cupti_layout.h"

static void print(const char *name, uint16_t offset, int width)
{
	if (offset != RK_CUPTI_ABSENT)
		printf(" %s=%d/%d", name, offset, width);
}

static void print_row(const char *kind, const struct rk_cupti_layout *row)
{
	printf("row %s %s %d", kind, row->record, row->size);
	print("start", row->start_64, 8);
	print("end", row->end_64, 8);
	print("deviceId", row->device, 4);
	print("contextId", row->context, 4);
	print("streamId", row->stream, 4);
	print("correlationId", row->correlation, 4);
	print("graphNodeId", row->graph_node_64, 8);
	print("graphId", row->graph, 4);
	print("name", row->name_64, 8);
	if (row->grid[0] != RK_CUPTI_ABSENT) {
		print("gridX", row->grid[0], 4);
		print("gridY", row->grid[1], 4);
		print("gridZ", row->grid[2], 4);
		print("blockX", row->block[0], 4);
		print("blockY", row->block[1], 4);
		print("blockZ", row->block[2], 4);
	}
	print("registersPerThread", row->registers_16, 2);
	print("staticSharedMemory", row->static_shared, 4);
	print("dynamicSharedMemory", row->dynamic_shared, 4);
	print("localMemoryPerThread", row->local, 4);
	print("bytes", row->bytes_64, 8);
	print("copyKind", row->copy_kind_8, 1);
	print("srcKind", row->src_memory_8, 1);
	print("dstKind", row->dst_memory_8, 1);
	/* The ASYNC bit lies in the low byte of what is wider in a memset. */
	print("flags", row->flags_8, row->memory_16 == RK_CUPTI_ABSENT ? 1 : 2);
	print("memoryKind", row->memory_16, 2);
	print("value", row->value, 4);
	print("dstDeviceId", row->peer_device, 4);
	puts("");
}

int main(int argc, char **argv)
{
	static const char *const kinds[RK_CUPTI_RECORD_COUNT] = {
		[RK_CUPTI_KERNEL] = "Kernel",	       [RK_CUPTI_MEMCPY] = "Memcpy",
		[RK_CUPTI_MEMCPY_PEER] = "MemcpyPtoP", [RK_CUPTI_MEMSET] = "Memset",
		[RK_CUPTI_GRAPH] = "GraphTrace",       [RK_CUPTI_DEVICE_KERNEL] = "CdpKernel",
	};
	struct rk_cupti_layouts layouts;

	if (argc != 2)
		return 64;
	rk_cupti_layout_select(&layouts, (uint32_t)strtoul(argv[1], NULL, 10));
	for (int i = 0; i < RK_CUPTI_RECORD_COUNT; i++)
		print_row(kinds[i], layouts.of[i]);
#define RK_CBID(function, id)	    puts("cbid " #function " " #id);
#define RK_CBID_LATER(function, id) puts("cbid " #function " " #id);
#define RK_CBID_HOST(function, id)  puts("cbid " #function " " #id);
#include "cupti/cupti_cbid.def"
	return 0;
}
