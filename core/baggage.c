/* SPDX-License-Identifier: Apache-2.0
 *
 * core/baggage.c - the grammar of baggage.
 */
#include "core/baggage.h"

#include <stdbool.h>
#include <string.h>

#include "core/intern.h"
#include "core/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(const char **text, size_t *length)
{
	while (*length && is_blank(**text)) {
		++*text;
		--*length;
	}
	while (*length && is_blank((*text)[*length - 1]))
		--*length;
}

/* token of RFC 7230 */
static bool is_key(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return length;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode into @out, which is as long. Return: false for what the grammar does not have. */
static bool decode(const char *text, size_t length, char *out, size_t *decoded)
{
	*decoded = 0;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c < 0x21 || c > 0x7e || strchr("\",;\\", c))
			return false;
		if (c == '%') {
			int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
			int low = high < 0 ? -1 : hex_digit(text[i + 2]);

			/* A zero would end the string early, and with it the truth. */
			if (low < 0 || !(high | low))
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		out[(*decoded)++] = c;
	}
	return true;
}

/*
 * Bad bytes become U+FFFD. @text may lie at two thirds of @out, which has room for three times
 * @length and the end: what is written never overtakes what is read.
 */
static void repair(const char *text, size_t length, char *out)
{
	for (size_t i = 0; i < length;) {
		size_t step = rk_utf8_sequence((const uint8_t *)text + i, length - i);

		memmove(out, step ? text + i : REPLACEMENT, step ? step : 3);
		out += step ? step : 3;
		i += step ? step : 1;
	}
	*out = '\0';
}

static void parse_member(const char *text, size_t length, rk_baggage_fn member, void *data)
{
	char value[3 * RK_BAGGAGE_BYTES_MAX + 1];
	char *raw = value + 2 * RK_BAGGAGE_BYTES_MAX;
	const char *properties = memchr(text, ';', length);
	size_t left = properties ? (size_t)(properties - text) : length;
	const char *equals = memchr(text, '=', left);
	size_t key_length = equals ? (size_t)(equals - text) : 0;
	const char *coded;
	size_t decoded;

	if (!equals)
		return;
	coded = equals + 1;
	left -= key_length + 1;
	trim(&text, &key_length);
	trim(&coded, &left);
	if (!is_key(text, key_length) || !decode(coded, left, raw, &decoded))
		return;
	repair(raw, decoded, value);
	member(data, text, key_length, value);
}

void rk_baggage_parse(const char *baggage, rk_baggage_fn member, void *data)
{
	size_t bytes = 0;

	for (uint32_t count = 0; *baggage && count < RK_BAGGAGE_MEMBERS_MAX; count++) {
		size_t length = strcspn(baggage, ",");

		bytes += length + 1;
		if (bytes > RK_BAGGAGE_BYTES_MAX + 1)
			return;
		parse_member(baggage, length, member, data);
		baggage += length + (baggage[length] != '\0');
	}
}

struct wanted {
	const char *key;
	size_t length;
	struct rk_baggage_room *room; /* NULL = the table of strings */
	const char *value;	      /* NULL = none yet */
};

/* @length bytes of @text behind what @room holds. Return: NULL when they do not fit. */
static char *put(struct rk_baggage_room *room, const char *text, size_t length)
{
	char *copy = room->bytes + room->used;

	if (length >= room->size - room->used)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

static void note(void *data, const char *key, size_t length, const char *value)
{
	struct wanted *wanted = data;

	if (length != wanted->length || memcmp(key, wanted->key, length) != 0)
		return;
	if (wanted->room)
		wanted->value = put(wanted->room, value, strlen(value));
	else
		wanted->value = rk_intern_get(rk_intern(value));
}

static bool is_known(const struct rk_baggage_entry *entries, uint32_t count,
		     const struct wanted *wanted)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strlen(entries[i].key) == wanted->length &&
		    memcmp(entries[i].key, wanted->key, wanted->length) == 0)
			return true;
	}
	return false;
}

/* The entry of what was found. Return: false when its key has no room. */
static bool set_entry(struct rk_baggage_entry *entry, const struct wanted *wanted)
{
	struct rk_baggage_room *room = wanted->room;
	size_t before = room ? room->used : 0;

	entry->value = wanted->value;
	if (!room) {
		entry->key = rk_intern_get(rk_intern_bytes(wanted->key, wanted->length));
		return true;
	}
	room->used += strlen(wanted->value) + 1;
	entry->key = put(room, wanted->key, wanted->length);
	if (!entry->key)
		room->used = before;
	else
		room->used += wanted->length + 1;
	return entry->key;
}

static uint32_t select_entries(const char *baggage, const char *keys, struct rk_baggage_entry *out,
			       uint32_t size, struct rk_baggage_room *room)
{
	uint32_t count = 0;

	while (*keys && count < size) {
		size_t length = strcspn(keys, ",");
		struct wanted wanted = { .key = keys, .length = length, .room = room };

		trim(&wanted.key, &wanted.length);
		keys += length + (keys[length] != '\0');
		if (!wanted.length || is_known(out, count, &wanted))
			continue;
		rk_baggage_parse(baggage, note, &wanted);
		if (wanted.value && set_entry(&out[count], &wanted))
			count++;
	}
	return count;
}

uint32_t rk_baggage_select(const char *baggage, const char *keys, struct rk_baggage_entry *out,
			   uint32_t size)
{
	return select_entries(baggage, keys, out, size, NULL);
}

uint32_t rk_baggage_copy(const char *baggage, const char *keys, struct rk_baggage_entry *out,
			 uint32_t size, struct rk_baggage_room *room)
{
	return select_entries(baggage, keys, out, size, room);
}
