/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/header_list.c - parse, decode, hand to the call.
 */
#include "exporters/header_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/log.h"

#define FILE_BYTES_MAX (64u << 10)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. A '%' that starts no escape stays: tokens are pasted as they are. */
static void percent_decode(char *text)
{
	char *out = text;

	while (*text) {
		int high = *text == '%' ? hex_digit(text[1]) : -1;
		int low = high < 0 ? -1 : hex_digit(text[2]);

		if (low < 0) {
			*out++ = *text++;
			continue;
		}
		*out++ = (char)(high << 4 | low);
		text += 3;
	}
	*out = '\0';
}

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r", end[-1]))
		end--;
	*end = '\0';
	return text;
}

/* These describe the body, which is ours. */
static bool is_ours(const char *name)
{
	return strcasecmp(name, "Content-Type") == 0 || strcasecmp(name, "Content-Length") == 0 ||
	       strcasecmp(name, "Content-Encoding") == 0 ||
	       strcasecmp(name, "Transfer-Encoding") == 0;
}

void rk_header_list_apply(struct rk_http_call *call, const char *list, const char *what)
{
	char *copy = strdup(list), *rest = copy, *item;
	unsigned position = 0;

	while (copy && (item = strsep(&rest, ",\n"))) {
		char *value = strchr(item, '=');
		char *name;
		int err = -EINVAL;

		position++;
		if (!*trim(item))
			continue;
		if (value) {
			*value++ = '\0';
			value = trim(value);
			percent_decode(value);
			name = trim(item);
			err = is_ours(name) ? -EINVAL : rk_http_call_add_header(call, name, value);
		}
		if (err)
			rk_log_warn("otlp: could not use entry %u of %s: expected "
				    "<header name>=<value>",
				    position, what);
	}
	if (copy)
		explicit_bzero(copy, strlen(list));
	free(copy);
}

void rk_header_list_apply_file(struct rk_http_call *call, const char *path, const char *what)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = fd < 0 ? NULL : malloc(FILE_BYTES_MAX + 1);
	ssize_t length = -1;

	if (text)
		length = read(fd, text, FILE_BYTES_MAX);
	if (length < 0)
		rk_log_warn("otlp: could not read %s %s: %s", what, path, rk_strerror(errno));
	if (fd >= 0)
		close(fd);
	if (length >= 0) {
		text[length] = '\0';
		rk_header_list_apply(call, text, what);
		explicit_bzero(text, (size_t)length);
	}
	free(text);
}
