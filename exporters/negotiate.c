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
	struct slice type, version, escaping, proto, encoding;
	int q; /* thousandths */
};

/* What can be answered. Of equal wishes the first counts: the default leads. */
struct offer {
	enum rk_exposition format;
	const char *type, *version;
	const char *content_type;
	bool has_escaping; /* the format knows the parameter */
};

static const struct offer offers[] = {
	{ RK_EXPOSITION_TEXT, "text/plain", "0.0.4", "text/plain; version=0.0.4; charset=utf-8",
	  false },
	{ RK_EXPOSITION_OPENMETRICS, "application/openmetrics-text", "1.0.0",
	  "application/openmetrics-text; version=1.0.0; charset=utf-8", true },
	{ RK_EXPOSITION_OPENMETRICS, "application/openmetrics-text", "0.0.1",
	  "application/openmetrics-text; version=0.0.1; charset=utf-8", false },
	/* As 0.0.4, but names may be quoted: ours never need to be. */
	{ RK_EXPOSITION_TEXT, "text/plain", "1.0.0", "text/plain; version=1.0.0; charset=utf-8",
	  true },
	{ RK_EXPOSITION_PROTOBUF, "application/vnd.google.protobuf", NULL,
	  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
	  "encoding=delimited",
	  true },
};

#define OFFERS (sizeof(offers) / sizeof(offers[0]))

/* What the entries read so far say about one offer. */
struct wish {
	int level; /* how specific the entry was; 0 = none fitted */
	int q;	   /* thousandths */
	int order; /* of the entry in the list */
	const char *escaping;
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
	else if (is(name, "proto"))
		entry->proto = value;
	else if (is(name, "encoding"))
		entry->encoding = value;
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

/* The level of fit of a type that was named in full, with its parameters. */
static int fit_of_named(const struct entry *entry, const struct offer *offer)
{
	if (!offer->version)
		return is(entry->proto, "io.prometheus.client.MetricFamily") &&
				       is(entry->encoding, "delimited") ?
			       4 :
			       0;
	if (entry->version.length)
		return is(entry->version, offer->version) ? 4 : 0;
	return 3;
}

static int fit(const struct entry *entry, const struct offer *offer)
{
	size_t major = strcspn(offer->type, "/") + 1;

	if (is(entry->type, offer->type))
		return fit_of_named(entry, offer);
	if (entry->type.length == major + 1 && entry->type.at[major] == '*' &&
	    strncasecmp(entry->type.at, offer->type, major) == 0)
		return 2;
	return is(entry->type, "*/*") ? 1 : 0;
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

static void note(struct wish wishes[], const struct entry *entry, int order)
{
	for (size_t i = 0; i < OFFERS; i++) {
		int level = fit(entry, &offers[i]);

		if (level > wishes[i].level)
			wishes[i] = (struct wish){ level, entry->q, order, escaping_word(entry) };
	}
}

void rk_negotiate_format(struct rk_negotiated *out, const char *accept, bool has_protobuf)
{
	struct wish wishes[OFFERS] = { 0 };
	const char *escaping = "";
	size_t best = 0;

	for (int order = 0; accept; order++) {
		struct entry entry;

		accept = next_entry(accept, &entry);
		note(wishes, &entry, order);
	}
	for (size_t i = 1; i < OFFERS; i++) {
		if (offers[i].format == RK_EXPOSITION_PROTOBUF && !has_protobuf)
			continue;
		if (wishes[i].q > wishes[best].q || (wishes[i].q && wishes[i].q == wishes[best].q &&
						     wishes[i].order < wishes[best].order))
			best = i;
	}
	if (offers[best].has_escaping && wishes[best].escaping)
		escaping = wishes[best].escaping;
	out->format = offers[best].format;
	snprintf(out->content_type, sizeof(out->content_type), "%s%s%s", offers[best].content_type,
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
