/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/protobuf.h - protobuf wire format, written and read by hand.
 *
 * The writers store straight into the send buffer and never allocate; the caller has reserved
 * the room. They produce what protobuf-c produces: fields in rising order, shortest varints,
 * scalars without presence left out when zero (the caller's choice, by not calling).
 *
 * The reader is for replies: it never trusts a length and stops at the first bad byte.
 */
#ifndef RK_EXPORTERS_PROTOBUF_H
#define RK_EXPORTERS_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/utf8.h"

enum rk_protobuf_wire {
	RK_PROTOBUF_VARINT = 0,
	RK_PROTOBUF_FIXED64 = 1,
	RK_PROTOBUF_BYTES = 2,
	RK_PROTOBUF_FIXED32 = 5,
};

/* Tag of a field number below 16: one byte. */
#define RK_PROTOBUF_TAG(field, wire) ((uint8_t)((field) << 3 | (wire)))

/**
 * Bytes of @value as a varint, 1 to 10.
 *
 * Context: any.
 */
static inline size_t rk_protobuf_varint_size(uint64_t value)
{
	return (size_t)((63 - __builtin_clzll(value | 1)) * 9 + 73) >> 6;
}

/**
 * Writers: store at @p, return the place behind.
 *
 * Context: any.
 */
static inline uint8_t *rk_protobuf_put_varint(uint8_t *p, uint64_t value)
{
	while (value >= 0x80) {
		*p++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*p++ = (uint8_t)value;
	return p;
}

static inline uint8_t *rk_protobuf_put_fixed64(uint8_t *p, uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	memcpy(p, &value, sizeof(value));
	return p + sizeof(value);
}

static inline uint8_t *rk_protobuf_put_fixed32(uint8_t *p, uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap32(value);
#endif
	memcpy(p, &value, sizeof(value));
	return p + sizeof(value);
}

static inline uint8_t *rk_protobuf_put_bytes(uint8_t *p, const void *bytes, size_t length)
{
	memcpy(p, bytes, length);
	return p + length;
}

/* Text from outside: bytes that are not UTF-8 become '?'. */
static inline uint8_t *rk_protobuf_put_text(uint8_t *p, const char *text, size_t length)
{
	uint64_t high = 0, word;
	size_t i = 0;

	for (; i + sizeof(word) <= length; i += sizeof(word)) {
		memcpy(&word, text + i, sizeof(word));
		memcpy(p + i, &word, sizeof(word));
		high |= word;
	}
	for (; i < length; i++) {
		p[i] = (uint8_t)text[i];
		high |= (uint8_t)text[i];
	}
	if (high & 0x8080808080808080u)
		rk_utf8_repair((char *)p, length);
	return p + length;
}

struct rk_protobuf_reader {
	const uint8_t *at, *end;
	bool bad; /* set once, stays */
};

struct rk_protobuf_field {
	uint32_t number;
	uint8_t wire;	      /* enum rk_protobuf_wire */
	uint64_t value;	      /* varint, fixed */
	const uint8_t *bytes; /* RK_PROTOBUF_BYTES: borrowed from the input */
	size_t length;
};

/**
 * Read the next field of a message.
 *
 * Context: any.
 * Return: false at the end and when the input is bad (@reader->bad).
 */
bool rk_protobuf_next(struct rk_protobuf_reader *reader, struct rk_protobuf_field *field);

#endif
