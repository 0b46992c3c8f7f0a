/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_stream.c - streams, events and their places on the timeline.
 *
 * Legacy stream rules: work on the legacy stream starts after all earlier work of
 * blocking streams of its context, and work on a blocking stream after all earlier
 * work of the legacy stream. Both are kept as two running maxima per context.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define SIM_ALIAS(alias, target)

static void notify(enum simgpu_resource what, struct sim_stream *stream)
{
	const struct simgpu_tool *tool = atomic_load_explicit(&sim.tool, memory_order_acquire);

	if (tool && tool->resource)
		tool->resource(what, stream->ctx, stream);
}

static struct sim_stream *stream_new(struct sim_ctx *ctx, unsigned int flags, int priority)
{
	struct sim_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->magic = SIM_MAGIC_STREAM;
	s->id = atomic_fetch_add(&sim.next_id, 1) + 1;
	s->ctx = ctx;
	s->flags = flags;
	s->priority = priority;
	s->next = ctx->streams;
	ctx->streams = s;
	return s;
}

static struct sim_stream *per_thread_stream(struct sim_ctx *ctx)
{
	pthread_t self = pthread_self();
	struct sim_stream *s;

	for (s = ctx->streams; s; s = s->next)
		if (s->per_thread && pthread_equal(s->owner, self))
			return s;
	s = stream_new(ctx, 0, 0);
	if (s) {
		s->per_thread = true;
		s->owner = self;
	}
	return s;
}

/* The lock is held. NULL means the default stream of the entry that was called. */
struct sim_stream *sim_stream_special(struct sim_ctx *ctx, CUstream handle)
{
	bool per_thread = handle == CU_STREAM_PER_THREAD || (!handle && sim_self.ptds);

	return per_thread ? per_thread_stream(ctx) : &ctx->legacy;
}

/* The lock is held. */
CUresult sim_stream_get(CUstream handle, struct sim_stream **out)
{
	struct sim_ctx *ctx;
	CUresult result;

	*out = NULL;
	if (!handle || handle == CU_STREAM_LEGACY || handle == CU_STREAM_PER_THREAD) {
		result = sim_ctx_check(&ctx);
		if (!result)
			*out = sim_stream_special(ctx, handle);
		return result ? result : *out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
	}
	result = sim_ready();
	if (result)
		return result;
	*out = (struct sim_stream *)handle;
	if ((*out)->magic != SIM_MAGIC_STREAM)
		return CUDA_ERROR_INVALID_HANDLE;
	return sim_ctx_error((*out)->ctx);
}

/* Wait, with the lock given up, until no host function of @stream is pending, nor one
 * of the streams that the legacy stream rules make it wait for. */
void sim_stream_settle(struct sim_stream *stream)
{
	struct sim_ctx *ctx = stream->ctx;
	bool busy;

	do {
		busy = stream->hosts_pending > 0;
		if (!busy && !(stream->flags & CU_STREAM_NON_BLOCKING))
			busy = ctx->legacy.hosts_pending > 0;
		for (struct sim_stream *s = ctx->streams; s && !busy && stream->legacy; s = s->next)
			busy = s->hosts_pending > 0 && !(s->flags & CU_STREAM_NON_BLOCKING);
		if (busy)
			pthread_cond_wait(&sim.changed, &sim.lock);
	} while (busy);
}

/* Earliest start of new work, by what is already enqueued. */
uint64_t sim_stream_horizon(struct sim_stream *stream)
{
	uint64_t ns = stream->tail_ns;
	uint64_t other = 0;

	if (stream->legacy)
		other = stream->ctx->blocking_tail_ns;
	else if (!(stream->flags & CU_STREAM_NON_BLOCKING))
		other = stream->ctx->legacy_tail_ns;
	return other > ns ? other : ns;
}

uint64_t sim_stream_ready(struct sim_stream *stream)
{
	uint64_t now = sim_now() + sim.config.latency_ns;
	uint64_t ns = sim_stream_horizon(stream);

	return ns > now ? ns : now;
}

static void raise_to(uint64_t *mark, uint64_t ns)
{
	if (*mark < ns)
		*mark = ns;
}

void sim_stream_advance(struct sim_stream *stream, uint64_t end_ns)
{
	raise_to(&stream->tail_ns, end_ns);
	raise_to(&stream->ctx->all_tail_ns, end_ns);
	if (stream->legacy)
		raise_to(&stream->ctx->legacy_tail_ns, end_ns);
	else if (!(stream->flags & CU_STREAM_NON_BLOCKING))
		raise_to(&stream->ctx->blocking_tail_ns, end_ns);
}

void sim_stream_free_front(struct sim_stream *stream)
{
	free(stream->front);
	stream->front = NULL;
	stream->front_count = 0;
}

/* ---- streams ---- */
SIM_API(cuStreamCreateWithPriority, CUstream *phStream, unsigned int flags, int priority)
{
	struct sim_ctx *ctx;
	struct sim_stream *s;
	CUresult result = sim_ctx_check(&ctx);

	if (!phStream || flags > 1)
		return CUDA_ERROR_INVALID_VALUE;
	if (result)
		return result;
	pthread_mutex_lock(&sim.lock);
	s = stream_new(ctx, flags, priority > 0 ? 0 : priority < -5 ? -5 : priority);
	pthread_mutex_unlock(&sim.lock);
	if (!s)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*phStream = (CUstream)s;
	notify(SIMGPU_STREAM_CREATED, s);
	return CUDA_SUCCESS;
}

SIM_API(cuStreamCreate, CUstream *phStream, unsigned int Flags)
{
	return sim_cuStreamCreateWithPriority(phStream, Flags, 0);
}

SIM_API(cuStreamDestroy_v2, CUstream hStream)
{
	struct sim_stream *s = (struct sim_stream *)hStream;

	if (!hStream || hStream == CU_STREAM_LEGACY || hStream == CU_STREAM_PER_THREAD ||
	    s->magic != SIM_MAGIC_STREAM)
		return CUDA_ERROR_INVALID_HANDLE;
	notify(SIMGPU_STREAM_DESTROYED, s);
	pthread_mutex_lock(&sim.lock);
	for (struct sim_stream **at = &s->ctx->streams; *at; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	s->magic = SIM_MAGIC_DEAD;
	sim_bury(s);
	sim_stream_free_front(s);
	pthread_mutex_unlock(&sim.lock);
	return CUDA_SUCCESS;
}
SIM_ALIAS(cuStreamDestroy, cuStreamDestroy_v2)

SIM_API(cuStreamQuery, CUstream hStream)
{
	struct sim_stream *s;
	CUresult result;

	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(hStream, &s);
	if (!result && s->cap) {
		s->cap->invalid = true;
		result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	if (!result && s->legacy)
		result = sim_capture_legacy(s->ctx);
	if (!result && (s->hosts_pending || sim_stream_horizon(s) > sim_now()))
		result = CUDA_ERROR_NOT_READY;
	pthread_mutex_unlock(&sim.lock);
	return result;
}

static void sync_op(struct sim_stream *s, uint64_t start_ns, uint32_t type)
{
	struct simgpu_op *op;

	if (!atomic_load_explicit(&sim.tool, memory_order_relaxed))
		return;
	op = sim_op_add();
	op->kind = SIMGPU_OP_SYNC;
	op->context = s->ctx->id;
	op->device = (uint32_t)s->ctx->device->ordinal;
	op->stream = s->id;
	op->start_ns = start_ns;
	op->end_ns = sim_now();
	op->value = type;
}

SIM_API(cuStreamSynchronize, CUstream hStream)
{
	struct sim_stream *s;
	uint64_t until = 0, start = sim_now();
	CUresult result;

	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(hStream, &s);
	if (!result && s->cap) {
		s->cap->invalid = true;
		result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	if (!result && s->legacy)
		result = sim_capture_legacy(s->ctx);
	if (!result) {
		sim_stream_settle(s);
		until = sim_stream_horizon(s);
	}
	pthread_mutex_unlock(&sim.lock);
	if (result)
		return result;
	sim_sleep_until(until);
	sync_op(s, start, 3 /* CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_SYNCHRONIZE */);
	return sim_ctx_error(s->ctx);
}

static CUresult stream_peek(CUstream handle, struct sim_stream **out)
{
	CUresult result;

	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(handle, out);
	pthread_mutex_unlock(&sim.lock);
	return result;
}

SIM_API(cuStreamGetPriority, CUstream hStream, int *priority)
{
	struct sim_stream *s;
	CUresult result = stream_peek(hStream, &s);

	if (!result)
		*priority = s->priority;
	return result;
}

SIM_API(cuStreamGetFlags, CUstream hStream, unsigned int *flags)
{
	struct sim_stream *s;
	CUresult result = stream_peek(hStream, &s);

	if (!result)
		*flags = s->flags;
	return result;
}

SIM_API(cuStreamGetId, CUstream hStream, unsigned long long *streamId)
{
	struct sim_stream *s;
	CUresult result = stream_peek(hStream, &s);

	if (!result)
		*streamId = s->id;
	return result;
}

SIM_API(cuStreamGetDevice, CUstream hStream, CUdevice *device)
{
	struct sim_stream *s;
	CUresult result = stream_peek(hStream, &s);

	if (!result)
		*device = s->ctx->device->ordinal;
	return result;
}

SIM_API(cuStreamGetCtx, CUstream hStream, CUcontext *pctx)
{
	struct sim_stream *s;
	CUresult result = stream_peek(hStream, &s);

	if (!result)
		*pctx = (CUcontext)s->ctx;
	return result;
}

SIM_API(cuStreamGetCtx_v2, CUstream hStream, CUcontext *pCtx, CUgreenCtx *pGreenCtx)
{
	if (pGreenCtx)
		*pGreenCtx = NULL;
	return sim_cuStreamGetCtx(hStream, pCtx);
}

SIM_API(cuStreamGetAttribute, CUstream hStream, CUstreamAttrID attr, CUstreamAttrValue *value)
{
	struct sim_stream *s;
	CUresult result = stream_peek(hStream, &s);

	if (result)
		return result;
	memset(value, 0, sizeof(*value));
	if (attr == CU_LAUNCH_ATTRIBUTE_PRIORITY)
		value->priority = s->priority;
	return CUDA_SUCCESS;
}

SIM_API(cuStreamSetAttribute, CUstream hStream, CUstreamAttrID attr, const CUstreamAttrValue *param)
{
	struct sim_stream *s;
	CUresult result = stream_peek(hStream, &s);

	if (!result && attr == CU_LAUNCH_ATTRIBUTE_PRIORITY)
		s->priority = param->priority;
	return result;
}

SIM_API(cuStreamCopyAttributes, CUstream dstStream, CUstream srcStream)
{
	struct sim_stream *d, *s;
	CUresult result = stream_peek(dstStream, &d);

	if (!result)
		result = stream_peek(srcStream, &s);
	if (!result)
		d->priority = s->priority;
	return result;
}

SIM_API(cuStreamAttachMemAsync, CUstream hStream, CUdeviceptr dptr, size_t length,
	unsigned int flags)
{
	struct sim_stream *s;

	(void)dptr;
	(void)length;
	(void)flags;
	return stream_peek(hStream, &s);
}

/* ---- events ---- */
CUresult sim_event_get(CUevent handle, struct sim_event **out)
{
	CUresult result = sim_ready();

	*out = (struct sim_event *)handle;
	if (result)
		return result;
	if (!handle || (*out)->magic != SIM_MAGIC_EVENT)
		return CUDA_ERROR_INVALID_HANDLE;
	return CUDA_SUCCESS;
}

SIM_API(cuEventCreate, CUevent *phEvent, unsigned int Flags)
{
	struct sim_ctx *ctx;
	struct sim_event *e;
	CUresult result = sim_ctx_check(&ctx);

	if (!phEvent)
		return CUDA_ERROR_INVALID_VALUE;
	if (result)
		return result;
	e = calloc(1, sizeof(*e));
	if (!e)
		return CUDA_ERROR_OUT_OF_MEMORY;
	e->magic = SIM_MAGIC_EVENT;
	e->ctx = ctx;
	e->flags = Flags;
	*phEvent = (CUevent)e;
	return CUDA_SUCCESS;
}

SIM_API(cuEventDestroy_v2, CUevent hEvent)
{
	struct sim_event *e;
	CUresult result = sim_event_get(hEvent, &e);

	if (result)
		return result;
	e->magic = SIM_MAGIC_DEAD;
	free(e->front);
	free(e);
	return CUDA_SUCCESS;
}
SIM_ALIAS(cuEventDestroy, cuEventDestroy_v2)

SIM_API(cuEventRecord, CUevent hEvent, CUstream hStream)
{
	struct sim_event *e;
	struct sim_stream *s;
	CUresult result = sim_event_get(hEvent, &e);

	if (result)
		return result;
	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(hStream, &s);
	if (!result && s->ctx != e->ctx)
		result = CUDA_ERROR_INVALID_HANDLE;
	if (!result && s->cap)
		result = sim_capture_record(s, e);
	else if (!result && s->legacy && (result = sim_capture_legacy(s->ctx)))
		;
	else if (!result) {
		sim_stream_settle(s);
		free(e->front);
		e->front = NULL;
		e->front_count = 0;
		e->cap = NULL;
		e->recorded = true;
		e->time_ns = sim_stream_horizon(s);
		if (e->time_ns < sim_now())
			e->time_ns = sim_now();
	}
	pthread_mutex_unlock(&sim.lock);
	return result;
}

SIM_API(cuEventRecordWithFlags, CUevent hEvent, CUstream hStream, unsigned int flags)
{
	(void)flags;
	return sim_cuEventRecord(hEvent, hStream);
}

SIM_API(cuStreamWaitEvent, CUstream hStream, CUevent hEvent, unsigned int Flags)
{
	struct sim_event *e;
	struct sim_stream *s;
	CUresult result = sim_event_get(hEvent, &e);

	(void)Flags;
	if (result)
		return result;
	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(hStream, &s);
	if (!result && (s->cap || (e->cap && sim_capture_find(e->cap_id))))
		result = sim_capture_wait(s, e);
	else if (!result && s->legacy && (result = sim_capture_legacy(s->ctx)))
		;
	else if (!result && e->recorded)
		sim_stream_advance(s, e->time_ns);
	pthread_mutex_unlock(&sim.lock);
	return result;
}

/* Asking for an event that stands for captured work spoils the capture. */
static CUresult event_captured(struct sim_event *e)
{
	struct sim_capture *c;

	if (!e->cap)
		return CUDA_SUCCESS;
	pthread_mutex_lock(&sim.lock);
	c = sim_capture_find(e->cap_id);
	if (c)
		c->invalid = true;
	pthread_mutex_unlock(&sim.lock);
	return c ? CUDA_ERROR_CAPTURED_EVENT : CUDA_SUCCESS;
}

SIM_API(cuEventQuery, CUevent hEvent)
{
	struct sim_event *e;
	CUresult result = sim_event_get(hEvent, &e);

	if (result)
		return result;
	result = event_captured(e);
	if (!result)
		result = sim_capture_unsafe();
	if (!result)
		result = sim_ctx_error(e->ctx);
	if (!result && e->recorded && e->time_ns > sim_now())
		result = CUDA_ERROR_NOT_READY;
	return result;
}

SIM_API(cuEventSynchronize, CUevent hEvent)
{
	struct sim_event *e;
	CUresult result = sim_event_get(hEvent, &e);

	if (result)
		return result;
	result = event_captured(e);
	if (!result)
		result = sim_capture_unsafe();
	if (result)
		return result;
	if (e->recorded)
		sim_sleep_until(e->time_ns);
	return sim_ctx_error(e->ctx);
}

SIM_API(cuEventElapsedTime, float *pMilliseconds, CUevent hStart, CUevent hEnd)
{
	struct sim_event *a, *b;
	CUresult result = sim_event_get(hStart, &a);

	if (!result)
		result = sim_event_get(hEnd, &b);
	if (result)
		return result;
	if (!a->recorded || !b->recorded || (a->flags | b->flags) & CU_EVENT_DISABLE_TIMING)
		return CUDA_ERROR_INVALID_HANDLE;
	if (a->time_ns > sim_now() || b->time_ns > sim_now())
		return CUDA_ERROR_NOT_READY;
	*pMilliseconds = (float)((double)(int64_t)(b->time_ns - a->time_ns) / 1e6);
	return sim_ctx_error(a->ctx);
}
SIM_ALIAS(cuEventElapsedTime_v2, cuEventElapsedTime)

/* ---- for the simulated CUPTI ---- */
__attribute__((visibility("default"))) int simgpu_stream_id(void *context, void *stream,
							    int per_thread, uint32_t *id)
{
	struct sim_stream *s;
	CUresult result;
	struct sim_ctx *ctx = context;
	bool before = sim_self.ptds;

	pthread_mutex_lock(&sim.lock);
	sim_self.ptds = per_thread;
	if (ctx && ctx->magic == SIM_MAGIC_CTX && (uintptr_t)stream <= 2) {
		s = sim_stream_special(ctx, stream);
		result = CUDA_SUCCESS;
	} else {
		result = sim_stream_get(stream, &s);
	}
	if (!result)
		*id = s->id;
	sim_self.ptds = before;
	pthread_mutex_unlock(&sim.lock);
	return (int)result;
}
