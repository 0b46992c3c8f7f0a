/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/capture.c - hooks of stream captures, and the count of open ones.
 *
 * The count is kept for nested and unrecorded calls too, because a capture that somebody else
 * begins captures our program's launches as well. It may err to the high side (a stream that
 * is destroyed while it captures): then launches ask more often than they need to, which costs
 * time and no truth.
 */
#include "interpose/ask.h"
#include "interpose/hook.h"

/* Release pairs with the acquire in rk_hook_submit(). */
static void count_begin(CUresult result)
{
	if (result == CUDA_SUCCESS)
		atomic_fetch_add_explicit(&rk_hook_open_captures, 1, memory_order_release);
}

static void count_end(void)
{
	uint32_t open = atomic_load(&rk_hook_open_captures);

	while (open > 0 && !atomic_compare_exchange_weak(&rk_hook_open_captures, &open, open - 1))
		;
}

/* An end that fails may still have ended it: the stream knows. */
static void count_end_of(CUresult result, CUstream stream, bool per_thread, bool was_capturing)
{
	if (result == CUDA_SUCCESS ||
	    (was_capturing && rk_ask_capture(stream, per_thread) == RK_ASK_NOT_CAPTURING))
		count_end();
}

static inline void fill_capture(struct rk_hook *hook, uint8_t life, CUstream stream, uint8_t flags)
{
	hook->rec.kind = RK_REC_CAPTURE;
	hook->rec.flags = flags;
	hook->rec.capture.stream = (uint64_t)stream;
	hook->rec.capture.life = life;
}

#define BEGIN(name, params, args, flags)                                                           \
	CUresult name params                                                                       \
	{                                                                                          \
		struct rk_hook hook;                                                               \
		bool is_recording = rk_hook_enter(&hook, RK_API_##name);                           \
		CUresult result = rk_real.name args;                                               \
                                                                                                   \
		count_begin(result);                                                               \
		if (!is_recording)                                                                 \
			return result;                                                             \
		fill_capture(&hook, RK_LIFE_CREATE, hStream, flags);                               \
		return rk_hook_leave(&hook, result);                                               \
	}

#define END(name, per_thread, flags)                                                               \
	CUresult name(CUstream hStream, CUgraph *phGraph)                                          \
	{                                                                                          \
		struct rk_hook hook;                                                               \
		bool is_recording = rk_hook_enter(&hook, RK_API_##name);                           \
		bool was_capturing = is_recording &&                                               \
				     rk_ask_capture(hStream, per_thread) != RK_ASK_NOT_CAPTURING;  \
		CUresult result = rk_real.name(hStream, phGraph);                                  \
                                                                                                   \
		count_end_of(result, hStream, per_thread, was_capturing);                          \
		if (!is_recording)                                                                 \
			return result;                                                             \
		fill_capture(&hook, RK_LIFE_DESTROY, hStream, flags);                              \
		return rk_hook_leave(&hook, result);                                               \
	}

BEGIN(cuStreamBeginCapture, (CUstream hStream), (hStream), 0)
BEGIN(cuStreamBeginCapture_ptsz, (CUstream hStream), (hStream), RK_REC_PER_THREAD_STREAM)
BEGIN(cuStreamBeginCapture_v2, (CUstream hStream, CUstreamCaptureMode mode), (hStream, mode), 0)
BEGIN(cuStreamBeginCapture_v2_ptsz, (CUstream hStream, CUstreamCaptureMode mode), (hStream, mode),
      RK_REC_PER_THREAD_STREAM)
BEGIN(cuStreamBeginCaptureToGraph,
      (CUstream hStream, CUgraph hGraph, const CUgraphNode *dependencies,
       const CUgraphEdgeData *dependencyData, size_t numDependencies, CUstreamCaptureMode mode),
      (hStream, hGraph, dependencies, dependencyData, numDependencies, mode), 0)
BEGIN(cuStreamBeginCaptureToGraph_ptsz,
      (CUstream hStream, CUgraph hGraph, const CUgraphNode *dependencies,
       const CUgraphEdgeData *dependencyData, size_t numDependencies, CUstreamCaptureMode mode),
      (hStream, hGraph, dependencies, dependencyData, numDependencies, mode),
      RK_REC_PER_THREAD_STREAM)
END(cuStreamEndCapture, false, 0)
END(cuStreamEndCapture_ptsz, true, RK_REC_PER_THREAD_STREAM)
