/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/cupti/test_cupti_layout.c - the offset tables against CUPTI's own structs, and
 * the numbers of cupti_cbid.def against its header.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cupti.h>
#include <cupti_activity_deprecated.h>
#include <string.h>

#include "core/activity.h"
#include "cupti/cupti_layout.h"

#define NO RK_CUPTI_ABSENT

static const struct rk_cupti_layout *find(enum rk_cupti_record record, const char *name)
{
	const struct rk_cupti_layout *row = rk_cupti_layout_rows(record);

	while (row->record && strcmp(row->record, name) != 0)
		row++;
	assert_non_null(row->record);
	return row;
}

/* One comparison: the table's offset, the compiler's offset and the width that is read. */
#define AT(row, field, type, member, width)                                                        \
	do {                                                                                       \
		assert_int_equal((row)->field, offsetof(CUpti_Activity##type, member));            \
		assert_int_equal(sizeof(((CUpti_Activity##type *)0)->member), width);              \
		assert_true(offsetof(CUpti_Activity##type, member) + (width) <= (row)->needed);    \
		assert_true((row)->needed <= (row)->size);                                         \
		assert_int_equal((row)->size, sizeof(CUpti_Activity##type));                       \
	} while (0)

#define COMMON(row, type)                                                                          \
	do {                                                                                       \
		assert_int_equal(offsetof(CUpti_Activity##type, kind), 0);                         \
		AT(row, start_64, type, start, 8);                                                 \
		AT(row, end_64, type, end, 8);                                                     \
		AT(row, device, type, deviceId, 4);                                                \
		AT(row, context, type, contextId, 4);                                              \
		AT(row, stream, type, streamId, 4);                                                \
		AT(row, correlation, type, correlationId, 4);                                      \
	} while (0)

#define KERNEL_OF(kind, type)                                                                      \
	do {                                                                                       \
		const struct rk_cupti_layout *row = find(kind, #type);                  \
		COMMON(row, type);                                                                 \
		AT(row, name_64, type, name, 8);                                                   \
		AT(row, grid[0], type, gridX, 4);                                                  \
		assert_int_equal(offsetof(CUpti_Activity##type, gridZ), row->grid[2]);            \
		AT(row, block[0], type, blockX, 4);                                                \
		assert_int_equal(offsetof(CUpti_Activity##type, blockZ), row->block[2]);          \
		AT(row, registers_16, type, registersPerThread, 2);                                \
		AT(row, static_shared, type, staticSharedMemory, 4);                               \
		AT(row, dynamic_shared, type, dynamicSharedMemory, 4);                             \
		AT(row, local, type, localMemoryPerThread, 4);                                     \
	} while (0)

#define KERNEL(type) KERNEL_OF(RK_CUPTI_KERNEL, type)

#define GRAPH_NODE(record, type)                                                                   \
	do {                                                                                       \
		const struct rk_cupti_layout *row = find(record, #type);                           \
		AT(row, graph_node_64, type, graphNodeId, 8);                                      \
	} while (0)

#define GRAPH_ID(record, type)                                                                     \
	do {                                                                                       \
		const struct rk_cupti_layout *row = find(record, #type);                           \
		AT(row, graph, type, graphId, 4);                                                  \
	} while (0)

static void kernels(void **state)
{
	(void)state;
	KERNEL(Kernel4);
	KERNEL(Kernel5);
	KERNEL(Kernel6);
	KERNEL(Kernel7);
	KERNEL(Kernel8);
	KERNEL(Kernel9);
	KERNEL(Kernel10);
	KERNEL_OF(RK_CUPTI_DEVICE_KERNEL, CdpKernel);
	assert_int_equal(find(RK_CUPTI_KERNEL, "Kernel4")->graph_node_64, NO);
	assert_int_equal(find(RK_CUPTI_KERNEL, "Kernel4")->graph, NO);
	GRAPH_NODE(RK_CUPTI_KERNEL, Kernel5);
	GRAPH_NODE(RK_CUPTI_KERNEL, Kernel6);
	GRAPH_NODE(RK_CUPTI_KERNEL, Kernel7);
	GRAPH_NODE(RK_CUPTI_KERNEL, Kernel8);
	GRAPH_NODE(RK_CUPTI_KERNEL, Kernel9);
	GRAPH_NODE(RK_CUPTI_KERNEL, Kernel10);
	GRAPH_ID(RK_CUPTI_KERNEL, Kernel5);
	GRAPH_ID(RK_CUPTI_KERNEL, Kernel6);
	GRAPH_ID(RK_CUPTI_KERNEL, Kernel7);
	GRAPH_ID(RK_CUPTI_KERNEL, Kernel8);
	GRAPH_ID(RK_CUPTI_KERNEL, Kernel9);
	GRAPH_ID(RK_CUPTI_KERNEL, Kernel10);
}

#define COPY(record, type)                                                                         \
	do {                                                                                       \
		const struct rk_cupti_layout *row = find(record, #type);                           \
		COMMON(row, type);                                                                 \
		AT(row, bytes_64, type, bytes, 8);                                                 \
		AT(row, copy_kind_8, type, copyKind, 1);                                           \
		AT(row, src_memory_8, type, srcKind, 1);                                           \
		AT(row, dst_memory_8, type, dstKind, 1);                                           \
		AT(row, flags_8, type, flags, 1);                                                  \
	} while (0)

#define PEER_COPY(type)                                                                            \
	do {                                                                                       \
		COPY(RK_CUPTI_MEMCPY_PEER, type);                                                  \
		AT(find(RK_CUPTI_MEMCPY_PEER, #type), peer_device, type, dstDeviceId, 4);          \
	} while (0)

static void copies(void **state)
{
	(void)state;
	COPY(RK_CUPTI_MEMCPY, Memcpy);
	COPY(RK_CUPTI_MEMCPY, Memcpy3);
	COPY(RK_CUPTI_MEMCPY, Memcpy4);
	COPY(RK_CUPTI_MEMCPY, Memcpy5);
	COPY(RK_CUPTI_MEMCPY, Memcpy6);
	GRAPH_NODE(RK_CUPTI_MEMCPY, Memcpy3);
	GRAPH_NODE(RK_CUPTI_MEMCPY, Memcpy6);
	GRAPH_ID(RK_CUPTI_MEMCPY, Memcpy4);
	GRAPH_ID(RK_CUPTI_MEMCPY, Memcpy5);
	GRAPH_ID(RK_CUPTI_MEMCPY, Memcpy6);
	assert_int_equal(find(RK_CUPTI_MEMCPY, "Memcpy3")->graph, NO);
	PEER_COPY(MemcpyPtoP);
	PEER_COPY(MemcpyPtoP2);
	PEER_COPY(MemcpyPtoP3);
	PEER_COPY(MemcpyPtoP4);
	GRAPH_NODE(RK_CUPTI_MEMCPY_PEER, MemcpyPtoP2);
	GRAPH_ID(RK_CUPTI_MEMCPY_PEER, MemcpyPtoP3);
	GRAPH_ID(RK_CUPTI_MEMCPY_PEER, MemcpyPtoP4);
}

#define SET(type)                                                                                  \
	do {                                                                                       \
		const struct rk_cupti_layout *row = find(RK_CUPTI_MEMSET, #type);                  \
		COMMON(row, type);                                                                 \
		AT(row, bytes_64, type, bytes, 8);                                                 \
		AT(row, value, type, value, 4);                                                    \
		AT(row, flags_8, type, flags, 2);                                                  \
		AT(row, memory_16, type, memoryKind, 2);                                           \
	} while (0)

static void memsets_and_graphs(void **state)
{
	(void)state;
	SET(Memset);
	SET(Memset2);
	SET(Memset3);
	SET(Memset4);
	GRAPH_NODE(RK_CUPTI_MEMSET, Memset2);
	GRAPH_ID(RK_CUPTI_MEMSET, Memset3);
	GRAPH_ID(RK_CUPTI_MEMSET, Memset4);
	COMMON(find(RK_CUPTI_GRAPH, "GraphTrace"), GraphTrace);
	COMMON(find(RK_CUPTI_GRAPH, "GraphTrace2"), GraphTrace2);
	GRAPH_ID(RK_CUPTI_GRAPH, GraphTrace);
	GRAPH_ID(RK_CUPTI_GRAPH, GraphTrace2);
}

static void versions(void **state)
{
	static const struct {
		uint32_t version;
		const char *kernel, *copy, *set;
	} expected[] = {
		{ 10, "Kernel4", "Memcpy", "Memset" },
		{ 12, "Kernel4", "Memcpy", "Memset" },
		{ 13, "Kernel5", "Memcpy3", "Memset2" },
		{ 14, "Kernel5", "Memcpy4", "Memset3" },
		{ 15, "Kernel6", "Memcpy4", "Memset3" },
		{ 17, "Kernel7", "Memcpy5", "Memset4" },
		{ 18, "Kernel8", "Memcpy5", "Memset4" },
		{ 19, "Kernel9", "Memcpy5", "Memset4" },
		{ 26, "Kernel9", "Memcpy6", "Memset4" },
		{ 28, "Kernel9", "Memcpy6", "Memset4" },
		{ 130000, "Kernel10", "Memcpy6", "Memset4" },
		{ 130101, "Kernel11", "Memcpy6", "Memset4" },
		{ 130301, "Kernel12", "Memcpy6", "Memset4" },
		{ 130401, "Kernel13", "Memcpy7", "Memset5" },
		{ 999999, "Kernel13", "Memcpy7", "Memset5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct rk_cupti_layouts layouts;

		rk_cupti_layout_select(&layouts, expected[i].version);
		assert_string_equal(layouts.of[RK_CUPTI_KERNEL]->record, expected[i].kernel);
		assert_string_equal(layouts.of[RK_CUPTI_MEMCPY]->record, expected[i].copy);
		assert_string_equal(layouts.of[RK_CUPTI_MEMSET]->record, expected[i].set);
	}
}

static void callback_ids(void **state)
{
	int count = 0;

	(void)state;
#define RK_CBID(function, id)                                                                      \
	assert_int_equal(CUPTI_DRIVER_TRACE_CBID_##function, id);                                  \
	count++;
	/* Not by way of RK_CBID: cuda.h has macros of the same names, which must not expand. */
#define RK_CBID_HOST(function, id)                                                                 \
	assert_int_equal(CUPTI_DRIVER_TRACE_CBID_##function, id);                                  \
	count++;
#include "cupti/cupti_cbid.def"
	assert_true(count > 100);
}

static void copy_kinds(void **state)
{
	(void)state;
	assert_int_equal(RK_COPY_HTOD, CUPTI_ACTIVITY_MEMCPY_KIND_HTOD);
	assert_int_equal(RK_COPY_DTOH, CUPTI_ACTIVITY_MEMCPY_KIND_DTOH);
	assert_int_equal(RK_COPY_DTOD, CUPTI_ACTIVITY_MEMCPY_KIND_DTOD);
	assert_int_equal(RK_COPY_HTOH, CUPTI_ACTIVITY_MEMCPY_KIND_HTOH);
	assert_int_equal(RK_COPY_PTOP, CUPTI_ACTIVITY_MEMCPY_KIND_PTOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels),
		cmocka_unit_test(copies),
		cmocka_unit_test(memsets_and_graphs),
		cmocka_unit_test(versions),
		cmocka_unit_test(callback_ids),
		cmocka_unit_test(copy_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
