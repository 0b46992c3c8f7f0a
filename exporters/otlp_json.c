/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_json.c - a walk over protobuf-c's descriptors.
 */
#include "exporters/otlp_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "exporters/base64.h"
#include "exporters/proto/schemas.h"

#define FIRST_BYTES 4096u
#define DEPTH_MAX   64u /* AnyValue can hold itself; nothing of ours is half as deep */

/* The descriptor that protoc-c names so. */
#define DESCRIPTOR(prefix, signal)                                                                 \
	prefix##signal##__v1__export_##signal##_service_request__descriptor
#define REQUEST(signal)		   DESCRIPTOR(opentelemetry__proto__collector__, signal)

struct text {
	char *bytes;
	size_t length, size;
	int err; /* the first; nothing is written after it */
};

static void put_message(struct text *text, const ProtobufCMessage *message, unsigned depth);

/* Room for @more bytes and an end. Return: NULL after an error. */
static char *reserve(struct text *text, size_t more)
{
	size_t size = text->size ? text->size : FIRST_BYTES;
	char *bytes;

	if (text->err)
		return NULL;
	while (size - text->length <= more && size <= SIZE_MAX / 4)
		size *= 2;
	if (size != text->size) {
		bytes = size - text->length > more ? realloc(text->bytes, size) : NULL;
		if (!bytes) {
			text->err = -ENOMEM;
			return NULL;
		}
		text->bytes = bytes;
		text->size = size;
	}
	return text->bytes + text->length;
}

static void put_bytes(struct text *text, const char *bytes, size_t length)
{
	char *room = reserve(text, length);

	if (!room)
		return;
	memcpy(room, bytes, length);
	text->length += length;
}

static void put(struct text *text, const char *string)
{
	put_bytes(text, string, strlen(string));
}

static void put_char(struct text *text, char c)
{
	put_bytes(text, &c, 1);
}

static void put_string(struct text *text, const char *string)
{
	char escape[8];

	put_char(text, '"');
	for (const char *c = string; c && *c; c++) {
		if (*c == '"' || *c == '\\')
			snprintf(escape, sizeof(escape), "\\%c", *c);
		else if ((unsigned char)*c < 0x20 || *c == 0x7f)
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*c);
		else
			snprintf(escape, sizeof(escape), "%c", *c);
		put(text, escape);
	}
	put_char(text, '"');
}

static void put_hex(struct text *text, const ProtobufCBinaryData *data)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < data->len; i++) {
		put_char(text, digits[data->data[i] >> 4]);
		put_char(text, digits[data->data[i] & 15]);
	}
}

static void put_base64(struct text *text, const ProtobufCBinaryData *data)
{
	char *room;

	if (data->len > SIZE_MAX / 4) {
		text->err = -EBADMSG;
		return;
	}
	room = reserve(text, RK_BASE64_SIZE(data->len));
	if (!room)
		return;
	rk_base64_encode(room, data->data, data->len);
	text->length += strlen(room);
}

/* Ids are what JSON of OTLP writes in another way than JSON of protobuf. */
static void put_data(struct text *text, const char *name, const ProtobufCBinaryData *data)
{
	bool is_id = strcmp(name, "trace_id") == 0 || strcmp(name, "span_id") == 0 ||
		     strcmp(name, "parent_span_id") == 0;

	put_char(text, '"');
	if (is_id)
		put_hex(text, data);
	else
		put_base64(text, data);
	put_char(text, '"');
}

static void put_real(struct text *text, double value)
{
	char number[40];

	if (isnan(value)) {
		put(text, "\"NaN\"");
	} else if (isinf(value)) {
		put(text, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	} else if (value == 0 && signbit(value)) {
		put(text, "-0.0"); /* without a point it would be read as an integer */
	} else {
		rk_number_format(value, number, sizeof(number));
		put(text, number);
	}
}

static void put_key(struct text *text, const char *name)
{
	bool is_upper = false;

	put_char(text, '"');
	for (; *name; name++) {
		if (*name == '_') {
			is_upper = true;
			continue;
		}
		put_char(text, is_upper && *name >= 'a' && *name <= 'z' ?
				       (char)(*name - 'a' + 'A') :
				       *name);
		is_upper = false;
	}
	put(text, "\":");
}

static size_t size_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

static void put_integer(struct text *text, ProtobufCType type, const void *value)
{
	char number[32];

	switch (type) {
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		snprintf(number, sizeof(number), "%" PRIu32, *(const uint32_t *)value);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		snprintf(number, sizeof(number), "\"%" PRId64 "\"", *(const int64_t *)value);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		snprintf(number, sizeof(number), "\"%" PRIu64 "\"", *(const uint64_t *)value);
		break;
	default: /* of 32 bits with a sign, and enums */
		snprintf(number, sizeof(number), "%" PRId32, *(const int32_t *)value);
	}
	put(text, number);
}

static void put_value(struct text *text, const ProtobufCFieldDescriptor *field, const void *value,
		      unsigned depth)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_FLOAT:
		put_real(text, (double)*(const float *)value);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		put_real(text, *(const double *)value);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		put(text, *(const protobuf_c_boolean *)value ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_STRING:
		put_string(text, *(char *const *)value);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		put_data(text, field->name, value);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		put_message(text, *(ProtobufCMessage *const *)value, depth + 1);
		break;
	default:
		put_integer(text, field->type, value);
	}
}

/* Whether a field that is not repeated is there: chosen of its group, or not the default. */
static bool is_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	static const uint8_t zero[8];
	const uint8_t *value = (const uint8_t *)message + field->offset;

	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		uint32_t chosen;

		memcpy(&chosen, (const uint8_t *)message + field->quantifier_offset,
		       sizeof(chosen));
		return chosen == field->id;
	}
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(ProtobufCMessage *const *)(const void *)value != NULL;
	case PROTOBUF_C_TYPE_STRING: {
		const char *string = *(char *const *)(const void *)value;

		return string && *string;
	}
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)(const void *)value)->len > 0;
	default:
		return memcmp(value, zero, size_of(field->type)) != 0;
	}
}

static void put_list(struct text *text, const ProtobufCFieldDescriptor *field, const uint8_t *items,
		     size_t count, unsigned depth)
{
	put_char(text, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			put_char(text, ',');
		put_value(text, field, items + i * size_of(field->type), depth);
	}
	put_char(text, ']');
}

static void put_field(struct text *text, const ProtobufCMessage *message,
		      const ProtobufCFieldDescriptor *field, bool *is_first, unsigned depth)
{
	const uint8_t *base = (const uint8_t *)message, *items;
	bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
	size_t count = 0;

	if (is_list)
		memcpy(&count, base + field->quantifier_offset, sizeof(count));
	if (is_list ? !count : !is_present(message, field))
		return;
	if (!*is_first)
		put_char(text, ',');
	*is_first = false;
	put_key(text, field->name);
	if (is_list) {
		memcpy(&items, base + field->offset, sizeof(items));
		put_list(text, field, items, count, depth);
	} else {
		put_value(text, field, base + field->offset, depth);
	}
}

static void put_message(struct text *text, const ProtobufCMessage *message, unsigned depth)
{
	bool is_first = true;

	if (depth > DEPTH_MAX && !text->err)
		text->err = -EBADMSG;
	if (text->err)
		return;
	put_char(text, '{');
	for (unsigned i = 0; i < message->descriptor->n_fields; i++)
		put_field(text, message, &message->descriptor->fields[i], &is_first, depth);
	put_char(text, '}');
}

static const ProtobufCMessageDescriptor *descriptor_of(enum rk_otlp_signal signal)
{
	switch (signal) {
	case RK_OTLP_METRICS:
		return &REQUEST(metrics);
	case RK_OTLP_LOGS:
		return &REQUEST(logs);
	default:
		return &REQUEST(trace);
	}
}

ptrdiff_t rk_otlp_json_encode(enum rk_otlp_signal signal, const uint8_t *request, size_t length,
			      char **out)
{
	ProtobufCMessage *message =
		protobuf_c_message_unpack(descriptor_of(signal), NULL, length, request);
	struct text text = { .err = 0 };

	*out = NULL;
	if (!message)
		return -EBADMSG;
	put_message(&text, message, 0);
	protobuf_c_message_free_unpacked(message, NULL);
	put_bytes(&text, "", 1);
	if (text.err) {
		free(text.bytes);
		return text.err;
	}
	*out = text.bytes;
	return (ptrdiff_t)text.length - 1;
}
