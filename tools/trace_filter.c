/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/trace_filter.c - arguments into limits, ops against limits.
 *
 * Names are looked at once each: what was found is kept by the id of the name.
 */
#include "tools/trace_filter.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/glob.h"
#include "core/intern.h"
#include "core/number.h"
#include "pipeline/join/kernel_name.h"
#include "tools/options.h"

#define LIST_MAX 64

struct list {
	uint64_t values[LIST_MAX];
	uint32_t count; /* 0 = all */
};

/* A moment as it was asked for. */
struct moment {
	uint64_t ns;
	bool is_given, is_unix; /* since 1970, else since the start of the file */
};

struct rk_trace_filter {
	const struct rk_config *config;
	struct moment from, to;
	uint64_t last_ns; /* 0 = all */
	uint64_t first, newest; /* rk_clock, both included */
	struct list devices, streams, threads;
	uint64_t min_ns, max_ns;
	const char *glob; /* NULL = none */
	regex_t regex;
	bool has_regex, chooses_work, is_set;
	uint8_t *names; /* by id: 0 = not looked at, 1 = no, 2 = yes */
	uint32_t name_count;
};

enum { UNKNOWN, REFUSED, WANTED };

static int parse_list(struct list *list, const char *text)
{
	while (text && *text) {
		char *end;

		errno = 0;
		if (list->count == LIST_MAX || *text < '0' || *text > '9')
			return -EINVAL;
		list->values[list->count++] = strtoull(text, &end, 10);
		if (errno || (*end && *end != ',') || (*end == ',' && !end[1]))
			return -EINVAL;
		text = end + (*end == ',');
	}
	return 0;
}

/* RFC 3339 in UTC: 2026-11-23T20:00:00.5Z */
static bool parse_date(const char *text, uint64_t *unix_ns)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	uint64_t fraction = 0, unit = 100000000;

	if (!end)
		return false;
	if (*end == '.') {
		for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10)
			fraction += unit * (uint64_t)(*end - '0');
	}
	*unix_ns = (uint64_t)timegm(&tm) * 1000000000u + fraction;
	return strcmp(end, "Z") == 0;
}

static int parse_moment(struct moment *moment, const char *text)
{
	if (!text)
		return 0;
	moment->is_given = true;
	if (rk_number_parse_units(text, rk_number_durations, &moment->ns))
		return 0;
	moment->is_unix = parse_date(text, &moment->ns);
	return moment->is_unix ? 0 : -EINVAL;
}

static int parse_duration(uint64_t *ns, const char *text)
{
	return !text || rk_number_parse_units(text, rk_number_durations, ns) ? 0 : -EINVAL;
}

static int parse_pattern(struct rk_trace_filter *filter, const char *verb, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	char said[128], *inner;
	int err;

	if (length < 2 || text[0] != '/' || text[length - 1] != '/') {
		filter->glob = text;
		return RK_TOOL_OK;
	}
	inner = strndup(text + 1, length - 2);
	if (!inner)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	err = regcomp(&filter->regex, inner, REG_EXTENDED | REG_NOSUB);
	free(inner);
	if (err) {
		regerror(err, &filter->regex, said, sizeof(said));
		return rk_options_misused(verb, "--kernel %s is no regular expression: %s", text,
					  said);
	}
	filter->has_regex = true;
	return RK_TOOL_OK;
}

static int tell_list(const char *verb, const char *name, const char *text)
{
	return rk_options_misused(verb, "--%s is a list of numbers (0,1), not %s", name, text);
}

static int tell_duration(const char *verb, const char *name, const char *text)
{
	return rk_options_misused(verb, "--%s is a time with a unit (10s, 250us), not %s", name,
				  text);
}

static int tell_moment(const char *verb, const char *name, const char *text)
{
	return rk_options_misused(
		verb, "--%s is a time after the start (2.5s) or 2026-11-23T20:00:00Z, not %s", name,
		text);
}

static int parse_numbers(struct rk_trace_filter *f, const char *verb,
			 const struct rk_filter_arguments *a)
{
	if (parse_list(&f->devices, a->device))
		return tell_list(verb, "device", a->device);
	if (parse_list(&f->streams, a->stream))
		return tell_list(verb, "stream", a->stream);
	if (parse_list(&f->threads, a->thread))
		return tell_list(verb, "thread", a->thread);
	if (parse_duration(&f->min_ns, a->min_duration))
		return tell_duration(verb, "min-duration", a->min_duration);
	if (parse_duration(&f->max_ns, a->max_duration))
		return tell_duration(verb, "max-duration", a->max_duration);
	if (f->min_ns > f->max_ns)
		return rk_options_misused(verb, "nothing takes %s at least and %s at most",
					  a->min_duration, a->max_duration);
	return RK_TOOL_OK;
}

static int parse_times(struct rk_trace_filter *f, const char *verb,
		       const struct rk_filter_arguments *a)
{
	if (a->last && (a->from || a->to))
		return rk_options_misused(verb, "expected --last, or --from and --to");
	if (parse_moment(&f->from, a->from))
		return tell_moment(verb, "from", a->from);
	if (parse_moment(&f->to, a->to))
		return tell_moment(verb, "to", a->to);
	if (parse_duration(&f->last_ns, a->last) || (a->last && !f->last_ns))
		return tell_duration(verb, "last", a->last);
	return RK_TOOL_OK;
}

int rk_trace_filter_create(struct rk_trace_filter **out, const char *verb,
			   const struct rk_filter_arguments *arguments,
			   const struct rk_config *config)
{
	struct rk_trace_filter *filter = calloc(1, sizeof(*filter));
	int status;

	*out = NULL;
	if (!filter)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	filter->config = config;
	filter->max_ns = filter->newest = UINT64_MAX;
	status = parse_numbers(filter, verb, arguments);
	if (!status)
		status = parse_times(filter, verb, arguments);
	if (!status)
		status = parse_pattern(filter, verb, arguments->kernel);
	if (status) {
		rk_trace_filter_destroy(filter);
		return status;
	}
	filter->chooses_work = arguments->kernel || arguments->stream || arguments->min_duration ||
			       arguments->max_duration;
	filter->is_set = filter->chooses_work || arguments->from || arguments->to ||
			 arguments->last || arguments->device || arguments->thread;
	*out = filter;
	return RK_TOOL_OK;
}

void rk_trace_filter_destroy(struct rk_trace_filter *filter)
{
	if (!filter)
		return;
	if (filter->has_regex)
		regfree(&filter->regex);
	free(filter->names);
	free(filter);
}

bool rk_trace_filter_is_set(const struct rk_trace_filter *filter)
{
	return filter->is_set;
}

bool rk_trace_filter_needs_end(const struct rk_trace_filter *filter)
{
	return filter->last_ns;
}

/* @moment in rk_clock; @otherwise where it was not given, or lies before the clock began. */
static uint64_t resolve(const struct moment *moment, const struct rk_trace_meta *meta,
			uint64_t otherwise)
{
	uint64_t begin = moment->is_unix ? meta->start_wall_ns - meta->start_ns : 0;

	if (!moment->is_given)
		return otherwise;
	if (!moment->is_unix)
		return meta->start_ns + moment->ns;
	return moment->ns > begin ? moment->ns - begin : 0;
}

void rk_trace_filter_begin(struct rk_trace_filter *filter, struct rk_trace_reader *reader,
			   uint64_t newest_ns)
{
	const struct rk_trace_meta *meta = rk_trace_reader_meta(reader);

	filter->first = resolve(&filter->from, meta, 0);
	filter->newest = resolve(&filter->to, meta, UINT64_MAX);
	if (filter->last_ns)
		filter->first = newest_ns > filter->last_ns ? newest_ns - filter->last_ns : 0;
	rk_trace_reader_set_window(reader, filter->first, filter->newest);
}

static bool has(const struct list *list, uint64_t value)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->values[i] == value)
			return true;
	}
	return !list->count;
}

static bool is_like(const struct rk_trace_filter *filter, uint32_t string)
{
	const char *text = rk_intern_get(string);

	if (filter->has_regex)
		return regexec(&filter->regex, text, 0, NULL, 0) == 0;
	return rk_glob_matches(filter->glob, text);
}

static uint8_t judge(const struct rk_trace_filter *filter, uint32_t mangled)
{
	const struct rk_kernel_name *name = rk_kernel_name_get(filter->config, mangled);

	return is_like(filter, name->readable) || is_like(filter, name->demangled) ||
			       is_like(filter, mangled) ?
		       WANTED :
		       REFUSED;
}

static bool has_name(struct rk_trace_filter *filter, uint32_t name)
{
	if (name >= filter->name_count) {
		uint32_t count = name + 1024;
		uint8_t *names = realloc(filter->names, count);

		if (!names)
			return judge(filter, name) == WANTED;
		memset(names + filter->name_count, UNKNOWN, count - filter->name_count);
		filter->names = names;
		filter->name_count = count;
	}
	if (filter->names[name] == UNKNOWN)
		filter->names[name] = judge(filter, name);
	return filter->names[name] == WANTED;
}

static bool is_within(const struct rk_trace_filter *filter, const struct rk_op *op)
{
	uint64_t start = op->start ? op->start : op->host_start;
	uint64_t end = op->end ? op->end : op->host_end > start ? op->host_end : start;

	return !start || (end >= filter->first && start <= filter->newest);
}

static bool keeps_work(struct rk_trace_filter *filter, const struct rk_op *op)
{
	uint64_t ns = op->end > op->start ? op->end - op->start : 0;

	if (!has(&filter->devices, op->device) || !has(&filter->streams, op->stream) ||
	    !has(&filter->threads, op->tid) || ns < filter->min_ns || ns > filter->max_ns)
		return false;
	if (!filter->glob && !filter->has_regex)
		return true;
	return (op->kind == RK_OP_KERNEL || op->kind == RK_OP_IN_FLIGHT) &&
	       has_name(filter, op->name);
}

bool rk_trace_filter_keeps(struct rk_trace_filter *filter, const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
	case RK_OP_GRAPH:
	case RK_OP_IN_FLIGHT:
		return is_within(filter, op) && keeps_work(filter, op);
	case RK_OP_ALLOC:
	case RK_OP_FREE:
		return !filter->chooses_work && is_within(filter, op) &&
		       has(&filter->devices, op->device) && has(&filter->threads, op->tid);
	case RK_OP_SYNC:
	case RK_OP_ERROR:
		return !filter->chooses_work && is_within(filter, op) && !filter->devices.count &&
		       has(&filter->threads, op->tid);
	case RK_OP_SPAN_BEGIN:
	case RK_OP_LOG:
		return is_within(filter, op) && has(&filter->threads, op->tid);
	case RK_OP_TICK:
	case RK_OP_END:
	case RK_OP_SAMPLE:
		return is_within(filter, op);
	default:
		return true;
	}
}
