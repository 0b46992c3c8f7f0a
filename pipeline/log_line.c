/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log_line.c - a bounded writer, and the two forms of a line.
 *
 * Every part is put whole or cut at the border of a character; the room for the end of the
 * line is set aside beforehand, so that a line always has one.
 */
#include "pipeline/log_line.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "core/utf8.h"

#define NS_PER_S	1000000000u
#define SECONDS_PER_DAY 86400u
/* "truncated":true and the end of a line, of either form, colors included. */
#define END_BYTES 64u
/* Of the size of a line: what one of the fixed texts may take at most. */
#define MESSAGE_SHARE 2u
#define NAME_SHARE    8u
#define MESSAGE_WIDTH 26 /* "Kernel execution complete", and a blank */
#define KEY_MAX	      128u
/* A text of which less than this would be left is not worth its key. */
#define CUT_LEAST 32u

#define COLOR_END "\033[0m"
#define COLOR_DIM "\033[2m"

static const char *const fixed_keys[] = {
	"timestamp",   "level",	   "message", "kernel_id", "domain",
	"duration_ms", "trace_id", "span_id", "tenant_id", "truncated",
};

struct line {
	char *out;
	size_t used, limit; /* limit: without the end */
	size_t size;
	const struct rk_log_style *style;
	bool is_cut;
};

const char *rk_log_line_level(enum rk_log_level level)
{
	static const char *const names[] = {
		[RK_LOG_ERROR] = "ERROR", [RK_LOG_WARN] = "WARN",   [RK_LOG_INFO] = "INFO",
		[RK_LOG_DEBUG] = "DEBUG", [RK_LOG_TRACE] = "TRACE",
	};

	return level < RK_LOG_ERROR || level > RK_LOG_TRACE ? "INFO" : names[level];
}

const char *rk_log_line_hex(char *out, const uint8_t *id, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++) {
		any |= id[i];
		out[2 * i] = digits[id[i] >> 4];
		out[2 * i + 1] = digits[id[i] & 15];
	}
	out[any ? 2 * size : 0] = '\0';
	return out;
}

const char *rk_log_line_key(const char *key, char out[160])
{
	static const char prefix[] = "field.";
	const char *rest = key;

	while (strncmp(rest, prefix, sizeof(prefix) - 1) == 0)
		rest += sizeof(prefix) - 1;
	for (size_t i = 0; i < sizeof(fixed_keys) / sizeof(fixed_keys[0]); i++) {
		if (strcmp(rest, fixed_keys[i]) == 0) {
			snprintf(out, 160, "%s%s", prefix, key);
			return out;
		}
	}
	return key;
}

/* As they are shown: what is no UTF-8 is '?'. */
static bool is_same_key(const char *a, const char *b)
{
	while (*a && *b) {
		size_t a_step = rk_utf8_sequence((const uint8_t *)a, strnlen(a, 4));
		size_t b_step = rk_utf8_sequence((const uint8_t *)b, strnlen(b, 4));

		if (a_step && b_step ? a_step != b_step || memcmp(a, b, a_step) != 0 :
				       (a_step ? *a : '?') != (b_step ? *b : '?'))
			return false;
		a += a_step ? a_step : 1;
		b += b_step ? b_step : 1;
	}
	return *a == *b;
}

bool rk_log_line_is_repeated(const struct rk_log_event *event, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (is_same_key(event->fields[i].key, event->fields[index].key))
			return true;
	}
	return false;
}

static bool is_text(const struct rk_log_field *field)
{
	return field->value == RK_LOG_VALUE_AUTO && field->text;
}

const char *rk_log_line_value(const struct rk_log_field *field, char out[40])
{
	if (field->value == RK_LOG_VALUE_BOOL)
		return field->integer ? "true" : "false";
	if (field->value == RK_LOG_VALUE_INTEGER)
		snprintf(out, 40, "%" PRId64, field->integer);
	else if (field->text)
		return field->text;
	else if (isnan(field->number))
		return "NaN";
	else if (isinf(field->number))
		return field->number > 0 ? "Infinity" : "-Infinity";
	else
		rk_number_format(field->number, out, 40);
	return out;
}

/* A number that JSON has no form for is a text. */
static bool is_quoted(const struct rk_log_field *field)
{
	return is_text(field) || (field->value == RK_LOG_VALUE_AUTO && !isfinite(field->number));
}

static void put_bytes(struct line *line, const char *bytes, size_t length)
{
	if (length > line->limit - line->used) {
		line->is_cut = true;
		return;
	}
	memcpy(line->out + line->used, bytes, length);
	line->used += length;
}

static void put(struct line *line, const char *text)
{
	put_bytes(line, text, strlen(text));
}

static bool is_control(const uint8_t *at, size_t length)
{
	/* C1 as well: a terminal takes U+009B for an escape sequence. */
	return length == 1 ? *at < 0x20 || *at == 0x7f :
			     length == 2 && at[0] == 0xc2 && at[1] < 0xa0;
}

/* One character as it may stand in a line, in quotes or not. Return: bytes in @out. */
static size_t escape(char out[8], const uint8_t *at, size_t length, bool in_quotes)
{
	static const char plain[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
	const char *found = length == 1 && *at ? strchr(plain, *at) : NULL;

	if (found && !in_quotes && strchr("\"\\", *found))
		found = NULL;

	if (found) {
		out[0] = '\\';
		out[1] = letters[found - plain];
		return 2;
	}
	if (is_control(at, length))
		return (size_t)snprintf(out, 8, "\\u%04x", length == 1 ? at[0] : at[1]);
	memcpy(out, at, length);
	return length;
}

/* Bytes at the front of @text, @most at most, that stand for themselves anywhere. */
static size_t plain_run(const uint8_t *at, size_t most)
{
	size_t length = 0;

	while (length < most && at[length] >= 0x20 && at[length] < 0x7f && at[length] != '"' &&
	       at[length] != '\\')
		length++;
	return length;
}

/* One character; what is no UTF-8 becomes '?'. Return: its bytes in the text; 0: no room. */
static size_t put_character(struct line *line, const uint8_t *at, size_t end, bool in_quotes)
{
	char part[8] = "?";
	size_t step = rk_utf8_sequence(at, strnlen((const char *)at, 4));
	size_t length = step ? escape(part, at, step, in_quotes) : 1;

	if (length > end - line->used) {
		line->is_cut = true;
		return 0;
	}
	memcpy(line->out + line->used, part, length);
	line->used += length;
	return step ? step : 1;
}

/* @text in at most @most bytes. */
static void put_escaped(struct line *line, const char *text, size_t most, bool in_quotes)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t end = line->limit - line->used < most ? line->limit : line->used + most;
	size_t step;

	do {
		size_t run = plain_run(at, end - line->used);

		memcpy(line->out + line->used, at, run);
		line->used += run;
		at += run;
		step = *at ? put_character(line, at, end, in_quotes) : 0;
		at += step;
	} while (step);
}

static void put_quoted(struct line *line, const char *text, size_t most)
{
	line->limit--; /* the closing quote */
	put(line, "\"");
	put_escaped(line, text, most, true);
	line->limit++;
	put(line, "\"");
}

/* @digits of @value, zeros in front, and @end behind. printf() would be most of a line's cost. */
static void put_digits(struct line *line, uint64_t value, int digits, const char *end)
{
	char text[16];

	for (int i = digits - 1; i >= 0; i--) {
		text[i] = (char)('0' + value % 10);
		value /= 10;
	}
	put_bytes(line, text, (size_t)digits);
	put(line, end);
}

/* Days since 1970 as a date, after Howard Hinnant: gmtime() may take a lock of the program's. */
static void put_date(struct line *line, uint64_t days)
{
	uint64_t shifted = days + 719468; /* since 0000-03-01 */
	uint64_t era = shifted / 146097, day_of_era = shifted % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t from_march = (5 * day_of_year + 2) / 153;
	uint64_t month = from_march < 10 ? from_march + 3 : from_march - 9;

	put_digits(line, year_of_era + era * 400 + (month <= 2), 4, "-");
	put_digits(line, month, 2, "-");
	put_digits(line, day_of_year - (153 * from_march + 2) / 5 + 1, 2, "T");
}

static void put_time(struct line *line, const struct rk_log_event *event, int digits)
{
	uint64_t ns = event->unix_ns ? event->unix_ns : event->observed_unix_ns;
	uint64_t seconds = ns / NS_PER_S, of_day = seconds % SECONDS_PER_DAY;

	put_date(line, seconds / SECONDS_PER_DAY);
	put_digits(line, of_day / 3600, 2, ":");
	put_digits(line, of_day / 60 % 60, 2, ":");
	put_digits(line, of_day % 60, 2, ".");
	put_digits(line, digits == 9 ? ns % NS_PER_S : ns % NS_PER_S / 1000, digits, "Z");
}

/* To the nanosecond, without zeros at the end. */
static void put_duration(struct line *line, double duration_ms)
{
	char text[40];
	size_t length;

	if (duration_ms > 1e12) {
		rk_number_format(duration_ms, text, sizeof(text));
	} else {
		uint64_t ns = (uint64_t)(duration_ms * 1e6 + 0.5);

		length = (size_t)snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64,
					  ns / 1000000, ns % 1000000);
		while (text[length - 1] == '0')
			length--;
		if (text[length - 1] == '.')
			length--;
		text[length] = '\0';
	}
	put(line, text);
}

/* A span without a trace says nothing. */
static const char *span_hex(char out[40], const struct rk_log_event *event)
{
	rk_log_line_hex(out, event->trace_id, 16);
	return *out ? rk_log_line_hex(out, event->span_id, 8) : out;
}

static bool has(const char *text)
{
	return text && *text;
}

static size_t room(const struct line *line)
{
	return line->limit - line->used;
}

/* ,"key": */
static void put_json_key(struct line *line, const char *key)
{
	put(line, ",");
	put_quoted(line, key, KEY_MAX + 32);
	put(line, ":");
}

static void put_json_name(struct line *line, const char *key, const char *text)
{
	if (!has(text))
		return;
	put_json_key(line, key);
	put_quoted(line, text, line->size / NAME_SHARE);
}

static void put_json_field(struct line *line, const struct rk_log_field *field)
{
	char renamed[160], number[40];
	const char *key = rk_log_line_key(field->key, renamed);
	const char *value = rk_log_line_value(field, number);
	size_t key_length = strlen(key);
	bool quoted = is_quoted(field);

	/* Escaping makes six bytes of one at most. */
	if (key_length > KEY_MAX ||
	    6 * key_length + 6 + (quoted ? CUT_LEAST : strlen(value)) > room(line)) {
		line->is_cut = true;
		return;
	}
	put_json_key(line, key);
	if (quoted)
		put_quoted(line, value, line->size);
	else
		put(line, value);
}

static void put_json(struct line *line, const struct rk_log_event *event)
{
	char hex[40];

	put(line, "{\"timestamp\":\"");
	put_time(line, event, 9);
	put(line, "\",\"level\":\"");
	put(line, rk_log_line_level(event->level));
	put(line, "\",\"message\":");
	put_quoted(line, event->message, line->size / MESSAGE_SHARE - END_BYTES);
	put_json_name(line, "kernel_id", event->kernel_id);
	put_json_name(line, "domain", event->domain);
	if (event->duration_ms >= 0) {
		put_json_key(line, "duration_ms");
		put_duration(line, event->duration_ms);
	}
	put_json_name(line, "trace_id", rk_log_line_hex(hex, event->trace_id, 16));
	put_json_name(line, "span_id", span_hex(hex, event));
	put_json_name(line, "tenant_id", event->tenant_id);
	for (size_t i = 0; i < event->field_count; i++) {
		if (*event->fields[i].key && !rk_log_line_is_repeated(event, i))
			put_json_field(line, &event->fields[i]);
	}
	line->limit += END_BYTES;
	put(line, line->is_cut ? ",\"truncated\":true}\n" : "}\n");
}

static void put_color(struct line *line, const char *color)
{
	if (line->style->has_color)
		put(line, color);
}

static const char *color_of(enum rk_log_level level)
{
	switch (level) {
	case RK_LOG_ERROR:
		return "\033[31m";
	case RK_LOG_WARN:
		return "\033[33m";
	case RK_LOG_INFO:
		return "\033[32m";
	default:
		return "\033[34m";
	}
}

static void put_text_head(struct line *line, const struct rk_log_event *event)
{
	char level[8];

	put_color(line, COLOR_DIM);
	put_time(line, event, 6);
	put_color(line, COLOR_END);
	put(line, " ");
	put_color(line, color_of(event->level));
	snprintf(level, sizeof(level), "%-5s", rk_log_line_level(event->level));
	put(line, level);
	put_color(line, COLOR_END);
	put(line, " ");
}

/* A word needs no quotes. */
static bool is_word(const char *text)
{
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c <= ' ' || strchr("\"\\=\x7f", *c))
			return false;
	}
	return *text;
}

static void put_text_key(struct line *line, const char *key)
{
	put(line, " ");
	put_color(line, COLOR_DIM);
	put_escaped(line, key, KEY_MAX + 32, false);
	put(line, "=");
	put_color(line, COLOR_END);
}

static void put_text_pair(struct line *line, const char *key, const char *text)
{
	/* The key, its colors and a little of the text. */
	if (strlen(key) > KEY_MAX + 32 || 6 * strlen(key) + 16 + CUT_LEAST > room(line)) {
		line->is_cut = true;
		return;
	}
	put_text_key(line, key);
	if (is_word(text))
		put_escaped(line, text, line->size / MESSAGE_SHARE, false);
	else
		put_quoted(line, text, line->size / MESSAGE_SHARE);
}

static void put_text_name(struct line *line, const char *key, const char *text)
{
	if (has(text))
		put_text_pair(line, key, text);
}

static void put_text_fields(struct line *line, const struct rk_log_event *event)
{
	char hex[40], number[40], renamed[160];

	put_text_name(line, "kernel_id", event->kernel_id);
	put_text_name(line, "domain", event->domain);
	if (event->duration_ms >= 0) {
		put_text_key(line, "duration_ms");
		put_duration(line, event->duration_ms);
	}
	put_text_name(line, "trace_id", rk_log_line_hex(hex, event->trace_id, 16));
	put_text_name(line, "span_id", span_hex(hex, event));
	put_text_name(line, "tenant_id", event->tenant_id);
	for (size_t i = 0; i < event->field_count; i++) {
		const struct rk_log_field *field = &event->fields[i];

		if (*field->key && !rk_log_line_is_repeated(event, i))
			put_text_pair(line, rk_log_line_key(field->key, renamed),
				      rk_log_line_value(field, number));
	}
}

static void put_text(struct line *line, const struct rk_log_event *event)
{
	size_t begin, width;
	bool is_alone = !has(event->kernel_id) && !has(event->domain) && event->duration_ms < 0 &&
			!event->field_count;

	if (!line->style->is_bare)
		put_text_head(line, event);
	begin = line->used;
	put_escaped(line, event->message, line->size / MESSAGE_SHARE - END_BYTES, false);
	width = line->used - begin;
	while (!is_alone && !line->style->is_bare && width++ < MESSAGE_WIDTH)
		put(line, " ");
	put_text_fields(line, event);
	line->limit += END_BYTES;
	put(line, line->is_cut ? " truncated=true\n" : "\n");
}

size_t rk_log_line_format(char *out, size_t size, const struct rk_log_event *event,
			  const struct rk_log_style *style)
{
	struct line line = { .out = out, .limit = size - END_BYTES, .size = size, .style = style };

	if (style->format == RK_LOG_JSON)
		put_json(&line, event);
	else
		put_text(&line, event);
	return line.used;
}
