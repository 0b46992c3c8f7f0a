/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/test_trace_round_trip.c - what goes into a file comes out of it, exactly.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/api_record.h"
#include "core/intern.h"
#include "trace/trace_encoder.h"
#include "trace/trace_format.h"
#include "trace_fixture.h"

static int setup(void **state)
{
	*state = fixture_folder();
	return 0;
}

static int teardown(void **state)
{
	fixture_remove(*state);
	return 0;
}

static void assert_ops(const struct rk_op *got, const struct rk_op *wanted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (memcmp(&got[i], &wanted[i], sizeof(got[i])) != 0)
			fail_msg("op %zu of kind %u differs", i, wanted[i].kind);
	}
}

/* Every kind, every field at any value, one frame and many. */
static void test_random(void **state)
{
	const char *path = fixture_path(*state, "random");
	enum { COUNT = 2000 };
	struct rk_op *got = calloc(COUNT, sizeof(*got));
	struct rk_trace_info info;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct rk_op *wanted = fixture_file(path, seed, COUNT, seed % 2 ? COUNT : 37);

		assert_int_equal(fixture_read(path, got, COUNT, &info), 0);
		assert_int_equal(info.ops, COUNT);
		assert_true(info.clean_end);
		assert_false(info.truncated);
		assert_int_equal(info.sealed_bytes, info.file_bytes);
		assert_ops(got, wanted, COUNT);
		free(wanted);
	}
	free(got);
}

/* One kind alone: no column of another kind is there to hide behind. */
static void test_single_kinds(void **state)
{
	const char *path = fixture_path(*state, "single");
	struct fixture_random random = { .state = 99 };
	struct rk_op wanted[50], got[50];
	struct rk_trace_info info;

	for (unsigned kind = 1; kind < RK_OP_KIND_COUNT; kind++) {
		struct rk_trace_writer *writer;

		unlink(path);
		assert_int_equal(
			rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
		for (unsigned i = 0; i < 50; i++) {
			fixture_op(&random, kind, &wanted[i]);
			wanted[i].ordinal = i + 1;
			assert_int_equal(rk_trace_writer_add(writer, &wanted[i]), 0);
		}
		assert_int_equal(rk_trace_writer_close(writer), 0);
		assert_int_equal(fixture_read(path, got, 50, &info), 0);
		assert_int_equal(info.ops, 50);
		assert_ops(got, wanted, 50);
	}
}

/* What a newer writer stored as one of the later kinds is passed over, and nothing else of the
 * block is out of step. */
static void test_later_kinds(void **state)
{
	const char *path = fixture_path(*state, "later");
	struct fixture_random random = { .state = 12 };
	struct rk_op wanted[300], got[300];
	struct rk_trace_writer *writer;
	struct rk_trace_info info;
	uint64_t ordinal = 0;

	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	for (unsigned i = 0; i < 300; i++) {
		struct rk_op later = { .kind = (uint8_t)(RK_OP_KIND_COUNT + i % 20),
				       .ordinal = ++ordinal,
				       .text = (const uint8_t *)"unheard of",
				       .text_bytes = 1 + i % 10 };

		if (i % 3)
			assert_int_equal(rk_trace_writer_add(writer, &later), 0);
		fixture_op(&random, i % 2 ? RK_OP_SETTINGS : RK_OP_LOG, &wanted[i]);
		wanted[i].ordinal = ++ordinal;
		assert_int_equal(rk_trace_writer_add(writer, &wanted[i]), 0);
	}
	assert_int_equal(rk_trace_writer_close(writer), 0);
	assert_int_equal(fixture_read(path, got, 300, &info), 0);
	assert_int_equal(info.ops, 300);
	assert_ops(got, wanted, 300);
}

/* Many blocks of a real-looking step, and the size that the format promises. */
static void test_step(void **state)
{
	const char *path = fixture_path(*state, "step");
	enum { COUNT = 3 * RK_TRACE_BLOCK_OPS_MAX + 5 };
	struct rk_trace_writer *writer;
	struct rk_trace_reader *reader;
	struct rk_trace_info info;
	struct fixture_step step;
	struct rk_op op, wanted;
	uint64_t bytes;

	fixture_step_init(&step, 7);
	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		fixture_step_next(&step, &op);
		assert_int_equal(rk_trace_writer_add(writer, &op), 0);
	}
	assert_int_equal(rk_trace_writer_close(writer), 0);

	fixture_step_init(&step, 7);
	assert_int_equal(rk_trace_reader_open(&reader, path, NULL), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		fixture_step_next(&step, &wanted);
		memset(&op, 0, sizeof(op));
		assert_int_equal(rk_trace_reader_next(reader, &op), 1);
		assert_memory_equal(&op, &wanted, sizeof(op));
	}
	assert_int_equal(rk_trace_reader_next(reader, &op), 0);
	rk_trace_reader_get_info(reader, &info);
	assert_int_equal(info.frames, 1 + 4);
	assert_false(info.clean_end);
	assert_false(info.truncated);
	bytes = info.file_bytes;
	assert_in_range(bytes, 1, COUNT * 5 - COUNT / 10); /* 4.9 bytes per span */
	rk_trace_reader_close(reader);
}

/* Every op a shape of its own, every name long: blocks fill up by each of their limits. */
static void test_full_blocks(void **state)
{
	const char *path = fixture_path(*state, "full");
	enum { COUNT = 34000 };
	struct rk_op *wanted = calloc(COUNT, sizeof(*wanted));
	struct rk_op *got = calloc(COUNT, sizeof(*got));
	struct fixture_random random = { .state = 3 };
	struct rk_trace_writer *writer;
	struct rk_trace_info info;
	char name[3000];

	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	memset(name, 'x', sizeof(name));
	for (unsigned i = 0; i < COUNT; i++) {
		unsigned kind = i < 12000 ? RK_OP_SYNC :
				i < 16000 ? RK_OP_KERNEL :
				i < 20000 ? RK_OP_TICK :
				i < 24000 ? RK_OP_CLOCK :
				i < 28000 ? RK_OP_LOG :
					    1 + i % (RK_OP_KIND_COUNT - 1);

		fixture_op(&random, kind, &wanted[i]);
		wanted[i].ordinal = i + 1;
		if (i >= 12000 && i < 16000) {
			snprintf(name, 10, "%09u", i);
			name[9] = 'x';
			wanted[i].name = rk_intern_bytes(name, sizeof(name) - i % 1000);
		}
		assert_int_equal(rk_trace_writer_add(writer, &wanted[i]), 0);
	}
	assert_int_equal(rk_trace_writer_close(writer), 0);
	assert_int_equal(fixture_read(path, got, COUNT, &info), 0);
	assert_int_equal(info.ops, COUNT);
	assert_true(info.frames > 20);
	assert_ops(got, wanted, COUNT);
	free(wanted);
	free(got);
}

static void write_said(struct rk_trace_writer *writer, struct fixture_random *random, unsigned i)
{
	static uint8_t text[RK_API_TEXT_MAX];
	struct rk_op op = { .kind = RK_OP_LOG, .ordinal = i + 1, .text = text };

	for (size_t at = 0; at < sizeof(text); at += 8)
		memcpy(text + at, &(uint64_t){ fixture_next(random) }, 8);
	op.text_bytes = sizeof(text);
	memset(op.said.trace_id, 0xff, sizeof(op.said.trace_id));
	assert_int_equal(rk_trace_writer_add(writer, &op), 0);
}

/* Nothing but texts of the greatest length, of noise: the block is sealed in time. */
static void test_long_texts(void **state)
{
	const char *path = fixture_path(*state, "texts");
	enum { COUNT = 700 };
	struct fixture_random random = { .state = 17 };
	struct rk_trace_writer *writer;
	struct rk_trace_reader *reader;
	struct rk_trace_info info;
	struct rk_op op;

	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	for (unsigned i = 0; i < COUNT; i++)
		write_said(writer, &random, i);
	assert_int_equal(rk_trace_writer_close(writer), 0);
	random.state = 17;
	assert_int_equal(rk_trace_reader_open(&reader, path, NULL), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(rk_trace_reader_next(reader, &op), 1);
		assert_int_equal(op.text_bytes, RK_API_TEXT_MAX);
		for (size_t at = 0; at < RK_API_TEXT_MAX; at += 8)
			assert_memory_equal(op.text + at, &(uint64_t){ fixture_next(&random) }, 8);
	}
	assert_int_equal(rk_trace_reader_next(reader, &op), 0);
	rk_trace_reader_get_info(reader, &info);
	assert_in_range(info.frames, 5, 10);
	rk_trace_reader_close(reader);
}

/* More bounds and text than there may be: cut, and the rest of the file is whole. */
static void test_said_too_much(void **state)
{
	const char *path = fixture_path(*state, "much");
	static const uint8_t text[RK_API_TEXT_MAX + 50] = "t";
	struct rk_op op = { .kind = RK_OP_INSTRUMENT, .ordinal = 1, .text = text }, got[2];
	struct rk_trace_writer *writer;
	struct rk_trace_info info;

	op.text_bytes = sizeof(text);
	op.instrument.bound_count = 1000;
	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	assert_int_equal(rk_trace_writer_add(writer, &op), 0);
	op = (struct rk_op){ .kind = RK_OP_SAMPLE, .ordinal = 2, .sample = { 7, 1, 0.5 } };
	assert_int_equal(rk_trace_writer_add(writer, &op), 0);
	assert_int_equal(rk_trace_writer_close(writer), 0);
	assert_int_equal(fixture_read(path, got, 2, &info), 0);
	assert_int_equal(got[0].text_bytes, RK_API_TEXT_MAX);
	assert_int_equal(got[0].instrument.bound_count, RK_INSTRUMENT_BOUNDS);
	assert_memory_equal(&got[1].sample, &op.sample, sizeof(op.sample));
}

/* A name beyond the limit is cut, and nothing else suffers. */
static void test_long_name(void **state)
{
	const char *path = fixture_path(*state, "long");
	size_t length = RK_TRACE_STRING_MAX + 1000;
	char *name = malloc(length);
	struct rk_op op = { .kind = RK_OP_THREAD, .ordinal = 1, .tid = 5 }, got[2];
	struct rk_trace_writer *writer;
	struct rk_trace_info info;

	memset(name, 'y', length);
	op.name = rk_intern_bytes(name, length);
	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	assert_int_equal(rk_trace_writer_add(writer, &op), 0);
	op.ordinal = 2;
	op.name = rk_intern("short");
	assert_int_equal(rk_trace_writer_add(writer, &op), 0);
	assert_int_equal(rk_trace_writer_close(writer), 0);
	assert_int_equal(fixture_read(path, got, 2, &info), 0);
	assert_int_equal(strlen(rk_intern_get(got[0].name)), RK_TRACE_STRING_MAX);
	assert_int_equal(got[1].name, op.name);
	assert_int_equal(got[1].tid, 5);
	free(name);
}

static void test_description(void **state)
{
	const char *path = fixture_path(*state, "meta");
	struct rk_trace_meta meta = fixture_meta;
	const struct rk_trace_meta *got;
	struct rk_trace_writer *writer;
	struct rk_trace_reader *reader;
	char *resource = malloc(100001);

	memset(resource, 'r', 100000);
	resource[100000] = '\0';
	meta.resource = resource;
	meta.baggage = NULL;
	meta.seed = UINT64_MAX;
	meta.pid = UINT32_MAX;
	assert_int_equal(rk_trace_writer_open(&writer, path, &meta, &fixture_options), 0);
	assert_int_equal(rk_trace_writer_close(writer), 0);
	assert_int_equal(rk_trace_reader_open(&reader, path, NULL), 0);
	got = rk_trace_reader_meta(reader);
	assert_int_equal(got->seed, UINT64_MAX);
	assert_int_equal(got->pid, UINT32_MAX);
	assert_int_equal(got->start_wall_ns, meta.start_wall_ns);
	assert_int_equal(got->start_ns, meta.start_ns);
	assert_int_equal(got->cupti_version, meta.cupti_version);
	assert_int_equal(got->cuda_version, meta.cuda_version);
	assert_int_equal(got->loss_bound_ns, meta.loss_bound_ns);
	assert_string_equal(got->executable, meta.executable);
	assert_string_equal(got->host, meta.host);
	assert_string_equal(got->version, meta.version);
	assert_string_equal(got->command_line, "");
	assert_string_equal(got->gpu_time_source, "cupti");
	assert_string_equal(got->host_time_reason, "");
	assert_string_equal(got->traceparent, meta.traceparent);
	assert_string_equal(got->tracestate, "a=b");
	assert_string_equal(got->baggage, "");
	assert_int_equal(strlen(got->resource), 64 << 10);
	rk_trace_reader_close(reader);
	free(resource);
}

/* UNIX time of the newest record: by the latest clock op, before it by the description. */
static void test_last_record(void **state)
{
	const char *path = fixture_path(*state, "last");
	struct rk_op op = { .kind = RK_OP_SYNC, .ordinal = 1 };
	struct rk_trace_writer *writer;
	struct rk_trace_info info;

	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	op.host_start = fixture_meta.start_ns + 10;
	op.host_end = fixture_meta.start_ns + 30;
	rk_trace_writer_add(writer, &op);
	rk_trace_writer_close(writer);
	fixture_read(path, NULL, 0, &info);
	assert_int_equal(info.last_record_ns, fixture_meta.start_wall_ns + 30);

	unlink(path);
	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	op = (struct rk_op){ .kind = RK_OP_CLOCK, .ordinal = 1 };
	op.clock.wall_offset_ns = 1000;
	rk_trace_writer_add(writer, &op);
	op = (struct rk_op){ .kind = RK_OP_KERNEL, .ordinal = 2, .start = 50, .end = 70 };
	rk_trace_writer_add(writer, &op);
	rk_trace_writer_close(writer);
	fixture_read(path, NULL, 0, &info);
	assert_int_equal(info.last_record_ns, 1070);
}

static int add_numbered(struct rk_trace_writer *writer, enum rk_op_kind kind, uint64_t ordinal)
{
	static const uint8_t stack[16] = { 1, [8] = 2 };
	struct rk_op op = { .kind = (uint8_t)kind, .ordinal = ordinal };

	if (kind == RK_OP_STACK) {
		op.stack = 7;
		op.text = stack;
		op.text_bytes = sizeof(stack);
	}
	return rk_trace_writer_add(writer, &op);
}

/* What a reader would take for damage is refused and counted; the file stays whole. */
static void test_ordinals(void **state)
{
	const char *path = fixture_path(*state, "ordinals");
	struct rk_trace_writer *writer;
	struct rk_trace_info info;
	struct rk_op got[3];

	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	assert_int_equal(add_numbered(writer, RK_OP_STACK, 0), -EINVAL);
	assert_int_equal(add_numbered(writer, RK_OP_STACK, 4), 0);
	assert_int_equal(rk_trace_writer_seal(writer), 0);
	assert_int_equal(add_numbered(writer, RK_OP_SYNC, 4), -EINVAL);
	assert_int_equal(add_numbered(writer, RK_OP_SYNC, 3), -EINVAL);
	assert_int_equal(add_numbered(writer, RK_OP_SYNC, 9), 0);
	assert_int_equal(add_numbered(writer, RK_OP_SYNC, 9), -EINVAL);
	assert_int_equal(rk_trace_writer_lost(writer), 4);
	assert_int_equal(rk_trace_writer_close(writer), 0);
	assert_int_equal(fixture_read(path, got, 3, &info), 0);
	assert_int_equal(info.ops, 2);
	assert_false(info.truncated);
	assert_int_equal(got[0].kind, RK_OP_STACK);
	assert_int_equal(got[0].ordinal, 4);
	assert_int_equal(got[0].text_bytes, 16);
	assert_int_equal(got[1].ordinal, 9);
}

/* A file that was forked goes on with the ordinals of the one it began as. */
static void test_ordinals_of_a_fork(void **state)
{
	const char *path = fixture_path(*state, "from"), *copy_path = fixture_path(*state, "copy");
	struct rk_trace_writer *writer, *copy;
	struct rk_trace_info info;

	assert_int_equal(rk_trace_writer_open(&writer, path, &fixture_meta, &fixture_options), 0);
	assert_int_equal(add_numbered(writer, RK_OP_SYNC, 5), 0);
	assert_int_equal(rk_trace_writer_fork(&copy, writer, copy_path), 0);
	assert_int_equal(rk_trace_writer_copy(copy, writer, UINT64_MAX), 0);
	assert_int_equal(add_numbered(copy, RK_OP_END, 5), -EINVAL);
	assert_int_equal(add_numbered(copy, RK_OP_END, 6), 0);
	assert_int_equal(rk_trace_writer_close(copy), 0);
	assert_int_equal(rk_trace_writer_close(writer), 0);
	assert_int_equal(fixture_read(copy_path, NULL, 0, &info), 0);
	assert_int_equal(info.ops, 2);
	assert_true(info.clean_end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
		cmocka_unit_test_setup_teardown(test_single_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_step, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_texts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_said_too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_description, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ordinals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ordinals_of_a_fork, setup, teardown),
	};

	return cmocka_run_group_tests_name("trace_round_trip", tests, NULL, NULL);
}
