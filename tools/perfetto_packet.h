/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/perfetto_packet.h - packets of Perfetto's trace, field by field, into a buffer.
 *
 * A message within has a length of four bytes, more than most need: so it can be filled in behind
 * the fields, and no message is measured before it is written.
 */
#ifndef RK_TOOLS_PERFETTO_PACKET_H
#define RK_TOOLS_PERFETTO_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/export_output.h"

/* Numbers of fields of perfetto/protos/trace. */
enum {
	TRACE_PACKET = 1,
	PACKET_CLOCKS = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE = 10,
	PACKET_EVENT = 11,
	PACKET_INTERNED = 12,
	PACKET_FLAGS = 13,
	PACKET_DESCRIPTOR = 60,
	PACKET_FIRST = 87,
	CLOCKS_CLOCK = 1,
	CLOCK_ID = 1,
	CLOCK_TIMESTAMP = 2,
	DESCRIPTOR_UUID = 1,
	DESCRIPTOR_NAME = 2,
	DESCRIPTOR_PROCESS = 3,
	DESCRIPTOR_THREAD = 4,
	DESCRIPTOR_PARENT = 5,
	PROCESS_PID = 1,
	PROCESS_NAME = 6,
	THREAD_PID = 1,
	THREAD_TID = 2,
	THREAD_NAME = 5,
	EVENT_CATEGORY = 3,
	EVENT_ARGUMENT = 4,
	EVENT_TYPE = 9,
	EVENT_NAME = 10,
	EVENT_TRACK = 11,
	EVENT_FLOW = 47,
	EVENT_FLOW_END = 48,
	ARGUMENT_NAME = 1,
	ARGUMENT_UINT = 3,
	ARGUMENT_STRING = 6,
	INTERNED_CATEGORIES = 1,
	INTERNED_NAMES = 2,
	INTERNED_ARGUMENTS = 3,
	ENTRY_ID = 1,
	ENTRY_NAME = 2,
};

/* One sequence of packets, which share the names they bring. */
struct rk_perfetto_packet {
	uint8_t *buffer; /* borrowed; nothing checks its room */
	uint8_t *at;	 /* where the packet goes on */
	bool has_one;	 /* one was written: the next needs its names */
};

/**
 * Start a packet / write it.
 *
 * Context: tools. Return: what _close() wants; 0 or -errno of the output.
 */
uint8_t *rk_perfetto_packet_open(struct rk_perfetto_packet *packet);
int rk_perfetto_packet_close(struct rk_perfetto_packet *packet, uint8_t *start,
			     struct rk_export_output *output);

/**
 * Start a message in the one that is open / end it. @start: as the first returned.
 *
 * Context: tools.
 */
uint8_t *rk_perfetto_message_open(struct rk_perfetto_packet *packet, unsigned field);
void rk_perfetto_message_close(struct rk_perfetto_packet *packet, uint8_t *start);

/**
 * Append a field. Bytes of a text that are no UTF-8 become '?'.
 *
 * Context: tools.
 */
void rk_perfetto_put_uint(struct rk_perfetto_packet *packet, unsigned field, uint64_t value);
void rk_perfetto_put_fixed(struct rk_perfetto_packet *packet, unsigned field, uint64_t value);
void rk_perfetto_put_text(struct rk_perfetto_packet *packet, unsigned field, const char *text);

#endif
