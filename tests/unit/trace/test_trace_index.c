/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/test_trace_index.c - the index: whole, merged, damaged.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/trace_index.h"

/* Frames of 100 + i % 7 bytes with 10 ops each; ordinals and times follow one another. */
static struct rk_trace_index *make(uint32_t frames)
{
	struct rk_trace_index *index = calloc(1, sizeof(*index));
	struct rk_trace_header header = { .type = RK_TRACE_BLOCK_DESCRIPTION };

	rk_trace_index_add(index, 500, &header);
	header.type = RK_TRACE_BLOCK_OPS;
	header.op_count = 10;
	for (uint32_t i = 0; i < frames; i++) {
		header.first_ordinal = 1 + 10 * (uint64_t)i;
		header.first_ns = 1000 + 100 * (uint64_t)i;
		header.last_ns = header.first_ns + 150;
		rk_trace_index_add(index, 100 + i % 7, &header);
	}
	return index;
}

/* However much is merged: entries are in order, leave nothing out and overlap nowhere. */
static void assert_covers(const struct rk_trace_index *index, uint32_t frames)
{
	uint64_t offset = 500, ops = 0, seen = 0;

	for (uint32_t i = 0; i < index->count; i++) {
		const struct rk_trace_index_entry *entry = &index->entries[i];

		assert_int_equal(entry->offset, offset);
		assert_int_equal(entry->first_ordinal, 1 + ops);
		assert_int_equal(entry->first_ns, 1000 + 100 * seen);
		offset += entry->bytes;
		ops += entry->op_count;
		seen += entry->frames;
		assert_int_equal(entry->last_ns, 1000 + 100 * (seen - 1) + 150);
	}
	assert_int_equal(offset, index->data_bytes);
	assert_int_equal(seen, frames);
	assert_int_equal(ops, 10 * (uint64_t)frames);
	assert_int_equal(index->frames, frames + 1);
}

static void test_merging(void **state)
{
	(void)state;
	for (uint32_t frames = 0; frames < 70000; frames = frames * 2 + 1) {
		struct rk_trace_index *index = make(frames);

		assert_true(index->count <= RK_TRACE_INDEX_ENTRIES);
		assert_covers(index, frames);
		free(index);
	}
}

static void test_round_trip(void **state)
{
	struct rk_trace_index *index = make(300), *got = malloc(sizeof(*got));
	uint8_t *frame = malloc(rk_trace_index_size(index));
	size_t size = rk_trace_index_put(index, frame, UINT64_MAX);

	(void)state;
	assert_int_equal(size, rk_trace_index_size(index));
	assert_int_equal(rk_trace_index_length(frame + size - 8), size);
	assert_int_equal(rk_trace_index_get(got, frame, size), 0);
	assert_covers(got, 300);
	for (size_t at = 0; at < size - 8; at++) {
		frame[at] ^= 0x10;
		assert_true(rk_trace_index_get(got, frame, size) != 0);
		frame[at] ^= 0x10;
	}
	assert_int_equal(rk_trace_index_get(got, frame, size - 1), -EBADMSG);
	assert_int_equal(rk_trace_index_get(got, frame, 10), -EBADMSG);
	free(frame);
	free(got);
	free(index);
}

static void test_little_room(void **state)
{
	(void)state;
	for (uint64_t room = 0; room < 2000; room += 13) {
		struct rk_trace_index *index = make(300), *got = malloc(sizeof(*got));
		uint8_t *frame = malloc(rk_trace_index_size(index));
		size_t size = rk_trace_index_put(index, frame, room);

		assert_true(size <= room);
		assert_true((size == 0) == (room < RK_TRACE_INDEX_FIXED + RK_TRACE_INDEX_ENTRY));
		if (size) {
			assert_int_equal(rk_trace_index_get(got, frame, size), 0);
			assert_covers(got, 300);
		}
		free(frame);
		free(got);
		free(index);
	}
}

static void test_checksum(void **state)
{
	struct rk_trace_index *index = calloc(1, sizeof(*index));
	uint8_t frame[RK_TRACE_INDEX_FIXED];

	(void)state;
	assert_int_equal(rk_trace_index_put(index, frame, 1000), RK_TRACE_INDEX_FIXED);
	/* zlib.crc32() of the 32 bytes from the magic on: another reader gets the same. */
	assert_int_equal(rk_trace_load(frame + RK_TRACE_INDEX_FIXED - 12, 4), 0x6183a126);
	free(index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merging),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_little_room),
		cmocka_unit_test(test_checksum),
	};

	return cmocka_run_group_tests_name("trace_index", tests, NULL, NULL);
}
