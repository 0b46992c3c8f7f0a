/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/exposition_check.h - would the Pushgateway take this text?
 *
 * It refuses a push as a whole, whatever part of it is wrong, and takes some defects that break
 * what reads them later (a histogram without +Inf). So each family is judged here first, and
 * those with a defect are cut out: the rest still arrives.
 *
 * Judged: names, labels and their escapes, UTF-8, values, no timestamp, no sample twice, one
 * HELP and one TYPE per family, samples that fit the type, buckets that rise to +Inf and agree
 * with _count, names the gateway has itself, a line end behind the last line. Not judged: what
 * other groups of the gateway hold; only the gateway knows.
 */
#ifndef RK_EXPORTERS_EXPOSITION_CHECK_H
#define RK_EXPORTERS_EXPOSITION_CHECK_H

#include <stddef.h>
#include <stdint.h>

#define RK_EXPOSITION_MAX (64u << 20) /* bytes; more is refused as a whole */

struct rk_exposition_report {
	uint32_t families, refused;
	char first[320]; /* the first defect: what, and the line or series; "" = none */
};

/**
 * Cut every family with a defect out of @text.
 *
 * Context: exporter. Takes memory for the time of the call: some 100 bytes per line.
 * Return: the new length; -ENOMEM and -E2BIG leave @text alone, with a report that says so.
 */
ptrdiff_t rk_exposition_clean(char *text, size_t length, struct rk_exposition_report *report);

#endif
