/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_path.c - names of trace files.
 */
#include "trace/trace_path.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"

#define AUTO_PATTERN "%e.%p.%t.rkt.zst"
#define VARIABLE_MAX 128

struct text {
	char *out;
	size_t used, size;
	bool overflow;
};

static void put_char(struct text *text, char c)
{
	if (text->used + 1 < text->size)
		text->out[text->used++] = c;
	else
		text->overflow = true;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("._+@=-", c));
}

/* One part of a path. A leading dot would hide the file, or be "..". */
static void put_name(struct text *text, const char *name)
{
	for (const char *c = name; *c; c++)
		put_char(text, is_plain(*c) && !(c == name && *c == '.') ? *c : '_');
}

static void put_free(struct text *text, const char *value)
{
	for (; *value; value++)
		put_char(text, (unsigned char)*value < 0x20 || *value == 0x7f ? '_' : *value);
}

static void put_format(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put_format(struct text *text, const char *format, ...)
{
	char part[40];
	va_list args;

	va_start(args, format);
	vsnprintf(part, sizeof(part), format, args);
	va_end(args);
	put_free(text, part);
}

/* By hand: gmtime_r() looks at the time zone, which means getenv() and a lock. */
static void put_start(struct text *text, uint64_t wall_ns)
{
	uint64_t seconds = wall_ns / 1000000000u;
	unsigned second = (unsigned)(seconds % 86400);
	/* Days since 0000-03-01, so that the leap day is the last of its year. */
	uint64_t days = seconds / 86400 + 719468;
	uint64_t era = days / 146097; /* 400 years */
	unsigned day = (unsigned)(days % 146097);
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned day_of_year = day - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * day_of_year + 2) / 153; /* from March */

	put_format(text, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)(year + era * 400) + (month >= 10),
		   month < 10 ? month + 3 : month - 9, day_of_year - (153 * month + 2) / 5 + 1,
		   second / 3600, second / 60 % 60, second % 60);
}

/* %q{VAR}; @at is behind the q. Return: behind the brace, NULL on nonsense. */
static const char *put_variable(struct text *text, const char *at,
				const struct rk_trace_path_vars *vars)
{
	const char *end = *at == '{' ? strchr(at, '}') : NULL;
	char name[VARIABLE_MAX];
	const char *value;

	if (!end || end == at + 1 || end - at > VARIABLE_MAX)
		return NULL;
	memcpy(name, at + 1, (size_t)(end - at - 1));
	name[end - at - 1] = '\0';
	value = vars->get_env ? vars->get_env(name, vars->data) : NULL;
	put_free(text, value ? value : "");
	return end + 1;
}

/* One field; @at is behind the %. Return: behind the field, NULL on nonsense. */
static const char *put_field(struct text *text, const char *at,
			     const struct rk_trace_path_vars *vars)
{
	const char *slash;

	switch (*at) {
	case 'p':
		put_format(text, "%u", vars->pid);
		return at + 1;
	case 'h':
		put_name(text, vars->host);
		return at + 1;
	case 'e':
		slash = strrchr(vars->executable, '/');
		put_name(text, slash ? slash + 1 : vars->executable);
		return at + 1;
	case 't':
		put_start(text, vars->start_wall_ns);
		return at + 1;
	case 'q':
		return put_variable(text, at + 1, vars);
	case '%':
		put_char(text, '%');
		return at + 1;
	default:
		return NULL;
	}
}

static bool put_pattern(struct text *text, const char *pattern,
			const struct rk_trace_path_vars *vars)
{
	while (pattern && *pattern) {
		if (*pattern == '%')
			pattern = put_field(text, pattern + 1, vars);
		else
			put_char(text, *pattern++);
	}
	return pattern != NULL;
}

int rk_trace_path_expand(char *out, size_t size, const char *pattern,
			 const struct rk_trace_path_vars *vars)
{
	struct text text = { .out = out, .size = size };
	bool is_ok;

	is_ok = put_pattern(&text, strcmp(pattern, "auto") == 0 ? AUTO_PATTERN : pattern, vars);
	if (is_ok && text.used && text.out[text.used - 1] == '/')
		is_ok = put_pattern(&text, AUTO_PATTERN, vars);
	if (is_ok && text.used && !text.overflow) {
		out[text.used] = '\0';
		return 0;
	}
	if (size)
		out[0] = '\0';
	if (text.overflow) {
		rk_log_warn("trace: could not use trace.file \"%s\": the name is too long",
			    pattern);
		return -ENAMETOOLONG;
	}
	rk_log_warn("trace: could not use trace.file \"%s\": expected auto, none, or a path with "
		    "%%p %%h %%e %%t %%q{VAR} %%%%",
		    pattern);
	return -EINVAL;
}
