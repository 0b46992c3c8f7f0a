/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_reply.c - read what a server says without believing it.
 */
#include "exporters/grpc_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "exporters/base64.h"
#include "exporters/grpc_status.h"
#include "exporters/otlp_reply.h"
#include "exporters/protobuf.h"

#define BODY_KEEP_BYTES	 (64u << 10) /* replies are small; a large one is not kept */
#define HEADER_OVERHEAD	 32u	     /* what RFC 7541 adds to each field */
#define DELAY_S_MAX	 1000000000u /* beyond it nobody waits */
#define GZIP_OR_ZLIB	 (15 + 32)   /* the largest window, the kind by its head */
#define INFLATE_MIN	 4096u

void rk_grpc_reply_reset(struct rk_grpc_reply *reply)
{
	uint8_t *body = reply->body;
	size_t capacity = reply->capacity;

	if (capacity > BODY_KEEP_BYTES) {
		free(body);
		body = NULL;
		capacity = 0;
	}
	free(reply->details);
	*reply = (struct rk_grpc_reply){ .status = -1, .body = body, .capacity = capacity };
}

void rk_grpc_reply_finish(struct rk_grpc_reply *reply)
{
	free(reply->details);
	free(reply->body);
	*reply = (struct rk_grpc_reply){ .status = -1 };
}

/* What is no number is a status nobody knows. */
static int read_number(const uint8_t *value, size_t length)
{
	int number = 0;

	if (!length || length > 3)
		return -1;
	for (size_t i = 0; i < length; i++) {
		if (value[i] < '0' || value[i] > '9')
			return -1;
		number = number * 10 + (value[i] - '0');
	}
	return number;
}

static void keep_details(struct rk_grpc_reply *reply, const uint8_t *value, size_t length)
{
	free(reply->details);
	reply->details = malloc(length + 1);
	reply->details_length = reply->details ? length : 0;
	if (reply->details)
		memcpy(reply->details, value, length);
}

bool rk_grpc_reply_add_header(struct rk_grpc_reply *reply, const char *name, const uint8_t *value,
			      size_t length)
{
	reply->header_bytes += strlen(name) + length + HEADER_OVERHEAD;
	if (reply->header_bytes > RK_GRPC_HEADERS_MAX) {
		reply->is_too_large = true;
		return false;
	}
	if (strcmp(name, ":status") == 0) {
		reply->http_status = read_number(value, length);
	} else if (strcmp(name, "grpc-status") == 0) {
		reply->status = read_number(value, length);
		if (reply->status < 0 || reply->status >= RK_GRPC_STATUS_COUNT)
			reply->status = RK_GRPC_UNKNOWN;
	} else if (strcmp(name, "grpc-message") == 0) {
		reply->message_length =
			length < sizeof(reply->message) ? length : sizeof(reply->message);
		memcpy(reply->message, value, reply->message_length);
	} else if (strcmp(name, "grpc-status-details-bin") == 0) {
		keep_details(reply, value, length);
	} else if (strcmp(name, "grpc-encoding") == 0) {
		reply->is_gzip = length == 4 && memcmp(value, "gzip", 4) == 0;
	}
	return true;
}

bool rk_grpc_reply_add_body(struct rk_grpc_reply *reply, const uint8_t *bytes, size_t length)
{
	size_t total = reply->length + length;

	if (total > RK_GRPC_FRAME_HEAD + RK_GRPC_REPLY_MAX) {
		reply->is_too_large = true;
		return false;
	}
	if (total > reply->capacity) {
		uint8_t *body = realloc(reply->body, total * 2);

		if (!body)
			return false;
		reply->body = body;
		reply->capacity = total * 2;
	}
	if (length)
		memcpy(reply->body + reply->length, bytes, length);
	reply->length = total;
	return true;
}

static bool grow(uint8_t **bytes, size_t *capacity)
{
	size_t more = *capacity ? *capacity * 2 : INFLATE_MIN;
	uint8_t *grown;

	if (more > RK_GRPC_REPLY_MAX + 1)
		more = RK_GRPC_REPLY_MAX + 1; /* one too many tells that it is too large */
	if (more <= *capacity)
		return false;
	grown = realloc(*bytes, more);
	if (!grown)
		return false;
	*bytes = grown;
	*capacity = more;
	return true;
}

/* Return: the message, free() it; NULL when it is not gzip. At most one byte over the limit. */
static uint8_t *inflate_message(const uint8_t *bytes, size_t length, size_t *out_length)
{
	z_stream stream = { .next_in = bytes, .avail_in = (uInt)length };
	uint8_t *out = NULL;
	size_t capacity = 0;
	int result = Z_OK;

	if (inflateInit2(&stream, GZIP_OR_ZLIB) != Z_OK)
		return NULL;
	while (result == Z_OK && grow(&out, &capacity)) {
		stream.next_out = out + stream.total_out;
		stream.avail_out = (uInt)(capacity - stream.total_out);
		result = inflate(&stream, Z_NO_FLUSH);
	}
	*out_length = stream.total_out;
	inflateEnd(&stream);
	if (result == Z_STREAM_END || *out_length > RK_GRPC_REPLY_MAX)
		return out;
	free(out);
	return NULL;
}

/* The one message of a unary reply. Return: false when it cannot be read. */
static bool read_message(struct rk_grpc_reply *reply, struct rk_otlp_reply *said)
{
	const uint8_t *head = reply->body, *bytes;
	size_t length;
	uint8_t *plain = NULL;
	bool is_good;

	*said = (struct rk_otlp_reply){ 0 };
	if (reply->length < RK_GRPC_FRAME_HEAD)
		return false;
	length = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
	bytes = head + RK_GRPC_FRAME_HEAD;
	if (length != reply->length - RK_GRPC_FRAME_HEAD || head[0] > 1)
		return false;
	if (head[0]) {
		plain = reply->is_gzip ? inflate_message(bytes, length, &length) : NULL;
		if (!plain)
			return false;
		bytes = plain;
	}
	reply->is_too_large |= length > RK_GRPC_REPLY_MAX;
	is_good = !reply->is_too_large && rk_otlp_reply_read_success(said, bytes, length);
	free(plain);
	return is_good;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded where it is percent-encoded, printable, one line. */
static void quote_message(const struct rk_grpc_reply *reply, char *out, size_t size)
{
	uint8_t plain[RK_GRPC_MESSAGE_BYTES];
	const char *text = reply->message;
	size_t n = 0;

	for (size_t i = 0; i < reply->message_length; i++) {
		bool may_be = text[i] == '%' && i + 2 < reply->message_length;
		int high = may_be ? hex_digit(text[i + 1]) : -1;
		int low = high < 0 ? -1 : hex_digit(text[i + 2]);

		plain[n++] = low < 0 ? (uint8_t)text[i] : (uint8_t)(high << 4 | low);
		i += low < 0 ? 0 : 2;
	}
	rk_otlp_reply_quote(out, size, plain, n);
}

/* google.protobuf.Duration; a negative one is none. */
static uint64_t read_duration(const struct rk_protobuf_field *message)
{
	struct rk_protobuf_reader reader = { message->bytes, message->bytes + message->length,
					     false };
	struct rk_protobuf_field field;
	int64_t seconds = 0, nanos = 0;

	while (rk_protobuf_next(&reader, &field)) {
		if (field.number == 1 && field.wire == RK_PROTOBUF_VARINT)
			seconds = (int64_t)field.value;
		if (field.number == 2 && field.wire == RK_PROTOBUF_VARINT)
			nanos = (int64_t)field.value;
	}
	if (reader.bad || seconds < 0 || nanos < 0 || nanos > 999999999)
		return 0;
	if (seconds > DELAY_S_MAX)
		seconds = DELAY_S_MAX;
	return (uint64_t)seconds * 1000000000u + (uint64_t)nanos;
}

static bool ends_with(const struct rk_protobuf_field *text, const char *end)
{
	size_t length = strlen(end);

	return text->length >= length &&
	       memcmp(text->bytes + text->length - length, end, length) == 0;
}

/* google.protobuf.Any with a google.rpc.RetryInfo. Return: whether it is one. */
static bool read_detail(const struct rk_protobuf_field *any, uint64_t *delay_ns)
{
	struct rk_protobuf_reader reader = { any->bytes, any->bytes + any->length, false };
	struct rk_protobuf_field field, type = { 0 }, value = { 0 };

	while (rk_protobuf_next(&reader, &field)) {
		if (field.number == 1 && field.wire == RK_PROTOBUF_BYTES)
			type = field;
		if (field.number == 2 && field.wire == RK_PROTOBUF_BYTES)
			value = field;
	}
	if (reader.bad || !type.bytes || !ends_with(&type, "/google.rpc.RetryInfo"))
		return false;
	*delay_ns = 0;
	if (!value.bytes)
		return true;
	reader = (struct rk_protobuf_reader){ value.bytes, value.bytes + value.length, false };
	while (rk_protobuf_next(&reader, &field)) {
		if (field.number == 1 && field.wire == RK_PROTOBUF_BYTES)
			*delay_ns = read_duration(&field);
	}
	return !reader.bad;
}

/* google.rpc.Status: details are its field 3. */
static bool read_retry_info(struct rk_grpc_reply *reply, uint64_t *delay_ns)
{
	struct rk_protobuf_reader reader = { 0 };
	struct rk_protobuf_field field;
	size_t length = reply->details_length;

	if (!length || !rk_base64_decode(reply->details, &length))
		return false;
	reply->details_length = 0; /* decoded in place: not a second time */
	reader.at = reply->details;
	reader.end = reply->details + length;
	while (rk_protobuf_next(&reader, &field)) {
		if (field.number == 3 && field.wire == RK_PROTOBUF_BYTES &&
		    read_detail(&field, delay_ns))
			return true;
	}
	return false;
}

static void judge_failure(struct rk_grpc_reply *reply, struct rk_otlp_outcome *outcome, char *text,
			  size_t size)
{
	bool has_status = reply->status >= 0;
	int status = has_status ? reply->status : (int)rk_grpc_status_of_http(reply->http_status);
	char message[400];

	if (has_status)
		quote_message(reply, message, sizeof(message));
	else if (reply->http_status == 200)
		snprintf(message, sizeof(message), "the reply ended without a gRPC status");
	else
		snprintf(message, sizeof(message), "HTTP %d", reply->http_status);
	outcome->has_delay = read_retry_info(reply, &outcome->delay_ns);
	outcome->verdict = rk_grpc_status_is_retryable(status, outcome->has_delay) ?
				   RK_OTLP_RETRY :
				   RK_OTLP_REJECTED;
	snprintf(text, size, "%s%s%s", rk_grpc_status_name(status), message[0] ? ": " : "",
		 message);
}

bool rk_grpc_reply_judge(struct rk_grpc_reply *reply, struct rk_otlp_outcome *outcome, char *text,
			 size_t size)
{
	struct rk_otlp_reply said;
	bool is_read = true;

	*outcome = (struct rk_otlp_outcome){ .verdict = RK_OTLP_SENT, .message = text };
	text[0] = '\0';
	if (reply->status == RK_GRPC_OK && !reply->is_too_large) {
		is_read = read_message(reply, &said);
		outcome->rejected = said.rejected;
		snprintf(text, size, "%s", said.message);
	}
	if (reply->is_too_large) {
		outcome->verdict = RK_OTLP_REJECTED;
		snprintf(text, size, "the reply is larger than %s",
			 reply->header_bytes > RK_GRPC_HEADERS_MAX ? "64 KiB of headers" : "4 MiB");
		return true;
	}
	if (reply->status != RK_GRPC_OK)
		judge_failure(reply, outcome, text, size);
	return is_read;
}
