/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metric_name.c - names of the program's metrics that Prometheus and OpenMetrics
 * take.
 */
#include "pipeline/metrics/metric_name.h"

#include <stdio.h>
#include <string.h>

#define SUFFIXES_MAX 4
#define TOTAL	     "_total"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Everything else becomes _, several of them in a row one, and none is left at the end. The colon
 * belongs to recording rules.
 */
static void clean(const char *text, char *out, size_t size)
{
	size_t used = 0;

	if (is_digit(*text) && size > 2)
		out[used++] = '_';
	for (; *text && used + 1 < size; text++) {
		bool fits = is_letter(*text) || is_digit(*text);

		if (fits)
			out[used++] = *text;
		else if (!used || out[used - 1] != '_')
			out[used++] = '_';
	}
	while (used && out[used - 1] == '_')
		used--;
	out[used] = '\0';
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length > tail && strcmp(text + length - tail, end) == 0;
}

static void append(char *text, size_t size, const char *more)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length, "%s", more);
}

static const char *unit_word(enum rk_metric_type type, const char *unit)
{
	static const char *const words[][2] = {
		{ "s", "seconds" },	 { "ms", "milliseconds" }, { "us", "microseconds" },
		{ "ns", "nanoseconds" }, { "min", "minutes" },	   { "h", "hours" },
		{ "d", "days" },	 { "By", "bytes" },	   { "KiBy", "kibibytes" },
		{ "MiBy", "mebibytes" }, { "GiBy", "gibibytes" },  { "kBy", "kilobytes" },
		{ "MBy", "megabytes" },	 { "GBy", "gigabytes" },   { "By/s", "bytes_per_second" },
		{ "bit", "bits" },	 { "%", "percent" },	   { "Hz", "hertz" },
		{ "J", "joules" },	 { "W", "watts" },	   { "Cel", "celsius" },
		{ "V", "volts" },	 { "A", "amperes" },	   { "m", "meters" },
	};

	if (strcmp(unit, "1") == 0)
		return type == RK_METRIC_GAUGE ? "ratio" : "";
	if (*unit == '{') /* an annotation: what is counted */
		return "";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(unit, words[i][0]) == 0)
			return words[i][1];
	}
	return unit;
}

bool rk_metric_name_make(enum rk_metric_type type, const char *name, const char *unit,
			 char out[RK_METRIC_NAME_BYTES], char unit_out[RK_METRIC_UNIT_BYTES])
{
	const size_t room = RK_METRIC_NAME_BYTES - RK_METRIC_UNIT_BYTES - sizeof(TOTAL);
	char end[RK_METRIC_UNIT_BYTES + 1];

	clean(name, out, room);
	clean(unit_word(type, unit), unit_out, RK_METRIC_UNIT_BYTES);
	while (ends_with(out, TOTAL))
		out[strlen(out) - strlen(TOTAL)] = '\0';
	if (!strpbrk(out, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
		return false;
	snprintf(end, sizeof(end), "_%s", unit_out);
	if (*unit_out && !ends_with(out, end) && strcmp(out, unit_out) != 0)
		append(out, RK_METRIC_NAME_BYTES, end);
	if (*unit_out && !ends_with(out, end))
		*unit_out = '\0'; /* the name is the unit: OpenMetrics wants more in front of it */
	if (type == RK_METRIC_COUNTER)
		append(out, RK_METRIC_NAME_BYTES, TOTAL);
	return true;
}

bool rk_metric_name_label(const char *label, char out[RK_METRIC_NAME_BYTES])
{
	char name[RK_METRIC_NAME_BYTES - 1];
	bool is_taken;

	clean(label, name, sizeof(name));
	is_taken = strcmp(name, "le") == 0 || strcmp(name, "quantile") == 0;
	snprintf(out, RK_METRIC_NAME_BYTES, "%s%s", is_taken ? "_" : "", name);
	return *name;
}

/* The name without _total, and what the samples of a family have behind it. */
static size_t base_of(const struct rk_metric_family *family, const char *suffixes[SUFFIXES_MAX])
{
	static const char *const by_type[][SUFFIXES_MAX] = {
		[RK_METRIC_COUNTER] = { "", TOTAL, "_created", "" },
		[RK_METRIC_GAUGE] = { "", "", "", "" },
		[RK_METRIC_HISTOGRAM] = { "", "_bucket", "_count", "_sum" },
	};
	size_t length = strlen(family->name);

	memcpy(suffixes, by_type[family->type], sizeof(by_type[0]));
	if (family->type == RK_METRIC_COUNTER && ends_with(family->name, TOTAL))
		length -= strlen(TOTAL);
	return length;
}

bool rk_metric_name_clashes(const struct rk_metric_family *a, const struct rk_metric_family *b)
{
	const char *ends_a[SUFFIXES_MAX], *ends_b[SUFFIXES_MAX];
	int length_a = (int)base_of(a, ends_a), length_b = (int)base_of(b, ends_b);
	char one[2 * RK_METRIC_NAME_BYTES], other[2 * RK_METRIC_NAME_BYTES];

	/* Names that differ early differ with every suffix. */
	if (strncmp(a->name, b->name, (size_t)(length_a < length_b ? length_a : length_b)) != 0)
		return false;
	for (int i = 0; i < SUFFIXES_MAX; i++) {
		snprintf(one, sizeof(one), "%.*s%s", length_a, a->name, ends_a[i]);
		for (int j = 0; j < SUFFIXES_MAX; j++) {
			snprintf(other, sizeof(other), "%.*s%s", length_b, b->name, ends_b[j]);
			if (strcmp(one, other) == 0)
				return true;
		}
	}
	return false;
}
