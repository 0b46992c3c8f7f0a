/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_span_member.h - members of a span's messages: texts, counts, messages within.
 */
#ifndef RK_EXPORTERS_OTLP_SPAN_MEMBER_H
#define RK_EXPORTERS_OTLP_SPAN_MEMBER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "exporters/protobuf.h"

/* Put tag and length at @at before the message [@body, @end), which moves when it must.
 * Return: the end. */
static inline uint8_t *rk_otlp_span_close(uint8_t *at, uint8_t tag, const uint8_t *body,
					  const uint8_t *end)
{
	size_t length = (size_t)(end - body);
	size_t prefix = 1 + rk_protobuf_varint_size(length);

	if (at + prefix != body)
		memmove(at + prefix, body, length);
	*at = tag;
	rk_protobuf_put_varint(at + 1, length);
	return at + prefix + length;
}

/* A member that is a text; a count, left out where it is 0. */
static inline uint8_t *rk_otlp_span_put_member(uint8_t *p, uint8_t tag, const char *text)
{
	size_t length = strlen(text);

	*p++ = tag;
	p = rk_protobuf_put_varint(p, length);
	return rk_protobuf_put_text(p, text, length);
}

static inline uint8_t *rk_otlp_span_put_count(uint8_t *p, uint8_t tag, uint32_t count)
{
	if (!count)
		return p;
	*p++ = tag;
	return rk_protobuf_put_varint(p, count);
}

#endif
