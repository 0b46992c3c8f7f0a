/* SPDX-License-Identifier: Apache-2.0
 *
 * core/number.h - numbers in text that mean the same in every locale.
 *
 * The program may have called setlocale(): then strtod("0.5") is 0 where people write 0,5.
 */
#ifndef RK_CORE_NUMBER_H
#define RK_CORE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rk_unit {
	const char *name; /* NULL ends a table */
	double factor;
	bool printed;	/* used for printing, not only understood */
};

extern const struct rk_unit rk_number_durations[]; /* in ns */
extern const struct rk_unit rk_number_sizes[];	   /* in bytes */

/**
 * A decimal number at the front of @text: no sign, no hex, no infinity.
 *
 * @end: the first character behind it.
 * Context: any but hooks. Return: whether there is one.
 */
bool rk_number_parse(const char *text, double *value, const char **end);

/**
 * The whole of @text as decimal digits.
 *
 * Context: any but hooks. Return: whether it is one that fits.
 */
bool rk_number_parse_uint(const char *text, uint64_t *value);

/**
 * The whole of @text as numbers with units, summed: "1m30s". A lone 0 needs no unit.
 *
 * Context: any but hooks. Return: whether it is one that fits.
 */
bool rk_number_parse_units(const char *text, const struct rk_unit *units, uint64_t *value);

/**
 * The shortest text that reads back as @value.
 *
 * Context: any but hooks. Return: length as snprintf.
 */
int rk_number_format(double value, char *out, size_t size);

/**
 * A whole number of the largest unit that loses nothing.
 *
 * Context: any but hooks. Return: length as snprintf.
 */
int rk_number_format_units(uint64_t value, const struct rk_unit *units, char *out, size_t size);

#endif
