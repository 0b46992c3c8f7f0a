/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/join/cuda_result.c - a binary search in the table.
 */
#include "pipeline/join/cuda_result.h"

#include <stddef.h>
#include <string.h>

static const struct {
	uint32_t value;
	const char *name, *text;
} results[] = {
#define RK_CUDA_RESULT(value, name, text) { value, #name, text },
#include "pipeline/join/cuda_result.def"
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

bool rk_cuda_result_is_sticky(uint32_t result)
{
	switch (result) {
	case 214: /* ECC_UNCORRECTABLE */
	case 220: /* NVLINK_UNCORRECTABLE */
	case 700: /* ILLEGAL_ADDRESS */
	case 702: /* LAUNCH_TIMEOUT */
	case 710: /* ASSERT */
	case 714: /* HARDWARE_STACK_ERROR */
	case 715: /* ILLEGAL_INSTRUCTION */
	case 716: /* MISALIGNED_ADDRESS */
	case 717: /* INVALID_ADDRESS_SPACE */
	case 718: /* INVALID_PC */
	case 719: /* LAUNCH_FAILED */
	case 721: /* TENSOR_MEMORY_LEAK */
		return true;
	default:
		return false;
	}
}
