/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/header_list.c - parse, decode, hand to the call.
 */
#include "exporters/header_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

struct taker {
	rk_header_fn add;
	void *data;
};

static void list_each(const char *list, const char *who, const char *what, struct taker taker)
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
			err = is_ours(name) ? -EINVAL : taker.add(taker.data, name, value);
		}
		if (err && what)
			rk_log_warn("%s: could not use entry %u of %s: expected "
				    "<header name>=<value>",
				    who ? who : "otlp", position, what);
	}
	if (copy)
		explicit_bzero(copy, strlen(list));
	free(copy);
}

void rk_header_list_each(const char *list, const char *what, rk_header_fn add, void *data)
{
	list_each(list, NULL, what, (struct taker){ add, data });
}

bool rk_header_file_each(struct rk_secret_file *file, rk_header_fn add, void *data)
{
	char *text = malloc(FILE_BYTES_MAX + 1);
	ssize_t length = text ? rk_secret_file_read(file, text, FILE_BYTES_MAX) : -ENOMEM;

	if (length >= 0) {
		text[length] = '\0';
		list_each(text, file->who, file->what, (struct taker){ add, data });
		explicit_bzero(text, (size_t)length);
	}
	free(text);
	return length >= 0;
}
