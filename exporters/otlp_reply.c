/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_reply.c - read replies without believing them.
 */
#include "exporters/otlp_reply.h"

#include <string.h>

#include "exporters/protobuf.h"

void rk_otlp_reply_quote(char *out, size_t size, const uint8_t *text, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length && n + 1 < size; i++) {
		uint8_t c = text[i];

		if (c == '\n' || c == '\r' || c == '\t')
			c = ' ';
		if (c == ' ' && (n == 0 || out[n - 1] == ' '))
			continue;
		out[n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	rk_utf8_repair(out, n);
}

static bool read_partial(struct rk_otlp_reply *reply, const struct rk_protobuf_field *message)
{
	struct rk_protobuf_reader reader = { message->bytes, message->bytes + message->length,
					     false };
	struct rk_protobuf_field field;

	while (rk_protobuf_next(&reader, &field)) {
		if (field.number == 1 && field.wire == RK_PROTOBUF_VARINT)
			reply->rejected = (int64_t)field.value > 0 ? field.value : 0;
		if (field.number == 2 && field.wire == RK_PROTOBUF_BYTES)
			rk_otlp_reply_quote(reply->message, sizeof(reply->message), field.bytes,
					    field.length);
	}
	return !reader.bad;
}

bool rk_otlp_reply_read_success(struct rk_otlp_reply *reply, const uint8_t *bytes, size_t length)
{
	struct rk_protobuf_reader reader = { bytes, bytes + length, false };
	struct rk_protobuf_field field;
	bool good = true;

	*reply = (struct rk_otlp_reply){ 0 };
	while (good && rk_protobuf_next(&reader, &field)) {
		if (field.number == 1 && field.wire == RK_PROTOBUF_BYTES)
			good = read_partial(reply, &field);
	}
	if (good && !reader.bad)
		return true;
	*reply = (struct rk_otlp_reply){ 0 };
	return false;
}

void rk_otlp_reply_read_error(struct rk_otlp_reply *reply, const uint8_t *bytes, size_t length)
{
	struct rk_protobuf_reader reader = { bytes, bytes + length, false };
	struct rk_protobuf_field field;
	bool is_status = length > 0;

	*reply = (struct rk_otlp_reply){ 0 };
	/* google.rpc.Status: code 1, message 2, details 3; anything else is some proxy's page. */
	while (is_status && rk_protobuf_next(&reader, &field)) {
		is_status = (field.number == 1 && field.wire == RK_PROTOBUF_VARINT) ||
			    ((field.number == 2 || field.number == 3) &&
			     field.wire == RK_PROTOBUF_BYTES);
		if (is_status && field.number == 2)
			rk_otlp_reply_quote(reply->message, sizeof(reply->message), field.bytes,
					    field.length);
	}
	if (!is_status || reader.bad)
		rk_otlp_reply_quote(reply->message, sizeof(reply->message), bytes, length);
}

/* What stands behind "@key": in @text, at any depth; NULL when there is no such key. */
static const uint8_t *json_value(const uint8_t *text, const uint8_t *end, const char *key)
{
	size_t length = strlen(key);

	while ((text = memmem(text, (size_t)(end - text), key, length))) {
		text += length;
		while (text < end && (*text == ' ' || *text == '\t' || *text == '\n'))
			text++;
		if (text < end && *text == ':')
			break;
	}
	if (!text)
		return NULL;
	text++;
	while (text < end && (*text == ' ' || *text == '\t' || *text == '\n'))
		text++;
	return text;
}

/* A number, which may be quoted: 64 bits are strings in this JSON. */
static uint64_t json_number(const uint8_t *text, const uint8_t *end)
{
	uint64_t number = 0;

	if (text && text < end && *text == '"')
		text++;
	for (; text && text < end && *text >= '0' && *text <= '9'; text++)
		number = number < UINT64_MAX / 10 - 1 ? number * 10 + (*text - '0') :
							UINT64_MAX / 10;
	return number;
}

static void json_text(struct rk_otlp_reply *reply, const uint8_t *text, const uint8_t *end)
{
	uint8_t copy[sizeof(reply->message)];
	size_t n = 0;

	if (!text || text >= end || *text++ != '"')
		return;
	for (; text < end && *text != '"' && n < sizeof(copy); text++) {
		if (*text == '\\' && ++text == end)
			break;
		copy[n++] = *text;
	}
	rk_otlp_reply_quote(reply->message, sizeof(reply->message), copy, n);
}

void rk_otlp_reply_read_json(struct rk_otlp_reply *reply, const uint8_t *bytes, size_t length)
{
	static const char *const rejected[] = { "\"rejectedSpans\"", "\"rejectedDataPoints\"",
						"\"rejectedLogRecords\"" };
	const uint8_t *end = bytes + length;

	*reply = (struct rk_otlp_reply){ 0 };
	if (!length)
		return;
	for (size_t i = 0; i < sizeof(rejected) / sizeof(rejected[0]); i++)
		reply->rejected += json_number(json_value(bytes, end, rejected[i]), end);
	json_text(reply, json_value(bytes, end, "\"errorMessage\""), end);
	if (!reply->message[0])
		json_text(reply, json_value(bytes, end, "\"message\""), end);
}
