/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/driver_entry.c - cuInit() and cuGetProcAddress(): how a program comes in.
 *
 * Neither leaves a record, and neither starts anything.
 */
#include <stdint.h>

#include "core/thread.h"
#include "interpose/api.h"
#include "interpose/lookup.h"
#include "interpose/start.h"

CUresult cuInit(unsigned int Flags)
{
	CUresult result;

	if (rk_thread_self.depth > 0)
		return rk_real.cuInit(Flags); /* CUPTI, inside our start */

	rk_start_mark_interposed();
	result = rk_real.cuInit(Flags);
	if (result == CUDA_SUCCESS)
		rk_start_arm();
	return result;
}

CUresult cuGetProcAddress(const char *symbol, void **pfn, int cudaVersion, cuuint64_t flags)
{
	CUresult result = rk_real.cuGetProcAddress(symbol, pfn, cudaVersion, flags);

	if (result == CUDA_SUCCESS && pfn && *pfn)
		*pfn = rk_lookup_wrap_request(symbol, cudaVersion, flags, *pfn);
	return result;
}

CUresult cuGetProcAddress_v2(const char *symbol, void **pfn, int cudaVersion, cuuint64_t flags,
			     CUdriverProcAddressQueryResult *symbolStatus)
{
	CUresult result =
		rk_real.cuGetProcAddress_v2(symbol, pfn, cudaVersion, flags, symbolStatus);

	if (result == CUDA_SUCCESS && pfn && *pfn)
		*pfn = rk_lookup_wrap_request(symbol, cudaVersion, flags, *pfn);
	return result;
}
