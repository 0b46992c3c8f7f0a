/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/human_units.c - three digits and a unit.
 */
#include "pipeline/human_units.h"

#include <stdio.h>

static void three_digits(char *out, double value, const char *unit)
{
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(out, RK_HUMAN_MAX, "%.*f %s", decimals, value, unit);
}

const char *rk_human_time(char out[RK_HUMAN_MAX], uint64_t ns)
{
	double value = (double)ns;

	if (ns < 1000)
		snprintf(out, RK_HUMAN_MAX, "%u ns", (unsigned)ns);
	else if (value < 999.5e3)
		three_digits(out, value / 1e3, "us");
	else if (value < 999.5e6)
		three_digits(out, value / 1e6, "ms");
	else
		three_digits(out, value / 1e9, "s");
	return out;
}

const char *rk_human_bytes(char out[RK_HUMAN_MAX], uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)bytes / 1024;
	int unit = 0;

	if (bytes < 1024) {
		snprintf(out, RK_HUMAN_MAX, "%u B", (unsigned)bytes);
		return out;
	}
	for (; value >= 1023.5 && unit < 4; unit++)
		value /= 1024;
	three_digits(out, value, units[unit]);
	return out;
}
