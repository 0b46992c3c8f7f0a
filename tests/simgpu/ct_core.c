/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/ct_core.c - the simulated CUPTI: subscriber, callbacks, kinds, clock.
 *
 * GPU work comes from the simulated driver by its private door (simgpu_tool.h). With
 * any other driver, or none, every call that needs it answers CUPTI_ERROR_UNKNOWN, as
 * the real library does on a driver it does not know.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ct.h"
#include "ct_names.h"

#define CLOCK_DRIFT_NS 10000 /* a clock that wandered less is not set again */
#define CLOCK_TRIES    5
#define EXTERNAL_DEPTH 16

struct ct ct = { .version = CUPTI_API_VERSION };

struct CUpti_Subscriber_st {
	int unused;
};

static struct CUpti_Subscriber_st the_subscriber;

struct thread {
	int depth;
	bool in_exit;
	uint64_t api_start[8];
	CUptiResult last_error;
	uint32_t external_count;
	struct {
		CUpti_ExternalCorrelationKind kind;
		uint64_t id;
	} external[EXTERNAL_DEPTH];
};

static _Thread_local struct thread self;

static CUptiResult noted(CUptiResult result)
{
	if (result)
		self.last_error = result;
	return result;
}

/* ---- script ---- */
static bool word_in(const char *list, const char *word)
{
	return list && strstr(list, word);
}

static void refused_kinds(const char *list)
{
	while (list && *list) {
		char *end;
		unsigned long kind = strtoul(list, &end, 10);

		if (end == list)
			return;
		if (kind < CT_KINDS)
			ct.kind_refused[kind] = true;
		list = *end ? end + 1 : end;
	}
}

static uint64_t env_u64(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : fallback;
}

__attribute__((constructor)) static void load(void)
{
	const char *mode = getenv("SIMGPU_CUPTI");
	pthread_mutexattr_t recursive;
	pthread_condattr_t monotonic;

	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&ct.lock, &recursive);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&ct.wake, &monotonic);
	ct.per_thread = true;
	ct.device_buffer_bytes = 3200000;
	ct.device_buffer_limit = 250;
	ct.version = (uint32_t)env_u64("SIMGPU_CUPTI_VERSION", CUPTI_API_VERSION);
	ct.drop_every = env_u64("SIMGPU_CUPTI_DROP_EVERY", 0);
	ct.invalid_every = env_u64("SIMGPU_CUPTI_INVALID_TIME_EVERY", 0);
	ct.inverted_every = env_u64("SIMGPU_CUPTI_INVERTED_TIME_EVERY", 0);
	ct.overhead_us = env_u64("SIMGPU_CUPTI_OVERHEAD_US", 0);
	ct.newest_first = env_u64("SIMGPU_CUPTI_NEWEST_FIRST", 0);
	ct.error39 = word_in(mode, "error39");
	if (word_in(mode, "refused"))
		ct.refuse = CUPTI_ERROR_INSUFFICIENT_PRIVILEGES;
	refused_kinds(getenv("SIMGPU_CUPTI_REFUSE_KINDS"));
	memset(ct.api_on, 1, sizeof(ct.api_on));
	ct_layouts();
}

/* ---- clock ---- */
static uint64_t client_ns(void)
{
	struct timespec ts;

	if (ct.timestamp)
		return ct.timestamp();
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* One offset for all records, so that order and gaps between them stay exact. */
void ct_sync_clock(void)
{
	uint64_t best = UINT64_MAX;
	int64_t offset = 0, drift;

	for (int i = 0; i < CLOCK_TRIES; i++) {
		uint64_t a = ct.driver.now_ns();
		uint64_t client = client_ns();
		uint64_t b = ct.driver.now_ns();

		if (b - a < best) {
			best = b - a;
			offset = (int64_t)(client - a - (b - a) / 2);
		}
	}
	drift = offset - ct.offset_ns;
	if (drift > CLOCK_DRIFT_NS || drift < -CLOCK_DRIFT_NS)
		ct.offset_ns = offset;
}

uint64_t ct_map_ns(uint64_t driver_ns)
{
	return driver_ns + (uint64_t)ct.offset_ns;
}

/* One by one: the driver's threads look at them meanwhile. */
static void switch_domain(int domain, bool on)
{
	for (uint32_t i = 0; i < CT_CBIDS; i++)
		atomic_store(&ct.cb_on[domain][i], on);
}

/* ---- what the driver tells ---- */
static void call_back(CUpti_CallbackDomain domain, uint32_t cbid, const void *data)
{
	CUpti_CallbackFunc fn = atomic_load(&ct.callback);

	if (fn)
		fn(atomic_load(&ct.callback_data), domain, cbid, data);
}

static void put_external(const struct simgpu_api_event *ev)
{
	CUpti_ActivityExternalCorrelation r;

	if (!ct.kind_on[CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION])
		return;
	for (uint32_t i = 0; i < self.external_count; i++) {
		memset(&r, 0, sizeof(r));
		r.kind = CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION;
		r.externalKind = self.external[i].kind;
		r.externalId = self.external[i].id;
		r.correlationId = ev->corr;
		ct_record_put(&r, sizeof(r), 0, 0, ev->context_id, 0);
	}
}

static void put_api(const struct simgpu_api_event *ev, uint64_t start_ns)
{
	CUpti_ActivityAPI r;

	memset(&r, 0, sizeof(r));
	r.kind = CUPTI_ACTIVITY_KIND_DRIVER;
	r.cbid = ev->cbid;
	r.start = ct_map_ns(start_ns);
	r.end = ct_map_ns(ct.driver.now_ns());
	r.processId = (uint32_t)getpid();
	r.threadId = ct.thread_id_type == CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM ?
			     (uint32_t)syscall(SYS_gettid) :
			     (uint32_t)(uintptr_t)pthread_self();
	r.correlationId = ev->corr;
	r.returnValue = *(const uint32_t *)ev->return_value;
	ct_record_put(&r, sizeof(r), 0, 0, ev->context_id, 0);
}

static void record_api(const struct simgpu_api_event *ev, uint64_t start_ns)
{
	pthread_mutex_lock(&ct.lock);
	if (ct.kind_on[CUPTI_ACTIVITY_KIND_DRIVER] || ct.kind_on[CUPTI_ACTIVITY_KIND_RUNTIME])
		put_external(ev);
	if (ct.kind_on[CUPTI_ACTIVITY_KIND_DRIVER] && ct.api_on[ev->cbid])
		put_api(ev, start_ns);
	pthread_mutex_unlock(&ct.lock);
}

static void on_api(const struct simgpu_api_event *ev)
{
	CUpti_CallbackData data = {
		.callbackSite = ev->exit ? CUPTI_API_EXIT : CUPTI_API_ENTER,
		.functionName = ev->function,
		.functionParams = ev->params,
		.functionReturnValue = ev->return_value,
		.symbolName = ev->symbol,
		.context = ev->context,
		.contextUid = ev->context_id,
		.correlationData = ev->corr_data,
		.correlationId = ev->corr,
	};
	bool before = self.in_exit;
	uint64_t start;

	if (!ev->exit && self.depth < 8)
		self.api_start[self.depth] = ct.driver.now_ns();
	self.depth += ev->exit ? -1 : 1;
	if (self.depth < 0) /* switched on between ENTER and EXIT */
		self.depth = 0;
	self.in_exit = ev->exit;
	if (ct.cb_on[CUPTI_CB_DOMAIN_DRIVER_API][ev->cbid])
		call_back(CUPTI_CB_DOMAIN_DRIVER_API, ev->cbid, &data);
	self.in_exit = before;
	if (!ev->exit || !ct.attached)
		return;
	start = self.depth < 8 ? self.api_start[self.depth] : 0;
	record_api(ev, start);
}

static void on_op(const struct simgpu_op *op)
{
	uint8_t packed[CT_V2_RECORD_MAX];
	union ct_any record;

	pthread_mutex_lock(&ct.lock);
	if (ct_record_of_op(op, &record) && ct_v2_is_on())
		ct_record_put(packed, ct_v2_pack(&record, packed), op->start_ns, op->end_ns,
			      op->context, op->stream);
	else if (ct_record_of_op(op, &record))
		ct_record_put(&record, ct_record_size(record.head.kind), op->start_ns, op->end_ns,
			      op->context, op->stream);
	if (!ct_v2_is_on() && ct_record_overhead(op, &record))
		ct_record_put(&record, ct_record_size(record.head.kind), op->start_ns, op->end_ns,
			      op->context, op->stream);
	pthread_mutex_unlock(&ct.lock);
}

static void on_resource(enum simgpu_resource what, void *context, void *stream)
{
	static const uint32_t ids[] = {
		[SIMGPU_CONTEXT_CREATED] = CUPTI_CBID_RESOURCE_CONTEXT_CREATED,
		[SIMGPU_CONTEXT_DESTROYED] = CUPTI_CBID_RESOURCE_CONTEXT_DESTROY_STARTING,
		[SIMGPU_STREAM_CREATED] = CUPTI_CBID_RESOURCE_STREAM_CREATED,
		[SIMGPU_STREAM_DESTROYED] = CUPTI_CBID_RESOURCE_STREAM_DESTROY_STARTING,
		[SIMGPU_INIT_FINISHED] = CUPTI_CBID_RESOURCE_CU_INIT_FINISHED,
	};
	CUpti_ResourceData data = { .context = context };

	data.resourceHandle.stream = stream;
	if (ct.cb_on[CUPTI_CB_DOMAIN_RESOURCE][ids[what]])
		call_back(CUPTI_CB_DOMAIN_RESOURCE, ids[what], &data);
}

static const struct simgpu_tool tool = { on_api, on_op, on_resource };

static bool find(void *lib, const char *name, void *slot)
{
	void *fn = dlsym(lib, name);

	memcpy(slot, &fn, sizeof(fn));
	return fn != NULL;
}

/* The lock is held. */
CUptiResult ct_attach(void)
{
	void *lib;

	if (ct.attached)
		return CUPTI_SUCCESS;
	lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
	if (!lib)
		lib = dlopen("libcuda.so.1", RTLD_NOW);
	if (!lib || !find(lib, "simgpu_attach", &ct.driver.attach) ||
	    !find(lib, "simgpu_enable_callback", &ct.driver.enable_callback) ||
	    !find(lib, "simgpu_now_ns", &ct.driver.now_ns) ||
	    !find(lib, "simgpu_stream_id", &ct.driver.stream_id) ||
	    !find(lib, "simgpu_context_id", &ct.driver.context_id) ||
	    !find(lib, "simgpu_context_device", &ct.driver.context_device) ||
	    !find(lib, "simgpu_graph_id", &ct.driver.graph_id) ||
	    !find(lib, "simgpu_graph_exec_id", &ct.driver.graph_exec_id) ||
	    !find(lib, "simgpu_graph_node_id", &ct.driver.graph_node_id) ||
	    !find(lib, "simgpu_count", &ct.driver.count))
		return CUPTI_ERROR_UNKNOWN;
	ct.driver.attach(&tool);
	ct.attached = true;
	ct_sync_clock();
	return CUPTI_SUCCESS;
}

static CUptiResult attach(void)
{
	CUptiResult result;

	pthread_mutex_lock(&ct.lock);
	result = ct_attach();
	pthread_mutex_unlock(&ct.lock);
	return result;
}

/* The driver reports a call if a callback or an API record wants it. What is on and stays on is
 * never off in between: other threads are inside the driver meanwhile. */
void ct_apply_callbacks(void)
{
	static bool told[CT_CBIDS];
	bool all =
		ct.kind_on[CUPTI_ACTIVITY_KIND_DRIVER] || ct.kind_on[CUPTI_ACTIVITY_KIND_RUNTIME];

	if (!ct.attached)
		return;
	for (uint32_t i = 1; i < CT_CBIDS; i++) {
		bool on = all || ct.cb_on[CUPTI_CB_DOMAIN_DRIVER_API][i];

		if (on != told[i])
			ct.driver.enable_callback(i, on);
		told[i] = on;
	}
}

/* ---- subscriber ---- */
CT_EXPORT CUptiResult cuptiSubscribe(CUpti_SubscriberHandle *subscriber,
				     CUpti_CallbackFunc callback, void *userdata)
{
	CUptiResult result = CUPTI_SUCCESS;

	if (!subscriber)
		return CUPTI_ERROR_INVALID_PARAMETER;
	pthread_mutex_lock(&ct.lock);
	if (ct.subscribed || ct.error39)
		result = CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED;
	else
		result = ct_attach();
	if (!result) {
		ct.subscribed = true;
		atomic_store(&ct.callback_data, userdata);
		atomic_store(&ct.callback, callback);
		*subscriber = &the_subscriber;
	}
	pthread_mutex_unlock(&ct.lock);
	return noted(result);
}

CT_EXPORT CUptiResult cuptiSubscribe_v2(CUpti_SubscriberHandle *subscriber,
					CUpti_CallbackFunc callback, void *userdata,
					CUpti_SubscriberParams *pParams)
{
	(void)pParams;
	return ct_subscribe(subscriber, callback, userdata);
}

CT_EXPORT CUptiResult cuptiUnsubscribe(CUpti_SubscriberHandle subscriber)
{
	if (subscriber != &the_subscriber || !ct.subscribed)
		return CUPTI_ERROR_INVALID_PARAMETER;
	pthread_mutex_lock(&ct.lock);
	atomic_store(&ct.callback, NULL);
	for (int domain = 0; domain < CUPTI_CB_DOMAIN_SIZE; domain++)
		switch_domain(domain, false);
	ct.subscribed = false;
	ct_v2_leave();
	ct_apply_callbacks();
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiEnableCallback(uint32_t enable, CUpti_SubscriberHandle subscriber,
					  CUpti_CallbackDomain domain, CUpti_CallbackId cbid)
{
	if (subscriber != &the_subscriber || !ct.subscribed || domain >= CUPTI_CB_DOMAIN_SIZE ||
	    domain == CUPTI_CB_DOMAIN_INVALID || cbid >= CT_CBIDS)
		return noted(CUPTI_ERROR_INVALID_PARAMETER);
	pthread_mutex_lock(&ct.lock);
	ct.cb_on[domain][cbid] = enable != 0;
	ct_apply_callbacks();
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiEnableDomain(uint32_t enable, CUpti_SubscriberHandle subscriber,
					CUpti_CallbackDomain domain)
{
	if (subscriber != &the_subscriber || !ct.subscribed || domain >= CUPTI_CB_DOMAIN_SIZE ||
	    domain == CUPTI_CB_DOMAIN_INVALID)
		return CUPTI_ERROR_INVALID_PARAMETER;
	pthread_mutex_lock(&ct.lock);
	switch_domain((int)domain, enable != 0);
	ct_apply_callbacks();
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiEnableAllDomains(uint32_t enable, CUpti_SubscriberHandle subscriber)
{
	CUptiResult result = CUPTI_SUCCESS;

	for (int d = 1; d < CUPTI_CB_DOMAIN_SIZE && !result; d++)
		result = cuptiEnableDomain(enable, subscriber, (CUpti_CallbackDomain)d);
	return result;
}

CT_EXPORT CUptiResult cuptiGetCallbackState(uint32_t *enable, CUpti_SubscriberHandle subscriber,
					    CUpti_CallbackDomain domain, CUpti_CallbackId cbid)
{
	if (subscriber != &the_subscriber || domain >= CUPTI_CB_DOMAIN_SIZE || cbid >= CT_CBIDS)
		return CUPTI_ERROR_INVALID_PARAMETER;
	*enable = ct.cb_on[domain][cbid];
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiGetCallbackName(CUpti_CallbackDomain domain, uint32_t cbid,
					   const char **name)
{
	const char *found = NULL;

	if (domain == CUPTI_CB_DOMAIN_DRIVER_API &&
	    cbid < sizeof(driver_names) / sizeof(driver_names[0]))
		found = driver_names[cbid];
	else if (domain == CUPTI_CB_DOMAIN_RUNTIME_API &&
		 cbid < sizeof(runtime_names) / sizeof(runtime_names[0]))
		found = runtime_names[cbid];
	if (!found || !name)
		return CUPTI_ERROR_INVALID_PARAMETER;
	*name = found;
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiSupportedDomains(size_t *domainCount, CUpti_DomainTable *domainTable)
{
	static CUpti_CallbackDomain domains[] = { CUPTI_CB_DOMAIN_DRIVER_API,
						  CUPTI_CB_DOMAIN_RESOURCE };

	*domainCount = 2;
	*domainTable = domains;
	return CUPTI_SUCCESS;
}

/* For tests: what somebody has of CUPTI at the moment. 1 = the subscription, 2 = kinds, 4 =
 * callbacks. No name of the real library. */
CT_EXPORT int simgpu_cupti_held(void);

CT_EXPORT int simgpu_cupti_held(void)
{
	int held;

	pthread_mutex_lock(&ct.lock);
	held = ct.subscribed ? 1 : 0;
	for (int kind = 0; kind < CT_KINDS; kind++)
		held |= ct.kind_on[kind] ? 2 : 0;
	for (int domain = 0; domain < CUPTI_CB_DOMAIN_SIZE; domain++) {
		for (uint32_t cbid = 0; cbid < CT_CBIDS; cbid++)
			held |= ct.cb_on[domain][cbid] ? 4 : 0;
	}
	pthread_mutex_unlock(&ct.lock);
	return held;
}

/* ---- activity ---- */
static CUptiResult kind_check(CUpti_ActivityKind kind)
{
	if (ct.is_v2)
		return CUPTI_ERROR_NOT_COMPATIBLE;
	if (ct.refuse)
		return ct.refuse;
	if (kind <= CUPTI_ACTIVITY_KIND_INVALID || kind >= CT_KINDS)
		return CUPTI_ERROR_INVALID_KIND;
	return ct.kind_refused[kind] ? CUPTI_ERROR_NOT_COMPATIBLE : attach();
}

CT_EXPORT CUptiResult cuptiActivityEnable(CUpti_ActivityKind kind)
{
	CUptiResult result = kind_check(kind);

	if (result)
		return noted(result);
	pthread_mutex_lock(&ct.lock);
	ct.kind_on[kind] = true;
	ct_apply_callbacks();
	ct_worker_start();
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiActivityDisable(CUpti_ActivityKind kind)
{
	if (kind <= CUPTI_ACTIVITY_KIND_INVALID || kind >= CT_KINDS)
		return CUPTI_ERROR_INVALID_KIND;
	pthread_mutex_lock(&ct.lock);
	ct.kind_on[kind] = false;
	ct_apply_callbacks();
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

/* Contexts are not told apart: a kind is on for all of them or for none. */
CT_EXPORT CUptiResult cuptiActivityEnableContext(CUcontext context, CUpti_ActivityKind kind)
{
	return context ? cuptiActivityEnable(kind) : CUPTI_ERROR_INVALID_CONTEXT;
}

CT_EXPORT CUptiResult cuptiActivityDisableContext(CUcontext context, CUpti_ActivityKind kind)
{
	return context ? cuptiActivityDisable(kind) : CUPTI_ERROR_INVALID_CONTEXT;
}

CT_EXPORT CUptiResult
cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc funcBufferRequested,
			       CUpti_BuffersCallbackCompleteFunc funcBufferCompleted)
{
	if (!funcBufferRequested || !funcBufferCompleted)
		return CUPTI_ERROR_INVALID_PARAMETER;
	if (ct.is_v2)
		return CUPTI_ERROR_NOT_COMPATIBLE;
	pthread_mutex_lock(&ct.lock);
	ct.request = funcBufferRequested;
	ct.complete = funcBufferCompleted;
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiActivityEnableAndDump(CUpti_ActivityKind kind)
{
	return cuptiActivityEnable(kind);
}

CT_EXPORT CUptiResult cuptiActivityRegisterTimestampCallback(CUpti_TimestampCallbackFunc fn)
{
	if (!fn)
		return CUPTI_ERROR_INVALID_PARAMETER;
	if (ct.is_v2)
		return CUPTI_ERROR_NOT_COMPATIBLE;
	pthread_mutex_lock(&ct.lock);
	ct.timestamp = fn;
	if (ct.attached)
		ct_sync_clock();
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiActivityFlushAll(uint32_t flag)
{
	pthread_mutex_lock(&ct.lock);
	ct_flush(flag & CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiActivityFlushPeriod(uint32_t time_ms)
{
	pthread_mutex_lock(&ct.lock);
	ct.period_ms = time_ms;
	pthread_cond_signal(&ct.wake);
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiActivityEnableDriverApi(CUpti_CallbackId cbid, uint8_t enable)
{
	static bool narrowed;

	if (cbid >= CT_CBIDS)
		return CUPTI_ERROR_INVALID_PARAMETER;
	pthread_mutex_lock(&ct.lock);
	if (enable && !narrowed) { /* the first choice takes the others away */
		memset(ct.api_on, 0, sizeof(ct.api_on));
		narrowed = true;
	}
	ct.api_on[cbid] = enable != 0;
	if (enable)
		ct.kind_on[CUPTI_ACTIVITY_KIND_DRIVER] = true;
	ct_apply_callbacks();
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiActivitySetAttribute(CUpti_ActivityAttribute attr, size_t *valueSize,
						void *value)
{
	if (!valueSize || !value)
		return CUPTI_ERROR_INVALID_PARAMETER;
	if (ct.is_v2)
		return CUPTI_ERROR_NOT_COMPATIBLE;
	pthread_mutex_lock(&ct.lock);
	if (attr == CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER)
		ct.zeroed = *(uint8_t *)value;
	else if (attr == CUPTI_ACTIVITY_ATTR_PER_THREAD_ACTIVITY_BUFFER)
		ct.per_thread = *(uint8_t *)value;
	else if (attr == CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE)
		ct.device_buffer_bytes = *(size_t *)value;
	else if (attr == CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_POOL_LIMIT)
		ct.device_buffer_limit = *(size_t *)value;
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiActivityGetAttribute(CUpti_ActivityAttribute attr, size_t *valueSize,
						void *value)
{
	if (!valueSize || !value)
		return CUPTI_ERROR_INVALID_PARAMETER;
	if (attr == CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER)
		*(uint8_t *)value = ct.zeroed;
	else if (attr == CUPTI_ACTIVITY_ATTR_PER_THREAD_ACTIVITY_BUFFER)
		*(uint8_t *)value = ct.per_thread;
	else if (attr == CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE)
		*(size_t *)value = ct.device_buffer_bytes;
	else if (attr == CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_POOL_LIMIT)
		*(size_t *)value = ct.device_buffer_limit;
	else
		return CUPTI_ERROR_INVALID_PARAMETER;
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiActivityPushExternalCorrelationId(CUpti_ExternalCorrelationKind kind,
							     uint64_t id)
{
	if (self.external_count == EXTERNAL_DEPTH)
		return CUPTI_ERROR_MAX_LIMIT_REACHED;
	self.external[self.external_count].kind = kind;
	self.external[self.external_count++].id = id;
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiActivityPopExternalCorrelationId(CUpti_ExternalCorrelationKind kind,
							    uint64_t *lastId)
{
	for (uint32_t i = self.external_count; i-- > 0;) {
		if (self.external[i].kind != kind)
			continue;
		if (lastId)
			*lastId = self.external[i].id;
		memmove(&self.external[i], &self.external[i + 1],
			(self.external_count - i - 1) * sizeof(self.external[0]));
		self.external_count--;
		return CUPTI_SUCCESS;
	}
	return CUPTI_ERROR_QUEUE_EMPTY;
}

/* ---- questions ---- */
CT_EXPORT CUptiResult cuptiGetLastError(void)
{
	CUptiResult result = self.last_error;

	self.last_error = CUPTI_SUCCESS;
	return result;
}

CT_EXPORT CUptiResult cuptiGetVersion(uint32_t *version)
{
	if (!version)
		return CUPTI_ERROR_INVALID_PARAMETER;
	*version = ct.version;
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiGetTimestamp(uint64_t *timestamp)
{
	if (!timestamp)
		return CUPTI_ERROR_INVALID_PARAMETER;
	*timestamp = client_ns();
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiSetThreadIdType(CUpti_ActivityThreadIdType type)
{
	ct.thread_id_type = type;
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiGetThreadIdType(CUpti_ActivityThreadIdType *type)
{
	*type = ct.thread_id_type;
	return CUPTI_SUCCESS;
}

CT_EXPORT CUptiResult cuptiGetStreamIdEx(CUcontext context, CUstream stream,
					 uint8_t perThreadStream, uint32_t *streamId)
{
	CUptiResult result = attach();

	if (!result && ct.driver.stream_id(context, stream, perThreadStream, streamId))
		result = CUPTI_ERROR_INVALID_STREAM;
	return result;
}

CT_EXPORT CUptiResult cuptiGetStreamId(CUcontext context, CUstream stream, uint32_t *streamId)
{
	return cuptiGetStreamIdEx(context, stream, 0, streamId);
}

CT_EXPORT CUptiResult cuptiGetContextId(CUcontext context, uint32_t *contextId)
{
	CUptiResult result = attach();

	if (!result && ct.driver.context_id(context, contextId))
		result = CUPTI_ERROR_INVALID_CONTEXT;
	return result;
}

CT_EXPORT CUptiResult cuptiGetDeviceId(CUcontext context, uint32_t *deviceId)
{
	CUptiResult result = attach();

	if (!result && ct.driver.context_device(context, deviceId))
		result = CUPTI_ERROR_INVALID_CONTEXT;
	return result;
}

CT_EXPORT CUptiResult cuptiGetGraphId(CUgraph graph, uint32_t *pId)
{
	CUptiResult result = attach();

	return !result && ct.driver.graph_id(graph, pId) ? CUPTI_ERROR_INVALID_PARAMETER : result;
}

CT_EXPORT CUptiResult cuptiGetGraphExecId(CUgraphExec graphExec, uint32_t *pId)
{
	CUptiResult result = attach();

	return !result && ct.driver.graph_exec_id(graphExec, pId) ? CUPTI_ERROR_INVALID_PARAMETER :
								    result;
}

CT_EXPORT CUptiResult cuptiGetGraphNodeId(CUgraphNode node, uint64_t *nodeId)
{
	CUptiResult result = attach();

	return !result && ct.driver.graph_node_id(node, nodeId) ? CUPTI_ERROR_INVALID_PARAMETER :
								  result;
}

CT_EXPORT CUptiResult cuptiGetResultString(CUptiResult result, const char **str)
{
	static const struct {
		CUptiResult code;
		const char *name;
	} names[] = {
#define NAME(code) { code, #code }
		NAME(CUPTI_SUCCESS),
		NAME(CUPTI_ERROR_INVALID_PARAMETER),
		NAME(CUPTI_ERROR_INVALID_CONTEXT),
		NAME(CUPTI_ERROR_INVALID_OPERATION),
		NAME(CUPTI_ERROR_MAX_LIMIT_REACHED),
		NAME(CUPTI_ERROR_NOT_COMPATIBLE),
		NAME(CUPTI_ERROR_NOT_INITIALIZED),
		NAME(CUPTI_ERROR_QUEUE_EMPTY),
		NAME(CUPTI_ERROR_INVALID_STREAM),
		NAME(CUPTI_ERROR_INVALID_KIND),
		NAME(CUPTI_ERROR_NOT_SUPPORTED),
		NAME(CUPTI_ERROR_INSUFFICIENT_PRIVILEGES),
		NAME(CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED),
		NAME(CUPTI_ERROR_UNKNOWN),
#undef NAME
	};

	for (size_t i = 0; str && i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].code == result) {
			*str = names[i].name;
			return CUPTI_SUCCESS;
		}
	}
	return CUPTI_ERROR_INVALID_PARAMETER;
}

/* Only from an API-exit callback, as the real one asks for. */
CT_EXPORT CUptiResult cuptiFinalize(void)
{
	if (!self.in_exit)
		return CUPTI_ERROR_INVALID_OPERATION;
	pthread_mutex_lock(&ct.lock);
	memset(ct.kind_on, 0, sizeof(ct.kind_on));
	for (int domain = 0; domain < CUPTI_CB_DOMAIN_SIZE; domain++)
		switch_domain(domain, false);
	ct_apply_callbacks();
	ct_flush(true);
	ct.driver.attach(NULL);
	ct.attached = false;
	ct.subscribed = false;
	atomic_store(&ct.callback, NULL);
	ct_worker_stop();
	pthread_mutex_unlock(&ct.lock);
	return CUPTI_SUCCESS;
}

/* By these names libcupti calls itself: the others may be somebody else's by then. */
#define OWN(name, function)                                                                        \
	extern __typeof__(function) name __attribute__((alias(#function), visibility("hidden")))
OWN(ct_subscribe, cuptiSubscribe);
OWN(ct_enable, cuptiActivityEnable);
OWN(ct_disable, cuptiActivityDisable);
OWN(ct_set_attribute, cuptiActivitySetAttribute);
OWN(ct_get_attribute, cuptiActivityGetAttribute);
