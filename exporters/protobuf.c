/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/protobuf.c - the reader of replies.
 */
#include "exporters/protobuf.h"

static uint64_t read_varint(struct rk_protobuf_reader *reader)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (reader->at == reader->end)
			break;
		byte = *reader->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	reader->bad = true;
	return 0;
}

static uint64_t read_fixed(struct rk_protobuf_reader *reader, size_t bytes)
{
	uint64_t value = 0;

	if ((size_t)(reader->end - reader->at) < bytes) {
		reader->bad = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)reader->at[i] << (8 * i);
	reader->at += bytes;
	return value;
}

bool rk_protobuf_next(struct rk_protobuf_reader *reader, struct rk_protobuf_field *field)
{
	uint64_t tag;

	if (reader->bad || reader->at == reader->end)
		return false;
	tag = read_varint(reader);
	*field = (struct rk_protobuf_field){ .number = (uint32_t)(tag >> 3),
					     .wire = (uint8_t)(tag & 7) };
	if (tag >> 32 || !field->number)
		reader->bad = true;
	switch (field->wire) {
	case RK_PROTOBUF_VARINT:
		field->value = read_varint(reader);
		break;
	case RK_PROTOBUF_FIXED64:
		field->value = read_fixed(reader, 8);
		break;
	case RK_PROTOBUF_FIXED32:
		field->value = read_fixed(reader, 4);
		break;
	case RK_PROTOBUF_BYTES:
		field->value = read_varint(reader);
		if (reader->bad || field->value > (size_t)(reader->end - reader->at)) {
			reader->bad = true;
			break;
		}
		field->bytes = reader->at;
		field->length = (size_t)field->value;
		reader->at += field->length;
		break;
	default:
		reader->bad = true;
	}
	return !reader->bad;
}
