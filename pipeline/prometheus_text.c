/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/prometheus_text.c - text 0.0.4 and OpenMetrics 1.0 of the registry.
 *
 * The whole answer is built before anything is sent: half an exposition is invalid. No
 * timestamps on samples.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/metrics.h"

struct text {
	char *bytes;
	size_t used, size;
	bool failed;
	bool openmetrics;
	const struct rk_metric_family *family; /* whose head was written last */
};

static bool reserve(struct text *text, size_t more)
{
	size_t wanted = text->size ? text->size : 16384;
	char *grown;

	if (text->failed)
		return false;
	while (wanted < text->used + more + 1)
		wanted *= 2;
	if (wanted == text->size)
		return true;
	grown = realloc(text->bytes, wanted);
	if (!grown) {
		text->failed = true;
		return false;
	}
	text->bytes = grown;
	text->size = wanted;
	return true;
}

static void put_bytes(struct text *text, const char *bytes, size_t length)
{
	if (!reserve(text, length))
		return;
	memcpy(text->bytes + text->used, bytes, length);
	text->used += length;
	text->bytes[text->used] = '\0';
}

static void put(struct text *text, const char *string)
{
	put_bytes(text, string, strlen(string));
}

/* Backslash and line end always; the quote in label values and in OpenMetrics help. */
static void put_escaped(struct text *text, const char *string, bool quotes)
{
	for (; *string; string++) {
		if (*string == '\\')
			put(text, "\\\\");
		else if (*string == '\n')
			put(text, "\\n");
		else if (*string == '"' && quotes)
			put(text, "\\\"");
		else
			put_bytes(text, string, 1);
	}
}

/* The shortest text that reads back as the same double. */
static void format_number(char *out, size_t size, double value)
{
	if (isnan(value) || isinf(value)) {
		snprintf(out, size, "%s", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, size, "%.*g", digits, value);
		if (strtod(out, NULL) == value)
			break;
	}
	/* A program may have a locale with a decimal comma. */
	for (char *c = out; *c; c++) {
		if (*c == ',')
			*c = '.';
	}
}

static void put_number(struct text *text, double value)
{
	char number[40];

	format_number(number, sizeof(number), value);
	put(text, number);
}

/* Bounds are "1.0", not "1", in OpenMetrics; the same text serves both formats. */
static void put_bound(struct text *text, double value)
{
	char number[40];

	format_number(number, sizeof(number), value);
	put(text, number);
	if (!strpbrk(number, ".eI"))
		put(text, ".0");
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

/* {a="b",c="d"}; @bound is the le of a bucket, NULL = none. */
static void put_labels(struct text *text, const struct rk_metric_point *point, const double *bound)
{
	const char *separator = "{";

	for (int i = 0; i < RK_LABELS_MAX && point->family->labels[i]; i++) {
		put(text, separator);
		put(text, point->family->labels[i]);
		put(text, "=\"");
		put_escaped(text, point->values[i] ? point->values[i] : "", true);
		put(text, "\"");
		separator = ",";
	}
	if (bound) {
		put(text, separator);
		put(text, "le=\"");
		put_bound(text, *bound);
		put(text, "\"");
		separator = ",";
	}
	if (separator[0] == ',')
		put(text, "}");
}

static void put_hex(struct text *text, const uint8_t *bytes, size_t count)
{
	char pair[3];

	for (size_t i = 0; i < count; i++) {
		snprintf(pair, sizeof(pair), "%02x", bytes[i]);
		put(text, pair);
	}
}

static void put_exemplar(struct text *text, const struct rk_exemplar *exemplar)
{
	char when[40];

	if (!text->openmetrics || !exemplar->unix_ns)
		return;
	put(text, " # {trace_id=\"");
	put_hex(text, exemplar->trace_id, sizeof(exemplar->trace_id));
	put(text, "\",span_id=\"");
	put_hex(text, exemplar->span_id, sizeof(exemplar->span_id));
	put(text, "\"} ");
	put_number(text, exemplar->value);
	snprintf(when, sizeof(when), " %llu.%09llu",
		 (unsigned long long)(exemplar->unix_ns / 1000000000u),
		 (unsigned long long)(exemplar->unix_ns % 1000000000u));
	put(text, when);
}

static void put_histogram(struct text *text, const struct rk_metric_point *point)
{
	const struct rk_histogram_view *view = &point->histogram;
	uint64_t total = 0;

	for (size_t i = 0; i <= view->bound_count; i++) {
		double bound = i < view->bound_count ? view->bounds[i] : (double)INFINITY;

		total += view->buckets[i];
		put(text, point->family->name);
		put(text, "_bucket");
		put_labels(text, point, &bound);
		put(text, " ");
		put_number(text, (double)total);
		if (view->exemplars)
			put_exemplar(text, &view->exemplars[i]);
		put(text, "\n");
	}
	put(text, point->family->name);
	put(text, "_sum");
	put_labels(text, point, NULL);
	put(text, " ");
	put_number(text, view->sum);
	put(text, "\n");
	put(text, point->family->name);
	put(text, "_count");
	put_labels(text, point, NULL);
	put(text, " ");
	put_number(text, (double)view->count);
	put(text, "\n");
}

static void put_point(const struct rk_metric_point *point, void *data)
{
	struct text *text = data;

	if (text->family != point->family) {
		put_head(text, point->family);
		text->family = point->family;
	}
	if (point->family->type == RK_METRIC_HISTOGRAM) {
		put_histogram(text, point);
		return;
	}
	put(text, point->family->name);
	put_labels(text, point, NULL);
	put(text, " ");
	put_number(text, point->value);
	put(text, "\n");
}

ptrdiff_t rk_metrics_render(const struct rk_metrics *metrics, bool include_runtime,
			    bool openmetrics, char **out)
{
	struct text text = { .openmetrics = openmetrics };

	*out = NULL;
	put(&text, "");
	rk_metrics_visit(metrics, include_runtime, put_point, &text);
	if (openmetrics)
		put(&text, "# EOF\n");
	if (text.failed) {
		free(text.bytes);
		return -ENOMEM;
	}
	*out = text.bytes;
	return (ptrdiff_t)text.used;
}
