/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_form.c - what a text setting has to look like, by the name of its form.
 */
#include "core/config_form.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/config_value.h"
#include "core/number.h"
#include "core/resource.h"

static bool is_url(const char *text)
{
	size_t scheme = strncasecmp(text, "http://", 7) == 0  ? 7 :
			strncasecmp(text, "https://", 8) == 0 ? 8 :
								0;

	return scheme && text[scheme] && !strchr("/:?#", text[scheme]) &&
	       !strpbrk(text, " \"<>\\^`{|}");
}

static bool is_none(const char *text)
{
	return strcasecmp(text, "none") == 0;
}

/* host:port, where the host may be an IPv6 address in brackets. */
static bool is_host_port(const char *text)
{
	size_t host = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":");
	uint64_t port;

	if (*text == '[' ? host < 4 || strspn(text + 1, "0123456789abcdefABCDEF:.%") != host - 2 :
			   !host)
		return false;
	for (size_t i = 0; *text != '[' && i < host; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("-._", text[i]))
			return false;
	}
	return text[host] == ':' && rk_number_parse_uint(text + host + 1, &port) && port &&
	       port <= 65535;
}

static bool is_otlp_url(const char *text)
{
	return is_url(text) || is_none(text) || is_host_port(text);
}

static bool is_attributes(const char *text)
{
	return rk_resource_visit(text, NULL, NULL) == 0;
}

/* At least one that is known; others are named later. */
static bool is_propagators(const char *text)
{
	static const char *const known[] = { "tracecontext", "baggage", "none" };

	while (*text) {
		size_t length = strcspn(text, ", \t");

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			if (length == strlen(known[i]) && strncasecmp(text, known[i], length) == 0)
				return true;
		}
		text += length;
		text += strspn(text, ", \t");
	}
	return false;
}

/* k=v,k=v with percent-encoding; a broken sequence spoils the whole text, as OTEL wants. */
static bool is_pairs(const char *text)
{
	while (*text) {
		size_t length = strcspn(text, ",");
		const char *equals = memchr(text, '=', length);
		size_t blank = strspn(text, " \t");

		if (blank < length && (!equals || equals == text + blank))
			return false;
		for (size_t i = 0; i < length; i++) {
			if (text[i] == '%' && !(isxdigit((unsigned char)text[i + 1]) &&
						isxdigit((unsigned char)text[i + 2])))
				return false;
		}
		text += length;
		text += *text == ',';
	}
	return true;
}

static bool is_quantile(const char *text)
{
	double number;

	return (*text == 'p' || *text == 'P') && rk_config_parse_number(text + 1, &number) &&
	       number > 0 && number < 100;
}

static bool is_summary(const char *text)
{
	return strcmp(text, "auto") == 0 || strcmp(text, "always") == 0 ||
	       strcmp(text, "never") == 0 || strpbrk(text, "/.");
}

/* A word would be a slip for one of the others. Standard output is the program's own. */
static bool is_log_output(const char *text)
{
	size_t socket = strncmp(text, "syslog", 6) == 0	  ? 6 :
			strncmp(text, "journald", 8) == 0 ? 8 :
							    0;

	if (socket && text[socket] != '/' && text[socket] != '.')
		return !text[socket] || (text[socket] == ':' && text[socket + 1] == '/');
	return strcmp(text, "stderr") == 0 ||
	       (strpbrk(text, "/.") && text[strlen(text) - 1] != '/' &&
		strcmp(text, "/dev/stdout") != 0);
}

static bool is_url_path(const char *text)
{
	return *text == '/' && !strpbrk(text, " ?#");
}

static bool is_name(const char *text)
{
	return *text && !strpbrk(text, " \t");
}

static const struct rk_config_form forms[] = {
	{ "url", is_url, "a URL that begins with http:// or https://" },
	{ "otlp_url", is_otlp_url,
	  "a URL that begins with http:// or https://, host:port, or none" },
	{ "attributes", is_attributes,
	  "key=value,key=value, with ',' and '=' in values as %2C and %3D" },
	{ "propagators", is_propagators, "a list of tracecontext and baggage, or none" },
	{ "url_path", is_url_path, "a path that begins with /" },
	{ "word", is_name, "one word" },
	{ "pairs", is_pairs, "key=value,key=value with percent-encoded values" },
	{ "quantile", is_quantile, "a quantile like p99" },
	{ "summary", is_summary, "auto, always, never, or a path with a / in it" },
	{ "log_output", is_log_output,
	  "stderr, syslog, journald, or a path with a / or . in it; stdout is the program's own" },
	{ "", NULL, "text without control characters, at most 4095 bytes" },
};

const struct rk_config_form *rk_config_form(const char *name)
{
	const struct rk_config_form *form = forms;

	while (form->check && strcmp(form->name, name) != 0)
		form++;
	return form;
}

bool rk_config_form_is_off(const struct rk_config_form *form, const char *text)
{
	return form->check == is_otlp_url && is_none(text);
}
