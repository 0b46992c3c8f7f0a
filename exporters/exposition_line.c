/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/exposition_line.c - what a line of text 0.0.4 says, and whether it may.
 */
#include "exporters/exposition_line.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

#define LABELS_MAX 64

struct reader {
	bool is_histogram;
	locale_t c_locale;
	const char *why; /* of what is being read */
	uint64_t seen[LABELS_MAX];
	int count;
};

/* FNV-1a, stirred: its own high bits are lazy. */
static uint64_t hash_more(uint64_t hash, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)bytes[i]) * 0x100000001b3ull;
	return hash;
}

/* Label values are the bulk of a text: eight bytes at a time. */
static uint64_t hash_value(uint64_t hash, const char *bytes, size_t length)
{
	uint64_t word;

	for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return hash_more(hash, bytes, length);
}

static uint64_t hash_end(uint64_t hash)
{
	hash ^= hash >> 32;
	return hash * 0x9e3779b97f4a7c15ull;
}

uint64_t rk_exposition_line_hash(struct rk_text_span span, const char *suffix)
{
	uint64_t hash = hash_more(0xcbf29ce484222325ull, span.at, span.length);

	return hash_end(hash_more(hash, suffix, strlen(suffix)));
}

static bool is_name_char(char c, bool is_first, bool is_label)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (c >= '0' && c <= '9' && !is_first) || (c == ':' && !is_label);
}

struct rk_text_span rk_exposition_line_name(const char *text, const char *end, bool is_label)
{
	struct rk_text_span name = { text, 0 };

	while (text + name.length < end && is_name_char(text[name.length], !name.length, is_label))
		name.length++;
	return name;
}

bool rk_exposition_line_is(struct rk_text_span span, const char *word)
{
	return span.length == strlen(word) && memcmp(span.at, word, span.length) == 0;
}

bool rk_exposition_line_starts(struct rk_text_span span, const char *start)
{
	return span.length >= strlen(start) && memcmp(span.at, start, strlen(start)) == 0;
}

/* In the C locale, whatever the program's is. */
static bool read_number(locale_t c_locale, struct rk_text_span text, double *out)
{
	char copy[64];
	char *end;

	if (!text.length || text.length >= sizeof(copy) || text.at[0] == ' ')
		return false;
	memcpy(copy, text.at, text.length);
	copy[text.length] = '\0';
	*out = strtod_l(copy, &end, c_locale);
	return !*end;
}

/* The value of a label from behind its opening quote. Return: the closing one; NULL = bad. */
static const char *skip_value(const char *at, const char *end)
{
	while (at < end && *at != '"') {
		size_t step = rk_utf8_sequence((const uint8_t *)at, (size_t)(end - at));

		if (*at == '\\') {
			if (at + 1 == end || !strchr("\\\"n", at[1]))
				return NULL;
			step = 2;
		}
		if (!step)
			return NULL;
		at += step;
	}
	return at < end ? at : NULL;
}

/* One name="value". Return: the text behind the closing quote, or NULL and reader->why. */
static const char *read_pair(struct reader *reader, const char *at, const char *end,
			     struct rk_text_span *name, struct rk_text_span *value)
{
	*name = rk_exposition_line_name(at, end, true);
	at += name->length;
	reader->why = "bad label name";
	if (!name->length || rk_exposition_line_starts(*name, "__") || end - at < 2 ||
	    at[0] != '=' || at[1] != '"')
		return NULL;
	value->at = at + 2;
	at = skip_value(value->at, end);
	reader->why = "bad label value";
	if (!at)
		return NULL;
	value->length = (size_t)(at - value->at);
	return at + 1;
}

/* Return: false and reader->why for a label that was there, and for too many. */
static bool is_new(struct reader *reader, uint64_t hash)
{
	reader->why = "a label twice";
	for (int i = 0; i < reader->count; i++) {
		if (reader->seen[i] == hash)
			return false;
	}
	reader->why = "too many labels";
	if (reader->count == LABELS_MAX)
		return false;
	reader->seen[reader->count++] = hash;
	return true;
}

/* The order of labels does not tell series apart. */
static bool take_label(struct reader *reader, struct rk_text_span name, struct rk_text_span value,
		       struct rk_exposition_sample *sample)
{
	uint64_t hash = rk_exposition_line_hash(name, "");

	if (!is_new(reader, hash))
		return false;
	hash = hash_end(hash_value(hash, value.at, value.length));
	sample->series += hash;
	if (!rk_exposition_line_is(name, "le")) {
		sample->rest += hash;
		return true;
	}
	sample->has_bound = true;
	reader->why = "bad le";
	return !reader->is_histogram ||
	       (read_number(reader->c_locale, value, &sample->bound) && !isnan(sample->bound));
}

/* Return: the text behind the closing brace, or NULL and reader->why. */
static const char *read_labels(struct reader *reader, const char *at, const char *end,
			       struct rk_exposition_sample *sample)
{
	struct rk_text_span name, value;

	while (at < end && *at != '}') {
		at = read_pair(reader, at, end, &name, &value);
		if (!at || !take_label(reader, name, value, sample))
			return NULL;
		reader->why = "no comma between labels";
		if (at < end && *at == ',')
			at++;
		else if (at < end && *at != '}')
			return NULL;
	}
	reader->why = "labels without an end";
	return at < end ? at + 1 : NULL;
}

const char *rk_exposition_line_read(struct rk_text_span line, bool is_histogram, locale_t c_locale,
				    struct rk_exposition_sample *sample)
{
	struct reader reader;
	const char *end = line.at + line.length, *at;
	struct rk_text_span value;

	reader.is_histogram = is_histogram;
	reader.c_locale = c_locale;
	reader.count = 0;
	memset(sample, 0, sizeof(*sample));
	sample->name = rk_exposition_line_name(line.at, end, false);
	if (!sample->name.length)
		return "bad metric name";
	at = line.at + sample->name.length;
	if (at < end && *at == '{') {
		at = read_labels(&reader, at + 1, end, sample);
		if (!at)
			return reader.why;
	}
	if (at == end || *at != ' ')
		return "no value";
	value = (struct rk_text_span){ at + 1, (size_t)(end - at - 1) };
	for (size_t i = 0; i < value.length; i++) {
		if (value.at[i] == ' ')
			return "something behind the value: a timestamp?";
	}
	sample->series += rk_exposition_line_hash(sample->name, "") * 3;
	return read_number(c_locale, value, &sample->value) ? NULL : "bad value";
}
