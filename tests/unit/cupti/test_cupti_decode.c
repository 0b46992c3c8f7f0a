/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/cupti/test_cupti_decode.c - records built with CUPTI's structs come out right,
 * and nothing that a buffer holds makes the decoder read beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cupti.h>
#include <cupti_activity_deprecated.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/intern.h"
#include "cupti/cupti_decode.h"

#define SEEN 64

static struct rk_activity seen[SEEN];
static uint32_t seen_count;
static struct rk_cupti_names names;
static struct rk_cupti_layouts walk; /* what the iterator below goes by */

static void keep(const struct rk_activity *activity, void *data)
{
	(void)data;
	if (seen_count < SEEN)
		seen[seen_count] = *activity;
	seen_count++;
}

/* Like cuptiActivityGetNextRecord(), but never looks at more than a record's first word. */
static CUptiResult next_record(uint8_t *buffer, size_t valid, CUpti_Activity **record)
{
	uint8_t *next = buffer;
	uint32_t kind = 0;
	size_t size = 8;

	if (*record) {
		memcpy(&kind, *record, sizeof(kind));
		if (kind == CUPTI_ACTIVITY_KIND_KERNEL ||
		    kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL)
			size = walk.of[RK_CUPTI_KERNEL]->size;
		else if (kind == CUPTI_ACTIVITY_KIND_MEMCPY)
			size = walk.of[RK_CUPTI_MEMCPY]->size;
		else if (kind == CUPTI_ACTIVITY_KIND_MEMCPY2)
			size = walk.of[RK_CUPTI_MEMCPY_PEER]->size;
		else if (kind == CUPTI_ACTIVITY_KIND_MEMSET)
			size = walk.of[RK_CUPTI_MEMSET]->size;
		else if (kind == CUPTI_ACTIVITY_KIND_GRAPH_TRACE)
			size = walk.of[RK_CUPTI_GRAPH]->size;
		else if (kind == CUPTI_ACTIVITY_KIND_CDP_KERNEL)
			size = walk.of[RK_CUPTI_DEVICE_KERNEL]->size;
		else if (kind == CUPTI_ACTIVITY_KIND_OVERHEAD)
			size = sizeof(CUpti_ActivityOverhead);
		next = (uint8_t *)*record + size;
	}
	if (next >= buffer + valid)
		return CUPTI_ERROR_MAX_LIMIT_REACHED;
	*record = (CUpti_Activity *)next;
	return CUPTI_SUCCESS;
}

static struct rk_cupti_decoder decoder_for(uint32_t version)
{
	struct rk_cupti_decoder decoder = { .next = next_record, .names = &names, .emit = keep };

	rk_cupti_layout_select(&decoder.layouts, version);
	walk = decoder.layouts;
	seen_count = 0;
	memset(seen, 0, sizeof(seen));
	return decoder;
}

/* @size bytes that end where reading ends: the next byte is not mapped. */
static uint8_t *at_the_edge(const void *bytes, size_t size)
{
	static uint8_t *page;

	if (!page) {
		page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(page != MAP_FAILED);
		assert_int_equal(mprotect(page + 4096, 4096, PROT_NONE), 0);
	}
	memcpy(page + 4096 - size, bytes, size);
	return page + 4096 - size;
}

#define MAKE_KERNEL(type, variable) MAKE_KERNEL_OF(CONCURRENT_KERNEL, type, variable)

#define MAKE_KERNEL_OF(of, type, variable)                                                         \
	CUpti_Activity##type variable;                                                             \
	memset(&variable, 0, sizeof(variable));                                                    \
	variable.kind = CUPTI_ACTIVITY_KIND_##of;                                     \
	variable.start = 1000;                                                                     \
	variable.end = 1500;                                                                       \
	variable.deviceId = 3;                                                                     \
	variable.contextId = 4;                                                                    \
	variable.streamId = 5;                                                                     \
	variable.correlationId = 6;                                                                \
	variable.gridX = 7;                                                                        \
	variable.gridY = 8;                                                                        \
	variable.gridZ = 9;                                                                        \
	variable.blockX = 10;                                                                      \
	variable.blockY = 11;                                                                      \
	variable.blockZ = 12;                                                                      \
	variable.registersPerThread = 13;                                                          \
	variable.staticSharedMemory = 14;                                                          \
	variable.dynamicSharedMemory = 15;                                                         \
	variable.localMemoryPerThread = 16;                                                        \
	variable.name = "_Z4saxpyifPfS_"

static void check_kernel_with(const struct rk_activity *activity, uint8_t flags)
{
	assert_int_equal(activity->kind, RK_ACT_KERNEL);
	assert_int_equal(activity->flags, flags);
	assert_int_equal(activity->start, 1000);
	assert_int_equal(activity->end, 1500);
	assert_int_equal(activity->device, 3);
	assert_int_equal(activity->peer_device, 3);
	assert_int_equal(activity->context, 4);
	assert_int_equal(activity->stream, 5);
	assert_int_equal(activity->correlation, 6);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(activity->grid[i], 7 + i);
		assert_int_equal(activity->block[i], 10 + i);
	}
	assert_int_equal(activity->registers, 13);
	assert_int_equal(activity->static_shared_bytes, 14);
	assert_int_equal(activity->dynamic_shared_bytes, 15);
	assert_int_equal(activity->local_bytes_per_thread, 16);
	assert_string_equal(rk_intern_get(activity->name), "_Z4saxpyifPfS_");
}

static void check_kernel(const struct rk_activity *activity)
{
	check_kernel_with(activity, 0);
}

#define KERNEL_OF(type, version)                                                                   \
	do {                                                                                       \
		struct rk_cupti_decoder decoder = decoder_for(version);                            \
		MAKE_KERNEL(type, kernel);                                                         \
		rk_cupti_decode_buffer(&decoder, at_the_edge(&kernel, sizeof(kernel)),             \
				       sizeof(kernel));                                            \
		assert_int_equal(seen_count, 1);                                                   \
		check_kernel(&seen[0]);                                                            \
	} while (0)

#define KERNEL_IN_GRAPH(type, version)                                                             \
	do {                                                                                       \
		struct rk_cupti_decoder decoder = decoder_for(version);                            \
		MAKE_KERNEL(type, kernel);                                                         \
		kernel.graphId = 17;                                                               \
		kernel.graphNodeId = 1ull << 40;                                                   \
		rk_cupti_decode_buffer(&decoder, at_the_edge(&kernel, sizeof(kernel)),             \
				       sizeof(kernel));                                            \
		check_kernel(&seen[0]);                                                            \
		assert_int_equal(seen[0].graph, 17);                                               \
		assert_int_equal(seen[0].graph_node, 1ull << 40);                                  \
	} while (0)

static void kernels(void **state)
{
	(void)state;
	KERNEL_OF(Kernel4, 12);
	KERNEL_OF(Kernel5, 13);
	KERNEL_OF(Kernel6, 15);
	KERNEL_OF(Kernel7, 17);
	KERNEL_OF(Kernel8, 18);
	KERNEL_OF(Kernel9, 28);
	KERNEL_OF(Kernel10, 130001);
	KERNEL_IN_GRAPH(Kernel5, 14);
	KERNEL_IN_GRAPH(Kernel9, 20);
	KERNEL_IN_GRAPH(Kernel10, 130001);
}

static void decode_device_kernel(struct rk_cupti_decoder *decoder, uint64_t start, uint64_t end)
{
	MAKE_KERNEL_OF(CDP_KERNEL, CdpKernel, kernel);

	kernel.gridId = kernel.parentGridId = -1;
	kernel.queued = kernel.submitted = kernel.completed = UINT64_MAX;
	kernel.start = start;
	kernel.end = end;
	seen_count = 0;
	rk_cupti_decode_buffer(decoder, at_the_edge(&kernel, sizeof(kernel)), sizeof(kernel));
}

static void device_kernels(void **state)
{
	static const uint32_t versions[] = { 10, 13, 28, 130001, 130500 };

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct rk_cupti_decoder decoder = decoder_for(versions[i]);

		decode_device_kernel(&decoder, 1000, 1500);
		assert_int_equal(seen_count, 1);
		check_kernel_with(&seen[0], RK_ACT_DEVICE_LAUNCH);
		assert_int_equal(seen[0].graph, 0);
		assert_int_equal(decoder.invalid, 0);
		decode_device_kernel(&decoder, 0, 0);
		assert_int_equal(seen[0].flags, RK_ACT_DEVICE_LAUNCH | RK_ACT_INVALID_TIME);
		decode_device_kernel(&decoder, 9, 8);
		assert_int_equal(seen[0].flags, RK_ACT_DEVICE_LAUNCH | RK_ACT_INVALID_TIME);
		assert_int_equal(decoder.invalid, 2);
		assert_int_equal(decoder.records, 3);
		decoder.forced = true;
		decode_device_kernel(&decoder, 9, 0);
		assert_int_equal(seen_count, 0);
		assert_int_equal(decoder.open, 1);
	}
}

/* Those of a launch go before the launch's own record, if they come right behind it. */
static void device_kernels_go_first(void **state)
{
	static const uint32_t order[] = { 1, 10, 20, 2, 30, 3, 4 }; /* below 10: launches */
	static const uint32_t expected[] = { 10, 20, 1, 30, 2, 3, 4 };
	struct rk_cupti_decoder decoder = decoder_for(130001);
	uint8_t buffer[7 * sizeof(CUpti_ActivityKernel10)];
	size_t used = 0;

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		MAKE_KERNEL(Kernel10, kernel);
		MAKE_KERNEL_OF(CDP_KERNEL, CdpKernel, child);
		size_t size = order[i] < 10 ? sizeof(kernel) : sizeof(child);

		kernel.correlationId = child.correlationId = order[i];
		memcpy(buffer + used, order[i] < 10 ? (void *)&kernel : (void *)&child, size);
		used += size;
	}
	rk_cupti_decode_buffer(&decoder, at_the_edge(buffer, used), used);
	assert_int_equal(seen_count, 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(seen[i].correlation, expected[i]);
	assert_int_equal(decoder.records, 7);
	assert_int_equal(decoder.malformed, 0);
}

static void copies(void **state)
{
	struct rk_cupti_decoder decoder = decoder_for(130001);
	CUpti_ActivityMemcpyPtoP4 peer;
	CUpti_ActivityMemcpy6 copy;

	(void)state;
	memset(&copy, 0, sizeof(copy));
	copy.kind = CUPTI_ACTIVITY_KIND_MEMCPY;
	copy.copyKind = CUPTI_ACTIVITY_MEMCPY_KIND_DTOH;
	copy.srcKind = CUPTI_ACTIVITY_MEMORY_KIND_DEVICE;
	copy.dstKind = CUPTI_ACTIVITY_MEMORY_KIND_PINNED;
	copy.flags = CUPTI_ACTIVITY_FLAG_MEMCPY_ASYNC;
	copy.bytes = 1ull << 33;
	copy.start = 5;
	copy.end = 9;
	copy.deviceId = 1;
	copy.correlationId = 77;
	copy.graphId = 3;
	copy.graphNodeId = 4;
	rk_cupti_decode_buffer(&decoder, at_the_edge(&copy, sizeof(copy)), sizeof(copy));
	assert_int_equal(seen[0].kind, RK_ACT_MEMCPY);
	assert_int_equal(seen[0].copy_kind, RK_COPY_DTOH);
	assert_int_equal(seen[0].src_memory, CUPTI_ACTIVITY_MEMORY_KIND_DEVICE);
	assert_int_equal(seen[0].dst_memory, CUPTI_ACTIVITY_MEMORY_KIND_PINNED);
	assert_int_equal(seen[0].flags, RK_ACT_ASYNC);
	assert_int_equal(seen[0].bytes, 1ull << 33);
	assert_int_equal(seen[0].correlation, 77);
	assert_int_equal(seen[0].graph, 3);
	assert_int_equal(seen[0].graph_node, 4);
	assert_int_equal(seen[0].peer_device, 1);
	assert_int_equal(seen[0].name, 0);

	memset(&peer, 0, sizeof(peer));
	peer.kind = CUPTI_ACTIVITY_KIND_MEMCPY2;
	peer.copyKind = CUPTI_ACTIVITY_MEMCPY_KIND_PTOP;
	peer.start = 5;
	peer.end = 9;
	peer.deviceId = 1;
	peer.dstDeviceId = 2;
	peer.correlationId = 78;
	peer.bytes = 10;
	rk_cupti_decode_buffer(&decoder, at_the_edge(&peer, sizeof(peer)), sizeof(peer));
	assert_int_equal(seen[1].kind, RK_ACT_MEMCPY);
	assert_int_equal(seen[1].copy_kind, RK_COPY_PTOP);
	assert_int_equal(seen[1].device, 1);
	assert_int_equal(seen[1].peer_device, 2);
	assert_int_equal(seen[1].correlation, 78);
}

static void memset_and_graph(void **state)
{
	struct rk_cupti_decoder decoder = decoder_for(130001);
	CUpti_ActivityMemset4 set;
	CUpti_ActivityGraphTrace2 graph;

	(void)state;
	memset(&set, 0, sizeof(set));
	set.kind = CUPTI_ACTIVITY_KIND_MEMSET;
	set.value = 0xdeadbeef;
	set.bytes = 123;
	set.start = 1;
	set.end = 2;
	set.correlationId = 9;
	set.memoryKind = CUPTI_ACTIVITY_MEMORY_KIND_MANAGED;
	rk_cupti_decode_buffer(&decoder, at_the_edge(&set, sizeof(set)), sizeof(set));
	assert_int_equal(seen[0].kind, RK_ACT_MEMSET);
	assert_int_equal(seen[0].value, 0xdeadbeef);
	assert_int_equal(seen[0].bytes, 123);
	assert_int_equal(seen[0].dst_memory, CUPTI_ACTIVITY_MEMORY_KIND_MANAGED);
	assert_int_equal(seen[0].flags, 0);

	memset(&graph, 0, sizeof(graph));
	graph.kind = CUPTI_ACTIVITY_KIND_GRAPH_TRACE;
	graph.correlationId = 10;
	graph.graphId = 11;
	graph.streamId = 12;
	rk_cupti_decode_buffer(&decoder, at_the_edge(&graph, sizeof(graph)), sizeof(graph));
	assert_int_equal(seen[1].kind, RK_ACT_GRAPH);
	assert_int_equal(seen[1].correlation, 10);
	assert_int_equal(seen[1].graph, 11);
	assert_int_equal(seen[1].stream, 12);
	assert_int_equal(seen[1].flags, RK_ACT_INVALID_TIME);
}

static void decode_times(struct rk_cupti_decoder *decoder, uint64_t start, uint64_t end)
{
	MAKE_KERNEL(Kernel10, kernel);

	kernel.start = start;
	kernel.end = end;
	seen_count = 0;
	rk_cupti_decode_buffer(decoder, at_the_edge(&kernel, sizeof(kernel)), sizeof(kernel));
}

static void times(void **state)
{
	struct rk_cupti_decoder decoder = decoder_for(130001);

	(void)state;
	decode_times(&decoder, 0, 0);
	assert_int_equal(seen[0].flags, RK_ACT_INVALID_TIME);
	decode_times(&decoder, 0, 100);
	assert_int_equal(seen[0].flags, RK_ACT_INVALID_TIME);
	decode_times(&decoder, 100, 0);
	assert_int_equal(seen[0].flags, RK_ACT_INVALID_TIME);
	decode_times(&decoder, 100, 99);
	assert_int_equal(seen[0].flags, RK_ACT_INVALID_TIME);
	decode_times(&decoder, 100, 100);
	assert_int_equal(seen[0].flags, 0);
	assert_int_equal(decoder.invalid, 4);
	assert_int_equal(decoder.records, 5);

	decoder.offset_ns = 40;
	decode_times(&decoder, 100, 200);
	assert_int_equal(seen[0].start, 60);
	assert_int_equal(seen[0].end, 160);
	decoder.offset_ns = -40;
	decode_times(&decoder, 100, 200);
	assert_int_equal(seen[0].start, 140);
	decode_times(&decoder, 0, 200);
	assert_int_equal(seen[0].start, 0);

	decoder.forced = true;
	decode_times(&decoder, 100, 0);
	assert_int_equal(seen_count, 0);
	assert_int_equal(decoder.open, 1);
	decode_times(&decoder, 100, 200);
	assert_int_equal(seen_count, 1);
}

static void truncated(void **state)
{
	MAKE_KERNEL(Kernel10, kernel);
	size_t needed;

	(void)state;
	for (size_t size = 0; size <= sizeof(kernel); size++) {
		struct rk_cupti_decoder decoder = decoder_for(130001);

		needed = decoder.layouts.of[RK_CUPTI_KERNEL]->needed;
		rk_cupti_decode_buffer(&decoder, at_the_edge(&kernel, size), size);
		assert_int_equal(seen_count, size >= needed);
		assert_int_equal(decoder.malformed, size > 0 && size < needed);
	}
}

/* Whatever the bytes, nothing beyond the edge is touched; the names are wild pointers. */
static void random_bytes(void **state)
{
	static const uint8_t kinds[] = { 1, 2, 3, 10, 22, 51, 18, 99 };
	static const uint32_t versions[] = { 10, 13, 14, 17, 26, 130001 };
	uint8_t bytes[1024];
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct rk_cupti_decoder decoder = decoder_for(versions[round % 6]);
		size_t size;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			bytes[i] = (uint8_t)random;
			/* Every eighth byte may begin a record. */
			if (i % 8 == 0 && random >> 60 < 12)
				bytes[i] = kinds[random >> 56 & 7];
			if (i % 8 < 4 && i % 8 > 0 && random >> 60 < 12)
				bytes[i] = 0;
		}
		size = random % sizeof(bytes);
		rk_cupti_decode_buffer(&decoder, at_the_edge(bytes, size), size);
		assert_true(seen_count <= size / 8 + 1);
	}
}

static CUptiResult stuck_record(uint8_t *buffer, size_t valid, CUpti_Activity **record)
{
	(void)valid;
	*record = (CUpti_Activity *)buffer;
	return CUPTI_SUCCESS;
}

static CUptiResult stray_record(uint8_t *buffer, size_t valid, CUpti_Activity **record)
{
	*record = (CUpti_Activity *)(buffer + valid);
	return CUPTI_SUCCESS;
}

static void stray_iterator(void **state)
{
	struct rk_cupti_decoder decoder = decoder_for(130001);
	MAKE_KERNEL(Kernel10, kernel);

	(void)state;
	decoder.next = stuck_record;
	rk_cupti_decode_buffer(&decoder, at_the_edge(&kernel, sizeof(kernel)), sizeof(kernel));
	assert_int_equal(seen_count, 1);
	seen_count = 0;
	decoder.next = stray_record;
	rk_cupti_decode_buffer(&decoder, at_the_edge(&kernel, sizeof(kernel)), sizeof(kernel));
	assert_int_equal(seen_count, 0);
}

static void names_by_pointer_and_content(void **state)
{
	char name[32] = "alpha";
	uint32_t alpha = rk_cupti_names_get(&names, (uintptr_t)name);
	uint32_t beta;

	(void)state;
	assert_string_equal(rk_intern_get(alpha), "alpha");
	assert_int_equal(rk_cupti_names_get(&names, (uintptr_t)name), alpha);
	/* The same address with another name, with and without being told. */
	strcpy(name, "beta");
	beta = rk_cupti_names_get(&names, (uintptr_t)name);
	assert_string_equal(rk_intern_get(beta), "beta");
	strcpy(name, "betatron");
	assert_string_equal(rk_intern_get(rk_cupti_names_get(&names, (uintptr_t)name)), "betatron");
	strcpy(name, "bet");
	assert_string_equal(rk_intern_get(rk_cupti_names_get(&names, (uintptr_t)name)), "bet");
	assert_int_equal(rk_cupti_names_get(&names, 0), 0);
}

static void names_of_unloaded_code(void **state)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(page != MAP_FAILED);
	strcpy(page, "gone");
	assert_string_equal(rk_intern_get(rk_cupti_names_get(&names, (uintptr_t)page)), "gone");
	munmap(page, 4096);
	rk_cupti_names_forget(&names);
	assert_int_equal(rk_cupti_names_get(&names, (uintptr_t)page), 0);
}

static void names_at_page_ends(void **state)
{
	size_t length = 3000;
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *name;
	uint32_t id;

	(void)state;
	assert_true(pages != MAP_FAILED);
	mprotect(pages + 4096, 4096, PROT_NONE);
	name = pages + 4096 - length - 1;
	memset(name, 'x', length);
	name[length] = '\0';
	id = rk_cupti_names_get(&names, (uintptr_t)name);
	assert_int_equal(strlen(rk_intern_get(id)), length);
	/* No end before the page ends: not a name. */
	name[length] = 'x';
	rk_cupti_names_forget(&names);
	assert_int_equal(rk_cupti_names_get(&names, (uintptr_t)name), 0);
	munmap(pages, 8192);
}

/* CUPTI's own, and nothing that the driver needs without it, nor a time that cannot be. */
static void overhead(void **state)
{
	static const struct {
		uint32_t kind;
		uint64_t start, end;
	} told[] = {
		{ CUPTI_ACTIVITY_OVERHEAD_CUPTI_BUFFER_FLUSH, 100, 101 },
		{ CUPTI_ACTIVITY_OVERHEAD_CUPTI_INSTRUMENTATION, 100, 120 },
		{ CUPTI_ACTIVITY_OVERHEAD_CUPTI_RESOURCE, 100, 400 },
		{ CUPTI_ACTIVITY_OVERHEAD_ACTIVITY_BUFFER_REQUEST, 1000, 5000 },
		{ CUPTI_ACTIVITY_OVERHEAD_DRIVER_COMPILER, 0, 50000 },
		{ CUPTI_ACTIVITY_OVERHEAD_RUNTIME_TRIGGERED_MODULE_LOADING, 0, 50000 },
		{ CUPTI_ACTIVITY_OVERHEAD_CUPTI_RESOURCE, 400, 100 },
	};
	struct rk_cupti_decoder decoder = decoder_for(130001);
	CUpti_ActivityOverhead records[sizeof(told) / sizeof(told[0])];

	(void)state;
	memset(records, 0, sizeof(records));
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		records[i].kind = CUPTI_ACTIVITY_KIND_OVERHEAD;
		records[i].overheadKind = (CUpti_ActivityOverheadKind)told[i].kind;
		records[i].start = told[i].start;
		records[i].end = told[i].end;
	}
	rk_cupti_decode_buffer(&decoder, at_the_edge(records, sizeof(records)), sizeof(records));
	assert_int_equal(decoder.overhead_ns, 1 + 20 + 300 + 4000);
	assert_int_equal(decoder.malformed, 0);
	assert_int_equal(seen_count, 0);
	/* Cut short: not even looked at. */
	rk_cupti_decode_buffer(&decoder, at_the_edge(records, sizeof(records[0]) - 1),
			       sizeof(records[0]) - 1);
	assert_int_equal(decoder.overhead_ns, 4321);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels),
		cmocka_unit_test(device_kernels),
		cmocka_unit_test(device_kernels_go_first),
		cmocka_unit_test(copies),
		cmocka_unit_test(memset_and_graph),
		cmocka_unit_test(times),
		cmocka_unit_test(truncated),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(stray_iterator),
		cmocka_unit_test(names_by_pointer_and_content),
		cmocka_unit_test(names_of_unloaded_code),
		cmocka_unit_test(names_at_page_ends),
		cmocka_unit_test(overhead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
