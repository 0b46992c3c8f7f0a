/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/stream.c - hooks of streams: made, destroyed, waited for.
 */
#include "interpose/hook.h"

static inline void fill_stream(struct rk_hook *hook, uint8_t life, CUstream stream,
			       unsigned int flags, int priority)
{
	hook->rec.kind = RK_REC_STREAM;
	hook->rec.stream.stream = (uint64_t)stream;
	hook->rec.stream.flags = flags;
	hook->rec.stream.priority = priority;
	hook->rec.stream.life = life;
}

static inline void fill_sync(struct rk_hook *hook, uint8_t scope, CUstream stream, uint8_t flags)
{
	hook->rec.kind = RK_REC_SYNC;
	hook->rec.flags = flags;
	hook->rec.sync.object = (uint64_t)stream;
	hook->rec.sync.scope = scope;
}

/* While a wait is captured it is an edge of the graph: no stream waits. */
static inline void fill_wait(struct rk_hook *hook, CUstream stream, CUevent event, uint8_t flags)
{
	rk_hook_submit(hook, RK_REC_EVENT, (uint64_t)stream, flags | RK_REC_ASYNC);
	hook->rec.event.event = (uint64_t)event;
	hook->rec.event.stream = (uint64_t)stream;
	hook->rec.event.life = RK_LIFE_WAIT;
}

static inline CUstream made(CUresult result, const CUstream *out)
{
	return result == CUDA_SUCCESS && out ? *out : NULL;
}

RK_HOOK(cuStreamCreate, (CUstream * phStream, unsigned int Flags), (phStream, Flags),
	fill_stream(&hook, RK_LIFE_CREATE, made(result, phStream), Flags, 0))
RK_HOOK(cuStreamCreateWithPriority, (CUstream * phStream, unsigned int flags, int priority),
	(phStream, flags, priority),
	fill_stream(&hook, RK_LIFE_CREATE, made(result, phStream), flags, priority))
RK_HOOK(cuGreenCtxStreamCreate,
	(CUstream * phStream, CUgreenCtx greenCtx, unsigned int flags, int priority),
	(phStream, greenCtx, flags, priority),
	fill_stream(&hook, RK_LIFE_CREATE, made(result, phStream), flags, priority))
RK_HOOK(cuStreamDestroy, (CUstream hStream), (hStream),
	fill_stream(&hook, RK_LIFE_DESTROY, hStream, 0, 0))
RK_HOOK(cuStreamDestroy_v2, (CUstream hStream), (hStream),
	fill_stream(&hook, RK_LIFE_DESTROY, hStream, 0, 0))

RK_HOOK(cuStreamSynchronize, (CUstream hStream), (hStream),
	fill_sync(&hook, RK_SYNC_STREAM, hStream, 0))
RK_HOOK(cuStreamSynchronize_ptsz, (CUstream hStream), (hStream),
	fill_sync(&hook, RK_SYNC_STREAM, hStream, RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuStreamQuery, (CUstream hStream), (hStream),
	fill_sync(&hook, RK_SYNC_STREAM_QUERY, hStream, 0))
RK_HOOK(cuStreamQuery_ptsz, (CUstream hStream), (hStream),
	fill_sync(&hook, RK_SYNC_STREAM_QUERY, hStream, RK_REC_PER_THREAD_STREAM))

RK_HOOK(cuStreamWaitEvent, (CUstream hStream, CUevent hEvent, unsigned int Flags),
	(hStream, hEvent, Flags), fill_wait(&hook, hStream, hEvent, 0))
RK_HOOK(cuStreamWaitEvent_ptsz, (CUstream hStream, CUevent hEvent, unsigned int Flags),
	(hStream, hEvent, Flags), fill_wait(&hook, hStream, hEvent, RK_REC_PER_THREAD_STREAM))
