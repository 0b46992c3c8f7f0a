/* SPDX-License-Identifier: Apache-2.0
 *
 * core/number.c - strtod and printf in the C locale, and tables of units.
 */
#include "core/number.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct rk_unit rk_number_durations[] = {
	{ "ns", 1, true },  { "us", 1e3, true }, { "\xc2\xb5s", 1e3, false }, { "ms", 1e6, true },
	{ "s", 1e9, true }, { "m", 60e9, true }, { "h", 3600e9, true },	      { NULL, 0, false },
};
const struct rk_unit rk_number_sizes[] = {
	{ "B", 1, false },	     { "KiB", 1024, true }, { "MiB", 1048576, true },
	{ "GiB", 1073741824, true }, { "K", 1024, false },  { "M", 1048576, false },
	{ "G", 1073741824, false },  { "kB", 1e3, false },  { "MB", 1e6, false },
	{ "GB", 1e9, false },	     { NULL, 0, false },
};

/* The C locale costs no memory in glibc and never fails there. */
static locale_t c_locale(void)
{
	static _Atomic(locale_t) cached;
	locale_t locale = cached;

	if (!locale) {
		locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
		cached = locale;
	}
	return locale;
}

/* A decimal number at the front of @text: no sign, no hex, no infinity. */
bool rk_number_parse(const char *text, double *value, const char **end)
{
	locale_t locale = c_locale();
	char *stop;

	if (!isdigit((unsigned char)text[0]) && text[0] != '.')
		return false;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return false;
	*value = locale ? strtod_l(text, &stop, locale) : strtod(text, &stop);
	*end = stop;
	return stop != text && isfinite(*value);
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

/* "1m30s": numbers with units, summed. A lone 0 needs none. */
bool rk_number_parse_units(const char *text, const struct rk_unit *units, uint64_t *out)
{
	double sum = 0;

	if (strcmp(text, "0") == 0) {
		*out = 0;
		return true;
	}
	if (!*text)
		return false;
	while (*text) {
		const struct rk_unit *unit = units;
		const char *end;
		double number;
		size_t length;

		if (!rk_number_parse(text, &number, &end))
			return false;
		while (*end == ' ')
			end++;
		length =
			strspn(end, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\xc2\xb5");
		while (unit->name && !is_word(end, length, unit->name))
			unit++;
		if (!unit->name)
			return false;
		sum += number * unit->factor;
		text = end + length;
	}
	if (sum >= 9.2e18)
		return false;
	*out = (uint64_t)(sum + 0.5);
	return true;
}

bool rk_number_parse_uint(const char *text, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !*end && !errno;
}

int rk_number_format_units(uint64_t value, const struct rk_unit *units, char *out, size_t size)
{
	const struct rk_unit *best = NULL;

	for (const struct rk_unit *unit = units; value && unit->name; unit++) {
		if (unit->printed && value % (uint64_t)unit->factor == 0 &&
		    (!best || unit->factor > best->factor))
			best = unit;
	}
	if (!best)
		return snprintf(out, size, "%llu", (unsigned long long)value);
	return snprintf(out, size, "%llu%s", (unsigned long long)(value / (uint64_t)best->factor),
			best->name);
}

/* The shortest text that reads back as the same number. */
int rk_number_format(double value, char *out, size_t size)
{
	locale_t locale = c_locale();
	locale_t old = locale ? uselocale(locale) : (locale_t)0;
	int length = 0;

	for (int digits = 6; digits <= 17; digits++) {
		length = snprintf(out, size, "%.*g", digits, value);
		if ((size_t)length >= size || strtod(out, NULL) == value)
			break;
	}
	if (old)
		uselocale(old);
	return length;
}
