/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_name.c - numbers before the extension.
 */
#include "trace/trace_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 18u

/* Bytes of @path before its extension. */
static size_t stem_of(const char *path)
{
	size_t length = strlen(path), tail = strlen(RK_TRACE_EXTENSION);

	return length > tail && strcmp(path + length - tail, RK_TRACE_EXTENSION) == 0 ?
		       length - tail :
		       length;
}

bool rk_trace_name_number(char *out, size_t size, const char *path, const char *separator,
			  uint64_t number)
{
	size_t stem = stem_of(path);
	int length = snprintf(out, size, "%.*s%s%" PRIu64 "%s", (int)stem, path, separator, number,
			      path + stem);

	return length > 0 && (size_t)length < size;
}

bool rk_trace_name_is_part(const char *name, const char *path, uint64_t *number)
{
	size_t stem = stem_of(path), digits;

	if (strncmp(name, path, stem) != 0 || name[stem] != '.')
		return false;
	name += stem + 1;
	digits = strspn(name, "0123456789");
	if (!digits || digits > DIGITS_MAX || *name == '0' ||
	    strcmp(name + digits, path + stem) != 0)
		return false;
	*number = 0;
	for (size_t i = 0; i < digits; i++)
		*number = *number * 10 + (uint64_t)(name[i] - '0');
	return true;
}

void rk_trace_name_of_set(char *path)
{
	char *tail = path + stem_of(path), *dot = tail;

	while (dot > path && dot[-1] >= '0' && dot[-1] <= '9')
		dot--;
	if (dot > path && dot < tail && dot[-1] == '.')
		memmove(dot - 1, tail, strlen(tail) + 1);
}
