/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/json.c - a writer, not a library: two blanks per level, one member a line.
 */
#include "tools/json.h"

#include <math.h>
#include <string.h>

#include "core/number.h"

void rk_json_init(struct rk_json *json, FILE *out)
{
	memset(json, 0, sizeof(*json));
	json->out = out;
}

/* Length of the UTF-8 sequence at @s, 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t length = s[0] < 0x80 ? 1 :
			s[0] < 0xc2 ? 0 :
			s[0] < 0xe0 ? 2 :
			s[0] < 0xf0 ? 3 :
			s[0] < 0xf5 ? 4 :
				      0;

	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

static void put_string(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', out);
	while (*s) {
		size_t length = utf8_length(s);

		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < ' ' || *s == 0x7f)
			fprintf(out, "\\u%04x", *s);
		else if (!length)
			fputs("\\ufffd", out);
		else
			fwrite(s, 1, length, out);
		s += length ? length : 1;
	}
	fputc('"', out);
}

static void begin_member(struct rk_json *json, const char *key)
{
	if (json->depth) {
		if (json->filled[json->depth])
			fputc(',', json->out);
		fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
		json->filled[json->depth] = true;
	}
	if (key) {
		put_string(json->out, key);
		fputs(": ", json->out);
	}
}

void rk_json_open(struct rk_json *json, const char *key, char bracket)
{
	begin_member(json, key);
	fputc(bracket, json->out);
	if (json->depth < 15)
		json->depth++;
	json->filled[json->depth] = false;
}

void rk_json_close(struct rk_json *json, char bracket)
{
	bool filled = json->filled[json->depth];

	json->depth--;
	if (filled)
		fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
	fputc(bracket, json->out);
	if (!json->depth)
		fputc('\n', json->out);
}

void rk_json_string(struct rk_json *json, const char *key, const char *value)
{
	begin_member(json, key);
	put_string(json->out, value);
}

void rk_json_uint(struct rk_json *json, const char *key, uint64_t value)
{
	begin_member(json, key);
	fprintf(json->out, "%llu", (unsigned long long)value);
}

void rk_json_double(struct rk_json *json, const char *key, double value)
{
	char number[40];

	if (!isfinite(value)) {
		rk_json_null(json, key);
		return;
	}
	begin_member(json, key);
	rk_number_format(value, number, sizeof(number));
	fputs(number, json->out);
}

void rk_json_bool(struct rk_json *json, const char *key, bool value)
{
	begin_member(json, key);
	fputs(value ? "true" : "false", json->out);
}

void rk_json_null(struct rk_json *json, const char *key)
{
	begin_member(json, key);
	fputs("null", json->out);
}
