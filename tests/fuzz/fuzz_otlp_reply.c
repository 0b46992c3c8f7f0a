/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_otlp_reply.c - what a collector answers.
 *
 * The first byte says how: protobuf, JSON or gRPC.
 */
#include "exporters/grpc_reply.h"
#include "exporters/otlp_reply.h"

#include "fuzz.h"

static void check_text(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	FUZZ_CHECK(length < size);
	for (size_t i = 0; i < length; i++)
		FUZZ_CHECK((unsigned char)text[i] >= ' ');
}

/* Headers are lines, "name: value"; the body is what stands behind an empty one. */
static void read_grpc(const char *text, size_t size)
{
	struct rk_grpc_reply reply = { 0 };
	struct rk_otlp_outcome outcome = { 0 };
	const char *end = text + size;
	char message[256] = "";

	rk_grpc_reply_reset(&reply);
	while (text < end && *text != '\n') {
		const char *line = memchr(text, '\n', (size_t)(end - text));
		const char *stop = line ? line : end;
		const char *colon = memchr(text, ':', (size_t)(stop - text));
		char *name =
			fuzz_text((const uint8_t *)text, (size_t)((colon ? colon : stop) - text));

		if (colon)
			rk_grpc_reply_add_header(&reply, name, (const uint8_t *)colon + 1,
						 (size_t)(stop - colon - 1));
		free(name);
		text = line ? line + 1 : end;
	}
	if (text < end)
		rk_grpc_reply_add_body(&reply, (const uint8_t *)text + 1, (size_t)(end - text - 1));
	rk_grpc_reply_judge(&reply, &outcome, message, sizeof(message));
	rk_grpc_reply_finish(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct rk_otlp_reply reply = { 0 };

	if (size == 0)
		return 0;
	switch (bytes[0] % 4) {
	case 0:
		rk_otlp_reply_read_success(&reply, bytes + 1, size - 1);
		break;
	case 1:
		rk_otlp_reply_read_error(&reply, bytes + 1, size - 1);
		break;
	case 2:
		rk_otlp_reply_read_json(&reply, bytes + 1, size - 1);
		break;
	default:
		read_grpc((const char *)bytes + 1, size - 1);
		break;
	}
	check_text(reply.message, sizeof(reply.message));
	return 0;
}
