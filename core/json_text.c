/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_text.c - one line, no blanks.
 */
#include "core/json_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "core/utf8.h"

static void put(struct rk_json_text *json, const char *bytes, size_t length)
{
	if (json->is_cut || length >= json->size - json->used) {
		json->is_cut = true;
		return;
	}
	memcpy(json->out + json->used, bytes, length);
	json->used += length;
	json->out[json->used] = '\0';
}

void rk_json_text_init(struct rk_json_text *json, char *out, size_t size)
{
	memset(json, 0, sizeof(*json));
	json->out = out;
	json->size = size;
	*out = '\0';
}

static void put_string(struct rk_json_text *json, const char *text)
{
	size_t left = strlen(text);

	put(json, "\"", 1);
	while (left) {
		size_t length = rk_utf8_sequence((const uint8_t *)text, left);
		char escaped[8];

		if (*text == '"' || *text == '\\') {
			escaped[0] = '\\';
			escaped[1] = *text;
			put(json, escaped, 2);
		} else if ((unsigned char)*text < ' ' || *text == 0x7f) {
			snprintf(escaped, sizeof(escaped), "\\u%04x", *text);
			put(json, escaped, 6);
		} else if (!length) {
			put(json, "\\ufffd", 6);
		} else {
			put(json, text, length);
		}
		text += length ? length : 1;
		left -= length ? length : 1;
	}
	put(json, "\"", 1);
}

static void begin_member(struct rk_json_text *json, const char *key)
{
	if (json->filled[json->depth])
		put(json, ",", 1);
	json->filled[json->depth] = true;
	if (!key)
		return;
	put_string(json, key);
	put(json, ":", 1);
}

void rk_json_text_open(struct rk_json_text *json, const char *key, char bracket)
{
	begin_member(json, key);
	put(json, &bracket, 1);
	if (json->depth == RK_JSON_TEXT_DEPTH) {
		json->is_cut = true;
		return;
	}
	json->filled[++json->depth] = false;
}

void rk_json_text_close(struct rk_json_text *json, char bracket)
{
	if (json->depth)
		json->depth--;
	put(json, &bracket, 1);
}

void rk_json_text_string(struct rk_json_text *json, const char *key, const char *value)
{
	begin_member(json, key);
	put_string(json, value);
}

void rk_json_text_uint(struct rk_json_text *json, const char *key, uint64_t value)
{
	char number[24];
	int length = snprintf(number, sizeof(number), "%llu", (unsigned long long)value);

	begin_member(json, key);
	put(json, number, (size_t)length);
}

void rk_json_text_int(struct rk_json_text *json, const char *key, int64_t value)
{
	char number[24];

	begin_member(json, key);
	put(json, number, (size_t)snprintf(number, sizeof(number), "%lld", (long long)value));
}

void rk_json_text_double(struct rk_json_text *json, const char *key, double value)
{
	char number[40];

	if (!isfinite(value)) {
		rk_json_text_null(json, key);
		return;
	}
	begin_member(json, key);
	rk_number_format(value, number, sizeof(number));
	put(json, number, strlen(number));
}

void rk_json_text_bool(struct rk_json_text *json, const char *key, bool value)
{
	begin_member(json, key);
	put(json, value ? "true" : "false", value ? 4 : 5);
}

void rk_json_text_null(struct rk_json_text *json, const char *key)
{
	begin_member(json, key);
	put(json, "null", 4);
}
