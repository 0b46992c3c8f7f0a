/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/ask.c - questions to the driver, looked up when first asked.
 */
#include "interpose/ask.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#include "interpose/lookup.h"

static char absent; /* its address stands for a function that the driver lacks */

/* The address of a driver function, looked up once. */
static void *find(void *_Atomic *slot, const char *name)
{
	void *function = atomic_load(slot);

	if (!function && rk_lookup_has_driver()) {
		function = rk_lookup_driver(name);
		atomic_store(slot, function ? function : &absent);
	}
	return function == &absent ? NULL : function;
}

enum rk_ask_capture rk_ask_capture(CUstream stream, bool per_thread)
{
	static void *_Atomic slot;
	CUresult (*function)(CUstream, CUstreamCaptureStatus *, cuuint64_t *, CUgraph *,
			     const CUgraphNode **, size_t *) =
		(CUresult(*)(CUstream, CUstreamCaptureStatus *, cuuint64_t *, CUgraph *,
			     const CUgraphNode **, size_t *))find(&slot,
								  "cuStreamGetCaptureInfo_v2");
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	int saved_errno = errno;
	CUresult result;

	if (!function)
		return RK_ASK_NOT_CAPTURING;
	if (!stream && per_thread)
		stream = CU_STREAM_PER_THREAD;
	result = function(stream, &status, NULL, NULL, NULL, NULL);
	errno = saved_errno;
	if (result == CUDA_ERROR_STREAM_CAPTURE_IMPLICIT)
		return RK_ASK_CAPTURING;
	if (result != CUDA_SUCCESS || status == CU_STREAM_CAPTURE_STATUS_NONE)
		return RK_ASK_NOT_CAPTURING;
	return status == CU_STREAM_CAPTURE_STATUS_ACTIVE ? RK_ASK_CAPTURING :
							   RK_ASK_CAPTURE_INVALID;
}

CUcontext rk_ask_context(void)
{
	static void *_Atomic slot;
	CUresult (*function)(CUcontext *) =
		(CUresult(*)(CUcontext *))find(&slot, "cuCtxGetCurrent");
	int saved_errno = errno;
	CUcontext context = NULL;

	if (function && function(&context) != CUDA_SUCCESS)
		context = NULL;
	errno = saved_errno;
	return context;
}

int32_t rk_ask_device(void)
{
	static void *_Atomic slot;
	CUresult (*function)(CUdevice *) = (CUresult(*)(CUdevice *))find(&slot, "cuCtxGetDevice");
	int saved_errno = errno;
	CUdevice device = -1;

	if (function && function(&device) != CUDA_SUCCESS)
		device = -1;
	errno = saved_errno;
	return device;
}

bool rk_ask_primary_is_active(CUdevice device)
{
	static void *_Atomic slot;
	CUresult (*function)(CUdevice, unsigned int *, int *) =
		(CUresult(*)(CUdevice, unsigned int *, int *))find(&slot,
								   "cuDevicePrimaryCtxGetState");
	int saved_errno = errno;
	unsigned int flags;
	int active = 1;

	if (function && function(device, &flags, &active) != CUDA_SUCCESS)
		active = 1;
	errno = saved_errno;
	return active;
}

const char *rk_ask_function_name(CUfunction handle)
{
	static void *_Atomic slot;
	CUresult (*function)(const char **, CUfunction) =
		(CUresult(*)(const char **, CUfunction))find(&slot, "cuFuncGetName");
	int saved_errno = errno;
	const char *name = NULL;

	if (function && function(&name, handle) != CUDA_SUCCESS)
		name = NULL;
	errno = saved_errno;
	return name;
}

const char *rk_ask_kernel_name(CUkernel kernel)
{
	static void *_Atomic slot;
	CUresult (*function)(const char **, CUkernel) =
		(CUresult(*)(const char **, CUkernel))find(&slot, "cuKernelGetName");
	int saved_errno = errno;
	const char *name = NULL;

	if (function && function(&name, kernel) != CUDA_SUCCESS)
		name = NULL;
	errno = saved_errno;
	return name;
}

uint32_t rk_ask_node_count(CUgraph graph)
{
	static void *_Atomic slot;
	CUresult (*function)(CUgraph, CUgraphNode *, size_t *) =
		(CUresult(*)(CUgraph, CUgraphNode *, size_t *))find(&slot, "cuGraphGetNodes");
	int saved_errno = errno;
	size_t count = 0;

	if (function && function(graph, NULL, &count) != CUDA_SUCCESS)
		count = 0;
	errno = saved_errno;
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}
