/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span_put.c - texts and truths.
 */
#include "exporters/otlp_span_put.h"

static void put_bool(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
		     bool value)
{
	uint8_t *p;

	if (!rk_otlp_span_put_begin(writer))
		return;
	p = rk_otlp_span_put_key(writer->p, writer->tag, key, key_length, 2);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_VARINT);
	*p++ = value;
	writer->p = p;
}

void rk_otlp_span_put_true(struct rk_otlp_span_writer *writer, const char *key, size_t key_length)
{
	put_bool(writer, key, key_length, true);
}

static void put_double(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
		       double value)
{
	uint64_t bits;
	uint8_t *p;

	if (!rk_otlp_span_put_begin(writer))
		return;
	memcpy(&bits, &value, sizeof(bits));
	p = rk_otlp_span_put_key(writer->p, writer->tag, key, key_length, 9);
	*p++ = RK_PROTOBUF_TAG(4, RK_PROTOBUF_FIXED64);
	writer->p = rk_protobuf_put_fixed64(p, bits);
}

/* Bytes of the first *@characters of @text, which are taken from *@characters. A byte that is
 * not UTF-8 is one: it becomes '?'. */
static size_t cut(const char *text, size_t length, uint32_t *characters)
{
	size_t at = 0;

	for (; at < length && *characters; --*characters) {
		size_t step = rk_utf8_sequence((const uint8_t *)text + at, length - at);

		at += step ? step : 1;
	}
	return at;
}

/* Opens the attribute up to its @length bytes of text. */
static uint8_t *put_front(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
			  size_t length)
{
	uint8_t *p = rk_otlp_span_put_key(writer->p, writer->tag, key, key_length,
					  1 + rk_protobuf_varint_size(length) + length);

	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	return rk_protobuf_put_varint(p, length);
}

static void put_any_text(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
			 const char *text, size_t length)
{
	uint32_t characters = writer->characters;
	uint8_t *p;

	if (!rk_otlp_span_put_begin(writer))
		return;
	/* There are never more characters than bytes. */
	if (length > characters)
		length = cut(text, length, &characters);
	p = put_front(writer, key, key_length, length);
	writer->p = rk_protobuf_put_text(p, text, length);
}

void rk_otlp_span_put_text(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
			   const char *text, size_t length)
{
	if (length)
		put_any_text(writer, key, key_length, text, length);
}

void rk_otlp_span_put_string(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
			     const char *text)
{
	rk_otlp_span_put_text(writer, key, key_length, text, text ? strlen(text) : 0);
}

void rk_otlp_span_put_joined(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
			     const char *front, const char *text)
{
	uint32_t characters = writer->characters;
	size_t front_length, length;
	uint8_t *p;

	if (!rk_otlp_span_put_begin(writer))
		return;
	front_length = cut(front, strlen(front), &characters);
	length = cut(text, strlen(text), &characters);
	p = put_front(writer, key, key_length, front_length + length);
	p = rk_protobuf_put_text(p, front, front_length);
	writer->p = rk_protobuf_put_text(p, text, length);
}

void rk_otlp_span_put_field(struct rk_otlp_span_writer *writer, const struct rk_field *field)
{
	size_t length = strlen(field->key);

	switch (field->type) {
	case RK_FIELD_TEXT:
		put_any_text(writer, field->key, length, field->text, strlen(field->text));
		break;
	case RK_FIELD_INTEGER:
		rk_otlp_span_put_int(writer, field->key, length, (uint64_t)field->integer);
		break;
	case RK_FIELD_NUMBER:
		put_double(writer, field->key, length, field->number);
		break;
	case RK_FIELD_BOOL:
		put_bool(writer, field->key, length, field->flag);
		break;
	case RK_FIELD_PLACED:
		break;
	}
}
