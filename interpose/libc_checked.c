/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/libc_checked.c - what static libraries ask glibc for in the name of _FORTIFY_SOURCE.
 *
 * A distribution builds the archives that are linked in here with it. Left to glibc, these
 * functions have two faults: no other libc has them, so that the library would end a program of
 * such a libc at its start; and they abort the process, which nothing of ours may do to a
 * program. So they are defined here, hidden, and cut a text short that does not fit.
 */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __sprintf_chk(char *text, int flag, size_t size, const char *format, ...);
int __snprintf_chk(char *text, size_t limit, int flag, size_t size, const char *format, ...);

/* An unknown size is the greatest there is; vsnprintf() refuses what an int does not hold. */
static size_t at_most(size_t limit, size_t size)
{
	size_t least = limit < size ? limit : size;

	return least < INT_MAX ? least : INT_MAX;
}

__attribute__((format(printf, 3, 4))) int __fprintf_chk(FILE *file, int flag, const char *format,
							...)
{
	va_list arguments;
	int written;

	(void)flag;
	va_start(arguments, format);
	written = vfprintf(file, format, arguments);
	va_end(arguments);
	return written;
}

__attribute__((format(printf, 4, 5))) int __sprintf_chk(char *text, int flag, size_t size,
							const char *format, ...)
{
	va_list arguments;
	int written;

	(void)flag;
	va_start(arguments, format);
	written = vsnprintf(text, at_most(size, INT_MAX), format, arguments);
	va_end(arguments);
	return written;
}

__attribute__((format(printf, 5, 6))) int __snprintf_chk(char *text, size_t limit, int flag,
							 size_t size, const char *format, ...)
{
	va_list arguments;
	int written;

	(void)flag;
	va_start(arguments, format);
	written = vsnprintf(text, at_most(limit, size), format, arguments);
	va_end(arguments);
	return written;
}
