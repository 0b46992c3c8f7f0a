/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/prometheus_text.c - text 0.0.4 and OpenMetrics 1.0 of the registry.
 *
 * The whole answer is built before anything is sent: half an exposition is invalid. No
 * timestamps on samples.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "pipeline/metrics/metrics_state.h"

#define NS_PER_S    1000000000u
#define NUMBER_MAX  40 /* characters of a number, whatever its format */
#define BOUND_MAX   48 /* of a bound with what follows it */
#define EXACT_MAX   9007199254740992.0 /* 2^53: integers up to it are exact as doubles */
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for what is no UTF-8 */

/* A bound as it stands in every bucket line: 0.001"} */
struct bound {
	char bytes[BOUND_MAX];
	size_t length;
};

struct text {
	char *bytes;
	size_t used, size;
	bool failed;
	bool openmetrics;
	const struct rk_metric_family *family; /* whose head was written last */
	const double *bounds;		       /* those that @bound holds; NULL = none */
	struct bound bound[RK_CONFIG_BOUNDS_MAX + 1];
};

/* Where the next @more bytes may be written; NULL without memory. */
static char *reserve(struct text *text, size_t more)
{
	size_t wanted = text->size ? text->size : 16384;
	char *grown;

	if (text->failed)
		return NULL;
	while (wanted < text->used + more + 1)
		wanted *= 2;
	if (wanted == text->size)
		return text->bytes + text->used;
	grown = realloc(text->bytes, wanted);
	if (!grown) {
		text->failed = true;
		return NULL;
	}
	text->bytes = grown;
	text->size = wanted;
	return text->bytes + text->used;
}

static void put_bytes(struct text *text, const char *bytes, size_t length)
{
	char *at = reserve(text, length);

	if (!at)
		return;
	memcpy(at, bytes, length);
	at[length] = '\0';
	text->used += length;
}

static void put(struct text *text, const char *string)
{
	put_bytes(text, string, strlen(string));
}

static const char *escape_of(char c, bool quotes)
{
	if (c == '\\')
		return "\\\\";
	if (c == '\n')
		return "\\n";
	return c == '"' && quotes ? "\\\"" : NULL;
}

/* Backslash and line end always; the quote in label values and in OpenMetrics help. A name that
 * is no UTF-8 would cost the whole exposition. */
static void put_escaped(struct text *text, const char *string, bool quotes)
{
	size_t length = strlen(string), from = 0, at = 0;

	while (at < length) {
		size_t step = rk_utf8_sequence((const uint8_t *)string + at, length - at);
		const char *instead = step ? escape_of(string[at], quotes) : REPLACEMENT;

		if (instead) {
			put_bytes(text, string + from, at - from);
			put(text, instead);
			from = at + 1;
		}
		at += step ? step : 1;
	}
	put_bytes(text, string + from, length - from);
}

/* These write at @out, without a NUL. Return: the end of it. */
static char *write_text(char *out, const char *text)
{
	size_t length = strlen(text);

	memcpy(out, text, length);
	return out + length;
}

static char *write_integer(char *out, uint64_t value)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (count)
		*out++ = digits[--count];
	return out;
}

/* Whole nanoseconds as seconds: reads back as the nearest double to @ns / 1e9. */
static char *write_nanoseconds(char *out, uint64_t ns)
{
	uint64_t part = ns % NS_PER_S;

	out = write_integer(out, ns / NS_PER_S);
	if (part)
		*out++ = '.';
	for (uint64_t unit = NS_PER_S / 10; part; unit /= 10) {
		*out++ = (char)('0' + part / unit);
		part %= unit;
	}
	return out;
}

/* The shortest text that reads back as the same double, whatever the program's locale says. */
static char *write_shortest(char *out, double value)
{
	char text[NUMBER_MAX];
	char *end = out;

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	for (const char *c = text; *c; c++) {
		if (strchr("0123456789+-e", *c))
			*end++ = *c;
		else if (end == out || end[-1] != '.') /* the point may be several bytes */
			*end++ = '.';
	}
	return end;
}

/* At most NUMBER_MAX bytes. Return: the end. */
static char *write_number(char *out, double value)
{
	double size = fabs(value), ns = size * NS_PER_S;

	if (isnan(value))
		return write_text(out, "NaN");
	if (isinf(value))
		return write_text(out, value > 0 ? "+Inf" : "-Inf");
	if (signbit(value) && size > 0)
		*out++ = '-';
	if (size < EXACT_MAX && size == (double)(uint64_t)size)
		return write_integer(out, (uint64_t)size);
	/* The division is rounded as the reader of the text rounds. */
	if (ns < EXACT_MAX && (double)(uint64_t)(ns + 0.5) / NS_PER_S == size)
		return write_nanoseconds(out, (uint64_t)(ns + 0.5));
	return write_shortest(out, size);
}

static void put_number(struct text *text, double value)
{
	char number[NUMBER_MAX];

	put_bytes(text, number, (size_t)(write_number(number, value) - number));
}

/* Bounds are "1.0", not "1", in OpenMetrics; the same text serves both formats. They are the
 * name of a series, so their spelling is that of %g and stays as it is. */
static void format_bound(struct bound *bound, double value)
{
	char *end = bound->bytes;

	if (isinf(value)) {
		end = write_number(end, value);
	} else {
		end = write_shortest(end, value);
		*end = '\0';
		if (!strpbrk(bound->bytes, ".e")) {
			*end++ = '.';
			*end++ = '0';
		}
	}
	memcpy(end, "\"} ", 3);
	bound->length = (size_t)(end + 3 - bound->bytes);
}

static void keep_bounds(struct text *text, const struct rk_histogram_view *view)
{
	if (text->bounds == view->bounds)
		return;
	for (size_t i = 0; i <= view->bound_count; i++)
		format_bound(&text->bound[i],
			     i < view->bound_count ? view->bounds[i] : (double)INFINITY);
	text->bounds = view->bounds;
}

static bool ends_with(const char *string, const char *end)
{
	size_t length = strlen(string);
	size_t tail = strlen(end);

	return length > tail && strcmp(string + length - tail, end) == 0;
}

/* In OpenMetrics the family of a counter is its name without _total. */
static size_t family_length(const struct text *text, const struct rk_metric_family *family)
{
	size_t length = strlen(family->name);

	if (text->openmetrics && family->type == RK_METRIC_COUNTER &&
	    ends_with(family->name, "_total"))
		length -= sizeof("_total") - 1;
	return length;
}

static void put_head_line(struct text *text, const char *word,
			  const struct rk_metric_family *family)
{
	put(text, "# ");
	put(text, word);
	put(text, " ");
	put_bytes(text, family->name, family_length(text, family));
	put(text, " ");
}

static void put_head(struct text *text, const struct rk_metric_family *family)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	if (text->openmetrics) {
		put_head_line(text, "TYPE", family);
		put(text, types[family->type]);
		if (family->unit[0]) {
			put(text, "\n");
			put_head_line(text, "UNIT", family);
			put(text, family->unit);
		}
		put(text, "\n");
		put_head_line(text, "HELP", family);
		put_escaped(text, family->help, true);
	} else {
		put_head_line(text, "HELP", family);
		put_escaped(text, family->help, false);
		put(text, "\n");
		put_head_line(text, "TYPE", family);
		put(text, types[family->type]);
	}
	put(text, "\n");
}

/* {a="b",c="d" without the closing brace. Return: whether there is any. */
static bool put_labels(struct text *text, const struct rk_metric_point *point)
{
	bool is_any = false;

	for (int i = 0; i < RK_LABELS_MAX && point->family->labels[i]; i++) {
		if (!point->values[i])
			continue;
		put(text, is_any ? "," : "{");
		is_any = true;
		put(text, point->family->labels[i]);
		put_bytes(text, "=\"", 2);
		put_escaped(text, point->values[i], true);
		put_bytes(text, "\"", 1);
	}
	return is_any;
}

static char *write_hex(char *out, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	return out;
}

static void put_exemplar(struct text *text, const struct rk_exemplar *exemplar)
{
	char line[160];
	char *end = line;

	end = write_text(end, " # {trace_id=\"");
	end = write_hex(end, exemplar->trace_id, sizeof(exemplar->trace_id));
	end = write_text(end, "\",span_id=\"");
	end = write_hex(end, exemplar->span_id, sizeof(exemplar->span_id));
	end = write_text(end, "\"} ");
	end = write_number(end, exemplar->value);
	*end++ = ' ';
	end = write_nanoseconds(end, exemplar->unix_ns);
	put_bytes(text, line, (size_t)(end - line));
}

/* One bucket line; @start to @start + @length of what was written is its text up to the bound. */
static void put_bucket(struct text *text, size_t start, size_t length, const struct bound *bound,
		       uint64_t count)
{
	char *at = reserve(text, length + bound->length + NUMBER_MAX);

	if (!at)
		return;
	/* The first line is its own pattern. */
	if (text->used != start + length)
		at = (char *)memcpy(at, text->bytes + start, length) + length;
	at = (char *)memcpy(at, bound->bytes, bound->length) + bound->length;
	at = write_integer(at, count);
	text->used = (size_t)(at - text->bytes);
}

static void put_total(struct text *text, const struct rk_metric_point *point, const char *suffix,
		      double value)
{
	put(text, point->family->name);
	put(text, suffix);
	put(text, put_labels(text, point) ? "} " : " ");
	put_number(text, value);
	put(text, "\n");
}

static void put_histogram(struct text *text, const struct rk_metric_point *point)
{
	const struct rk_histogram_view *view = &point->histogram;
	size_t start = text->used, length;
	uint64_t total = 0;

	keep_bounds(text, view);
	put(text, point->family->name);
	put(text, "_bucket");
	put(text, put_labels(text, point) ? ",le=\"" : "{le=\"");
	length = text->used - start;
	for (size_t i = 0; i <= view->bound_count; i++) {
		const struct rk_exemplar *exemplar = view->exemplars ? &view->exemplars[i] : NULL;

		total += view->buckets[i];
		put_bucket(text, start, length, &text->bound[i], total);
		if (text->openmetrics && exemplar && exemplar->unix_ns)
			put_exemplar(text, exemplar);
		put_bytes(text, "\n", 1);
	}
	put_total(text, point, "_sum", view->sum);
	put_total(text, point, "_count", (double)view->count);
}

static void put_point(const struct rk_metric_point *point, void *data)
{
	struct text *text = data;

	if (text->family != point->family) {
		put_head(text, point->family);
		text->family = point->family;
	}
	if (point->family->type == RK_METRIC_HISTOGRAM)
		put_histogram(text, point);
	else
		put_total(text, point, "", point->value);
}

/* An info in OpenMetrics, whose family has no _info; a gauge where there is no such type. */
static void put_target(struct text *text, const struct rk_metrics *metrics)
{
	const struct rk_metric_family *family = rk_metrics_row(RK_METRIC_ID_TARGET);

	if (!metrics->target_labels)
		return;
	if (text->openmetrics)
		put(text, "# TYPE target info\n# HELP target ");
	else
		put(text, "# HELP target_info ");
	put(text, family->help);
	put(text, text->openmetrics ? "\n" : "\n# TYPE target_info gauge\n");
	put(text, "target_info{");
	put(text, metrics->target_labels);
	if (metrics->time_source) {
		put(text, ",gpu_time_source=\"");
		put(text, metrics->time_source);
		put(text, "\"");
	}
	put(text, "} 1\n");
}

ptrdiff_t rk_metrics_render(const struct rk_metrics *metrics, bool include_runtime,
			    bool openmetrics, char **out)
{
	struct text *text = calloc(1, sizeof(*text));
	ptrdiff_t length = -ENOMEM;

	*out = NULL;
	if (!text)
		return -ENOMEM;
	text->openmetrics = openmetrics;
	put(text, "");
	put_target(text, metrics);
	rk_metrics_visit(metrics, include_runtime, put_point, text);
	if (openmetrics)
		put(text, "# EOF\n");
	if (text->failed) {
		free(text->bytes);
	} else {
		*out = text->bytes;
		length = (ptrdiff_t)text->used;
	}
	free(text);
	return length;
}
