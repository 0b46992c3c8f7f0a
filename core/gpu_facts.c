/* SPDX-License-Identifier: Apache-2.0
 *
 * core/gpu_facts.c - the words.
 */
#include "core/gpu_facts.h"

#include <stdio.h>
#include <string.h>

/* By bit. The first four are kinds of work whose times are then those of the calls. */
static const char *const names[] = {
	"kernels", "copies",	   "copies between devices",
	"memsets", "whole graphs", "concurrent kernels",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

const char *rk_gpu_missing_name(unsigned bit)
{
	return bit < NAMES ? names[bit] : NULL;
}

static void append(char out[RK_GPU_MISSING_MAX], const char *separator, const char *text)
{
	size_t used = strlen(out);

	snprintf(out + used, RK_GPU_MISSING_MAX - used, "%s%s", separator, text);
}

const char *rk_gpu_missing_describe(uint32_t missing, char out[RK_GPU_MISSING_MAX])
{
	uint32_t left = missing & RK_GPU_NO_RECORDS;
	const char *separator = "host time for ";

	out[0] = '\0';
	for (unsigned bit = 0; left; bit++) {
		if (!(left & 1u << bit))
			continue;
		left &= ~(1u << bit);
		append(out, separator, names[bit]);
		separator = left & (left - 1) ? ", " : " and ";
	}
	if (missing & RK_GPU_NO_GRAPHS)
		append(out, out[0] ? "; " : "", "graphs by their nodes");
	if (missing & RK_GPU_SERIAL_KERNELS)
		append(out, out[0] ? "; " : "", "kernels one at a time");
	return out;
}
