/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_text.c - characters, escapes, times and durations, put whole or not at all.
 */
#include "pipeline/log/log_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "core/utf8.h"

#define NS_PER_S	1000000000u
#define SECONDS_PER_DAY 86400u

static void put_bytes(struct rk_log_text *to, const char *bytes, size_t length)
{
	if (length > to->limit - to->used) {
		to->is_cut = true;
		return;
	}
	memcpy(to->out + to->used, bytes, length);
	to->used += length;
}

void rk_log_text_put(struct rk_log_text *to, const char *text)
{
	put_bytes(to, text, strlen(text));
}

static bool is_control(const uint8_t *at, size_t length)
{
	/* C1 as well: a terminal takes U+009B for an escape sequence. */
	return length == 1 ? *at < 0x20 || *at == 0x7f :
			     length == 2 && at[0] == 0xc2 && at[1] < 0xa0;
}

/* One character as it may stand in a line, in quotes or not. Return: bytes in @out. */
static size_t escape(char out[8], const uint8_t *at, size_t length, bool in_quotes)
{
	static const char plain[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
	const char *found = length == 1 && *at ? strchr(plain, *at) : NULL;

	if (found && !in_quotes && strchr("\"\\", *found))
		found = NULL;

	if (found) {
		out[0] = '\\';
		out[1] = letters[found - plain];
		return 2;
	}
	if (is_control(at, length))
		return (size_t)snprintf(out, 8, "\\u%04x", length == 1 ? at[0] : at[1]);
	memcpy(out, at, length);
	return length;
}

/* Bytes at the front of @text, @most at most, that stand for themselves anywhere. */
static size_t plain_run(const uint8_t *at, size_t most)
{
	size_t length = 0;

	while (length < most && at[length] >= 0x20 && at[length] < 0x7f && at[length] != '"' &&
	       at[length] != '\\')
		length++;
	return length;
}

/* One character; what is no UTF-8 becomes '?'. Return: its bytes in the text; 0: no room. */
static size_t put_character(struct rk_log_text *to, const uint8_t *at, size_t end, bool in_quotes)
{
	char part[8] = "?";
	size_t step = rk_utf8_sequence(at, strnlen((const char *)at, 4));
	size_t length = step ? escape(part, at, step, in_quotes) : 1;

	if (length > end - to->used) {
		to->is_cut = true;
		return 0;
	}
	memcpy(to->out + to->used, part, length);
	to->used += length;
	return step ? step : 1;
}

/* @text in at most @most bytes. */
void rk_log_text_put_escaped(struct rk_log_text *to, const char *text, size_t most, bool in_quotes)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t end = to->limit - to->used < most ? to->limit : to->used + most;
	size_t step;

	do {
		size_t run = plain_run(at, end - to->used);

		memcpy(to->out + to->used, at, run);
		to->used += run;
		at += run;
		step = *at ? put_character(to, at, end, in_quotes) : 0;
		at += step;
	} while (step);
}

void rk_log_text_put_quoted(struct rk_log_text *to, const char *text, size_t most)
{
	to->limit--; /* the closing quote */
	rk_log_text_put(to, "\"");
	rk_log_text_put_escaped(to, text, most, true);
	to->limit++;
	rk_log_text_put(to, "\"");
}

/* @digits of @value, zeros in front, and @end behind. printf() would be most of a line's cost. */
static void put_digits(struct rk_log_text *to, uint64_t value, int digits, const char *end)
{
	char text[16];

	for (int i = digits - 1; i >= 0; i--) {
		text[i] = (char)('0' + value % 10);
		value /= 10;
	}
	put_bytes(to, text, (size_t)digits);
	rk_log_text_put(to, end);
}

/* Days since 1970 as a date, after Howard Hinnant: gmtime() may take a lock of the program's. */
static void put_date(struct rk_log_text *to, uint64_t days)
{
	uint64_t shifted = days + 719468; /* since 0000-03-01 */
	uint64_t era = shifted / 146097, day_of_era = shifted % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t from_march = (5 * day_of_year + 2) / 153;
	uint64_t month = from_march < 10 ? from_march + 3 : from_march - 9;

	put_digits(to, year_of_era + era * 400 + (month <= 2), 4, "-");
	put_digits(to, month, 2, "-");
	put_digits(to, day_of_year - (153 * from_march + 2) / 5 + 1, 2, "T");
}

void rk_log_text_put_time(struct rk_log_text *to, uint64_t ns, int digits)
{
	uint64_t seconds = ns / NS_PER_S, of_day = seconds % SECONDS_PER_DAY;

	put_date(to, seconds / SECONDS_PER_DAY);
	put_digits(to, of_day / 3600, 2, ":");
	put_digits(to, of_day / 60 % 60, 2, ":");
	put_digits(to, of_day % 60, 2, ".");
	put_digits(to, digits == 9 ? ns % NS_PER_S : ns % NS_PER_S / 1000, digits, "Z");
}

/* To the nanosecond, without zeros at the end. */
void rk_log_text_put_duration(struct rk_log_text *to, double duration_ms)
{
	char text[40];
	size_t length;

	if (duration_ms > 1e12) {
		rk_number_format(duration_ms, text, sizeof(text));
	} else {
		uint64_t ns = (uint64_t)(duration_ms * 1e6 + 0.5);

		length = (size_t)snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64,
					  ns / 1000000, ns % 1000000);
		while (text[length - 1] == '0')
			length--;
		if (text[length - 1] == '.')
			length--;
		text[length] = '\0';
	}
	rk_log_text_put(to, text);
}
