/* SPDX-License-Identifier: Apache-2.0
 *
 * core/trace_context.c - the headers traceparent and tracestate.
 */
#include "core/trace_context.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* version-traceid-spanid-flags */
#define TRACEPARENT_LENGTH (RK_TRACE_PARENT_BYTES - 1u)
#define STATE_MEMBERS_MAX  32u
#define STATE_LONG_MEMBER  128u
#define STATE_KEY_MAX	   256u
#define STATE_VALUE_MAX	   256u

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool parse_hex(const char *text, uint8_t *out, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		int high = hex_value(text[2 * i]);
		int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
	while (count--) {
		if (*bytes++)
			return false;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t trimmed_length(const char *text, size_t length)
{
	while (length && is_blank(text[length - 1]))
		length--;
	return length;
}

bool rk_trace_context_parse(const char *traceparent, struct rk_trace_context *out)
{
	uint8_t version;
	uint8_t flags;
	size_t length;

	memset(out, 0, sizeof(*out));
	while (is_blank(*traceparent))
		traceparent++;
	length = trimmed_length(traceparent, strlen(traceparent));
	if (length < TRACEPARENT_LENGTH || !parse_hex(traceparent, &version, 1) || version == 0xff)
		return false;
	if (version == 0 ? length != TRACEPARENT_LENGTH :
			   length > TRACEPARENT_LENGTH && traceparent[TRACEPARENT_LENGTH] != '-')
		return false;
	if (traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-')
		return false;
	if (!parse_hex(traceparent + 3, out->trace_id, 16) ||
	    !parse_hex(traceparent + 36, out->span_id, 8) ||
	    !parse_hex(traceparent + 53, &flags, 1) || is_zero(out->trace_id, 16) ||
	    is_zero(out->span_id, 8)) {
		memset(out, 0, sizeof(*out));
		return false;
	}
	out->flags = flags & (RK_TRACE_FLAG_SAMPLED | RK_TRACE_FLAG_RANDOM);
	return true;
}

struct member {
	const char *text;
	size_t length;
	bool dropped;
};

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("_-*/@", c));
}

static bool is_member_valid(const struct member *member)
{
	const char *equals = memchr(member->text, '=', member->length);
	size_t key = equals ? (size_t)(equals - member->text) : 0;
	size_t value = equals ? member->length - key - 1 : 0;
	char first = member->text[0];

	if (!key || key > STATE_KEY_MAX || !value || value > STATE_VALUE_MAX)
		return false;
	if (!((first >= 'a' && first <= 'z') || (first >= '0' && first <= '9')))
		return false;
	for (size_t i = 1; i < key; i++) {
		if (!is_key_char(member->text[i]))
			return false;
	}
	for (size_t i = 0; i < value; i++) {
		char c = equals[1 + i];

		if (c < 0x20 || c > 0x7e || c == ',' || c == '=')
			return false;
	}
	return true;
}

static bool has_same_key(const struct member *a, const struct member *b)
{
	size_t key_a = (size_t)((const char *)memchr(a->text, '=', a->length) - a->text);
	size_t key_b = (size_t)((const char *)memchr(b->text, '=', b->length) - b->text);

	return key_a == key_b && memcmp(a->text, b->text, key_a) == 0;
}

/* Split into valid members; false when the whole is to be dropped. */
static bool split_state(const char *text, struct member *members, size_t *count)
{
	*count = 0;
	while (*text) {
		size_t length = strcspn(text, ",");
		const char *next = text[length] ? text + length + 1 : text + length;
		struct member member = { .text = text };

		while (length && is_blank(*member.text)) {
			member.text++;
			length--;
		}
		member.length = trimmed_length(member.text, length);
		text = next;
		if (!member.length)
			continue;
		if (*count == STATE_MEMBERS_MAX || !is_member_valid(&member))
			return false;
		for (size_t i = 0; i < *count; i++) {
			if (has_same_key(&members[i], &member))
				return false;
		}
		members[(*count)++] = member;
	}
	return true;
}

static size_t state_length(const struct member *members, size_t count)
{
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		if (!members[i].dropped)
			length += members[i].length + (length ? 1 : 0);
	}
	return length;
}

/* Write what fits: entries over 128 characters go first, then from the right. */
static void join_state(struct member *members, size_t count, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = count; i-- > 0 && state_length(members, count) >= size;)
		members[i].dropped = members[i].dropped || members[i].length > STATE_LONG_MEMBER;
	for (size_t i = count; i-- > 0 && state_length(members, count) >= size;)
		members[i].dropped = true;
	for (size_t i = 0; i < count; i++) {
		if (members[i].dropped)
			continue;
		if (used)
			out[used++] = ',';
		memcpy(out + used, members[i].text, members[i].length);
		used += members[i].length;
	}
	out[used] = '\0';
}

bool rk_trace_context_parse_state(const char *tracestate, char *out, size_t size)
{
	struct member members[STATE_MEMBERS_MAX];
	size_t count;

	out[0] = '\0';
	if (!split_state(tracestate, members, &count))
		return false;
	join_state(members, count, out, size);
	return true;
}

static bool is_key(const char *text, size_t length, const char *key)
{
	size_t size = strlen(key);

	return length > size && text[size] == '=' && memcmp(text, key, size) == 0;
}

const char *rk_trace_context_find_member(const char *tracestate, const char *key, size_t *length)
{
	if (length)
		*length = 0;
	while (*tracestate) {
		size_t size = strcspn(tracestate, ",");

		if (is_key(tracestate, size, key)) {
			if (length)
				*length = size - strlen(key) - 1;
			return tracestate + strlen(key) + 1;
		}
		tracestate += size + (tracestate[size] != '\0');
	}
	return NULL;
}

bool rk_trace_context_put_member(const char *tracestate, const char *key, const char *value,
				 char *out, size_t size)
{
	struct member members[STATE_MEMBERS_MAX + 1];
	char own[STATE_KEY_MAX + 1 + STATE_VALUE_MAX + 1];
	size_t count, left;
	bool valid = split_state(tracestate, members + 1, &count);

	snprintf(own, sizeof(own), "%s=%s", key, value);
	if (!valid)
		count = 0;
	members[0] = (struct member){ own, strlen(own), !*value };
	count++;
	for (size_t i = 1; i < count; i++)
		members[i].dropped = is_key(members[i].text, members[i].length, key);
	left = 0;
	for (size_t i = 0; i < count; i++) {
		left += !members[i].dropped;
		members[i].dropped = members[i].dropped || left > STATE_MEMBERS_MAX;
	}
	join_state(members, count, out, size);
	return valid;
}

void rk_trace_context_format(const struct rk_trace_context *context,
			     char out[RK_TRACE_PARENT_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char *at = out;

	memcpy(at, "00-", 3);
	at += 3;
	for (size_t i = 0; i < sizeof(context->trace_id); i++) {
		*at++ = digits[context->trace_id[i] >> 4];
		*at++ = digits[context->trace_id[i] & 15];
	}
	*at++ = '-';
	for (size_t i = 0; i < sizeof(context->span_id); i++) {
		*at++ = digits[context->span_id[i] >> 4];
		*at++ = digits[context->span_id[i] & 15];
	}
	*at++ = '-';
	*at++ = '0';
	*at++ = digits[context->flags & (RK_TRACE_FLAG_SAMPLED | RK_TRACE_FLAG_RANDOM)];
	*at = '\0';
}

bool rk_trace_context_is_propagated(const char *list, const char *name)
{
	while (*list) {
		size_t length = strcspn(list, ",");
		const char *next = list + length + (list[length] != '\0');

		while (length && is_blank(*list)) {
			list++;
			length--;
		}
		length = trimmed_length(list, length);
		if (length == strlen(name) && strncasecmp(list, name, length) == 0)
			return true;
		list = next;
	}
	return false;
}
