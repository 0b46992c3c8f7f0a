/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span_put.h - attributes on their way into a span or an event of it.
 *
 * Numbers are written for each span and inlined: with the key and the limits known to the
 * compiler, an attribute is a few stores. Texts are written once for a shape of spans. Keys of
 * ours come as RK_SPAN_KEY(name), from otlp_span_keys.def.
 */
#ifndef RK_EXPORTERS_OTLP_SPAN_PUT_H
#define RK_EXPORTERS_OTLP_SPAN_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/fields.h"
#include "exporters/protobuf.h"

#define RK_SPAN_ALWAYS_INLINE inline __attribute__((always_inline))

#define RK_KEY(name, text) static const char rk_span_key_##name[] __attribute__((unused)) = text;
#include "exporters/otlp_span_keys.def"
#undef RK_KEY

/* A key and its length, for a pair of parameters. */
#define RK_SPAN_KEY(name) rk_span_key_##name, sizeof(rk_span_key_##name) - 1

struct rk_otlp_span_writer {
	uint8_t *p;
	uint8_t tag;	     /* of the list of attributes */
	uint32_t left;	     /* attributes that may still come */
	uint32_t dropped;    /* attributes that could not */
	uint32_t characters; /* of a text at most */
};

/* Count the attribute. Return: false when there may be no more. */
static RK_SPAN_ALWAYS_INLINE bool rk_otlp_span_put_begin(struct rk_otlp_span_writer *writer)
{
	if (!writer->left) {
		writer->dropped++;
		return false;
	}
	writer->left--;
	return true;
}

/* Opens a KeyValue whose AnyValue has @any bytes. Where key and value are short, every length
 * is one byte, which the compiler sees for numbers. */
static RK_SPAN_ALWAYS_INLINE uint8_t *rk_otlp_span_put_key(uint8_t *p, uint8_t tag, const char *key,
							   size_t key_length, size_t any)
{
	bool is_short = key_length + any < 128 - 6;
	size_t key_size = is_short ? 1 : rk_protobuf_varint_size(key_length);
	size_t value = 1 + (is_short ? 1 : rk_protobuf_varint_size(any)) + any;

	*p++ = tag;
	if (is_short)
		*p++ = (uint8_t)(2 + key_length + value);
	else
		p = rk_protobuf_put_varint(p, 1 + key_size + key_length + value);
	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	if (is_short)
		*p++ = (uint8_t)key_length;
	else
		p = rk_protobuf_put_varint(p, key_length);
	if (__builtin_constant_p(key_length))
		p = rk_protobuf_put_bytes(p, key, key_length);
	else
		p = rk_protobuf_put_text(p, key, key_length);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	if (!is_short)
		return rk_protobuf_put_varint(p, any);
	*p++ = (uint8_t)any;
	return p;
}

/* A varint whose size is known. Without a branch for each byte where it fits four: numbers of a
 * span are of any size. May store up to three bytes too many. */
static RK_SPAN_ALWAYS_INLINE uint8_t *rk_otlp_span_put_number(uint8_t *p, uint64_t value,
							      size_t size)
{
	uint32_t bytes;

	if (size > 4)
		return rk_protobuf_put_varint(p, value);
	bytes = (uint32_t)((value & 0x7f) | (value & 0x3f80) << 1 | (value & 0x1fc000) << 2 |
			   (value & 0xfe00000) << 3);
	bytes |= 0x808080u & ((1u << 8 * (size - 1)) - 1);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	bytes = __builtin_bswap32(bytes);
#endif
	memcpy(p, &bytes, sizeof(bytes));
	return p + size;
}

/**
 * Write one attribute, if there may be another.
 *
 * Context: exporter. Does not allocate.
 */
static RK_SPAN_ALWAYS_INLINE void rk_otlp_span_put_int(struct rk_otlp_span_writer *writer,
						       const char *key, size_t key_length,
						       uint64_t value)
{
	size_t size = rk_protobuf_varint_size(value);
	uint8_t *p;

	if (!rk_otlp_span_put_begin(writer))
		return;
	if (size > 10)
		__builtin_unreachable();
	p = rk_otlp_span_put_key(writer->p, writer->tag, key, key_length, 1 + size);
	*p++ = RK_PROTOBUF_TAG(3, RK_PROTOBUF_VARINT);
	writer->p = rk_otlp_span_put_number(p, value, size);
}

/**
 * The attribute is true.
 *
 * Context: exporter. Does not allocate.
 */
void rk_otlp_span_put_true(struct rk_otlp_span_writer *writer, const char *key, size_t key_length);

/**
 * A text, cut to the characters that it may have. Empty and NULL texts are left out, they say
 * nothing; those that the limit empties are not.
 *
 * Context: exporter. Does not allocate.
 */
void rk_otlp_span_put_text(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
			   const char *text, size_t length);
void rk_otlp_span_put_string(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
			     const char *text);

/**
 * The text @front @text, likewise. / A pair of the program's: there an empty text is a value, too.
 *
 * Context: exporter. Does not allocate.
 */
void rk_otlp_span_put_joined(struct rk_otlp_span_writer *writer, const char *key, size_t key_length,
			     const char *front, const char *text);
void rk_otlp_span_put_field(struct rk_otlp_span_writer *writer, const struct rk_field *field);

#endif
