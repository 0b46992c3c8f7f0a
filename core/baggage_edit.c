/* SPDX-License-Identifier: Apache-2.0
 *
 * core/baggage_edit.c - one member after the other, copied, left out or added.
 */
#include "core/baggage_edit.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/baggage.h"
#include "core/utf8.h"

struct member {
	const char *text; /* without blanks around it */
	size_t length;
	size_t key_length;
	const char *value; /* without properties */
	size_t value_length;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t trim(const char **text, size_t length)
{
	while (length && is_blank(**text)) {
		++*text;
		length--;
	}
	while (length && is_blank((*text)[length - 1]))
		length--;
	return length;
}

/* token of RFC 7230 */
static bool is_token(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return length > 0;
}

static bool is_octet(char c)
{
	return c > 0x20 && c < 0x7f && !strchr("\",;\\", c);
}

/* Properties are only looked at as far as that they cannot end a header. */
static bool is_printable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if ((text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return false;
	}
	return true;
}

static bool is_value(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!is_octet(text[i]))
			return false;
	}
	return true;
}

static bool parse_member(const char *text, size_t length, struct member *member)
{
	const char *equals, *properties;

	member->text = text;
	member->length = trim(&member->text, length);
	equals = memchr(member->text, '=', member->length);
	properties = memchr(member->text, ';', member->length);
	if (!equals || (properties && properties < equals))
		return false;
	text = member->text;
	member->key_length = trim(&text, (size_t)(equals - member->text));
	member->value = equals + 1;
	member->value_length =
		(size_t)((properties ? properties : member->text + member->length) - member->value);
	member->value_length = trim(&member->value, member->value_length);
	return is_token(member->text, member->key_length) &&
	       is_value(member->value, member->value_length) &&
	       is_printable(member->text, member->length);
}

/* The next member that is valid; *@at moves behind it. */
static bool next_member(const char **at, struct member *member)
{
	while (**at) {
		size_t length = strcspn(*at, ",");
		bool is_valid = parse_member(*at, length, member);

		*at += length + ((*at)[length] != '\0');
		if (is_valid)
			return true;
	}
	return false;
}

static bool has_key(const struct member *member, const char *key)
{
	return strlen(key) == member->key_length &&
	       memcmp(member->text, key, member->key_length) == 0;
}

/* Append a member. Return: false when it does not fit. */
static bool append(char *out, size_t *used, size_t size, const char *text, size_t length)
{
	size_t comma = *used ? 1 : 0;

	if (comma + length >= size - *used || *used + comma + length > RK_BAGGAGE_BYTES_MAX)
		return false;
	if (comma)
		out[(*used)++] = ',';
	memcpy(out + *used, text, length);
	*used += length;
	out[*used] = '\0';
	return true;
}

/* Copy all but @key (NULL: all). Return: number of those copied. */
static size_t copy_members(const char *baggage, const char *key, char *out, size_t size,
			   size_t *used)
{
	struct member member;
	size_t count = 0;

	*used = 0;
	out[0] = '\0';
	while (count < RK_BAGGAGE_MEMBERS_MAX && next_member(&baggage, &member)) {
		if (key && has_key(&member, key))
			continue;
		if (!append(out, used, size, member.text, member.length))
			break;
		count++;
	}
	return count;
}

void rk_baggage_edit_clean(const char *baggage, char *out, size_t size)
{
	size_t used;

	copy_members(baggage, NULL, out, size, &used);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t decode(const struct member *member, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < member->value_length; i++) {
		char c = member->value[i];

		if (c == '%' && i + 2 < member->value_length) {
			int high = hex_digit(member->value[i + 1]);
			int low = hex_digit(member->value[i + 2]);

			/* A zero would end the string early, and with it the truth. */
			if (high >= 0 && low >= 0 && (high | low)) {
				c = (char)(high << 4 | low);
				i += 2;
			}
		}
		if (used + 1 >= size) {
			out[0] = '\0';
			return 0;
		}
		out[used++] = c;
	}
	out[used] = '\0';
	rk_utf8_repair(out, used);
	return used;
}

size_t rk_baggage_edit_get(const char *baggage, const char *key, char *out, size_t size)
{
	struct member member;
	size_t length = 0;

	if (!size)
		return 0;
	out[0] = '\0';
	while (next_member(&baggage, &member)) {
		if (has_key(&member, key))
			length = decode(&member, out, size);
	}
	return length;
}

/* key=value behind what is there. Return: false when it does not fit. */
static bool append_encoded(char *out, size_t *used, size_t size, const char *key, const char *value)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t at = *used;

	if (!append(out, &at, size, key, strlen(key)) || at + 2 > size)
		return false;
	out[at++] = '=';
	for (; *value; value++) {
		uint8_t byte = (uint8_t)*value;
		bool is_plain = is_octet(*value) && byte != '%';
		size_t step = is_plain ? 1 : 3;

		if (at + step >= size || at + step > RK_BAGGAGE_BYTES_MAX)
			return false;
		out[at] = is_plain ? *value : '%';
		if (!is_plain) {
			out[at + 1] = digits[byte >> 4];
			out[at + 2] = digits[byte & 15];
		}
		at += step;
	}
	out[at] = '\0';
	*used = at;
	return true;
}

bool rk_baggage_edit_put(const char *baggage, const char *key, const char *value, char *out,
			 size_t size)
{
	size_t used, before;
	struct member member;
	const char *at = baggage;
	bool is_there = false;

	while (next_member(&at, &member))
		is_there = is_there || has_key(&member, key);
	if (is_token(key, strlen(key)) && (value || is_there)) {
		size_t count = copy_members(baggage, key, out, size, &used);

		before = used;
		if (!value || (count < RK_BAGGAGE_MEMBERS_MAX &&
			       append_encoded(out, &used, size, key, value)))
			return true;
		out[before] = '\0';
	}
	copy_members(baggage, NULL, out, size, &used);
	return false;
}
