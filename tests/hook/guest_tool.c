/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_tool.c - see guest_tool.h. With GUEST_TOOL_DLSYM it finds CUPTI by name, as
 * tools do that are to start without one.
 */
#include "guest_tool.h"

#include <cupti.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT	     __attribute__((visibility("default")))
#define BUFFERS	     4096
#define BUFFER_BYTES 16384
#define DIRT	     0xa5

#ifdef GUEST_TOOL_DLSYM
static void *find(const char *name)
{
	static void *library;

	if (!library)
		library = dlopen("libcupti.so.13", RTLD_NOW);
	return library ? dlsym(library, name) : NULL;
}
#define CALL(function, ...) note(((__typeof__(&function))find(#function))(__VA_ARGS__))
#else
#define CALL(function, ...) note(function(__VA_ARGS__))
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct guest_tool_report report;
static uint8_t *lent[BUFFERS];
static CUpti_SubscriberHandle subscriber;
static _Atomic uint64_t began_ns;
static bool finalizing;

static CUptiResult note(CUptiResult result)
{
	if (result != CUPTI_SUCCESS)
		report.errors++;
	return result;
}

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void CUPTIAPI on_wanted(uint8_t **buffer, size_t *size, size_t *max_records)
{
	pthread_mutex_lock(&lock);
	*buffer = NULL;
	*size = 0;
	*max_records = 0;
	for (int i = 0; i < BUFFERS && !*buffer; i++)
		if (!lent[i]) {
			*buffer = lent[i] = aligned_alloc(8, BUFFER_BYTES);
			*size = BUFFER_BYTES;
			memset(*buffer, DIRT, BUFFER_BYTES);
			report.lent++;
		}
	pthread_mutex_unlock(&lock);
}

static bool take_back(const uint8_t *buffer)
{
	for (int i = 0; i < BUFFERS; i++)
		if (lent[i] == buffer) {
			lent[i] = NULL;
			report.returned++;
			return true;
		}
	return false;
}

static void check_kernel(const CUpti_ActivityKernel10 *k)
{
	report.kernels++;
	if (!k->name || strcmp(k->name, "guest_kernel") != 0 || k->gridX != 1 || k->blockX != 1 ||
	    k->dynamicSharedMemory != 0 || k->graphNodeId != 0 || !k->correlationId)
		report.malformed++;
	if (k->start < began_ns - 1000000000u || k->end < k->start || k->end > wall_ns())
		report.foreign_times++;
}

static void CUPTIAPI on_full(CUcontext context, uint32_t stream, uint8_t *buffer, size_t size,
			     size_t valid)
{
	CUpti_Activity *record = NULL;

	(void)context;
	(void)stream;
	(void)size;
	pthread_mutex_lock(&lock);
	if (!take_back(buffer)) {
		report.strangers++;
		pthread_mutex_unlock(&lock);
		return;
	}
	while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS) {
		if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL)
			check_kernel((const void *)record);
		else if (record->kind == CUPTI_ACTIVITY_KIND_MEMCPY)
			report.copies++;
		else
			report.others++;
	}
	pthread_mutex_unlock(&lock);
	free(buffer);
}

static void CUPTIAPI on_call(void *data, CUpti_CallbackDomain domain, CUpti_CallbackId cbid,
			     const void *call)
{
	(void)data;
	(void)domain;
	if (((const CUpti_CallbackData *)call)->callbackSite != CUPTI_API_EXIT)
		return;
	if (cbid == CUPTI_DRIVER_TRACE_CBID_cuLaunchKernel)
		__atomic_add_fetch(&report.calls, 1, __ATOMIC_RELAXED);
	else if (__atomic_exchange_n(&finalizing, false, __ATOMIC_ACQ_REL))
		CALL(cuptiFinalize);
}

static bool is(const char *style, const char *other)
{
	return strcmp(style, other) == 0;
}

static void subscribe(const char *style)
{
	/* allowMultipleSubscribers lies behind what the headers of 13.0 have. */
	struct {
		CUpti_SubscriberParams params;
		uint8_t rest[64];
	} sharing = { .params.structSize = 40 };

	((uint8_t *)&sharing)[32] = 1;
	if (is(style, "sharing"))
		CALL(cuptiSubscribe_v2, &subscriber, on_call, NULL, &sharing.params);
	else if (is(style, "v2"))
		CALL(cuptiSubscribe_v2, &subscriber, on_call, NULL, NULL);
	else
		CALL(cuptiSubscribe, &subscriber, on_call, NULL);
	CALL(cuptiEnableCallback, 1, subscriber, CUPTI_CB_DOMAIN_DRIVER_API,
	     CUPTI_DRIVER_TRACE_CBID_cuLaunchKernel);
}

static bool subscribes(const char *style)
{
	return is(style, "subscriber") || is(style, "v2") || is(style, "sharing") ||
	       is(style, "finalize");
}

EXPORT void guest_tool_begin(const char *style)
{
	static bool has_lent;
	CUcontext context = NULL;

	began_ns = wall_ns();
	if (subscribes(style))
		subscribe(style);
	if (!is(style, "again") || !has_lent)
		CALL(cuptiActivityRegisterCallbacks, on_wanted, on_full);
	has_lent = true;
	if (is(style, "context")) {
		cuCtxGetCurrent(&context);
		CALL(cuptiActivityEnableContext, context, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
	} else {
		CALL(cuptiActivityEnable, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
		CALL(cuptiActivityEnable, CUPTI_ACTIVITY_KIND_MEMCPY);
	}
}

EXPORT void guest_tool_end(const char *style)
{
	CUcontext context = NULL;
	CUdevice device;

	CALL(cuptiActivityFlushAll, 0);
	if (is(style, "context")) {
		cuCtxGetCurrent(&context);
		CALL(cuptiActivityDisableContext, context, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
	} else if (!is(style, "finalize")) {
		CALL(cuptiActivityDisable, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
		CALL(cuptiActivityDisable, CUPTI_ACTIVITY_KIND_MEMCPY);
	}
	if (is(style, "finalize")) {
		CALL(cuptiEnableCallback, 1, subscriber, CUPTI_CB_DOMAIN_DRIVER_API,
		     CUPTI_DRIVER_TRACE_CBID_cuCtxGetDevice);
		__atomic_store_n(&finalizing, true, __ATOMIC_RELEASE);
		cuCtxGetDevice(&device);
	} else if (subscribes(style)) {
		CALL(cuptiUnsubscribe, subscriber);
	}
}

EXPORT void guest_tool_report(struct guest_tool_report *out)
{
	pthread_mutex_lock(&lock);
	report.last_error = (uint32_t)cuptiGetLastError();
	*out = report;
	pthread_mutex_unlock(&lock);
}
