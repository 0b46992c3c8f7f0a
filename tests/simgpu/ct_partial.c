/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/ct_partial.c - a libcupti.so.13 that lacks nearly every symbol, for
 * tests of a tool that meets one it cannot use.
 */
#include <cupti.h>

#define CT_EXPORT __attribute__((visibility("default")))

CT_EXPORT CUptiResult cuptiGetVersion(uint32_t *version)
{
	*version = CUPTI_API_VERSION;
	return CUPTI_SUCCESS;
}
