/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/exposition_check.c - one pass over the lines, one block per family.
 *
 * What was seen is remembered as 64-bit hashes, so memory is a function of the number of lines.
 * Two different series with one hash, at 100,000 series, are a matter of one push in 10^9; the
 * price is a family that is left out of that push.
 */
#include "exporters/exposition_check.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "exporters/exposition_line.h"

#define QUOTED_MAX 200 /* bytes of a line in the report */

enum type { UNTYPED, COUNTER, GAUGE, HISTOGRAM, SUMMARY };

/* 0 = free. */
struct hash_set {
	uint64_t *slots;
	size_t mask;
};

/* One series of a histogram, without le. */
struct group {
	uint64_t key;
	double last_bound, last_count, count;
	bool has_bucket, has_inf, has_count, has_sum; /* has_inf: as the last one */
	struct rk_text_span line; /* the first */
};

struct check {
	struct hash_set series, families;
	struct group *groups; /* of the whole text, in their order */
	size_t group_count, group_capacity;
	uint32_t *group_index; /* number + 1 */
	size_t group_mask;
	locale_t c_locale;
	/* of the block under way */
	size_t first_group;
	struct rk_text_span family;
	enum type type;
	bool has_help, has_type, has_sample;
	const char *why; /* the first defect; NULL = none */
	struct rk_text_span where;
	struct rk_exposition_report *report;
};

/* Return: false if @hash was there. There is always room: a line adds four at most. */
static bool set_add(struct hash_set *set, uint64_t hash)
{
	size_t at;

	hash += !hash;
	for (at = hash & set->mask; set->slots[at]; at = (at + 1) & set->mask) {
		if (set->slots[at] == hash)
			return false;
	}
	set->slots[at] = hash;
	return true;
}

static void note(struct check *check, const char *why, struct rk_text_span where)
{
	if (check->why)
		return; /* the first one is told */
	check->why = why;
	check->where = where;
}

/* What the gateway exposes itself; process_* are the same family with the same type there. */
static bool is_the_gateways(struct rk_text_span name)
{
	return rk_exposition_line_starts(name, "go_") ||
	       rk_exposition_line_starts(name, "pushgateway_") ||
	       rk_exposition_line_starts(name, "promhttp_") ||
	       rk_exposition_line_starts(name, "push_time_seconds") ||
	       rk_exposition_line_starts(name, "push_failure_time_seconds");
}

static struct group *add_group(struct check *check)
{
	size_t capacity = check->group_capacity ? check->group_capacity * 2 : 64;
	struct group *grown;

	if (check->group_count == check->group_capacity) {
		grown = realloc(check->groups, capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		check->groups = grown;
		check->group_capacity = capacity;
	}
	memset(&check->groups[check->group_count], 0, sizeof(*check->groups));
	return &check->groups[check->group_count++];
}

/* Borrowed until the next one. Return: NULL without memory, which has been noted. */
static struct group *get_group(struct check *check, uint64_t rest, struct rk_text_span line)
{
	uint64_t key = rest + rk_exposition_line_hash(check->family, "");
	size_t at = key & check->group_mask;
	struct group *group;

	for (; check->group_index[at]; at = (at + 1) & check->group_mask) {
		group = &check->groups[check->group_index[at] - 1];
		if (group->key == key)
			return group;
	}
	group = add_group(check);
	if (!group) {
		note(check, "no memory to judge it", line);
		return NULL;
	}
	check->group_index[at] = (uint32_t)check->group_count;
	group->key = key;
	group->line = line;
	return group;
}

static void take_bucket(struct check *check, const struct rk_exposition_sample *sample,
			struct rk_text_span line)
{
	struct group *group = get_group(check, sample->rest, line);

	if (!group)
		return;
	if (!sample->has_bound)
		note(check, "a bucket without le", line);
	else if (group->has_bucket && sample->bound <= group->last_bound)
		note(check, "buckets whose bounds do not rise", line);
	else if (group->has_bucket && sample->value < group->last_count)
		note(check, "buckets that are not cumulative", line);
	group->has_bucket = true;
	group->last_bound = sample->bound;
	group->last_count = sample->value;
	group->has_inf = isinf(sample->bound) && sample->bound > 0;
}

/* A sample of a histogram: its name is the family's and one of three endings. */
static void take_histogram(struct check *check, const struct rk_exposition_sample *sample,
			   struct rk_text_span line)
{
	struct rk_text_span ending = { sample->name.at + check->family.length,
				       sample->name.length - check->family.length };
	struct group *group;

	if (rk_exposition_line_is(ending, "_bucket")) {
		take_bucket(check, sample, line);
		return;
	}
	if (sample->has_bound)
		note(check, "le on something that is no bucket", line);
	if (!ending.length)
		note(check, "a histogram with a sample of its own name", line);
	group = get_group(check, sample->rest, line);
	if (group && rk_exposition_line_is(ending, "_count")) {
		group->has_count = true;
		group->count = sample->value;
	} else if (group) {
		group->has_sum = true;
	}
}

static bool belongs(const struct check *check, struct rk_text_span name)
{
	static const char *const endings[] = { "_bucket", "_sum", "_count" };
	struct rk_text_span family = check->family;

	if (!family.length || name.length < family.length ||
	    memcmp(name.at, family.at, family.length) != 0)
		return false;
	name.at += family.length;
	name.length -= family.length;
	if (!name.length)
		return true;
	for (int i = check->type == SUMMARY; i < 3; i++) {
		if (rk_exposition_line_is(name, endings[i]))
			return check->type == HISTOGRAM || check->type == SUMMARY;
	}
	return false;
}

static void end_histogram(struct check *check)
{
	for (size_t i = check->first_group; i < check->group_count; i++) {
		const struct group *group = &check->groups[i];

		if (!group->has_inf)
			note(check, "a histogram without the bucket +Inf", group->line);
		else if (!group->has_count || !group->has_sum)
			note(check, "a histogram without _count or _sum", group->line);
		else if (group->last_count != group->count)
			note(check, "the bucket +Inf is not _count", group->line);
	}
	check->first_group = check->group_count;
}

/* Return: whether the block may stay. */
static bool end_block(struct check *check)
{
	struct rk_exposition_report *report = check->report;
	int length;

	end_histogram(check);
	check->report->families += check->family.length > 0;
	if (!check->why)
		return true;
	report->refused++;
	length = check->where.length < QUOTED_MAX ? (int)check->where.length : QUOTED_MAX;
	if (!report->first[0])
		snprintf(report->first, sizeof(report->first), "%s: %.*s", check->why, length,
			 check->where.at);
	return false;
}

static void start_block(struct check *check, struct rk_text_span family, struct rk_text_span line)
{
	check->family = family;
	check->type = UNTYPED;
	check->has_help = check->has_type = check->has_sample = false;
	check->why = NULL;
	if (!family.length)
		note(check, "bad metric name", line);
	else if (is_the_gateways(family))
		note(check, "a name of the gateway itself", line);
	else if (!set_add(&check->families, rk_exposition_line_hash(family, "")))
		note(check, "a family twice, or the name of another one's samples", line);
}

/* The names of its samples are taken, too. */
static void take_type(struct check *check, struct rk_text_span word, struct rk_text_span line)
{
	static const char *const names[] = { "untyped", "counter", "gauge", "histogram",
					     "summary" };
	static const char *const endings[] = { "_bucket", "_sum", "_count" };
	int type = 0;

	while (type < 5 && !rk_exposition_line_is(word, names[type]))
		type++;
	if (type == 5 || check->has_type || check->has_sample)
		note(check,
		     type == 5	     ? "bad type" :
		     check->has_type ? "a second TYPE" :
				       "TYPE behind samples",
		     line);
	check->has_type = true;
	check->type = type < 5 ? (enum type)type : UNTYPED;
	for (int i = check->type == SUMMARY; check->type >= HISTOGRAM && i < 3; i++) {
		if (!set_add(&check->families, rk_exposition_line_hash(check->family, endings[i])))
			note(check, "the name of another family", line);
	}
}

/* "# HELP name text" and "# TYPE name type". Return: whether @line is one; *name, *rest. */
static bool split_head(struct rk_text_span line, const char *word, struct rk_text_span *name,
		       struct rk_text_span *rest)
{
	const char *end = line.at + line.length;

	if (!rk_exposition_line_starts(line, word))
		return false;
	*name = rk_exposition_line_name(line.at + strlen(word), end, false);
	rest->at = name->at + name->length;
	if (rest->at < end && *rest->at != ' ')
		name->length = 0;
	rest->at += rest->at < end;
	rest->length = (size_t)(end - rest->at);
	return true;
}

/* The family a line speaks of. Return: false for a line that says nothing. */
static bool family_of(const struct check *check, struct rk_text_span line,
		      struct rk_text_span *family)
{
	struct rk_text_span rest;

	if (!line.length)
		return false;
	if (split_head(line, "# HELP ", family, &rest) ||
	    split_head(line, "# TYPE ", family, &rest))
		return true;
	if (line.at[0] == '#')
		return false;
	*family = rk_exposition_line_name(line.at, line.at + line.length, false);
	if (belongs(check, *family))
		*family = check->family;
	return true;
}

static void take_line(struct check *check, struct rk_text_span line)
{
	struct rk_text_span name, rest;
	struct rk_exposition_sample sample;
	const char *why;

	if (split_head(line, "# HELP ", &name, &rest)) {
		if (check->has_help)
			note(check, "a second HELP", line);
		for (size_t i = 0, step; i < rest.length; i += step) {
			step = rk_utf8_sequence((const uint8_t *)rest.at + i, rest.length - i);
			if (!step) {
				note(check, "help that is no UTF-8", line);
				step = 1;
			}
		}
		check->has_help = true;
		return;
	}
	if (split_head(line, "# TYPE ", &name, &rest)) {
		take_type(check, rest, line);
		return;
	}
	why = rk_exposition_line_read(line, check->type == HISTOGRAM, check->c_locale, &sample);
	check->has_sample = true;
	if (why)
		note(check, why, line);
	else if (!set_add(&check->series, sample.series))
		note(check, "a sample twice", line);
	else if (check->type == HISTOGRAM)
		take_histogram(check, &sample, line);
}

static void finish_check(struct check *check)
{
	free(check->series.slots);
	free(check->families.slots);
	free(check->groups);
	free(check->group_index);
	if (check->c_locale)
		freelocale(check->c_locale);
}

/* Tables that cannot fill up: a line adds one sample, one group and four names at most. */
static int init_check(struct check *check, const char *text, size_t length,
		      struct rk_exposition_report *report)
{
	size_t lines = 1, size = 64;

	memset(check, 0, sizeof(*check));
	check->report = report;
	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	while (size < 2 * lines)
		size *= 2;
	check->series = (struct hash_set){ calloc(size, sizeof(uint64_t)), size - 1 };
	check->families = (struct hash_set){ calloc(4 * size, sizeof(uint64_t)), 4 * size - 1 };
	check->group_index = calloc(size, sizeof(uint32_t));
	check->group_mask = size - 1;
	check->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	return check->series.slots && check->families.slots && check->group_index &&
			       check->c_locale ?
		       0 :
		       -ENOMEM;
}

/* Judge block after block and move those that may stay together. Return: the new length. */
static size_t run(struct check *check, char *text, size_t length)
{
	size_t kept = 0, block = 0, at = 0;

	while (at < length) {
		const char *line_end = memchr(text + at, '\n', length - at);
		struct rk_text_span line = { text + at, line_end ? (size_t)(line_end - text) - at :
								   length - at };
		struct rk_text_span family;
		bool speaks = family_of(check, line, &family);

		if (speaks && (!check->family.at || family.length != check->family.length ||
			       memcmp(family.at, check->family.at, family.length) != 0)) {
			if (at && end_block(check)) {
				memmove(text + kept, text + block, at - block);
				kept += at - block;
			}
			block = at;
			start_block(check, family, line);
		}
		if (speaks)
			take_line(check, line);
		if (!line_end)
			note(check, "no line end behind it", line);
		at += line.length + (line_end != NULL);
	}
	if (end_block(check)) {
		memmove(text + kept, text + block, length - block);
		kept += length - block;
	}
	return kept;
}

ptrdiff_t rk_exposition_clean(char *text, size_t length, struct rk_exposition_report *report)
{
	struct check check;
	ptrdiff_t kept;

	memset(report, 0, sizeof(*report));
	if (length > RK_EXPOSITION_MAX) {
		snprintf(report->first, sizeof(report->first), "%zu bytes are too many", length);
		return -E2BIG;
	}
	kept = init_check(&check, text, length, report);
	if (kept)
		snprintf(report->first, sizeof(report->first), "no memory to judge it");
	else
		kept = (ptrdiff_t)run(&check, text, length);
	finish_check(&check);
	return kept;
}
