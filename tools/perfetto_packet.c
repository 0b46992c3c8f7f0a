/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/perfetto_packet.c - the wire format, by the writers of the OTLP encoder.
 */
#include "tools/perfetto_packet.h"

#include <string.h>

#include "exporters/protobuf.h"

#define SEQUENCE     1
#define LENGTH_BYTES 4 /* 28 bits: a name has 256 KiB at most */

enum { FLAG_CLEARED = 1, FLAG_NEEDS_STATE = 2 };

static uint8_t *put_tag(uint8_t *at, unsigned field, enum rk_protobuf_wire wire)
{
	return rk_protobuf_put_varint(at, (uint64_t)field << 3 | wire);
}

void rk_perfetto_put_uint(struct rk_perfetto_packet *packet, unsigned field, uint64_t value)
{
	packet->at = put_tag(packet->at, field, RK_PROTOBUF_VARINT);
	packet->at = rk_protobuf_put_varint(packet->at, value);
}

void rk_perfetto_put_fixed(struct rk_perfetto_packet *packet, unsigned field, uint64_t value)
{
	packet->at = put_tag(packet->at, field, RK_PROTOBUF_FIXED64);
	packet->at = rk_protobuf_put_fixed64(packet->at, value);
}

void rk_perfetto_put_text(struct rk_perfetto_packet *packet, unsigned field, const char *text)
{
	size_t length = strlen(text);

	packet->at = put_tag(packet->at, field, RK_PROTOBUF_BYTES);
	packet->at = rk_protobuf_put_varint(packet->at, length);
	packet->at = rk_protobuf_put_text(packet->at, text, length);
}

uint8_t *rk_perfetto_message_open(struct rk_perfetto_packet *packet, unsigned field)
{
	packet->at = put_tag(packet->at, field, RK_PROTOBUF_BYTES) + LENGTH_BYTES;
	return packet->at;
}

void rk_perfetto_message_close(struct rk_perfetto_packet *packet, uint8_t *start)
{
	size_t length = (size_t)(packet->at - start);

	for (int i = 0; i < LENGTH_BYTES; i++)
		start[i - LENGTH_BYTES] =
			(uint8_t)((length >> 7 * i & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
}

uint8_t *rk_perfetto_packet_open(struct rk_perfetto_packet *packet)
{
	uint8_t *start;

	packet->at = packet->buffer;
	start = rk_perfetto_message_open(packet, TRACE_PACKET);
	rk_perfetto_put_uint(packet, PACKET_SEQUENCE, SEQUENCE);
	rk_perfetto_put_uint(packet, PACKET_FLAGS,
			     packet->has_one ? FLAG_NEEDS_STATE : FLAG_CLEARED);
	if (!packet->has_one)
		rk_perfetto_put_uint(packet, PACKET_FIRST, 1);
	packet->has_one = true;
	return start;
}

int rk_perfetto_packet_close(struct rk_perfetto_packet *packet, uint8_t *start,
			     struct rk_export_output *output)
{
	rk_perfetto_message_close(packet, start);
	rk_export_output_write(output, packet->buffer, (size_t)(packet->at - packet->buffer));
	return rk_export_output_error(output);
}
