/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/cuda_result.c - a binary search in the table.
 */
#include "pipeline/cuda_result.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/intern.h"

static const struct {
	uint32_t value;
	const char *name, *text;
} results[] = {
#define RK_CUDA_RESULT(value, name, text) { value, #name, text },
#include "pipeline/cuda_result.def"
#undef RK_CUDA_RESULT
};

const char *rk_cuda_result_name(uint32_t result)
{
	size_t low = 0;
	size_t high = sizeof(results) / sizeof(results[0]);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (results[middle].value == result)
			return results[middle].name;
		if (results[middle].value < result)
			low = middle + 1;
		else
			high = middle;
	}
	return "CUDA_ERROR_UNLISTED";
}

const char *rk_cuda_result_text(const char *name)
{
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		if (strcmp(results[i].name, name) == 0)
			return results[i].text;
	}
	return "";
}

const char *rk_cuda_result_message(uint32_t result, uint32_t api)
{
	const char *name = rk_cuda_result_name(result);
	const char *text = rk_cuda_result_text(name);
	char message[256];

	if (!api)
		return "";
	snprintf(message, sizeof(message), "%s failed: %s%s%s%s", rk_intern_get(api), name,
		 *text ? " (" : "", text, *text ? ")" : "");
	return rk_intern_get(rk_intern(message));
}
