/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_value.c - one parser and one printer per type of the table.
 */
#include "core/config_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/config_form.h"
#include "core/number.h"

#define TEXT_MAX 4096 /* of one value; a URL or a list of attributes is far below */

struct choice {
	const char *name;
	int value;
	bool alias; /* accepted, not offered */
};

static const struct choice presets[] = {
	{ "none", RK_PRESET_NONE, true },
	{ "development", RK_PRESET_DEVELOPMENT, false },
	{ "production", RK_PRESET_PRODUCTION, false },
	{ "minimal", RK_PRESET_MINIMAL, false },
	{ NULL, 0, false },
};
static const struct choice protocols[] = {
	{ "auto", RK_PROTOCOL_AUTO, false },
	{ "grpc", RK_PROTOCOL_GRPC, false },
	{ "http/protobuf", RK_PROTOCOL_HTTP_PROTOBUF, false },
	{ "http/json", RK_PROTOCOL_HTTP_JSON, false },
	{ NULL, 0, false },
};
static const struct choice compressions[] = {
	{ "gzip", RK_COMPRESSION_GZIP, false },
	{ "none", RK_COMPRESSION_NONE, false },
	{ NULL, 0, false },
};
static const struct choice levels[] = {
	{ "error", RK_LOG_ERROR, false }, { "warn", RK_LOG_WARN, false },
	{ "info", RK_LOG_INFO, false },	  { "debug", RK_LOG_DEBUG, false },
	{ "trace", RK_LOG_TRACE, false }, { "off", RK_LOG_OFF, false },
	{ "warning", RK_LOG_WARN, true }, { "none", RK_LOG_OFF, true },
	{ "fatal", RK_LOG_ERROR, true },  { NULL, 0, false },
};
static const struct choice log_formats[] = {
	{ "text", RK_LOG_TEXT, false },
	{ "json", RK_LOG_JSON, false },
	{ NULL, 0, false },
};
static const struct choice graph_traces[] = {
	{ "node", RK_GRAPH_NODE, false },
	{ "graph", RK_GRAPH_GRAPH, false },
	{ NULL, 0, false },
};

static const struct choice samplers[] = {
	{ "always_on", RK_SAMPLER_ALWAYS_ON, false },
	{ "always_off", RK_SAMPLER_ALWAYS_OFF, false },
	{ "traceidratio", RK_SAMPLER_RATIO, false },
	{ "parentbased_always_on", RK_SAMPLER_PARENT_ALWAYS_ON, false },
	{ "parentbased_always_off", RK_SAMPLER_PARENT_ALWAYS_OFF, false },
	{ "parentbased_traceidratio", RK_SAMPLER_PARENT_RATIO, false },
	{ NULL, 0, false },
};
static const struct choice temporalities[] = {
	{ "cumulative", RK_TEMPORALITY_CUMULATIVE, false },
	{ "delta", RK_TEMPORALITY_DELTA, false },
	{ "lowmemory", RK_TEMPORALITY_LOW_MEMORY, false },
	{ NULL, 0, false },
};
static const struct choice histograms[] = {
	{ "explicit_bucket_histogram", RK_HISTOGRAM_EXPLICIT, false },
	{ "base2_exponential_bucket_histogram", RK_HISTOGRAM_EXPONENTIAL, false },
	{ NULL, 0, false },
};
static const struct choice exemplars[] = {
	{ "trace_based", RK_EXEMPLARS_TRACE_BASED, false },
	{ "always_on", RK_EXEMPLARS_ALWAYS_ON, false },
	{ "always_off", RK_EXEMPLARS_ALWAYS_OFF, false },
	{ NULL, 0, false },
};
static const struct choice stacks[] = {
	{ "off", RK_STACKS_OFF, false },
	{ "alloc", RK_STACKS_ALLOC, false },
	{ "sampled", RK_STACKS_SAMPLED, false },
	{ "all", RK_STACKS_ALL, false },
	{ NULL, 0, false },
};

static const struct choice recording[] = {
	{ "now", RK_RECORDING_START_NOW, false },
	{ "dormant", RK_RECORDING_START_DORMANT, false },
	{ "profiler", RK_RECORDING_START_PROFILER, false },
	{ NULL, 0, false },
};

static const struct choice *choices_of(enum rk_config_type kind)
{
	switch (kind) {
	case RK_TYPE_ENUM_PRESET:
		return presets;
	case RK_TYPE_ENUM_PROTOCOL:
		return protocols;
	case RK_TYPE_ENUM_COMPRESSION:
		return compressions;
	case RK_TYPE_ENUM_LEVEL:
		return levels;
	case RK_TYPE_ENUM_LOG_FORMAT:
		return log_formats;
	case RK_TYPE_ENUM_GRAPH:
		return graph_traces;
	case RK_TYPE_ENUM_SAMPLER:
		return samplers;
	case RK_TYPE_ENUM_TEMPORALITY:
		return temporalities;
	case RK_TYPE_ENUM_HISTOGRAM:
		return histograms;
	case RK_TYPE_ENUM_EXEMPLARS:
		return exemplars;
	case RK_TYPE_ENUM_STACKS:
		return stacks;
	case RK_TYPE_ENUM_RECORDING:
		return recording;
	default:
		return NULL;
	}
}

bool rk_config_parse_bool(const char *text, bool *value)
{
	static const char *const yes[] = { "1", "true", "yes", "on" };
	static const char *const no[] = { "0", "false", "no", "off" };

	for (size_t i = 0; i < 4; i++) {
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*value = strcasecmp(text, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

bool rk_config_parse_number(const char *text, double *value)
{
	const char *end;

	return rk_number_parse(text, value, &end) && !*end;
}

bool rk_config_parse_duration(const char *text, uint64_t *ns)
{
	return rk_number_parse_units(text, rk_number_durations, ns);
}

bool rk_config_parse_size(const char *text, uint64_t *bytes)
{
	return rk_number_parse_units(text, rk_number_sizes, bytes) ||
	       rk_number_parse_uint(text, bytes);
}

static bool find_choice(const struct choice *choice, const char *text, int *value)
{
	for (; choice->name; choice++) {
		if (strcasecmp(choice->name, text) == 0) {
			*value = choice->value;
			return true;
		}
	}
	return false;
}

bool rk_config_parse_level(const char *text, enum rk_log_level *level)
{
	int value;

	if (!find_choice(levels, text, &value))
		return false;
	*level = (enum rk_log_level)value;
	return true;
}

static bool read_ratio(const char *text, enum rk_config_dialect dialect, double *out)
{
	const char *end;

	if (!rk_number_parse(text, out, &end))
		return false;
	if (dialect == RK_DIALECT_OURS && *end == '%' && !end[1])
		*out /= 100;
	else if (*end)
		return false;
	return *out <= 1;
}

/* Rising numbers, separated by commas or blanks. */
static bool read_bounds(const char *text, struct rk_bounds *bounds)
{
	struct rk_bounds b = { 0 };

	for (;;) {
		text += strspn(text, ", \t[]");
		if (!*text)
			break;
		if (b.count == RK_CONFIG_BOUNDS_MAX ||
		    !rk_number_parse(text, &b.at[b.count], &text))
			return false;
		if (*text && !strchr(", \t[]", *text))
			return false;
		if (b.count && b.at[b.count] <= b.at[b.count - 1])
			return false;
		b.count++;
	}
	if (!b.count)
		return false;
	*bounds = b;
	return true;
}

static int parse_text(const struct rk_config_row *row, const char *text, void *value,
		      struct rk_arena *arena)
{
	const struct rk_config_form *form = rk_config_form(row->limits);
	size_t length = strlen(text);
	const char *copy;

	if (length >= TEXT_MAX)
		return -ERANGE;
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return -EINVAL;
	}
	/* Empty is "not wanted" wherever that is the default. */
	if (form->check && (length || *row->default_value) && !form->check(text))
		return -EINVAL;
	if (rk_config_form_is_off(form, text))
		length = 0; /* off */
	copy = rk_arena_copy(arena, text, length);
	if (!copy)
		return -ENOMEM;
	*(const char **)value = copy;
	return 0;
}

static bool read_number(const struct rk_config_row *row, const char *text,
			enum rk_config_dialect dialect, uint64_t *out)
{
	if (row->kind == RK_TYPE_SIZE)
		return rk_number_parse_units(text, rk_number_sizes, out) ||
		       rk_number_parse_uint(text, out);
	if (row->kind == RK_TYPE_DURATION && dialect == RK_DIALECT_OURS)
		return rk_number_parse_units(text, rk_number_durations, out);
	if (!rk_number_parse_uint(text, out))
		return false;
	if (row->kind == RK_TYPE_DURATION) {
		if (*out > 9000000000000u)
			return false;
		*out *= 1000000;
	}
	return true;
}

/* The two words of a row's limits; a missing one has no bound. */
static void read_limits(const struct rk_config_row *row, char least[32], char most[32])
{
	least[0] = most[0] = '\0';
	(void)sscanf(row->limits, "%31s %31s", least, most);
}

static bool is_within(const struct rk_config_row *row, uint64_t number)
{
	char least[32], most[32];
	uint64_t bound;

	read_limits(row, least, most);
	if (*least && read_number(row, least, RK_DIALECT_OURS, &bound) && number < bound)
		return false;
	return !*most || !read_number(row, most, RK_DIALECT_OURS, &bound) || number <= bound;
}

static int parse_number(const struct rk_config_row *row, const char *text,
			enum rk_config_dialect dialect, uint64_t *value)
{
	uint64_t number;

	if (!read_number(row, text, dialect, &number))
		return -EINVAL;
	if (!is_within(row, number))
		return -ERANGE;
	*value = number;
	return 0;
}

static int parse_choice(const struct rk_config_row *row, const char *text, void *value)
{
	int number;

	if (!find_choice(choices_of(row->kind), text, &number))
		return -EINVAL;
	memcpy(value, &number, sizeof(number)); /* every enum of ours is an int wide */
	return 0;
}

_Static_assert(sizeof(enum rk_preset) == sizeof(int) && sizeof(enum rk_log_level) == sizeof(int),
	       "enums are stored as int");

/* OTEL: only "true" is true; everything else than "false" deserves a word, and is false. */
static int parse_bool(const char *text, enum rk_config_dialect dialect, bool *value)
{
	if (dialect == RK_DIALECT_OURS)
		return rk_config_parse_bool(text, value) ? 0 : -EINVAL;
	if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
		return -EINVAL;
	*value = strcasecmp(text, "true") == 0;
	return 0;
}

static int parse_ratio(const char *text, enum rk_config_dialect dialect, double *value)
{
	double ratio;

	if (!read_ratio(text, dialect, &ratio))
		return -EINVAL;
	*value = ratio;
	return 0;
}

static int parse_trimmed(const struct rk_config_row *row, const char *text,
			 enum rk_config_dialect dialect, void *value)
{
	switch (row->kind) {
	case RK_TYPE_BOOL:
		return parse_bool(text, dialect, value);
	case RK_TYPE_UINT:
	case RK_TYPE_SIZE:
	case RK_TYPE_DURATION:
		return parse_number(row, text, dialect, value);
	case RK_TYPE_RATIO:
		return parse_ratio(text, dialect, value);
	case RK_TYPE_BOUNDS:
		return read_bounds(text, value) ? 0 : -EINVAL;
	default:
		return parse_choice(row, text, value);
	}
}

int rk_config_value_parse(const struct rk_config_row *row, const char *text,
			  enum rk_config_dialect dialect, void *value, struct rk_arena *arena)
{
	char trimmed[TEXT_MAX];
	size_t length;

	if (row->kind == RK_TYPE_STRING || row->kind == RK_TYPE_SECRET)
		return parse_text(row, text, value, arena);
	text += strspn(text, " \t");
	length = strlen(text);
	while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	if (length >= sizeof(trimmed))
		return -ERANGE;
	memcpy(trimmed, text, length);
	trimmed[length] = '\0';
	return parse_trimmed(row, trimmed, dialect, value);
}

static int expect_choice(const struct choice *choice, char *out, size_t size)
{
	const char *offered[8];
	size_t count = 0, length = 0;

	for (; choice->name && count < 8; choice++) {
		if (!choice->alias)
			offered[count++] = choice->name;
	}
	for (size_t i = 0; i < count; i++) {
		const char *join = i == 0 ? "" : i + 1 == count ? " or " : ", ";

		length += (size_t)snprintf(length < size ? out + length : NULL,
					   length < size ? size - length : 0, "%s%s", join,
					   offered[i]);
	}
	return (int)length;
}

static int expect_number(const struct rk_config_row *row, enum rk_config_dialect dialect, char *out,
			 size_t size)
{
	const char *what = "a whole number";
	char least[32], most[32];

	if (row->kind == RK_TYPE_SIZE)
		what = "a size like 512KiB or 4MiB";
	else if (row->kind == RK_TYPE_DURATION)
		what = dialect == RK_DIALECT_OTEL ? "a whole number of milliseconds" :
						    "a duration like 250ms, 15s or 1m";
	read_limits(row, least, most);
	if (*least && *most)
		return snprintf(out, size, "%s%s from %s to %s", what,
				row->kind == RK_TYPE_UINT ? "" : ",", least, most);
	if (*least)
		return snprintf(out, size, "%s, at least %s", what, least);
	return snprintf(out, size, "%s", what);
}

int rk_config_value_expected(const struct rk_config_row *row, enum rk_config_dialect dialect,
			     char *out, size_t size)
{
	switch (row->kind) {
	case RK_TYPE_BOOL:
		return snprintf(out, size, "%s",
				dialect == RK_DIALECT_OTEL ?
					"true or false" :
					"true or false (yes, no, on, off, 1, 0)");
	case RK_TYPE_UINT:
	case RK_TYPE_SIZE:
	case RK_TYPE_DURATION:
		return expect_number(row, dialect, out, size);
	case RK_TYPE_RATIO:
		return snprintf(out, size, "a number from 0 to 1, or a percentage like 2%%");
	case RK_TYPE_BOUNDS:
		return snprintf(out, size, "rising positive numbers, at most %d",
				RK_CONFIG_BOUNDS_MAX);
	case RK_TYPE_STRING:
	case RK_TYPE_SECRET:
		return snprintf(out, size, "%s", rk_config_form(row->limits)->expected);
	default:
		return expect_choice(choices_of(row->kind), out, size);
	}
}

static int format_bounds(const struct rk_bounds *bounds, char *out, size_t size)
{
	size_t length = 0;

	if (size)
		out[0] = '\0';
	for (uint32_t i = 0; i < bounds->count; i++) {
		char number[40];

		rk_number_format(bounds->at[i], number, sizeof(number));
		length += (size_t)snprintf(length < size ? out + length : NULL,
					   length < size ? size - length : 0, "%s%s", i ? " " : "",
					   number);
	}
	return (int)length;
}

/* The user and password of a URL are for the server only. */
static int format_string(const char *text, char *out, size_t size)
{
	const char *scheme = strstr(text, "://");
	const char *host = scheme ? scheme + 3 : NULL;
	const char *at = host ? memchr(host, '@', strcspn(host, "/?#")) : NULL;

	if (!at)
		return snprintf(out, size, "%s", text);
	return snprintf(out, size,
			"%.*s"
			"***%s",
			(int)(host - text), text, at);
}

static int format_choice(const struct choice *choice, int value, char *out, size_t size)
{
	while (choice->name && choice->value != value)
		choice++;
	return snprintf(out, size, "%s", choice->name ? choice->name : "?");
}

int rk_config_value_format(const struct rk_config_row *row, const void *value, char *out,
			   size_t size)
{
	int number;

	switch (row->kind) {
	case RK_TYPE_BOOL:
		return snprintf(out, size, "%s", *(const bool *)value ? "true" : "false");
	case RK_TYPE_UINT:
		return snprintf(out, size, "%llu", (unsigned long long)*(const uint64_t *)value);
	case RK_TYPE_SIZE:
		return rk_number_format_units(*(const uint64_t *)value, rk_number_sizes, out, size);
	case RK_TYPE_DURATION:
		return rk_number_format_units(*(const uint64_t *)value, rk_number_durations, out,
					      size);
	case RK_TYPE_RATIO:
		return rk_number_format(*(const double *)value, out, size);
	case RK_TYPE_BOUNDS:
		return format_bounds(value, out, size);
	case RK_TYPE_STRING:
		return format_string(*(const char *const *)value, out, size);
	case RK_TYPE_SECRET:
		return snprintf(out, size, "%s", **(const char *const *)value ? "(set)" : "");
	default:
		memcpy(&number, value, sizeof(number));
		return format_choice(choices_of(row->kind), number, out, size);
	}
}
