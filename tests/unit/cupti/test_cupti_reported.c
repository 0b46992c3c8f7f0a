/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/cupti/test_cupti_reported.c - layouts that CUPTI says: read where they add up, and
 * whatever they say, nothing beyond a buffer is touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cupti.h>
#include <string.h>
#include <sys/mman.h>

#include "core/gpu_facts.h"
#include "cupti/cupti_decode.h"
#include "cupti/cupti_reported.h"

#define KINDS	   64
#define COUNT	   8
#define RECORD	   96
#define MEMSET	   CUPTI_ACTIVITY_KIND_MEMSET

static struct rk_activity seen;
static uint32_t seen_count;
static struct rk_cupti_v2_entry entries[COUNT];
static struct rk_cupti_v2_layout layout;
static struct rk_cupti_v2_layout *layouts[KINDS];
static struct rk_cupti_v2_complete info;

static void keep(const struct rk_activity *activity, void *data)
{
	(void)data;
	seen = *activity;
	seen_count++;
}

/* Of memsets: kind, bytes, start, end, device, correlation, flags, memory. */
static void say_memsets(void)
{
	static const int ids[COUNT] = { 0, 2, 3, 4, 5, 8, 9, 10 };

	for (size_t i = 0; i < COUNT; i++)
		entries[i] = (struct rk_cupti_v2_entry){ .struct_size = sizeof(entries[0]),
							 .field_id = ids[i],
							 .offset = i ? 8 + (COUNT - i) * 10 : 0,
							 .size = 8 };
	layout = (struct rk_cupti_v2_layout){ sizeof(layout), entries, COUNT, RECORD };
	layouts[MEMSET] = &layout;
	info = (struct rk_cupti_v2_complete){ sizeof(info), 1, layouts, KINDS };
}

static void put(uint8_t *record, int id, uint64_t value)
{
	for (size_t i = 0; i < COUNT; i++)
		if (entries[i].field_id == id)
			memcpy(record + entries[i].offset, &value, sizeof(value));
}

static void decode(struct rk_cupti_reported *reported, uint8_t *buffer, size_t valid)
{
	struct rk_cupti_decoder decoder = { .emit = keep };

	seen_count = 0;
	rk_cupti_reported_get(reported, &decoder.layouts);
	rk_cupti_decode_buffer(&decoder, buffer, valid);
}

static void shuffled(void **state)
{
	struct rk_cupti_reported reported = { .busy = ATOMIC_FLAG_INIT };
	uint8_t buffer[2 * RECORD] = { 0 };

	(void)state;
	say_memsets();
	for (size_t i = 0; i < 2; i++) {
		uint8_t *record = buffer + i * RECORD;

		put(record, 2, 4096);
		put(record, 3, 1000 + i);
		put(record, 4, 2000);
		put(record, 8, (7ull << 32) + 5);
		put(record, 0, MEMSET);
	}
	rk_cupti_reported_take(&reported, &info);
	/* As CUPTI does when the callback has returned. */
	memset(entries, 0x5a, sizeof(entries));
	memset(&layout, 0x5a, sizeof(layout));
	decode(&reported, buffer, sizeof(buffer));
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen.kind, RK_ACT_MEMSET);
	assert_int_equal(seen.bytes, 4096);
	assert_int_equal(seen.start, 1001);
	assert_int_equal(seen.end, 2000);
	assert_int_equal(seen.correlation, 5);
	/* A field that is not said is none. */
	assert_int_equal(seen.graph_node, 0);
	decode(&reported, buffer, sizeof(buffer) - 1);
	assert_int_equal(seen_count, 1);
}

static void selection(void **state)
{
	static const uint32_t kinds[] = { 10, 3, 1, 22, 2, 51 };
	int ids[RK_CUPTI_FIELDS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		assert_true(rk_cupti_reported_select(kinds[i], ids) > 5);
		assert_int_equal(ids[0], 0);
	}
	assert_int_equal(rk_cupti_reported_select(4, ids), 0);
}

static void refuse(const char *what, uint32_t expected)
{
	struct rk_cupti_reported reported = { .busy = ATOMIC_FLAG_INIT };
	uint8_t buffer[4 * RECORD] = { MEMSET };

	rk_cupti_reported_take(&reported, &info);
	if (rk_cupti_reported_missing(&reported) != expected)
		fail_msg("%s", what);
	decode(&reported, buffer, sizeof(buffer));
	assert_true(expected == 0 || seen_count == 0);
}

static void hostile(void **state)
{
	(void)state;
	say_memsets();
	refuse("as it should be", 0);
	entries[3].offset = RECORD - 7;
	refuse("beyond the record", RK_GPU_NO_MEMSETS);
	say_memsets();
	entries[3].offset = SIZE_MAX - 3;
	refuse("around the end of memory", RK_GPU_NO_MEMSETS);
	say_memsets();
	entries[2].size = 4;
	refuse("too narrow", RK_GPU_NO_MEMSETS);
	say_memsets();
	entries[0].offset = 8;
	refuse("kind elsewhere", RK_GPU_NO_MEMSETS);
	say_memsets();
	layout.entry_count = 4;
	refuse("needed fields missing", RK_GPU_NO_MEMSETS);
	say_memsets();
	layout.entry_count = SIZE_MAX;
	refuse("countless fields", RK_GPU_NO_MEMSETS);
	say_memsets();
	layout.entries = NULL;
	refuse("no fields", RK_GPU_NO_MEMSETS);
	say_memsets();
	entries[0].struct_size = 0;
	refuse("fields without a size", RK_GPU_NO_MEMSETS);
	say_memsets();
	layout.record_size = SIZE_MAX;
	refuse("absurd size", RK_GPU_NO_MEMSETS);
	say_memsets();
	layout.record_size = 0;
	refuse("no size", RK_GPU_NO_MEMSETS);
	say_memsets();
	info.struct_size = 16;
	refuse("an older struct says nothing", 0);
}

static void contradicted(void **state)
{
	struct rk_cupti_reported reported = { .busy = ATOMIC_FLAG_INIT };
	uint8_t buffer[RECORD] = { MEMSET };

	(void)state;
	say_memsets();
	rk_cupti_reported_take(&reported, &info);
	rk_cupti_reported_take(&reported, &info);
	assert_int_equal(rk_cupti_reported_missing(&reported), 0);
	layout.record_size += 8;
	rk_cupti_reported_take(&reported, &info);
	assert_int_equal(rk_cupti_reported_missing(&reported), RK_GPU_NO_MEMSETS);
	decode(&reported, buffer, sizeof(buffer));
	assert_int_equal(seen_count, 0);
}

static uint64_t next_random(void)
{
	static uint64_t random = 88172645463325252u;

	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	return random;
}

/* Mostly nearly right, now and then absurd; the buffer ends where memory does. */
static void fuzz(void **state)
{
	uint8_t *page =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(page != MAP_FAILED && mprotect(page + 4096, 4096, PROT_NONE) == 0);
	for (int round = 0; round < 20000; round++) {
		struct rk_cupti_reported reported = { .busy = ATOMIC_FLAG_INIT };
		size_t valid = next_random() % 600;
		uint8_t *buffer = page + 4096 - valid;

		say_memsets();
		for (int i = 0; i < 3; i++) {
			struct rk_cupti_v2_entry *entry = &entries[next_random() % COUNT];
			uint64_t value = next_random() % 4 ? next_random() % 120 : next_random();

			*(next_random() % 2 ? &entry->offset : &entry->size) = value;
		}
		if (next_random() % 8 == 0)
			layout.record_size = next_random() % 5000;
		for (size_t i = 0; i < valid; i++)
			buffer[i] = i % RECORD ? (uint8_t)next_random() : MEMSET;
		rk_cupti_reported_take(&reported, &info);
		decode(&reported, buffer, valid);
	}
	munmap(page, 8192);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shuffled), cmocka_unit_test(selection),
		cmocka_unit_test(hostile),  cmocka_unit_test(contradicted),
		cmocka_unit_test(fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
