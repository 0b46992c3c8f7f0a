/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/trace/test_trace_damage.c - files that are cut, flipped, foreign, newer, hostile.
 *
 * What may come out is a prefix of what went in, or an error: never another number.
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
#include <zstd.h>

#include "trace/trace_column.h"
#include "trace/trace_decoder.h"
#include "trace/trace_format.h"
#include "trace/trace_frame.h"
#include "trace/trace_said.h"
#include "trace_fixture.h"

#define PER_FRAME FIXTURE_KINDS /* one of each kind, but for the end */
#define OPS	  (3 * PER_FRAME)
/* A sanitizer makes it thirty times slower, and the plain build flips every byte. */
#if defined(__SANITIZE_ADDRESS__)
#define FLIP_STEP 7
#else
#define FLIP_STEP 1
#endif
#define FRAMES_MAX 16 /* description, three of ops, an end, the index */

struct damage {
	char *folder;
	struct rk_op *ops;
	struct rk_op *got;
	unsigned char *bytes;
	size_t size;
	const char *path;
};

static int setup(void **state)
{
	struct damage *damage = calloc(1, sizeof(*damage));
	char whole[600];

	damage->folder = fixture_folder();
	snprintf(whole, sizeof(whole), "%s/whole", damage->folder);
	damage->ops = fixture_file(whole, 5, OPS, PER_FRAME);
	damage->bytes = fixture_load(whole, &damage->size);
	damage->got = calloc(OPS, sizeof(*damage->got));
	damage->path = strdup(fixture_path(damage->folder, "damaged.rkt.zst"));
	*state = damage;
	return 0;
}

static int teardown(void **state)
{
	struct damage *damage = *state;

	fixture_remove(damage->folder);
	free((char *)(uintptr_t)damage->path);
	free(damage->ops);
	free(damage->got);
	free(damage->bytes);
	free(damage);
	return 0;
}

static void assert_prefix(const struct damage *damage, uint64_t count)
{
	assert_true(count <= OPS);
	assert_memory_equal(damage->got, damage->ops, count * sizeof(*damage->ops));
}

/* Ends of the frames that zstd itself finds whole. Return: how many. */
static size_t find_frames(const unsigned char *bytes, size_t size, size_t *ends)
{
	void *out = malloc(RK_TRACE_RAW_MAX);
	size_t offset = 0, count = 0;

	while (offset < size) {
		size_t frame = ZSTD_findFrameCompressedSize(bytes + offset, size - offset);

		assert_false(ZSTD_isError(frame));
		assert_false(ZSTD_isError(
			ZSTD_decompress(out, RK_TRACE_RAW_MAX, bytes + offset, frame)));
		offset += frame;
		assert_true(count < FRAMES_MAX);
		ends[count++] = offset;
	}
	free(out);
	return count;
}

/* A prefix of the file is whole frames if it ends where one of them does. */
static void assert_whole_frames(const size_t *ends, size_t count, size_t size)
{
	bool is_end = size == 0;

	for (size_t i = 0; i < count; i++)
		is_end |= ends[i] == size;
	assert_true(is_end);
}

static void test_cut_everywhere(void **state)
{
	struct damage *damage = *state;
	size_t ends[FRAMES_MAX], frames = find_frames(damage->bytes, damage->size, ends);
	struct rk_trace_info info;
	uint64_t most = 0;

	for (size_t size = 0; size < damage->size; size++) {
		int result;

		fixture_store(damage->path, damage->bytes, size);
		result = fixture_read(damage->path, damage->got, OPS, &info);
		if (result == -ENODATA) {
			assert_int_equal(most, 0);
			assert_non_null(strstr(info.error, "damaged.rkt.zst"));
			continue;
		}
		assert_int_equal(result, 0);
		assert_true(info.ops >= most);
		most = info.ops;
		assert_prefix(damage, info.ops);
		assert_true(info.truncated == (info.sealed_bytes < size));
		assert_whole_frames(ends, frames, info.sealed_bytes);
	}
	assert_int_equal(most, OPS);
}

/* Flip one bit of every byte, each time another one, and read what is left. */
static int read_flipped(struct damage *damage, size_t at, size_t size, struct rk_trace_info *info)
{
	unsigned char bit = (unsigned char)(1u << at * 5 % 8);
	int result;

	damage->bytes[at] ^= bit;
	fixture_store(damage->path, damage->bytes, size);
	damage->bytes[at] ^= bit;
	result = fixture_read(damage->path, damage->got, OPS, info);
	assert_prefix(damage, info->ops);
	return result;
}

static void test_flip_everywhere(void **state)
{
	struct damage *damage = *state;
	unsigned errors = 0;

	for (size_t at = 0; at < damage->size; at += FLIP_STEP) {
		struct rk_trace_info info;
		int result = read_flipped(damage, at, damage->size, &info);

		if (result == 0 && info.ops < OPS)
			fail_msg("byte %zu: %u ops missing in silence", at,
				 OPS - (unsigned)info.ops);
		if (result) {
			errors++;
			assert_true(result == -EBADMSG || result == -EPROTO || result == -ENOTSUP ||
				    result == -ENODATA);
			assert_non_null(strstr(info.error, "damaged.rkt.zst: "));
			assert_null(strchr(info.error, '\n'));
		}
	}
	/* All but the index and some bits of frame headers must be guarded. */
	assert_true(errors > damage->size / FLIP_STEP / 2);
}

/* A crashed file has no index: a flip may look like an early end, which is then said. */
static void test_flip_without_index(void **state)
{
	struct damage *damage = *state;
	struct rk_trace_info info;
	size_t size;

	fixture_store(damage->path, damage->bytes, damage->size - 20);
	assert_int_equal(fixture_read(damage->path, damage->got, OPS, &info), 0);
	size = info.sealed_bytes;
	for (size_t at = 0; at < size; at += FLIP_STEP) {
		if (read_flipped(damage, at, size, &info) == 0 && info.ops < OPS)
			assert_true(info.truncated && !info.clean_end);
	}
}

static void expect(struct damage *damage, const void *bytes, size_t size, int result,
		   const char *text)
{
	struct rk_trace_info info;

	fixture_store(damage->path, bytes, size);
	assert_int_equal(fixture_read(damage->path, damage->got, OPS, &info), result);
	if (!strstr(info.error, text) || !strstr(info.error, "damaged.rkt.zst: "))
		fail_msg("\"%s\" does not say \"%s\"", info.error, text);
}

static void test_not_a_trace(void **state)
{
	struct damage *damage = *state;
	unsigned char frame[256];
	size_t size;

	expect(damage, "", 0, -ENODATA, "empty");
	expect(damage, "hello, world\n", 13, -EPROTO, "not a rkpreload trace");
	expect(damage, "\0\0\0\0\0\0\0\0\0\0\0\0", 12, -EPROTO, "not a rkpreload trace");
	expect(damage, "\x28\xb5\x2f", 3, -ENODATA, "description");
	size = ZSTD_compress(frame, sizeof(frame), "some other file that is zstd", 28, 1);
	expect(damage, frame, size, -EBADMSG, "no rkpreload trace");
	frame[0] = 'x';
	expect(damage, frame, size, -EPROTO, "not a rkpreload trace");
}

static void test_unreadable(void **state)
{
	struct damage *damage = *state;
	struct rk_trace_reader *reader;
	char error[256];

	assert_int_equal(rk_trace_reader_open(&reader, "/nonexistent/x.rkt.zst", error), -ENOENT);
	assert_null(reader);
	assert_non_null(strstr(error, "/nonexistent/x.rkt.zst: could not open"));
	assert_int_equal(rk_trace_reader_open(&reader, damage->folder, error), -EISDIR);
	mkfifo(damage->path, 0600);
	assert_int_equal(rk_trace_reader_open(&reader, damage->path, error), -EINVAL);
	assert_non_null(strstr(error, "regular file"));
	rk_trace_reader_close(NULL);
	if (geteuid() == 0) {
		unlink(damage->path);
		fixture_store(damage->path, damage->bytes, damage->size);
		chmod(damage->path, 0);
		chmod(damage->folder, 0755);
		assert_int_equal(seteuid(65534), 0);
		assert_int_equal(rk_trace_reader_open(&reader, damage->path, error), -EACCES);
		assert_int_equal(seteuid(0), 0);
	}
}

/* Replace the description by one that says @major.@minor; the rest follows unchanged. */
static void write_version(struct damage *damage, unsigned major, unsigned minor)
{
	size_t old = ZSTD_findFrameCompressedSize(damage->bytes, damage->size);
	struct rk_trace_packer *packer;
	struct rk_trace_buffer block = { .capacity = 65536 };
	const uint8_t *frame;
	unsigned char *all;
	size_t size;

	block.data = malloc(65536);
	block.size = ZSTD_decompress(block.data, 65536, damage->bytes, old);
	rk_trace_store(block.data + 4, major, 2);
	rk_trace_store(block.data + 6, minor, 2);
	assert_int_equal(rk_trace_packer_create(&packer, 1, 65536), 0);
	assert_int_equal(rk_trace_frame_pack(packer, &block, &frame, &size), 0);
	all = malloc(size + damage->size);
	memcpy(all, frame, size);
	memcpy(all + size, damage->bytes + old, damage->size - old);
	fixture_store(damage->path, all, size + damage->size - old);
	free(all);
	free(block.data);
	rk_trace_packer_destroy(packer);
}

static void test_versions(void **state)
{
	struct damage *damage = *state;
	struct rk_trace_info info;

	write_version(damage, RK_TRACE_MAJOR + 1, 0);
	assert_int_equal(fixture_read(damage->path, damage->got, OPS, &info), -ENOTSUP);
	assert_non_null(strstr(info.error, "version 3, this program reads 1 to 2"));
	write_version(damage, RK_TRACE_MAJOR, RK_TRACE_MINOR + 7);
	assert_int_equal(fixture_read(damage->path, damage->got, OPS, &info), 0);
	assert_int_equal(info.ops, OPS);
}

/* Frames that are each whole, but missing, doubled or in another order. */
static void test_frames_moved(void **state)
{
	struct damage *damage = *state;
	unsigned char *mixed = malloc(2 * damage->size);
	size_t first = ZSTD_findFrameCompressedSize(damage->bytes, damage->size);
	size_t second = ZSTD_findFrameCompressedSize(damage->bytes + first, damage->size - first);
	char text[64];

	memcpy(mixed, damage->bytes, first);
	memcpy(mixed + first, damage->bytes + first + second, damage->size - first - second);
	expect(damage, mixed, damage->size - second, -EBADMSG, "damaged at byte");
	memcpy(mixed, damage->bytes, first + second);
	memcpy(mixed + first + second, damage->bytes + first, second);
	snprintf(text, sizeof(text), "the %d records before it", PER_FRAME);
	expect(damage, mixed, first + 2 * second, -EBADMSG, text);
	memcpy(mixed + first + second, damage->bytes, first);
	expect(damage, mixed, first + second + first, -EBADMSG, "damaged at byte");
	memcpy(mixed + first + second, "garbage behind it", 17);
	expect(damage, mixed, first + second + 17, -EBADMSG, "damaged at byte");
	free(mixed);
}

/* After a power cut the file may be as long as it was, and zero behind what was written. */
static void test_zeros_behind(void **state)
{
	struct damage *damage = *state;
	size_t sealed = ZSTD_findFrameCompressedSize(damage->bytes, damage->size);
	struct rk_trace_info info;

	sealed += ZSTD_findFrameCompressedSize(damage->bytes + sealed, damage->size - sealed);
	memset(damage->bytes + sealed, 0, damage->size - sealed);
	fixture_store(damage->path, damage->bytes, damage->size);
	assert_int_equal(fixture_read(damage->path, damage->got, OPS, &info), 0);
	assert_int_equal(info.ops, PER_FRAME);
	assert_int_equal(info.sealed_bytes, sealed);
	assert_true(info.truncated);
}

/* Behind the checksum: the content itself is hostile. Nothing to check but that it ends. */
static void test_hostile_content(void **state)
{
	struct damage *damage = *state;
	size_t at = ZSTD_findFrameCompressedSize(damage->bytes, damage->size);
	size_t frame = ZSTD_findFrameCompressedSize(damage->bytes + at, damage->size - at);
	uint8_t *block = malloc(65536), *copy;
	size_t size = ZSTD_decompress(block, 65536, damage->bytes + at, frame);
	struct fixture_random random = { .state = 11 };
	struct rk_trace_decoder *decoder;
	uint64_t sum = 0;

	assert_int_equal(rk_trace_decoder_create(&decoder), 0);
	for (unsigned round = 0; round < 20000; round++) {
		struct rk_trace_header header;
		struct rk_op op;

		/* Of its exact size, so that a sanitizer sees the first byte too far. */
		copy = malloc(size);
		memcpy(copy, block, size);
		for (unsigned n = 1 + fixture_next(&random) % 4; n; n--)
			copy[fixture_next(&random) % size] = (uint8_t)fixture_number(&random);
		if (rk_trace_header_get(copy, size, &header) == 0 &&
		    rk_trace_decoder_load(decoder, copy, &header) == 0) {
			unsigned count = 0;

			for (; rk_trace_decoder_next(decoder, &op) == 1; count++) {
				if (!rk_trace_has_text(op.kind))
					continue;
				/* To its last byte: all of it must be the block's. */
				for (uint32_t i = 0; i < op.text_bytes; i++)
					sum += op.text[i];
			}
			assert_true(count <= RK_TRACE_OPS_MAX);
		}
		free(copy);
	}
	assert_true(sum > 0);
	rk_trace_decoder_destroy(decoder);
	free(block);
}

/* A column this version does not know is passed over. */
static void test_unknown_column(void **state)
{
	struct damage *damage = *state;
	size_t at = ZSTD_findFrameCompressedSize(damage->bytes, damage->size);
	size_t frame = ZSTD_findFrameCompressedSize(damage->bytes + at, damage->size - at);
	struct rk_trace_buffer block = { .data = malloc(65536), .capacity = 65536 };
	struct rk_trace_decoder *decoder;
	struct rk_trace_header header;
	struct rk_op op;
	unsigned count = 0;

	block.size = ZSTD_decompress(block.data, 65536, damage->bytes + at, frame);
	rk_trace_column_put_bytes(&block, 40000, "of tomorrow", 11);
	rk_trace_column_put_bytes(&block, 31, "of next week", 12);
	rk_trace_store(block.data + 12, block.size - RK_TRACE_HEADER_BYTES, 4);
	assert_int_equal(rk_trace_header_get(block.data, block.size, &header), 0);
	assert_int_equal(rk_trace_decoder_create(&decoder), 0);
	assert_int_equal(rk_trace_decoder_load(decoder, block.data, &header), 0);
	memset(&op, 0, sizeof(op));
	while (rk_trace_decoder_next(decoder, &op) == 1) {
		op.text = fixture_text(op.text, op.text_bytes);
		assert_memory_equal(&op, &damage->ops[count++], sizeof(op));
		memset(&op, 0, sizeof(op));
	}
	assert_int_equal(count, PER_FRAME);
	rk_trace_decoder_destroy(decoder);
	free(block.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cut_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flip_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flip_without_index, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_a_trace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frames_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zeros_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_column, setup, teardown),
	};

	return cmocka_run_group_tests_name("trace_damage", tests, NULL, NULL);
}
