/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/cupti/fake_cupti.c - records are written with CUPTI's own structs, so what the
 * decoder reads by offset is checked against what a compiler laid out.
 *
 * FAKE_OLD leaves the optional functions out, FAKE_BROKEN a required one.
 */
#include "fake_cupti.h"

#include <cupti.h>
#include <cupti_activity_deprecated.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT	__attribute__((visibility("default")))
#define BUFFERS 4096

struct held {
	uint8_t *data;
	size_t size, used;
};

static struct fake_cupti fake = { .version = 130001 };
static pthread_mutex_t lock;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static CUpti_CallbackFunc on_call;
static CUpti_BuffersCallbackRequestFunc on_wanted;
static CUpti_BuffersCallbackCompleteFunc on_full;
static CUpti_TimestampCallbackFunc on_time;
static uint8_t watched[2048];
static struct held held[BUFFERS];
static uint32_t held_count;
static uint32_t correlation;

static void init_lock(void)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&lock, &attributes);
}

/* False: the caller is inside one of the callbacks. Real CUPTI would hang here. */
static bool enter(void)
{
	pthread_once(&once, init_lock);
	if (pthread_mutex_lock(&lock) == 0)
		return true;
	fake.violations++;
	return false;
}

static void leave(void)
{
	pthread_mutex_unlock(&lock);
}

static size_t kernel_size(void)
{
	if (fake.version >= 130000)
		return sizeof(CUpti_ActivityKernel10);
	if (fake.version >= 19)
		return sizeof(CUpti_ActivityKernel9);
	if (fake.version >= 18)
		return sizeof(CUpti_ActivityKernel8);
	if (fake.version >= 17)
		return sizeof(CUpti_ActivityKernel7);
	if (fake.version >= 15)
		return sizeof(CUpti_ActivityKernel6);
	if (fake.version >= 13)
		return sizeof(CUpti_ActivityKernel5);
	return sizeof(CUpti_ActivityKernel4);
}

static size_t record_size(uint32_t kind)
{
	switch (kind) {
	case CUPTI_ACTIVITY_KIND_KERNEL:
	case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
		return kernel_size();
	case CUPTI_ACTIVITY_KIND_MEMCPY:
		return fake.version >= 26 ? sizeof(CUpti_ActivityMemcpy6) :
					    sizeof(CUpti_ActivityMemcpy);
	case CUPTI_ACTIVITY_KIND_MEMSET:
		return fake.version >= 17 ? sizeof(CUpti_ActivityMemset4) :
					    sizeof(CUpti_ActivityMemset);
	case CUPTI_ACTIVITY_KIND_GRAPH_TRACE:
		return sizeof(CUpti_ActivityGraphTrace2);
	default:
		return 0;
	}
}

#define FILL_KERNEL(type)                                                                          \
	do {                                                                                       \
		type *k = (type *)record;                                                          \
		k->kind = work->kind;                                                              \
		k->start = work->start;                                                            \
		k->end = work->end;                                                                \
		k->streamId = work->stream;                                                        \
		k->contextId = 1;                                                                  \
		k->gridX = 7;                                                                      \
		k->blockX = 64;                                                                    \
		k->registersPerThread = 33;                                                        \
		k->dynamicSharedMemory = 512;                                                      \
		k->correlationId = id;                                                             \
		k->name = work->name;                                                              \
	} while (0)

static void write_kernel(uint8_t *record, const struct fake_work *work, uint32_t id)
{
	if (fake.version >= 130000)
		FILL_KERNEL(CUpti_ActivityKernel10);
	else if (fake.version >= 19)
		FILL_KERNEL(CUpti_ActivityKernel9);
	else if (fake.version >= 18)
		FILL_KERNEL(CUpti_ActivityKernel8);
	else if (fake.version >= 17)
		FILL_KERNEL(CUpti_ActivityKernel7);
	else if (fake.version >= 15)
		FILL_KERNEL(CUpti_ActivityKernel6);
	else if (fake.version >= 13)
		FILL_KERNEL(CUpti_ActivityKernel5);
	else
		FILL_KERNEL(CUpti_ActivityKernel4);
}

static void write_record(uint8_t *record, const struct fake_work *work, uint32_t id)
{
	CUpti_ActivityMemcpy *copy = (CUpti_ActivityMemcpy *)record;
	CUpti_ActivityMemset *set = (CUpti_ActivityMemset *)record;
	CUpti_ActivityGraphTrace *graph = (CUpti_ActivityGraphTrace *)record;

	switch (work->kind) {
	case CUPTI_ACTIVITY_KIND_MEMCPY:
		copy->kind = work->kind;
		copy->copyKind = CUPTI_ACTIVITY_MEMCPY_KIND_HTOD;
		copy->bytes = 4096;
		copy->start = work->start;
		copy->end = work->end;
		copy->streamId = work->stream;
		copy->correlationId = id;
		break;
	case CUPTI_ACTIVITY_KIND_MEMSET:
		set->kind = work->kind;
		set->value = 0xab;
		set->bytes = 100;
		set->start = work->start;
		set->end = work->end;
		set->streamId = work->stream;
		set->correlationId = id;
		break;
	case CUPTI_ACTIVITY_KIND_GRAPH_TRACE:
		graph->kind = work->kind;
		graph->start = work->start;
		graph->end = work->end;
		graph->graphId = 5;
		graph->correlationId = id;
		break;
	default:
		write_kernel(record, work, id);
	}
}

static void remove_held(uint32_t i)
{
	struct held gone = held[i];

	held[i] = held[--held_count];
	on_full(NULL, 0, gone.data, gone.size, gone.used);
}

static void take_record(const struct fake_work *work, uint32_t id)
{
	size_t size = record_size(work->kind);
	struct held *last = held_count ? &held[held_count - 1] : NULL;

	if (!last || fake.short_buffers || last->used + size > last->size) {
		size_t records = 0;

		if (held_count == BUFFERS)
			return;
		last = &held[held_count];
		last->used = 0;
		last->data = NULL;
		on_wanted(&last->data, &last->size, &records);
		if (!last->data)
			abort(); /* as CUPTI before 12.9 does */
		held_count++;
		if (last->data[0] || memcmp(last->data, last->data + 1, last->size - 1) != 0)
			fake.dirty++;
	}
	write_record(last->data + last->used, work, id);
	last->used += size;
}

static uint64_t *end_of(uint8_t *record)
{
	uint32_t kind;

	memcpy(&kind, record, sizeof(kind));
	return (uint64_t *)(record + (kind == CUPTI_ACTIVITY_KIND_GRAPH_TRACE ? 16 : 24));
}

static bool is_complete(const struct held *buffer)
{
	size_t at = 0;

	while (at < buffer->used) {
		uint32_t kind;

		memcpy(&kind, buffer->data + at, sizeof(kind));
		if (!*end_of(buffer->data + at))
			return false;
		at += record_size(kind);
	}
	return true;
}

static uint32_t submit(uint32_t cbid, const struct fake_work *work, uint32_t count)
{
	static int result;
	uint64_t kept = 0;
	uint32_t id = __atomic_add_fetch(&correlation, 1, __ATOMIC_RELAXED);
	CUpti_CallbackData call = { .callbackSite = CUPTI_API_ENTER,
				    .functionName = "fake",
				    .functionReturnValue = &result,
				    .correlationData = &kept,
				    .correlationId = id };

	if (fake.subscribed && watched[cbid])
		on_call(NULL, CUPTI_CB_DOMAIN_DRIVER_API, cbid, &call);
	if (enter()) {
		for (uint32_t i = 0; i < count; i++)
			if (fake.enabled >> work[i].kind & 1)
				take_record(&work[i], id);
		leave();
	}
	call.callbackSite = CUPTI_API_EXIT;
	if (fake.subscribed && watched[cbid])
		on_call(NULL, CUPTI_CB_DOMAIN_DRIVER_API, cbid, &call);
	return id;
}

static void finish(uint32_t id, uint64_t end)
{
	if (!enter())
		return;
	for (uint32_t i = 0; i < held_count; i++)
		for (size_t at = 0; at < held[i].used;) {
			uint32_t kind, own;

			memcpy(&kind, held[i].data + at, sizeof(kind));
			memcpy(&own, held[i].data + at + 92, sizeof(own));
			if (kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL && own == id)
				*end_of(held[i].data + at) = end;
			at += record_size(kind);
		}
	leave();
}

static uint64_t now(void)
{
	return on_time ? on_time() : 0;
}

EXPORT struct fake_cupti *fake_cupti(void)
{
	fake.submit = submit;
	fake.finish = finish;
	fake.now = now;
	return &fake;
}

/* ---- the library ---- */

EXPORT CUptiResult cuptiGetVersion(uint32_t *version)
{
	*version = fake.version;
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiSubscribe(CUpti_SubscriberHandle *subscriber, CUpti_CallbackFunc callback,
				  void *data)
{
	(void)data;
	if (fake.subscribe_result)
		return (CUptiResult)fake.subscribe_result;
	if (fake.subscribed)
		return CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED;
	*subscriber = (CUpti_SubscriberHandle)&fake;
	on_call = callback;
	fake.subscribed = true;
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiUnsubscribe(CUpti_SubscriberHandle subscriber)
{
	(void)subscriber;
	fake.subscribed = false;
	fake.callbacks = 0;
	memset(watched, 0, sizeof(watched));
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiEnableCallback(uint32_t enable, CUpti_SubscriberHandle subscriber,
				       CUpti_CallbackDomain domain, CUpti_CallbackId cbid)
{
	(void)subscriber;
	if (domain != CUPTI_CB_DOMAIN_DRIVER_API || cbid >= sizeof(watched) ||
	    (fake.newest_cbid && cbid > fake.newest_cbid))
		return CUPTI_ERROR_INVALID_PARAMETER;
	fake.callbacks += (uint32_t)(enable != 0) - watched[cbid];
	watched[cbid] = enable != 0;
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiActivityEnable(CUpti_ActivityKind kind)
{
	if (fake.refused_kind[kind])
		return (CUptiResult)fake.refused_kind[kind];
	if (!fake.enabled)
		fake.clock_before_kinds = on_time != NULL;
	fake.enabled |= 1ull << kind;
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiActivityDisable(CUpti_ActivityKind kind)
{
	fake.enabled &= ~(1ull << kind);
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc wanted,
						  CUpti_BuffersCallbackCompleteFunc full)
{
	if (fake.register_result)
		return (CUptiResult)fake.register_result;
	on_wanted = wanted;
	on_full = full;
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiActivityGetNextRecord(uint8_t *buffer, size_t valid,
					      CUpti_Activity **record)
{
	uint8_t *next = buffer;

	if (*record)
		next = (uint8_t *)*record + record_size((uint32_t)(*record)->kind);
	if (next + 8 > buffer + valid)
		return CUPTI_ERROR_MAX_LIMIT_REACHED;
	*record = (CUpti_Activity *)next;
	return record_size((uint32_t)(*record)->kind) ? CUPTI_SUCCESS : CUPTI_ERROR_INVALID_KIND;
}

#ifdef FAKE_BROKEN
__attribute__((visibility("hidden")))
#else
EXPORT
#endif
CUptiResult
cuptiActivityFlushAll(uint32_t flag)
{
	if (!enter())
		return CUPTI_ERROR_UNKNOWN;
	fake.flushes++;
	fake.forced_flushes += flag;
	for (uint32_t i = held_count; i-- > 0;)
		if (flag || is_complete(&held[i]))
			remove_held(i);
	leave();
	return CUPTI_SUCCESS;
}

#ifndef FAKE_OLD
EXPORT CUptiResult cuptiActivityRegisterTimestampCallback(CUpti_TimestampCallbackFunc fn)
{
	if (fake.no_timestamps)
		return CUPTI_ERROR_NOT_SUPPORTED;
	on_time = fn;
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiActivitySetAttribute(CUpti_ActivityAttribute attribute, size_t *size,
					     void *value)
{
	if (attribute == CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER && *size == 1)
		fake.zeroed_promised = *(uint8_t *)value == 1;
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiActivityGetNumDroppedRecords(CUcontext context, uint32_t stream,
						     size_t *dropped)
{
	(void)context;
	(void)stream;
	if (!enter())
		return CUPTI_ERROR_UNKNOWN;
	*dropped = fake.dropped;
	fake.dropped = 0;
	leave();
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiSetThreadIdType(CUpti_ActivityThreadIdType type)
{
	fake.system_threads = type == CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM;
	return CUPTI_SUCCESS;
}

EXPORT CUptiResult cuptiGetResultString(CUptiResult result, const char **text)
{
	if (result != CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED)
		return CUPTI_ERROR_INVALID_PARAMETER;
	*text = "CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED";
	return CUPTI_SUCCESS;
}
#endif
