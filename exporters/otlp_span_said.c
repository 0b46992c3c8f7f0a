/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span_said.c - struct rk_span_api -> fields 9 to 15 of a Span.
 */
#include "exporters/otlp_span_said.h"

#include "core/api_record.h"
#include "exporters/otlp_span_member.h"
#include "exporters/otlp_span_shape.h"

#define FIELD_BOUND 40u /* tags and lengths of a pair, and the longest number */
#define PART_BOUND  96u /* of an event or a link: ids, time, flags, counts, lengths */

static size_t fields_bound(const uint8_t *fields, uint32_t bytes)
{
	struct rk_fields_reader reader;
	struct rk_field field;
	size_t bound = bytes;

	rk_fields_reader_init(&reader, fields, bytes);
	while (rk_fields_next(&reader, &field))
		bound += FIELD_BOUND;
	return bound;
}

size_t rk_otlp_span_said_bound(const struct rk_span_api *said)
{
	size_t bound = PART_BOUND + fields_bound(said->fields, said->field_bytes);

	for (uint32_t i = 0; i < said->event_count; i++) {
		const struct rk_span_event *event = &said->events[i];

		bound += PART_BOUND + strlen(event->name) +
			 fields_bound(event->fields, event->field_bytes);
	}
	for (uint32_t i = 0; i < said->link_count; i++) {
		const struct rk_span_link *link = &said->links[i];

		bound += PART_BOUND + strlen(link->tracestate) +
			 fields_bound(link->fields, link->field_bytes);
	}
	return bound + strlen(said->message);
}

uint8_t rk_otlp_span_said_kind(const struct rk_span_api *said)
{
	bool is_known = said->kind >= RK_SPAN_KIND_INTERNAL && said->kind <= RK_SPAN_KIND_CONSUMER;

	return is_known ? said->kind : RK_SPAN_KIND_INTERNAL;
}

bool rk_otlp_span_said_has_key(const struct rk_span_api *said, const char *key)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	rk_fields_reader_init(&reader, said->fields, said->field_bytes);
	while (rk_fields_next(&reader, &field)) {
		if (strcmp(field.key, key) == 0)
			return true;
	}
	return false;
}

static void put_fields(struct rk_otlp_span_writer *writer, const uint8_t *fields, uint32_t bytes)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	rk_fields_reader_init(&reader, fields, bytes);
	while (rk_fields_next(&reader, &field))
		rk_otlp_span_put_field(writer, &field);
}

void rk_otlp_span_said_put_attributes(struct rk_otlp_span_writer *writer,
				      const struct rk_span_api *said)
{
	struct rk_fields_reader reader;
	struct rk_field field;

	rk_fields_reader_init(&reader, said->fields, said->field_bytes);
	while (rk_fields_next(&reader, &field)) {
		if (rk_otlp_span_is_own_key(field.key, strlen(field.key)))
			writer->dropped++;
		else
			rk_otlp_span_put_field(writer, &field);
	}
	writer->dropped += said->dropped_attributes;
}

static uint8_t *put_event(uint8_t *p, const struct rk_span_event *event,
			  const struct rk_otlp_span_limits *limits)
{
	struct rk_otlp_span_writer writer = {
		.tag = RK_PROTOBUF_TAG(3, RK_PROTOBUF_BYTES),
		.left = limits->event_attributes,
		.characters = limits->characters,
	};
	uint8_t *body = p + 2;

	writer.p = body;
	if (event->unix_ns) {
		*writer.p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_FIXED64);
		writer.p = rk_protobuf_put_fixed64(writer.p, event->unix_ns);
	}
	if (*event->name)
		writer.p = rk_otlp_span_put_member(writer.p, RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES),
						   event->name);
	put_fields(&writer, event->fields, event->field_bytes);
	writer.p = rk_otlp_span_put_count(writer.p, RK_PROTOBUF_TAG(4, RK_PROTOBUF_VARINT),
					  writer.dropped);
	return rk_otlp_span_close(p, RK_PROTOBUF_TAG(11, RK_PROTOBUF_BYTES), body, writer.p);
}

uint8_t *rk_otlp_span_said_put_events(uint8_t *p, const struct rk_span_api *said,
				      const struct rk_otlp_span_limits *limits, uint32_t *dropped)
{
	*dropped += said->dropped_events;
	for (uint32_t i = 0; i < said->event_count; i++) {
		if (i < limits->events)
			p = put_event(p, &said->events[i], limits);
		else
			++*dropped;
	}
	return p;
}

static uint8_t *put_link(uint8_t *p, const struct rk_span_link *link,
			 const struct rk_otlp_span_limits *limits)
{
	struct rk_otlp_span_writer writer = {
		.tag = RK_PROTOBUF_TAG(4, RK_PROTOBUF_BYTES),
		.left = limits->link_attributes,
		.characters = limits->characters,
	};
	uint8_t *body = p + 2;

	p = body;
	*p++ = RK_PROTOBUF_TAG(1, RK_PROTOBUF_BYTES);
	*p++ = 16;
	p = rk_protobuf_put_bytes(p, link->trace_id, 16);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	*p++ = 8;
	p = rk_protobuf_put_bytes(p, link->span_id, 8);
	if (*link->tracestate)
		p = rk_otlp_span_put_member(p, RK_PROTOBUF_TAG(3, RK_PROTOBUF_BYTES),
					    link->tracestate);
	writer.p = p;
	put_fields(&writer, link->fields, link->field_bytes);
	p = rk_otlp_span_put_count(writer.p, RK_PROTOBUF_TAG(5, RK_PROTOBUF_VARINT),
				   writer.dropped);
	/* Nobody said whether the linked span is of another process: no bit says so. */
	if (link->trace_flags) {
		*p++ = RK_PROTOBUF_TAG(6, RK_PROTOBUF_FIXED32);
		p = rk_protobuf_put_fixed32(p, link->trace_flags);
	}
	return rk_otlp_span_close(body - 2, RK_PROTOBUF_TAG(13, RK_PROTOBUF_BYTES), body, p);
}

uint8_t *rk_otlp_span_said_put_links(uint8_t *p, const struct rk_span_api *said,
				     const struct rk_otlp_span_limits *limits)
{
	uint32_t dropped = said->dropped_links;

	for (uint32_t i = 0; i < said->link_count; i++) {
		if (i < limits->links)
			p = put_link(p, &said->links[i], limits);
		else
			dropped++;
	}
	return rk_otlp_span_put_count(p, RK_PROTOBUF_TAG(14, RK_PROTOBUF_VARINT), dropped);
}

uint8_t *rk_otlp_span_said_put_status(uint8_t *p, const struct rk_span_api *said)
{
	uint8_t *body = p + 2, *end = body;

	if (said->status != RK_SPAN_OK && said->status != RK_SPAN_ERROR)
		return p;
	/* A message is of an error, and of nothing else. */
	if (said->status == RK_SPAN_ERROR && *said->message)
		end = rk_otlp_span_put_member(end, RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES),
					      said->message);
	*end++ = RK_PROTOBUF_TAG(3, RK_PROTOBUF_VARINT);
	*end++ = said->status;
	return rk_otlp_span_close(p, RK_PROTOBUF_TAG(15, RK_PROTOBUF_BYTES), body, end);
}
