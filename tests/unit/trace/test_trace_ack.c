/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/test_trace_ack.c - ranges of delivered spans, through a file and back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/trace_ack.h"
#include "trace/trace_reader.h"
#include "trace_fixture.h"

#define SEEN_MAX 4096u

struct seen {
	uint32_t count;
	uint64_t first[SEEN_MAX], last[SEEN_MAX];
	char name[SEEN_MAX][RK_TRACE_DESTINATION_MAX];
};

static struct seen seen;

static void see(void *data, const char *destination, uint64_t first, uint64_t last)
{
	assert_ptr_equal(data, &seen);
	assert_true(seen.count < SEEN_MAX);
	seen.first[seen.count] = first;
	seen.last[seen.count] = last;
	snprintf(seen.name[seen.count++], RK_TRACE_DESTINATION_MAX, "%s", destination);
}

static int setup(void **state)
{
	*state = fixture_folder();
	memset(&seen, 0, sizeof(seen));
	return 0;
}

static int teardown(void **state)
{
	fixture_remove(*state);
	return 0;
}

static struct rk_trace_writer *open_writer(const char *path)
{
	struct rk_trace_writer *writer;

	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	return writer;
}

static void add(struct rk_trace_writer *writer, uint64_t ordinal)
{
	struct rk_op op = { .ordinal = ordinal, .kind = RK_OP_TICK, .start = ordinal };

	assert_int_equal(rk_trace_writer_add(writer, &op), 0);
}

static void read_back(const char *path, uint64_t ops)
{
	struct rk_trace_reader *reader;
	struct rk_trace_info info;
	struct rk_op op;
	uint64_t count = 0;

	assert_int_equal(rk_trace_reader_open(&reader, path, NULL), 0);
	assert_string_equal(rk_trace_reader_meta(reader)->sampling, fixture_meta.sampling);
	rk_trace_reader_visit_acks(reader, see, &seen);
	while (rk_trace_reader_next(reader, &op) > 0)
		count++;
	rk_trace_reader_get_info(reader, &info);
	assert_string_equal(info.error, "");
	assert_false(info.truncated);
	assert_int_equal(count, ops);
	rk_trace_reader_close(reader);
}

/* Neighbours become one range, other destinations and gaps stay apart. */
static void test_ranges(void **state)
{
	const char *path = fixture_path(*state, "a.rkt.zst");
	struct rk_trace_writer *writer = open_writer(path);

	add(writer, 1);
	rk_trace_writer_acknowledge(writer, "http://a:4318", 1, 10);
	rk_trace_writer_acknowledge(writer, "http://a:4318", 11, 20);
	rk_trace_writer_acknowledge(writer, "http://b:4318", 21, 21);
	rk_trace_writer_acknowledge(writer, "http://a:4318", 25, 30);
	rk_trace_writer_acknowledge(writer, "http://a:4318", 0, 3);
	rk_trace_writer_acknowledge(writer, "http://a:4318", 9, 8);
	rk_trace_writer_seal(writer);
	add(writer, 2);
	rk_trace_writer_seal(writer);
	rk_trace_writer_acknowledge(writer, "http://a:4318", UINT64_MAX, UINT64_MAX);
	assert_int_equal(rk_trace_writer_close(writer), 0);
	read_back(path, 2);
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.first[0], 1);
	assert_int_equal(seen.last[0], 20);
	assert_string_equal(seen.name[1], "http://b:4318");
	assert_int_equal(seen.first[2], 25);
	assert_true(seen.first[3] == UINT64_MAX && seen.last[3] == UINT64_MAX);
}

/* More ranges and destinations than a block holds; names of any length. */
static void test_many(void **state)
{
	const char *path = fixture_path(*state, "b.rkt.zst");
	struct rk_trace_writer *writer = open_writer(path);
	char name[300];

	add(writer, 1);
	for (uint32_t i = 0; i < 1000; i++)
		rk_trace_writer_acknowledge(writer, "one", 10 * i + 1, 10 * i + 2);
	for (uint32_t i = 0; i < 40; i++) {
		memset(name, 'a' + i % 26, sizeof(name));
		name[100 + i * 4] = '\0';
		rk_trace_writer_acknowledge(writer, name, i + 1, i + 1);
	}
	assert_int_equal(rk_trace_writer_close(writer), 0);
	read_back(path, 1);
	assert_int_equal(seen.count, 1040);
	assert_int_equal(seen.first[999], 9991);
	assert_int_equal(strlen(seen.name[1000]), 100);
	assert_int_equal(strlen(seen.name[1039]), RK_TRACE_DESTINATION_MAX - 1);
}

/* A file that has ended early takes no more of them, and stays whole. */
static void test_capped(void **state)
{
	const char *path = fixture_path(*state, "c.rkt.zst");
	struct rk_trace_options options = { .max_bytes = 64 << 10, .level = 1 };
	struct fixture_random random = { .state = 1 };
	struct rk_trace_writer *writer;
	struct rk_op op;
	struct stat st;

	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &options), 0);
	for (uint64_t i = 1; i <= 100000; i++) {
		fixture_op(&random, RK_OP_KERNEL, &op);
		op.ordinal = i;
		rk_trace_writer_add(writer, &op);
		if (i % 1000 == 0) {
			rk_trace_writer_acknowledge(writer, "one", 2 * i, 2 * i);
			rk_trace_writer_seal(writer);
		}
	}
	assert_true(rk_trace_writer_lost(writer) > 0);
	rk_trace_writer_close(writer);
	assert_int_equal(stat(path, &st), 0);
	assert_true((uint64_t)st.st_size <= options.max_bytes);
	assert_int_equal(fixture_read(path, NULL, 0, &(struct rk_trace_info){ 0 }), 0);
}

/* Every cut and every changed byte of a block is refused or read as something harmless. */
static void test_damage(void **state)
{
	struct rk_trace_acks acks = { .count = 0 };
	uint8_t *block = malloc(RK_TRACE_ACK_BYTES), *copy = malloc(RK_TRACE_ACK_BYTES);
	struct rk_trace_header header = { .sequence = 1 };
	size_t size;

	(void)state;
	assert_true(rk_trace_ack_push(&acks, "http://a:4318", 5, 600));
	assert_true(rk_trace_ack_push(&acks, "grpc://b:4317", 1000000, 1000001));
	size = rk_trace_ack_put(block, &acks, &header);
	assert_int_equal(rk_trace_ack_get(block, &header, see, &seen), 0);
	assert_int_equal(seen.count, 2);
	for (uint32_t cut = 1; cut <= header.payload_bytes; cut++) {
		struct rk_trace_header shorter = header;
		uint8_t *part = malloc(size - cut);

		memcpy(part, block, size - cut);
		shorter.payload_bytes -= cut;
		if (shorter.payload_bytes)
			assert_int_equal(rk_trace_ack_get(part, &shorter, NULL, NULL), -EBADMSG);
		free(part);
	}
	for (size_t i = RK_TRACE_HEADER_BYTES; i < size; i++) {
		for (unsigned value = 0; value < 256; value++) {
			memcpy(copy, block, size);
			copy[i] = (uint8_t)value;
			rk_trace_ack_get(copy, &header, NULL, NULL);
		}
	}
	free(block);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_capped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
