/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_line.c - the two forms of a line.
 *
 * The room for the end of the line is set aside beforehand, so that a line always has one.
 */
#include "pipeline/log/log_line.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "core/utf8.h"
#include "pipeline/log/log_text.h"

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
	struct rk_log_text text; /* its limit: without the end */
	size_t size;
	const struct rk_log_style *style;
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

static uint64_t time_of(const struct rk_log_event *event)
{
	return event->unix_ns ? event->unix_ns : event->observed_unix_ns;
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
	return line->text.limit - line->text.used;
}

/* ,"key": */
static void put_json_key(struct line *line, const char *key)
{
	rk_log_text_put(&line->text, ",");
	rk_log_text_put_quoted(&line->text, key, KEY_MAX + 32);
	rk_log_text_put(&line->text, ":");
}

static void put_json_name(struct line *line, const char *key, const char *text)
{
	if (!has(text))
		return;
	put_json_key(line, key);
	rk_log_text_put_quoted(&line->text, text, line->size / NAME_SHARE);
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
		line->text.is_cut = true;
		return;
	}
	put_json_key(line, key);
	if (quoted)
		rk_log_text_put_quoted(&line->text, value, line->size);
	else
		rk_log_text_put(&line->text, value);
}

static void put_json(struct line *line, const struct rk_log_event *event)
{
	char hex[40];

	rk_log_text_put(&line->text, "{\"timestamp\":\"");
	rk_log_text_put_time(&line->text, time_of(event), 9);
	rk_log_text_put(&line->text, "\",\"level\":\"");
	rk_log_text_put(&line->text, rk_log_line_level(event->level));
	rk_log_text_put(&line->text, "\",\"message\":");
	rk_log_text_put_quoted(&line->text, event->message, line->size / MESSAGE_SHARE - END_BYTES);
	put_json_name(line, "kernel_id", event->kernel_id);
	put_json_name(line, "domain", event->domain);
	if (event->duration_ms >= 0) {
		put_json_key(line, "duration_ms");
		rk_log_text_put_duration(&line->text, event->duration_ms);
	}
	put_json_name(line, "trace_id", rk_log_line_hex(hex, event->trace_id, 16));
	put_json_name(line, "span_id", span_hex(hex, event));
	put_json_name(line, "tenant_id", event->tenant_id);
	for (size_t i = 0; i < event->field_count; i++) {
		if (*event->fields[i].key && !rk_log_line_is_repeated(event, i))
			put_json_field(line, &event->fields[i]);
	}
	line->text.limit += END_BYTES;
	rk_log_text_put(&line->text, line->text.is_cut ? ",\"truncated\":true}\n" : "}\n");
}

static void put_color(struct line *line, const char *color)
{
	if (line->style->has_color)
		rk_log_text_put(&line->text, color);
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
	rk_log_text_put_time(&line->text, time_of(event), 6);
	put_color(line, COLOR_END);
	rk_log_text_put(&line->text, " ");
	put_color(line, color_of(event->level));
	snprintf(level, sizeof(level), "%-5s", rk_log_line_level(event->level));
	rk_log_text_put(&line->text, level);
	put_color(line, COLOR_END);
	rk_log_text_put(&line->text, " ");
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
	rk_log_text_put(&line->text, " ");
	put_color(line, COLOR_DIM);
	rk_log_text_put_escaped(&line->text, key, KEY_MAX + 32, false);
	rk_log_text_put(&line->text, "=");
	put_color(line, COLOR_END);
}

static void put_text_pair(struct line *line, const char *key, const char *text)
{
	/* The key, its colors and a little of the text. */
	if (strlen(key) > KEY_MAX + 32 || 6 * strlen(key) + 16 + CUT_LEAST > room(line)) {
		line->text.is_cut = true;
		return;
	}
	put_text_key(line, key);
	if (is_word(text))
		rk_log_text_put_escaped(&line->text, text, line->size / MESSAGE_SHARE, false);
	else
		rk_log_text_put_quoted(&line->text, text, line->size / MESSAGE_SHARE);
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
		rk_log_text_put_duration(&line->text, event->duration_ms);
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
	begin = line->text.used;
	rk_log_text_put_escaped(&line->text, event->message, line->size / MESSAGE_SHARE - END_BYTES,
				false);
	width = line->text.used - begin;
	while (!is_alone && !line->style->is_bare && width++ < MESSAGE_WIDTH)
		rk_log_text_put(&line->text, " ");
	put_text_fields(line, event);
	line->text.limit += END_BYTES;
	rk_log_text_put(&line->text, line->text.is_cut ? " truncated=true\n" : "\n");
}

size_t rk_log_line_format(char *out, size_t size, const struct rk_log_event *event,
			  const struct rk_log_style *style)
{
	struct line line = { .text = { .out = out, .limit = size - END_BYTES },
			     .size = size,
			     .style = style };

	if (style->format == RK_LOG_JSON)
		put_json(&line, event);
	else
		put_text(&line, event);
	return line.text.used;
}
