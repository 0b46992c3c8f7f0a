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

/* While a wait is captured it is an edge of the graph: no stream waits.
 * @event: NULL = the stream waits for memory to change. */
static inline void fill_wait(struct rk_hook *hook, CUstream stream, CUevent event, uint8_t flags)
{
	rk_hook_submit(hook, RK_REC_EVENT, (uint64_t)stream, flags | RK_REC_ASYNC);
	hook->rec.event.event = (uint64_t)event;
	hook->rec.event.stream = (uint64_t)stream;
	hook->rec.event.life = RK_LIFE_WAIT;
}

/* What else a batch does, no stream waits for. It is read only where the driver took it. */
static inline void fill_batch(struct rk_hook *hook, CUstream stream,
			      const CUstreamBatchMemOpParams *list, unsigned int count,
			      uint8_t flags)
{
	for (unsigned int i = 0; i < count; i++) {
		if (list[i].operation == CU_STREAM_MEM_OP_WAIT_VALUE_32 ||
		    list[i].operation == CU_STREAM_MEM_OP_WAIT_VALUE_64) {
			fill_wait(hook, stream, NULL, flags);
			return;
		}
	}
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

/* Until somebody writes the value; nobody says who. */
RK_HOOK(cuStreamWaitValue32,
	(CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags),
	(stream, addr, value, flags), fill_wait(&hook, stream, NULL, 0))
RK_HOOK(cuStreamWaitValue32_ptsz,
	(CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags),
	(stream, addr, value, flags), fill_wait(&hook, stream, NULL, RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuStreamWaitValue32_v2,
	(CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags),
	(stream, addr, value, flags), fill_wait(&hook, stream, NULL, 0))
RK_HOOK(cuStreamWaitValue32_v2_ptsz,
	(CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags),
	(stream, addr, value, flags), fill_wait(&hook, stream, NULL, RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuStreamWaitValue64,
	(CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags),
	(stream, addr, value, flags), fill_wait(&hook, stream, NULL, 0))
RK_HOOK(cuStreamWaitValue64_ptsz,
	(CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags),
	(stream, addr, value, flags), fill_wait(&hook, stream, NULL, RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuStreamWaitValue64_v2,
	(CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags),
	(stream, addr, value, flags), fill_wait(&hook, stream, NULL, 0))
RK_HOOK(cuStreamWaitValue64_v2_ptsz,
	(CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags),
	(stream, addr, value, flags), fill_wait(&hook, stream, NULL, RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuStreamBatchMemOp,
	(CUstream stream, unsigned int count, CUstreamBatchMemOpParams *paramArray,
	 unsigned int flags),
	(stream, count, paramArray, flags),
	fill_batch(&hook, stream, paramArray, result == CUDA_SUCCESS ? count : 0, 0))
RK_HOOK(cuStreamBatchMemOp_ptsz,
	(CUstream stream, unsigned int count, CUstreamBatchMemOpParams *paramArray,
	 unsigned int flags),
	(stream, count, paramArray, flags),
	fill_batch(&hook, stream, paramArray, result == CUDA_SUCCESS ? count : 0,
		   RK_REC_PER_THREAD_STREAM))
RK_HOOK(cuStreamBatchMemOp_v2,
	(CUstream stream, unsigned int count, CUstreamBatchMemOpParams *paramArray,
	 unsigned int flags),
	(stream, count, paramArray, flags),
	fill_batch(&hook, stream, paramArray, result == CUDA_SUCCESS ? count : 0, 0))
RK_HOOK(cuStreamBatchMemOp_v2_ptsz,
	(CUstream stream, unsigned int count, CUstreamBatchMemOpParams *paramArray,
	 unsigned int flags),
	(stream, count, paramArray, flags),
	fill_batch(&hook, stream, paramArray, result == CUDA_SUCCESS ? count : 0,
		   RK_REC_PER_THREAD_STREAM))
