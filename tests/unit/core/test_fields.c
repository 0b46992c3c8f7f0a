/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/core/test_fields.c - packed fields come back as they went in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/fields.h"

static size_t write_all(uint8_t *out, size_t size, bool *is_cut)
{
	struct rk_fields_writer writer;

	rk_fields_writer_init(&writer, out, size);
	rk_fields_put_placed(&writer, "first");
	rk_fields_put_placed(&writer, NULL);
	rk_fields_put(&writer,
		      &(struct rk_field){ .key = "t", .type = RK_FIELD_TEXT, .text = "x" });
	rk_fields_put(&writer, &(struct rk_field){ .key = "n",
						   .type = RK_FIELD_INTEGER,
						   .integer = INT64_MIN });
	rk_fields_put(&writer,
		      &(struct rk_field){ .key = "d", .type = RK_FIELD_NUMBER, .number = 0.25 });
	rk_fields_put(&writer,
		      &(struct rk_field){ .key = "b", .type = RK_FIELD_BOOL, .flag = true });
	*is_cut = writer.is_cut;
	return writer.used;
}

static void what_goes_in_comes_out(void **state)
{
	uint8_t bytes[128];
	struct rk_fields_reader reader;
	struct rk_field field;
	bool is_cut;

	(void)state;
	rk_fields_reader_init(&reader, bytes, write_all(bytes, sizeof(bytes), &is_cut));
	assert_false(is_cut);
	assert_string_equal(rk_fields_next_placed(&reader), "first");
	assert_string_equal(rk_fields_next_placed(&reader), "");
	assert_string_equal(rk_fields_next_placed(&reader), ""); /* none: the reader stays */
	assert_true(rk_fields_next(&reader, &field));
	assert_string_equal(field.key, "t");
	assert_string_equal(field.text, "x");
	assert_true(rk_fields_next(&reader, &field));
	assert_int_equal(field.integer, INT64_MIN);
	assert_true(rk_fields_next(&reader, &field));
	assert_true(field.number == 0.25);
	assert_true(rk_fields_next(&reader, &field));
	assert_true(field.type == RK_FIELD_BOOL && field.flag);
	assert_false(rk_fields_next(&reader, &field));
}

/* However small the room is: never beyond it, and what is there can be read. */
static void every_size_of_room(void **state)
{
	struct rk_field field;
	bool is_cut;

	(void)state;
	for (size_t size = 0; size < 64; size++) {
		uint8_t *bytes = malloc(size + 1);
		struct rk_fields_reader reader;
		size_t used = write_all(bytes, size, &is_cut);

		assert_true(used <= size);
		rk_fields_reader_init(&reader, bytes, used);
		while (rk_fields_next(&reader, &field))
			;
		assert_ptr_equal(reader.at, reader.end);
		free(bytes);
	}
}

static void a_text_is_cut_at_a_character(void **state)
{
	struct rk_fields_writer writer;
	struct rk_fields_reader reader;
	uint8_t bytes[5];

	(void)state;
	rk_fields_writer_init(&writer, bytes, sizeof(bytes));
	rk_fields_put_placed(&writer, "a\xc3\xa4\xc3\xa4");
	assert_true(writer.is_cut);
	rk_fields_reader_init(&reader, bytes, writer.used);
	assert_string_equal(rk_fields_next_placed(&reader), "a\xc3\xa4");
	rk_fields_writer_init(&writer, bytes, sizeof(bytes));
	rk_fields_put_placed(&writer, "\xff!");
	rk_fields_reader_init(&reader, bytes, writer.used);
	assert_string_equal(rk_fields_next_placed(&reader), "?!");
}

/* A file may say anything. */
static void nothing_is_trusted(void **state)
{
	struct rk_field field;

	(void)state;
	srand(7);
	for (int round = 0; round < 20000; round++) {
		size_t size = (size_t)rand() % 24;
		uint8_t *bytes = malloc(size + 1);
		struct rk_fields_reader reader;

		for (size_t i = 0; i < size; i++)
			bytes[i] = "tsidb\0x\xff"[rand() % 8];
		rk_fields_reader_init(&reader, bytes, size);
		for (size_t n = 0; rk_fields_next(&reader, &field); n++)
			assert_true(n < size);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(every_size_of_room),
		cmocka_unit_test(a_text_is_cut_at_a_character),
		cmocka_unit_test(nothing_is_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
