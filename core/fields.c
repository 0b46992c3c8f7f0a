/* SPDX-License-Identifier: Apache-2.0
 *
 * core/fields.c - short lists of texts and key-value pairs as a run of bytes.
 */
#include "core/fields.h"

#include <string.h>

#include "core/utf8.h"

static void put_bytes(struct rk_fields_writer *writer, const void *bytes, size_t length)
{
	memcpy(writer->out + writer->used, bytes, length);
	writer->used += length;
}

/* Copy the ASCII that @text begins with, @room bytes at most. Return: how many these were. */
static size_t put_ascii(uint8_t *out, const char *text, size_t room)
{
	size_t length = 0;

	/* All that is not the end, nor above 0x7f. */
	for (; length < room && (uint8_t)(text[length] - 1) < 0x7f; length++)
		out[length] = (uint8_t)text[length];
	return length;
}

/* As much of @text as there is room for; its end fits always. */
static void put_text(struct rk_fields_writer *writer, const char *text)
{
	uint8_t *out = writer->out + writer->used;
	size_t room = writer->size - writer->used - 1;
	size_t length = put_ascii(out, text, room);

	while (text[length]) {
		size_t step =
			rk_utf8_sequence((const uint8_t *)text + length, strnlen(text + length, 4));
		size_t bytes = step ? step : 1;

		if (bytes > room - length) {
			writer->is_cut = true;
			break;
		}
		if (step)
			memcpy(out + length, text + length, bytes);
		else
			out[length] = '?';
		length += bytes;
		length += put_ascii(out + length, text + length, room - length);
	}
	writer->used += length;
	writer->out[writer->used++] = '\0';
}

void rk_fields_put_placed(struct rk_fields_writer *writer, const char *text)
{
	if (writer->size - writer->used < 2) {
		writer->is_cut = true;
		return;
	}
	writer->out[writer->used++] = RK_FIELD_PLACED;
	put_text(writer, text ? text : "");
}

static size_t value_bytes(enum rk_field_type type)
{
	switch (type) {
	case RK_FIELD_INTEGER:
	case RK_FIELD_NUMBER:
		return 8;
	default:
		return 1; /* a flag, or the end of a text */
	}
}

void rk_fields_put(struct rk_fields_writer *writer, const struct rk_field *field)
{
	const char *key = field->key ? field->key : "";
	size_t length = strlen(key);
	uint8_t flag = field->type == RK_FIELD_BOOL && field->flag;

	if (field->type == RK_FIELD_PLACED) {
		rk_fields_put_placed(writer, field->text);
		return;
	}
	if (length + 2 + value_bytes(field->type) > writer->size - writer->used) {
		writer->is_cut = true;
		return;
	}
	writer->out[writer->used++] = (uint8_t)field->type;
	put_text(writer, key);
	switch (field->type) {
	case RK_FIELD_INTEGER:
		put_bytes(writer, &field->integer, sizeof(field->integer));
		break;
	case RK_FIELD_NUMBER:
		put_bytes(writer, &field->number, sizeof(field->number));
		break;
	case RK_FIELD_BOOL:
		put_bytes(writer, &flag, sizeof(flag));
		break;
	default:
		put_text(writer, field->text ? field->text : "");
	}
}

static const char *next_text(struct rk_fields_reader *reader)
{
	const char *text = (const char *)reader->at;
	const uint8_t *end = memchr(reader->at, 0, (size_t)(reader->end - reader->at));

	if (!end)
		return NULL;
	reader->at = end + 1;
	return text;
}

static bool next_value(struct rk_fields_reader *reader, struct rk_field *field)
{
	size_t left = (size_t)(reader->end - reader->at);

	switch (field->type) {
	case RK_FIELD_PLACED:
	case RK_FIELD_TEXT:
		field->text = left ? next_text(reader) : NULL;
		return field->text;
	case RK_FIELD_INTEGER:
	case RK_FIELD_NUMBER:
		if (left < sizeof(field->integer))
			return false;
		memcpy(&field->integer, reader->at, sizeof(field->integer));
		reader->at += sizeof(field->integer);
		return true;
	case RK_FIELD_BOOL:
		if (!left)
			return false;
		field->flag = *reader->at++ != 0;
		return true;
	}
	return false;
}

bool rk_fields_next(struct rk_fields_reader *reader, struct rk_field *field)
{
	struct rk_fields_reader next = *reader;

	memset(field, 0, sizeof(*field));
	field->key = "";
	if (next.at >= next.end)
		return false;
	field->type = (enum rk_field_type) * next.at++;
	if (field->type != RK_FIELD_PLACED) {
		field->key = next.at < next.end ? next_text(&next) : NULL;
		if (!field->key)
			return false;
	}
	if (!next_value(&next, field))
		return false;
	*reader = next;
	return true;
}

const char *rk_fields_next_placed(struct rk_fields_reader *reader)
{
	struct rk_field field;

	if (reader->at >= reader->end || *reader->at != RK_FIELD_PLACED ||
	    !rk_fields_next(reader, &field))
		return "";
	return field.text;
}

const char *rk_fields_find_text(const uint8_t *bytes, size_t size, const char *key)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	rk_fields_reader_init(&reader, bytes, size);
	while (rk_fields_next(&reader, &field)) {
		if (field.type == RK_FIELD_TEXT && field.key && strcmp(field.key, key) == 0)
			return field.text;
	}
	return "";
}
