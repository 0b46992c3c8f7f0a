/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/negotiate.c - Accept and Accept-Encoding, by RFC 9110.
 */
#include "exporters/negotiate.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A piece of the header, without blanks around it. */
struct slice {
	const char *at;
	size_t length;
};

/* One entry of a list: "type;param=value;q=0.5". */
struct entry {
	struct slice type, version, escaping;
	int q; /* thousandths */
};

static struct slice trimmed(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct slice){ at, (size_t)(end - at) };
}

static bool is(struct slice slice, const char *text)
{
	return slice.length == strlen(text) && strncasecmp(slice.at, text, slice.length) == 0;
}

/* "1", "0.5", "0.125" in thousandths; anything else counts as 0: not wanted. */
static int parse_q(struct slice value)
{
	int q, digit = 100;

	if (!value.length || value.length > 5 || (value.at[0] != '0' && value.at[0] != '1'))
		return 0;
	q = (value.at[0] - '0') * 1000;
	if (value.length > 1 && value.at[1] != '.')
		return 0;
	for (size_t i = 2; i < value.length; i++, digit /= 10) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return 0;
		q += (value.at[i] - '0') * digit;
	}
	return q > 1000 ? 0 : q;
}

static void parse_parameter(struct entry *entry, const char *at, const char *end)
{
	const char *equals = memchr(at, '=', (size_t)(end - at));
	struct slice name, value;

	if (!equals)
		return;
	name = trimmed(at, equals);
	value = trimmed(equals + 1, end);
	if (value.length >= 2 && value.at[0] == '"' && value.at[value.length - 1] == '"') {
		value.at++;
		value.length -= 2;
	}
	if (is(name, "q"))
		entry->q = parse_q(value);
	else if (is(name, "version"))
		entry->version = value;
	else if (is(name, "escaping"))
		entry->escaping = value;
}

/* Parse the entry at @list. Returns the next one, NULL behind the last. */
static const char *next_entry(const char *list, struct entry *entry)
{
	const char *end = list + strcspn(list, ","), *at = list;
	const char *part = list + strcspn(list, ";,");

	*entry = (struct entry){ .type = trimmed(at, part), .q = 1000 };
	while (part < end) {
		at = part + 1;
		part = at + strcspn(at, ";,");
		parse_parameter(entry, at, part);
	}
	return *end ? end + 1 : NULL;
}

/* The version we would answer with; NULL = not ours. */
static const char *supported(const struct entry *entry, bool *is_openmetrics)
{
	*is_openmetrics = is(entry->type, "application/openmetrics-text");
	if (*is_openmetrics) {
		if (!entry->version.length || is(entry->version, "1.0.0"))
			return "1.0.0";
		return is(entry->version, "0.0.1") ? "0.0.1" : NULL;
	}
	if (is(entry->type, "*/*") || is(entry->type, "text/*"))
		return "0.0.4";
	if (is(entry->type, "text/plain") &&
	    (!entry->version.length || is(entry->version, "0.0.4")))
		return "0.0.4";
	return NULL;
}

/* Our names need no escaping, so each known scheme gives the same text; "" = do not say. */
static const char *escaping_word(const struct entry *entry)
{
	static const char *const words[] = { "allow-utf-8", "underscores", "dots", "values" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (is(entry->escaping, words[i]))
			return words[i];
	}
	return "";
}

void rk_negotiate_format(struct rk_negotiated *out, const char *accept)
{
	const char *version = "0.0.4", *escaping = "";
	int best = 0;

	out->is_openmetrics = false;
	while (accept) {
		struct entry entry;
		bool is_openmetrics;
		const char *offered;

		accept = next_entry(accept, &entry);
		offered = supported(&entry, &is_openmetrics);
		if (!offered || entry.q <= best)
			continue;
		best = entry.q;
		version = offered;
		out->is_openmetrics = is_openmetrics;
		/* Only OpenMetrics 1.0.0 knows the parameter. */
		escaping = strcmp(offered, "1.0.0") == 0 ? escaping_word(&entry) : "";
	}
	snprintf(out->content_type, sizeof(out->content_type), "%s; version=%s; charset=utf-8%s%s",
		 out->is_openmetrics ? "application/openmetrics-text" : "text/plain", version,
		 *escaping ? "; escaping=" : "", escaping);
}

bool rk_negotiate_gzip(const char *accept_encoding)
{
	int gzip = -1, any = -1, identity = -1;

	while (accept_encoding) {
		struct entry entry;

		accept_encoding = next_entry(accept_encoding, &entry);
		if (is(entry.type, "gzip") || is(entry.type, "x-gzip"))
			gzip = entry.q;
		else if (is(entry.type, "*"))
			any = entry.q;
		else if (is(entry.type, "identity"))
			identity = entry.q;
	}
	if (gzip < 0)
		gzip = any;
	return gzip > 0 && gzip >= identity;
}
