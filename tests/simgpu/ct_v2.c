/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/ct_v2.c - CUPTI's newer functions: records of chosen fields, in a layout of our own
 * that is told with every buffer.
 *
 * The layout is as unlike the structs as it may be: the kind first, then the fields from the last
 * to the first, in words of 8 bytes with something in between; ids have 8 bytes, their upper half
 * is not 0 where the real one's is not either. SIMGPU_CUPTI_LAYOUTS spoils that of one kind.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ct.h"

#define FIELDS_MAX 40
#define WORD	   16 /* bytes from field to field */

enum {
	USER_DEFINED_RECORDS = 11,
	THREAD_ID_TYPE = 21,
	TIMESTAMP_CALLBACK = 22,
};

struct selection {
	size_t struct_size, count;
	int *ids;
};

struct config {
	size_t struct_size;
	struct selection selection;
	void *options;
};

struct entry {
	size_t struct_size;
	int id;
	size_t offset, size, alignment;
	uint64_t grown; /* what a later version may add */
};

struct layout {
	size_t struct_size;
	struct entry *entries;
	size_t count, record_size;
};

struct complete_info {
	size_t struct_size;
	uint64_t thread;
	struct layout **layouts;
	size_t count;
};

/* Where a field lies in the struct that the records are made as, and how wide it is there. */
struct source {
	int kind, id;
	size_t at, width;
};

#define FROM(kind, id, type, member)                                                               \
	{                                                                                          \
		CUPTI_ACTIVITY_KIND_##kind, id, offsetof(CUpti_Activity##type, member),            \
			sizeof(((CUpti_Activity##type *)0)->member)                                \
	}
#define KERNEL(id, member)                                                                         \
	FROM(CONCURRENT_KERNEL, id, Kernel10, member), FROM(KERNEL, id, Kernel10, member)

static const struct source sources[] = {
	KERNEL(4, registersPerThread),
	KERNEL(7, start),
	KERNEL(8, end),
	KERNEL(10, deviceId),
	KERNEL(11, contextId),
	KERNEL(12, streamId),
	KERNEL(13, gridX),
	KERNEL(14, gridY),
	KERNEL(15, gridZ),
	KERNEL(16, blockX),
	KERNEL(17, blockY),
	KERNEL(18, blockZ),
	KERNEL(19, staticSharedMemory),
	KERNEL(20, dynamicSharedMemory),
	KERNEL(21, localMemoryPerThread),
	KERNEL(22, correlationId),
	KERNEL(24, name),
	KERNEL(31, graphNodeId),
	KERNEL(33, graphId),
	FROM(MEMCPY, 1, Memcpy6, copyKind),
	FROM(MEMCPY, 2, Memcpy6, srcKind),
	FROM(MEMCPY, 3, Memcpy6, dstKind),
	FROM(MEMCPY, 4, Memcpy6, flags),
	FROM(MEMCPY, 5, Memcpy6, bytes),
	FROM(MEMCPY, 6, Memcpy6, start),
	FROM(MEMCPY, 7, Memcpy6, end),
	FROM(MEMCPY, 8, Memcpy6, deviceId),
	FROM(MEMCPY, 9, Memcpy6, contextId),
	FROM(MEMCPY, 10, Memcpy6, streamId),
	FROM(MEMCPY, 11, Memcpy6, correlationId),
	FROM(MEMCPY, 12, Memcpy6, graphNodeId),
	FROM(MEMCPY, 13, Memcpy6, graphId),
	FROM(MEMCPY2, 1, MemcpyPtoP4, copyKind),
	FROM(MEMCPY2, 2, MemcpyPtoP4, srcKind),
	FROM(MEMCPY2, 3, MemcpyPtoP4, dstKind),
	FROM(MEMCPY2, 4, MemcpyPtoP4, flags),
	FROM(MEMCPY2, 5, MemcpyPtoP4, bytes),
	FROM(MEMCPY2, 6, MemcpyPtoP4, start),
	FROM(MEMCPY2, 7, MemcpyPtoP4, end),
	FROM(MEMCPY2, 8, MemcpyPtoP4, deviceId),
	FROM(MEMCPY2, 9, MemcpyPtoP4, contextId),
	FROM(MEMCPY2, 10, MemcpyPtoP4, streamId),
	FROM(MEMCPY2, 13, MemcpyPtoP4, dstDeviceId),
	FROM(MEMCPY2, 15, MemcpyPtoP4, correlationId),
	FROM(MEMCPY2, 16, MemcpyPtoP4, graphNodeId),
	FROM(MEMCPY2, 17, MemcpyPtoP4, graphId),
	FROM(MEMSET, 1, Memset4, value),
	FROM(MEMSET, 2, Memset4, bytes),
	FROM(MEMSET, 3, Memset4, start),
	FROM(MEMSET, 4, Memset4, end),
	FROM(MEMSET, 5, Memset4, deviceId),
	FROM(MEMSET, 6, Memset4, contextId),
	FROM(MEMSET, 7, Memset4, streamId),
	FROM(MEMSET, 8, Memset4, correlationId),
	FROM(MEMSET, 9, Memset4, flags),
	FROM(MEMSET, 10, Memset4, memoryKind),
	FROM(MEMSET, 11, Memset4, graphNodeId),
	FROM(MEMSET, 12, Memset4, graphId),
	FROM(GRAPH_TRACE, 1, GraphTrace2, correlationId),
	FROM(GRAPH_TRACE, 2, GraphTrace2, start),
	FROM(GRAPH_TRACE, 3, GraphTrace2, end),
	FROM(GRAPH_TRACE, 4, GraphTrace2, deviceId),
	FROM(GRAPH_TRACE, 5, GraphTrace2, graphId),
	FROM(GRAPH_TRACE, 6, GraphTrace2, contextId),
	FROM(GRAPH_TRACE, 7, GraphTrace2, streamId),
};

static struct entry entries[CT_KINDS][FIELDS_MAX];
static struct layout layouts[CT_KINDS];  /* what is written */
static struct entry told_entries[CT_KINDS][FIELDS_MAX];
static struct layout told[CT_KINDS];	  /* what is said */
static struct layout *all_told[CT_KINDS];
static bool chosen; /* records are of chosen fields */

static bool is_offered(void)
{
	const char *text = getenv("SIMGPU_CUPTI_V2");

	return !text || strcmp(text, "none") != 0;
}

static const struct source *source_of(int kind, int id)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (sources[i].kind == kind && sources[i].id == id)
			return &sources[i];
	return NULL;
}

/* SIMGPU_CUPTI_LAYOUTS: KIND:beyond|missing|huge|zero|none */
static void spoil(int kind)
{
	const char *text = getenv("SIMGPU_CUPTI_LAYOUTS");
	char *how;

	if (!text || strtol(text, &how, 10) != kind || *how != ':')
		return;
	how++;
	if (strcmp(how, "beyond") == 0)
		told_entries[kind][1].offset = told[kind].record_size;
	else if (strcmp(how, "missing") == 0)
		told[kind].count = 2;
	else if (strcmp(how, "huge") == 0)
		told[kind].record_size = SIZE_MAX - 7;
	else if (strcmp(how, "zero") == 0)
		told[kind].record_size = 0;
	else if (strcmp(how, "none") == 0)
		told[kind].entries = NULL;
}

static void lay_out(int kind, const struct selection *selection)
{
	struct entry *e = entries[kind];
	size_t count = selection->count;

	e[0] = (struct entry){ sizeof(*e), 0, 0, 4, 4, 0 };
	for (size_t i = 1; i < count; i++) {
		const struct source *from = source_of(kind, selection->ids[i]);
		/* 32-bit fields become words of 64. */
		size_t size = from && from->width != 4 ? from->width : 8;

		e[i] = (struct entry){
			sizeof(*e), selection->ids[i], 8 + (count - i) * WORD, size, size, 0
		};
	}
	layouts[kind] = (struct layout){ sizeof(struct layout), e, count, 8 + count * WORD + 8 };
	memcpy(told_entries[kind], e, count * sizeof(*e));
	told[kind] = layouts[kind];
	told[kind].entries = told_entries[kind];
	all_told[kind] = &told[kind];
	spoil(kind);
}

bool ct_v2_is_on(void)
{
	return ct.is_v2 && chosen;
}

size_t ct_v2_size(uint32_t kind)
{
	return kind < CT_KINDS ? layouts[kind].record_size : 0;
}

/* The lock is held. */
size_t ct_v2_pack(const void *record, uint8_t *out)
{
	uint32_t kind = *(const uint32_t *)record;
	const struct layout *layout = &layouts[kind];

	memset(out, 0x5a, layout->record_size);
	memcpy(out, &kind, sizeof(kind));
	for (size_t i = 1; i < layout->count; i++) {
		const struct source *from = source_of((int)kind, layout->entries[i].id);

		memset(out + layout->entries[i].offset, 0, layout->entries[i].size);
		if (from)
			memcpy(out + layout->entries[i].offset, (const uint8_t *)record + from->at,
			       from->width);
	}
	return layout->record_size;
}

static uint64_t *field_at(void *record, const char *which)
{
	uint32_t kind = *(uint32_t *)record;
	bool is_kernel =
		kind == CUPTI_ACTIVITY_KIND_KERNEL || kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL;
	int start = is_kernel				    ? 7 :
		    kind == CUPTI_ACTIVITY_KIND_MEMSET	    ? 3 :
		    kind == CUPTI_ACTIVITY_KIND_GRAPH_TRACE ? 2 :
							      6;
	int id = *which == 's' ? start : start + 1;

	for (size_t i = 1; i < layouts[kind].count; i++)
		if (layouts[kind].entries[i].id == id)
			return (void *)((uint8_t *)record + layouts[kind].entries[i].offset);
	return NULL;
}

bool ct_v2_times(void *record, uint64_t **start, uint64_t **end)
{
	*start = field_at(record, "start");
	*end = field_at(record, "end");
	return *start && *end;
}

void ct_v2_request(uint8_t **buffer, size_t *size, size_t *max)
{
	size_t info = sizeof(info);

	ct.request_v2(buffer, size, max, &info);
}

void ct_v2_complete(uint8_t *buffer, size_t size, size_t valid)
{
	struct complete_info info = { sizeof(info), 1, all_told, CT_KINDS };

	ct.complete_v2(buffer, size, valid, &info);
	/* Whoever keeps a pointer to it has a stale one. */
	memset(&info, 0x5a, sizeof(info));
}

/* ---- what is exported; CUDA 13.0's headers do not declare it ---- */
#define API(name) CT_EXPORT CUptiResult name

static CUptiResult check(const void *subscriber)
{
	if (!is_offered())
		return CUPTI_ERROR_NOT_SUPPORTED;
	return subscriber && ct.subscribed ? CUPTI_SUCCESS : CUPTI_ERROR_INVALID_PARAMETER;
}

API(cuptiActivityRegisterCallbacks_v2)
(CUpti_SubscriberHandle subscriber, void *request, void *complete);
API(cuptiActivityRegisterCallbacks_v2)
(CUpti_SubscriberHandle subscriber, void *request, void *complete)
{
	CUptiResult result = check(subscriber);

	if (result)
		return result;
	pthread_mutex_lock(&ct.lock);
	memcpy(&ct.request_v2, &request, sizeof(request));
	memcpy(&ct.complete_v2, &complete, sizeof(complete));
	ct.is_v2 = true;
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

API(cuptiActivityEnable_v2)
(CUpti_SubscriberHandle subscriber, CUpti_ActivityKind kind, struct config *config);
API(cuptiActivityEnable_v2)
(CUpti_SubscriberHandle subscriber, CUpti_ActivityKind kind, struct config *config)
{
	CUptiResult result = check(subscriber);

	if (result || kind >= CT_KINDS)
		return result ? result : CUPTI_ERROR_INVALID_KIND;
	if (!config || config->selection.count > FIELDS_MAX || !config->selection.count ||
	    config->selection.ids[0] != 0)
		return CUPTI_ERROR_INVALID_PARAMETER;
	pthread_mutex_lock(&ct.lock);
	ct.is_v2 = false; /* the call below is one of the older */
	result = ct_enable(kind);
	ct.is_v2 = true;
	if (!result)
		lay_out((int)kind, &config->selection);
	pthread_mutex_unlock(&ct.lock);
	return result;
}

API(cuptiActivityDisable_v2)
(CUpti_SubscriberHandle subscriber, CUpti_ActivityKind kind, struct config *config);
API(cuptiActivityDisable_v2)
(CUpti_SubscriberHandle subscriber, CUpti_ActivityKind kind, struct config *config)
{
	CUptiResult result = check(subscriber);

	(void)config;
	if (result)
		return result;
	pthread_mutex_lock(&ct.lock);
	ct.is_v2 = false;
	result = ct_disable(kind);
	ct.is_v2 = true;
	pthread_mutex_unlock(&ct.lock);
	return result;
}

API(cuptiActivitySetAttribute_v2)
(CUpti_SubscriberHandle subscriber, int attribute, size_t *size, void *value);
API(cuptiActivitySetAttribute_v2)
(CUpti_SubscriberHandle subscriber, int attribute, size_t *size, void *value)
{
	CUptiResult result = check(subscriber);

	if (result)
		return result;
	pthread_mutex_lock(&ct.lock);
	if (attribute == USER_DEFINED_RECORDS) {
		chosen = *(uint8_t *)value;
	} else if (attribute == THREAD_ID_TYPE) {
		memcpy(&ct.thread_id_type, value, sizeof(ct.thread_id_type));
	} else if (attribute == TIMESTAMP_CALLBACK) {
		memcpy(&ct.timestamp, value, sizeof(ct.timestamp));
		ct_sync_clock();
	} else {
		bool before = ct.is_v2;

		ct.is_v2 = false;
		result = ct_set_attribute((CUpti_ActivityAttribute)attribute, size, value);
		ct.is_v2 = before;
	}
	pthread_mutex_unlock(&ct.lock);
	return result;
}

API(cuptiActivityGetAttribute_v2)
(CUpti_SubscriberHandle subscriber, int attribute, size_t *size, void *value);
API(cuptiActivityGetAttribute_v2)
(CUpti_SubscriberHandle subscriber, int attribute, size_t *size, void *value)
{
	CUptiResult result = check(subscriber);

	if (result)
		return result;
	return ct_get_attribute((CUpti_ActivityAttribute)attribute, size, value);
}

API(cuptiActivityGetNumDroppedRecords_v2)
(CUpti_SubscriberHandle subscriber, CUcontext context, uint32_t stream, size_t *dropped);
API(cuptiActivityGetNumDroppedRecords_v2)
(CUpti_SubscriberHandle subscriber, CUcontext context, uint32_t stream, size_t *dropped)
{
	CUptiResult result = check(subscriber);

	return result ? result : ct_get_dropped(context, stream, dropped);
}

/* The lock is held: the subscriber has gone, and what was its own with it. */
void ct_v2_leave(void)
{
	if (ct.is_v2) {
		ct.timestamp = NULL;
		ct_sync_clock();
	}
	ct.is_v2 = false;
	chosen = false;
}
