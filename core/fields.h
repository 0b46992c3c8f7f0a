/* SPDX-License-Identifier: Apache-2.0
 *
 * core/fields.h - short lists of texts and key-value pairs as a run of bytes.
 *
 *   't' text NUL                       a text that is known by its place
 *   's' key NUL text NUL               'i' key NUL 8 bytes, signed
 *   'd' key NUL 8 bytes, IEEE 754      'b' key NUL 1 byte
 *
 * What the program says by the C API travels so from its thread to the file and back, without
 * a pointer in it and without an entry in the table of strings, which never forgets. Numbers
 * are little endian. Readers trust nothing: the bytes may come from a file.
 */
#ifndef RK_CORE_FIELDS_H
#define RK_CORE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rk_field_type {
	RK_FIELD_PLACED = 't',
	RK_FIELD_TEXT = 's',
	RK_FIELD_INTEGER = 'i',
	RK_FIELD_NUMBER = 'd',
	RK_FIELD_BOOL = 'b',
};

struct rk_field {
	const char *key; /* "" with RK_FIELD_PLACED */
	enum rk_field_type type;
	union {
		const char *text; /* never NULL */
		int64_t integer;
		double number;
		bool flag;
	};
};

struct rk_fields_writer {
	uint8_t *out;
	size_t size, used;
	bool is_cut; /* something did not fit */
};

static inline void rk_fields_writer_init(struct rk_fields_writer *writer, uint8_t *out, size_t size)
{
	*writer = (struct rk_fields_writer){ .out = out, .size = size };
}

/**
 * Append a text by place / a pair. A text that does not fit is cut at a character's border and
 * is_cut set; a pair whose key does not fit is left out. NULL counts as "". Bytes that are no
 * UTF-8 become '?'.
 *
 * Context: any, hooks included. No malloc, no lock.
 */
void rk_fields_put_placed(struct rk_fields_writer *writer, const char *text);
void rk_fields_put(struct rk_fields_writer *writer, const struct rk_field *field);

struct rk_fields_reader {
	const uint8_t *at, *end;
};

static inline void rk_fields_reader_init(struct rk_fields_reader *reader, const uint8_t *bytes,
					 size_t size)
{
	*reader = (struct rk_fields_reader){ .at = bytes, .end = bytes ? bytes + size : bytes };
}

/**
 * The next field.
 *
 * Context: any. Ownership: key and text are parts of the bytes.
 * Return: false at the end, and at anything that is not a field.
 */
bool rk_fields_next(struct rk_fields_reader *reader, struct rk_field *field);

/**
 * The next field if it is a text by place.
 *
 * Context: any. Return: ""  where there is none; the reader then stays where it is.
 */
const char *rk_fields_next_placed(struct rk_fields_reader *reader);

/**
 * The keyed text @key among @bytes.
 *
 * Context: any. Ownership: borrowed from @bytes. Return: "" when there is none.
 */
const char *rk_fields_find_text(const uint8_t *bytes, size_t size, const char *key);

#endif
