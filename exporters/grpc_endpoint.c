/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/grpc_endpoint.c - endpoints and proxies taken apart.
 */
#include "exporters/grpc_endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exporters/base64.h"

#define GRPC_PORT	 4317
#define CURL_PROXY_PORT	 1080 /* what libcurl takes where a proxy names none */
#define USER_MAX	 256  /* user:password */

/* "host", "host:port", "[address]:port". */
static bool read_authority(const char *text, size_t length, char *host, uint16_t *port)
{
	const char *end = text + length, *colon, *name = text;
	size_t name_length;
	unsigned long number = 0;

	if (length && *text == '[') {
		const char *bracket = memchr(text, ']', length);

		if (!bracket)
			return false;
		name = text + 1;
		name_length = (size_t)(bracket - name);
		colon = bracket + 1;
	} else {
		colon = memchr(text, ':', length);
		if (!colon)
			colon = end;
		name_length = (size_t)(colon - name);
	}
	if (!name_length || name_length >= RK_GRPC_HOST_MAX || memchr(name, '%', name_length))
		return false;
	memcpy(host, name, name_length);
	host[name_length] = '\0';
	if (colon == end)
		return true;
	if (*colon != ':' || colon + 1 == end)
		return false;
	for (colon++; colon < end; colon++) {
		if (*colon < '0' || *colon > '9' || number > UINT16_MAX)
			return false;
		number = number * 10 + (unsigned long)(*colon - '0');
	}
	*port = (uint16_t)number;
	return number > 0 && number <= UINT16_MAX;
}

static bool read_path(struct rk_grpc_endpoint *endpoint, const char *path)
{
	size_t length;

	if (strncmp(path, "//", 2) == 0)
		path += 2;
	length = strlen(path);
	if (*path != '/' || length >= sizeof(endpoint->host))
		return false;
	endpoint->is_path = true;
	memcpy(endpoint->host, path, length + 1);
	snprintf(endpoint->authority, sizeof(endpoint->authority), "localhost");
	snprintf(endpoint->shown, sizeof(endpoint->shown), "unix:%s", path);
	return true;
}

bool rk_grpc_endpoint_read(struct rk_grpc_endpoint *endpoint, const char *text, bool insecure)
{
	const char *scheme = strstr(text, "://"), *start = text, *at;
	size_t length;

	*endpoint = (struct rk_grpc_endpoint){ .is_tls = !insecure, .port = GRPC_PORT };
	if (strpbrk(text, " \t\r\n"))
		return false;
	if (strncasecmp(text, "unix:", 5) == 0) {
		endpoint->is_tls = false;
		return read_path(endpoint, text + 5);
	}
	if (scheme) {
		start = scheme + 3;
		endpoint->is_tls = strncasecmp(text, "https://", 8) == 0;
		if (!endpoint->is_tls && strncasecmp(text, "http://", 7) != 0)
			return false;
		endpoint->port = endpoint->is_tls ? 443 : 80;
	}
	length = strcspn(start, "/?#");
	at = memrchr(start, '@', length);
	if (at) {
		endpoint->has_user = true;
		length -= (size_t)(at + 1 - start);
		start = at + 1;
	}
	if (!read_authority(start, length, endpoint->host, &endpoint->port))
		return false;
	snprintf(endpoint->authority, sizeof(endpoint->authority), "%.*s", (int)length, start);
	snprintf(endpoint->shown, sizeof(endpoint->shown), "%s://%.*s",
		 endpoint->is_tls ? "https" : "http", (int)length, start);
	return true;
}

static bool is_in_domain(const char *host, const char *domain, size_t length)
{
	size_t host_length = strlen(host);

	if (length && *domain == '.') {
		domain++;
		length--;
	}
	while (length && domain[length - 1] == '.')
		length--;
	if (!length || host_length < length)
		return false;
	if (strncasecmp(host + host_length - length, domain, length) != 0)
		return false;
	return host_length == length || host[host_length - length - 1] == '.';
}

/* Addresses have no domains: 127.0.0.1 is not in 0.0.1. */
static bool is_address(const char *host, const char *text, size_t length)
{
	if (length > 2 && *text == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	return strlen(host) == length && strncasecmp(host, text, length) == 0;
}

static bool is_exempt(const char *host, const char *list)
{
	struct in6_addr address;
	bool is_numeric =
		inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
	size_t length;

	if (!list)
		return false;
	if (strcmp(list, "*") == 0)
		return true;
	for (; *list; list += length) {
		list += strspn(list, ", \t");
		length = strcspn(list, ", \t");
		if (is_numeric ? is_address(host, list, length) : is_in_domain(host, list, length))
			return true;
	}
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "user:password", percent-encoded as in every URL. */
static bool read_user(struct rk_grpc_proxy *proxy, const char *text, size_t length)
{
	char plain[USER_MAX];
	size_t n = 0;
	int used = snprintf(proxy->authorization, sizeof(proxy->authorization), "Basic ");

	for (size_t i = 0; i < length; i++) {
		int high = text[i] == '%' && i + 2 < length ? hex_digit(text[i + 1]) : -1;
		int low = high < 0 ? -1 : hex_digit(text[i + 2]);

		if (n == sizeof(plain))
			return false;
		plain[n++] = low < 0 ? text[i] : (char)(high << 4 | low);
		i += low < 0 ? 0 : 2;
	}
	if (!memchr(text, ':', length) && n < sizeof(plain))
		plain[n++] = ':';
	rk_base64_encode(proxy->authorization + used, (const uint8_t *)plain, n);
	explicit_bzero(plain, sizeof(plain));
	return true;
}

bool rk_grpc_proxy_read(struct rk_grpc_proxy *proxy, const struct rk_http_proxy *settings,
			const struct rk_grpc_endpoint *endpoint)
{
	const char *text = endpoint->is_tls ? settings->https : settings->http;
	const char *scheme, *at;
	size_t length;

	*proxy = (struct rk_grpc_proxy){ .port = CURL_PROXY_PORT };
	if (!text || !*text || endpoint->is_path || is_exempt(endpoint->host, settings->no_proxy))
		return true;
	scheme = strstr(text, "://");
	if (scheme && strncasecmp(text, "http://", 7) != 0)
		return false;
	text = scheme ? scheme + 3 : text;
	length = strcspn(text, "/?#");
	at = memrchr(text, '@', length);
	if (at) {
		if (!read_user(proxy, text, (size_t)(at - text)))
			return false;
		length -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	return read_authority(text, length, proxy->host, &proxy->port);
}
