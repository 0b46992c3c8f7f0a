/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/url.c - just enough URL handling; libcurl parses the result for real.
 */
#include "exporters/url.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Borrowed pieces of an endpoint: [scheme][authority][rest]. */
struct parts {
	bool tls;
	const char *authority;
	size_t authority_length;
	const char *rest; /* path, query, fragment; may be "" */
};

static bool split(const char *url, struct parts *parts)
{
	const char *scheme = strstr(url, "://");

	parts->tls = false;
	parts->authority = url;
	if (scheme) {
		parts->tls = strncasecmp(url, "https://", 8) == 0;
		if (!parts->tls && strncasecmp(url, "http://", 7) != 0)
			return false;
		parts->authority = scheme + 3;
	}
	parts->authority_length = strcspn(parts->authority, "/?#");
	parts->rest = parts->authority + parts->authority_length;
	return parts->authority_length > 0 && !strpbrk(url, " \t\r\n");
}

char *rk_url_signal(const char *endpoint, bool as_is, const char *path)
{
	struct parts parts;
	char *url = NULL;
	size_t path_length;
	const char *tail;

	if (!split(endpoint, &parts))
		return NULL;
	path_length = strcspn(parts.rest, "?#");
	tail = parts.rest + path_length;
	if (as_is) {
		const char *root = path_length ? "" : "/";

		if (asprintf(&url, "%s://%.*s%s%s", parts.tls ? "https" : "http",
			     (int)parts.authority_length, parts.authority, root, parts.rest) < 0)
			return NULL;
		return url;
	}
	while (path_length && parts.rest[path_length - 1] == '/')
		path_length--;
	if (asprintf(&url, "%s://%.*s%.*s/%s%s", parts.tls ? "https" : "http",
		     (int)parts.authority_length, parts.authority, (int)path_length, parts.rest,
		     path, tail) < 0)
		return NULL;
	return url;
}

unsigned rk_url_port(const char *endpoint)
{
	struct parts parts;
	unsigned port = 0;
	const char *end, *digit;

	if (!split(endpoint, &parts))
		return 0;
	end = parts.authority + parts.authority_length;
	for (digit = end; digit > parts.authority && digit[-1] >= '0' && digit[-1] <= '9'; digit--)
		;
	if (digit == end || digit == parts.authority || digit[-1] != ':')
		return parts.tls ? 443 : 80;
	for (; digit < end && port <= UINT16_MAX; digit++)
		port = port * 10 + (unsigned)(*digit - '0');
	return port <= UINT16_MAX ? port : 0;
}

/* Without user and password. */
static void skip_user(struct parts *parts)
{
	const char *at = memrchr(parts->authority, '@', parts->authority_length);

	if (!at)
		return;
	parts->authority_length -= (size_t)(at + 1 - parts->authority);
	parts->authority = at + 1;
}

const char *rk_url_redact(const char *url, char *out, size_t size)
{
	struct parts parts;

	if (!split(url, &parts)) {
		snprintf(out, size, "(not a URL)");
		return out;
	}
	skip_user(&parts);
	snprintf(out, size, "%s://%.*s%.*s", parts.tls ? "https" : "http",
		 (int)parts.authority_length, parts.authority, (int)strcspn(parts.rest, "?#"),
		 parts.rest);
	return out;
}

static bool has_port(const struct parts *parts)
{
	const char *end = parts->authority + parts->authority_length, *digit = end;

	while (digit > parts->authority && digit[-1] >= '0' && digit[-1] <= '9')
		digit--;
	return digit < end && digit > parts->authority && digit[-1] == ':';
}

const char *rk_url_place(const char *url, char *out, size_t size)
{
	struct parts parts;

	if (!split(url, &parts)) {
		snprintf(out, size, "(not a URL)");
		return out;
	}
	skip_user(&parts);
	snprintf(out, size, "%.*s%s", (int)parts.authority_length, parts.authority,
		 has_port(&parts) ? "" :
		 parts.tls	  ? ":443" :
				    ":80");
	return out;
}

char *rk_url_redact_text(char *text)
{
	char *start = text;

	while ((start = strstr(start, "://"))) {
		/* Up to the end of the word: one that is quoted may be no proper URL. */
		size_t length = strcspn(start += 3, " \t\r\n'\"");
		char *at = memrchr(start, '@', length);

		if (at)
			memset(start, '*', (size_t)(at - start));
		start += length;
	}
	return text;
}

static bool put_percent(char *out, size_t size, const char *value)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z') || strchr("-._~", c);

		if (n + 4 > size)
			return false;
		if (plain) {
			out[n++] = (char)c;
		} else {
			out[n++] = '%';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		}
	}
	out[n] = '\0';
	return true;
}

/* The URL-safe alphabet without padding; an empty value is a lone '='. */
static bool put_base64(char *out, size_t size, const char *value)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t length = strlen(value), n = 0;

	if (size < length / 3 * 4 + 6)
		return false;
	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i < 3 ? length - i : 3;
		uint32_t bits = (uint32_t)(uint8_t)value[i] << 16;

		if (left > 1)
			bits |= (uint32_t)(uint8_t)value[i + 1] << 8;
		if (left > 2)
			bits |= (uint8_t)value[i + 2];
		for (size_t k = 0; k <= left; k++)
			out[n++] = alphabet[bits >> (18 - 6 * k) & 63];
	}
	if (!length)
		out[n++] = '=';
	out[n] = '\0';
	return true;
}

bool rk_url_append_label(char *out, size_t size, const char *label, const char *value)
{
	/* Dots alone would be taken for a step in the path. */
	bool encode = !*value || strchr(value, '/') || value[strspn(value, ".")] == '\0';
	size_t used = strlen(out);
	int n = snprintf(out + used, size - used, "/%s%s/", label, encode ? "@base64" : "");

	if (n < 0 || (size_t)n >= size - used)
		return false;
	used += (size_t)n;
	return encode ? put_base64(out + used, size - used, value) :
			put_percent(out + used, size - used, value);
}
