/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_logs.c - struct rk_log_event -> opentelemetry.proto.logs.v1.LogRecord.
 *
 * Field order of the message: time 1, severity_number 2, severity_text 3, body 5,
 * attributes 6, dropped_attributes_count 7, flags 8, trace_id 9, span_id 10, observed time 11,
 * event_name 12.
 */
#include "exporters/otlp_logs.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "exporters/protobuf.h"

#define FIXED_BOUND	512 /* ids, times, severity, lengths, the attributes of every event */
#define ATTRIBUTE_BOUND 48  /* tags and lengths of one field, or its number */

static const uint8_t zero_id[16];

struct writer {
	uint8_t *p;
	const struct rk_log_event *event;
	const struct rk_config *config;
	uint64_t count, dropped;
};

static size_t length_of(const char *text)
{
	return text ? strlen(text) : 0;
}

/* Bytes of the first @characters of @text; a bad byte is one, it will become '?'. */
static size_t cut_at(const char *text, uint64_t characters)
{
	size_t length = strlen(text), at = 0;

	while (at < length && characters--) {
		size_t step = rk_utf8_sequence((const uint8_t *)text + at, length - at);

		at += step ? step : 1;
	}
	return at;
}

static uint8_t *put_text_field(uint8_t *p, unsigned field, const char *text, size_t length)
{
	*p++ = RK_PROTOBUF_TAG(field, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, length);
	return rk_protobuf_put_text(p, text, length);
}

static bool is_text(const struct rk_log_field *field)
{
	return field->value == RK_LOG_VALUE_AUTO && field->text;
}

/* Bytes of the AnyValue; of a text those of the first @text bytes. */
static size_t value_bytes(const struct rk_log_field *field, size_t text)
{
	switch (field->value) {
	case RK_LOG_VALUE_INTEGER:
		return 1 + rk_protobuf_varint_size((uint64_t)field->integer);
	case RK_LOG_VALUE_BOOL:
		return 2;
	default:
		return is_text(field) ? 1 + rk_protobuf_varint_size(text) + text : 9;
	}
}

static uint8_t *put_value(uint8_t *p, const struct rk_log_field *field, size_t text)
{
	uint64_t bits;

	switch (field->value) {
	case RK_LOG_VALUE_INTEGER:
		*p++ = RK_PROTOBUF_TAG(3, RK_PROTOBUF_VARINT);
		return rk_protobuf_put_varint(p, (uint64_t)field->integer);
	case RK_LOG_VALUE_BOOL:
		*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_VARINT);
		*p++ = field->integer != 0;
		return p;
	default:
		if (is_text(field))
			return put_text_field(p, 1, field->text, text);
		memcpy(&bits, &field->number, sizeof(bits));
		*p++ = RK_PROTOBUF_TAG(4, RK_PROTOBUF_FIXED64);
		return rk_protobuf_put_fixed64(p, bits);
	}
}

static void put_attribute(struct writer *writer, const struct rk_log_field *attribute)
{
	size_t key = strlen(attribute->key), text = 0, any;
	uint8_t *p = writer->p;

	if (writer->count == writer->config->logging_attribute_count_limit) {
		writer->dropped++;
		return;
	}
	writer->count++;
	if (is_text(attribute))
		text = cut_at(attribute->text, writer->config->logging_attribute_value_limit);
	any = value_bytes(attribute, text);
	*p++ = RK_PROTOBUF_TAG(6, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, 1 + rk_protobuf_varint_size(key) + key + 1 +
					      rk_protobuf_varint_size(any) + any);
	p = put_text_field(p, 1, attribute->key, key);
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, any);
	writer->p = put_value(p, attribute, text);
}

/* The attributes that do not come from fields. Return: how many of the array are used. */
static size_t own_attributes(const struct rk_log_event *event, struct rk_log_field own[4])
{
	size_t count = 0;

	if (length_of(event->kernel_id))
		own[count++] = (struct rk_log_field){ .key = "rustkernel.kernel_id",
						      .text = event->kernel_id };
	if (length_of(event->domain))
		own[count++] =
			(struct rk_log_field){ .key = "rustkernel.domain", .text = event->domain };
	if (event->duration_ms >= 0)
		own[count++] = (struct rk_log_field){ .key = "rustkernel.duration_ms",
						      .number = event->duration_ms };
	if (length_of(event->tenant_id))
		own[count++] =
			(struct rk_log_field){ .key = "tenant_id", .text = event->tenant_id };
	return count;
}

/* Keys are unique: whether field @index has one that was there before. */
static bool is_repeated(const struct rk_log_event *event, size_t index,
			const struct rk_log_field *own, size_t own_count)
{
	const char *key = event->fields[index].key;

	for (size_t i = 0; i < own_count; i++) {
		if (strcmp(own[i].key, key) == 0)
			return true;
	}
	for (size_t i = 0; i < index; i++) {
		if (strcmp(event->fields[i].key, key) == 0)
			return true;
	}
	return false;
}

static void put_attributes(struct writer *writer)
{
	const struct rk_log_event *event = writer->event;
	struct rk_log_field own[4];
	size_t own_count = own_attributes(event, own);

	for (size_t i = 0; i < own_count; i++)
		put_attribute(writer, &own[i]);
	for (size_t i = 0; i < event->field_count; i++) {
		const struct rk_log_field *field = &event->fields[i];

		if (*field->key && !is_repeated(event, i, own, own_count))
			put_attribute(writer, field);
	}
	if (writer->dropped) {
		*writer->p++ = RK_PROTOBUF_TAG(7, RK_PROTOBUF_VARINT);
		writer->p = rk_protobuf_put_varint(writer->p, writer->dropped);
	}
}

static uint8_t *put_time(uint8_t *p, unsigned field, uint64_t unix_ns)
{
	if (!unix_ns)
		return p;
	*p++ = RK_PROTOBUF_TAG(field, RK_PROTOBUF_FIXED64);
	return rk_protobuf_put_fixed64(p, unix_ns);
}

static uint8_t *put_severity(uint8_t *p, enum rk_log_level level)
{
	static const struct {
		uint8_t number;
		const char *text;
	} severities[] = {
		[RK_LOG_ERROR] = { 17, "ERROR" }, [RK_LOG_WARN] = { 13, "WARN" },
		[RK_LOG_INFO] = { 9, "INFO" },	  [RK_LOG_DEBUG] = { 5, "DEBUG" },
		[RK_LOG_TRACE] = { 1, "TRACE" },
	};

	if (level < RK_LOG_ERROR || level > RK_LOG_TRACE)
		return p;
	*p++ = RK_PROTOBUF_TAG(2, RK_PROTOBUF_VARINT);
	*p++ = severities[level].number;
	return put_text_field(p, 3, severities[level].text, strlen(severities[level].text));
}

static uint8_t *put_body(uint8_t *p, const char *message)
{
	size_t length = strlen(message);

	*p++ = RK_PROTOBUF_TAG(5, RK_PROTOBUF_BYTES);
	p = rk_protobuf_put_varint(p, 1 + rk_protobuf_varint_size(length) + length);
	return put_text_field(p, 1, message, length);
}

/* A span without a trace says nothing, and flags belong to a context. */
static uint8_t *put_context(uint8_t *p, const struct rk_log_event *event)
{
	if (memcmp(event->trace_id, zero_id, 16) == 0)
		return p;
	if (event->trace_flags) {
		*p++ = RK_PROTOBUF_TAG(8, RK_PROTOBUF_FIXED32);
		p = rk_protobuf_put_fixed32(p, event->trace_flags);
	}
	*p++ = RK_PROTOBUF_TAG(9, RK_PROTOBUF_BYTES);
	*p++ = 16;
	p = rk_protobuf_put_bytes(p, event->trace_id, 16);
	if (memcmp(event->span_id, zero_id, 8) == 0)
		return p;
	*p++ = RK_PROTOBUF_TAG(10, RK_PROTOBUF_BYTES);
	*p++ = 8;
	return rk_protobuf_put_bytes(p, event->span_id, 8);
}

static uint64_t observed(const struct rk_log_event *event)
{
	struct timespec now;

	if (event->observed_unix_ns)
		return event->observed_unix_ns;
	/* It has to be there; now is when it is seen. */
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

size_t rk_otlp_log_bound(const struct rk_log_event *event)
{
	size_t bytes = FIXED_BOUND + strlen(event->message) + length_of(event->name) +
		       length_of(event->kernel_id) + length_of(event->domain) +
		       length_of(event->tenant_id);

	for (size_t i = 0; i < event->field_count; i++)
		bytes += ATTRIBUTE_BOUND + strlen(event->fields[i].key) +
			 length_of(event->fields[i].text);
	return bytes;
}

size_t rk_otlp_log_encode(uint8_t *out, const struct rk_log_event *event,
			  const struct rk_config *config)
{
	uint8_t *body = out + 3; /* tag, and the two bytes of nearly every length */
	struct writer writer = { .event = event, .config = config };
	size_t length, prefix;

	writer.p = put_time(body, 1, event->unix_ns);
	writer.p = put_severity(writer.p, event->level);
	writer.p = put_body(writer.p, event->message);
	put_attributes(&writer);
	writer.p = put_context(writer.p, event);
	writer.p = put_time(writer.p, 11, observed(event));
	if (length_of(event->name))
		writer.p = put_text_field(writer.p, 12, event->name, strlen(event->name));
	length = (size_t)(writer.p - body);
	prefix = 1 + rk_protobuf_varint_size(length);
	if (prefix != 3)
		memmove(out + prefix, body, length);
	*out = RK_PROTOBUF_TAG(2, RK_PROTOBUF_BYTES);
	rk_protobuf_put_varint(out + 1, length);
	return prefix + length;
}
