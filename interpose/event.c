/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/event.c - hooks of events: made, destroyed, recorded, waited for, asked.
 */
#include "interpose/hook.h"

static inline void fill_record(struct rk_hook *hook, CUevent event, CUstream stream, uint8_t flags)
{
	rk_hook_submit(hook, RK_REC_EVENT, (uint64_t)stream, flags | RK_REC_ASYNC);
	hook->rec.event.event = (uint64_t)event;
	hook->rec.event.stream = (uint64_t)stream;
	hook->rec.event.life = RK_LIFE_RECORD;
}

/* The handle of an event that goes may come back as another one's. */
static inline void fill_life(struct rk_hook *hook, uint8_t life, CUevent event)
{
	hook->rec.kind = RK_REC_EVENT;
	hook->rec.event.event = (uint64_t)event;
	hook->rec.event.stream = 0;
	hook->rec.event.life = life;
}

static inline void fill_sync(struct rk_hook *hook, uint8_t scope, CUevent event)
{
	hook->rec.kind = RK_REC_SYNC;
	hook->rec.sync.object = (uint64_t)event;
	hook->rec.sync.scope = scope;
}

RK_HOOK(cuEventCreate, (CUevent * phEvent, unsigned int Flags), (phEvent, Flags),
	fill_life(&hook, RK_LIFE_CREATE, result == CUDA_SUCCESS && phEvent ? *phEvent : NULL))
RK_HOOK(cuEventDestroy, (CUevent hEvent), (hEvent), fill_life(&hook, RK_LIFE_DESTROY, hEvent))
RK_HOOK(cuEventDestroy_v2, (CUevent hEvent), (hEvent), fill_life(&hook, RK_LIFE_DESTROY, hEvent))

RK_HOOK(cuEventRecord, (CUevent hEvent, CUstream hStream), (hEvent, hStream),
	fill_record(&hook, hEvent, hStream, 0))
RK_HOOK(cuEventRecord_ptsz, (CUevent hEvent, CUstream hStream), (hEvent, hStream),
	fill_record(&hook, hEvent, hStream, RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuEventRecordWithFlags, (CUevent hEvent, CUstream hStream, unsigned int flags),
	(hEvent, hStream, flags), fill_record(&hook, hEvent, hStream, 0))
RK_HOOK(cuEventRecordWithFlags_ptsz, (CUevent hEvent, CUstream hStream, unsigned int flags),
	(hEvent, hStream, flags), fill_record(&hook, hEvent, hStream, RK_REC_PER_THREAD_STREAM))

RK_HOOK(cuEventSynchronize, (CUevent hEvent), (hEvent), fill_sync(&hook, RK_SYNC_EVENT, hEvent))
RK_HOOK(cuEventQuery, (CUevent hEvent), (hEvent), fill_sync(&hook, RK_SYNC_EVENT_QUERY, hEvent))
