/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_layout.c - the tables. A unit test compares them with the structs of the headers
 * at hand, the suite slow those of every toolkit that tools/setup fetches.
 *
 * Where a release fell between two documented layouts the older row is named: only .needed
 * bounds a read, and the fields that we read never moved within a kind.
 */
#include "cupti/cupti_layout.h"

#include <stddef.h>

#define NO RK_CUPTI_ABSENT

/* cuptiGetVersion(): 10 CUDA 9.0, 13 11.0, 14 11.1, 15 11.2, 17 11.6, 18 11.8 to 12.1, 20 12.2,
 * 21 12.3, 24 12.6, 26 12.8, 28 12.9, then 130001 for 13.0, 130101 for 13.1 and so on. 12.0 and
 * 12.1 write Kernel9, which differs from Kernel8 only behind what is read. */
#define KERNEL(name, first, bytes, node, id, need)                                                 \
	{                                                                                          \
		.record = name, .since = first, .size = bytes, .needed = need, .start_64 = 16,     \
		.end_64 = 24, .device = 40, .context = 44, .stream = 48, .correlation = 92,        \
		.graph_node_64 = node, .graph = id, .name_64 = 104, .grid = { 52, 56, 60 },        \
		.block = { 64, 68, 72 }, .registers_16 = 6, .static_shared = 76,                   \
		.dynamic_shared = 80, .local = 84, .bytes_64 = NO, .copy_kind_8 = NO,              \
		.src_memory_8 = NO, .dst_memory_8 = NO, .flags_8 = NO, .memory_16 = NO,            \
		.value = NO, .peer_device = NO                                                     \
	}

static const struct rk_cupti_layout kernels[] = {
	KERNEL("Kernel4", 0, 144, NO, NO, 112),
	KERNEL("Kernel5", 13, 160, 144, 156, 160),
	KERNEL("Kernel6", 15, 168, 144, 156, 160),
	KERNEL("Kernel7", 17, 176, 144, 156, 160),
	KERNEL("Kernel8", 18, 200, 144, 156, 160),
	KERNEL("Kernel9", 19, 208, 144, 156, 160),
	KERNEL("Kernel10", 130000, 216, 144, 156, 160),
	KERNEL("Kernel11", 130100, 224, 144, 156, 160),
	KERNEL("Kernel12", 130300, 232, 144, 156, 160),
	KERNEL("Kernel13", 130400, 248, 144, 156, 160),
	{ .record = NULL },
};

#define COPY(name, first, bytes, corr, node, id, peer, need)                                       \
	{                                                                                          \
		.record = name, .since = first, .size = bytes, .needed = need, .start_64 = 16,     \
		.end_64 = 24, .device = 32, .context = 36, .stream = 40, .correlation = corr,      \
		.graph_node_64 = node, .graph = id, .name_64 = NO, .grid = { NO, NO, NO },         \
		.block = { NO, NO, NO }, .registers_16 = NO, .static_shared = NO,                  \
		.dynamic_shared = NO, .local = NO, .bytes_64 = 8, .copy_kind_8 = 4,                \
		.src_memory_8 = 5, .dst_memory_8 = 6, .flags_8 = 7, .memory_16 = NO, .value = NO,  \
		.peer_device = peer                                                                \
	}

static const struct rk_cupti_layout copies[] = {
	COPY("Memcpy", 0, 64, 44, NO, NO, NO, 48),
	COPY("Memcpy3", 13, 72, 44, 64, NO, NO, 72),
	COPY("Memcpy4", 14, 80, 44, 64, 72, NO, 76),
	COPY("Memcpy5", 17, 88, 44, 64, 72, NO, 76),
	COPY("Memcpy6", 26, 96, 44, 64, 72, NO, 76),
	COPY("Memcpy7", 130400, 112, 44, 64, 72, NO, 76),
	{ .record = NULL },
};

static const struct rk_cupti_layout peer_copies[] = {
	COPY("MemcpyPtoP", 0, 72, 60, NO, NO, 52, 64),
	COPY("MemcpyPtoP2", 13, 80, 60, 72, NO, 52, 80),
	COPY("MemcpyPtoP3", 14, 88, 60, 72, 80, 52, 84),
	COPY("MemcpyPtoP4", 17, 96, 60, 72, 80, 52, 84),
	{ .record = NULL },
};

#define SET(name, first, total, node, id, need)                                                    \
	{                                                                                          \
		.record = name, .since = first, .size = total, .needed = need, .start_64 = 16,     \
		.end_64 = 24, .device = 32, .context = 36, .stream = 40, .correlation = 44,        \
		.graph_node_64 = node, .graph = id, .name_64 = NO, .grid = { NO, NO, NO },         \
		.block = { NO, NO, NO }, .registers_16 = NO, .static_shared = NO,                  \
		.dynamic_shared = NO, .local = NO, .bytes_64 = 8, .copy_kind_8 = NO,               \
		.src_memory_8 = NO, .dst_memory_8 = NO, .flags_8 = 48, .memory_16 = 50,            \
		.value = 4, .peer_device = NO                                                      \
	}

static const struct rk_cupti_layout memsets[] = {
	SET("Memset", 0, 64, NO, NO, 52),	 SET("Memset2", 13, 72, 64, NO, 72),
	SET("Memset3", 14, 80, 64, 72, 76),	 SET("Memset4", 17, 88, 64, 72, 76),
	SET("Memset5", 130400, 104, 64, 72, 76), { .record = NULL },
};

#define GRAPH(name, first, total)                                                                  \
	{                                                                                          \
		.record = name, .since = first, .size = total, .needed = 40, .start_64 = 8,        \
		.end_64 = 16, .device = 24, .context = 32, .stream = 36, .correlation = 4,         \
		.graph_node_64 = NO, .graph = 28, .name_64 = NO, .grid = { NO, NO, NO },           \
		.block = { NO, NO, NO }, .registers_16 = NO, .static_shared = NO,                  \
		.dynamic_shared = NO, .local = NO, .bytes_64 = NO, .copy_kind_8 = NO,              \
		.src_memory_8 = NO, .dst_memory_8 = NO, .flags_8 = NO, .memory_16 = NO,            \
		.value = NO, .peer_device = NO                                                     \
	}

static const struct rk_cupti_layout graphs[] = {
	GRAPH("GraphTrace", 0, 48),
	GRAPH("GraphTrace2", 21, 56),
	{ .record = NULL },
};

/* The kernels that kernels launch: one layout in every header, and no fields that may be chosen. */
static const struct rk_cupti_layout device_kernels[] = {
	{
		.record = "CdpKernel",
		.size = 144,
		.needed = 144,
		.start_64 = 8,
		.end_64 = 16,
		.device = 24,
		.context = 28,
		.stream = 32,
		.correlation = 76,
		.graph_node_64 = NO,
		.graph = NO,
		.name_64 = 136,
		.grid = { 36, 40, 44 },
		.block = { 48, 52, 56 },
		.registers_16 = 6,
		.static_shared = 60,
		.dynamic_shared = 64,
		.local = 68,
		.bytes_64 = NO,
		.copy_kind_8 = NO,
		.src_memory_8 = NO,
		.dst_memory_8 = NO,
		.flags_8 = NO,
		.memory_16 = NO,
		.value = NO,
		.peer_device = NO,
	},
	{ .record = NULL },
};

static const struct rk_cupti_layout *const rows[RK_CUPTI_RECORD_COUNT] = {
	[RK_CUPTI_KERNEL] = kernels,
	[RK_CUPTI_MEMCPY] = copies,
	[RK_CUPTI_MEMCPY_PEER] = peer_copies,
	[RK_CUPTI_MEMSET] = memsets,
	[RK_CUPTI_GRAPH] = graphs,
	[RK_CUPTI_DEVICE_KERNEL] = device_kernels,
};

const struct rk_cupti_layout *rk_cupti_layout_rows(enum rk_cupti_record record)
{
	return rows[record];
}

void rk_cupti_layout_select(struct rk_cupti_layouts *layouts, uint32_t version)
{
	for (int i = 0; i < RK_CUPTI_RECORD_COUNT; i++) {
		const struct rk_cupti_layout *row = rows[i];

		while (row[1].record && row[1].since <= version)
			row++;
		layouts->of[i] = row;
		layouts->unreadable[i] = false;
	}
}
