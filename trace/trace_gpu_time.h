/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_gpu_time.h - when work on the GPU is expected to start.
 *
 * Work starts when its stream is free or when its launch has reached the GPU, whichever is
 * later: behind the work before it, or behind its own call. Which of both it was shows
 * afterwards, and only that prediction learns from it.
 */
#ifndef RK_TRACE_TRACE_GPU_TIME_H
#define RK_TRACE_TRACE_GPU_TIME_H

#include <stdbool.h>

#include "trace/trace_model.h"
#include "trace/trace_predict.h"

static inline bool rk_trace_on_grid(const struct rk_trace_model *model)
{
	return model->grid_score >= RK_TRACE_GRID_SURE;
}

/**
 * The expected start of work whose call ended at @host_end (0 = unknown).
 *
 * Context: any.
 */
static inline uint64_t rk_trace_gpu_expect(const struct rk_trace_model *model,
					   const struct rk_trace_place *place,
					   const struct rk_trace_stream_slot *stream,
					   uint64_t host_end)
{
	uint64_t gap = place->gpu_gap, behind_call;

	if (model->version == 1)
		return rk_trace_expect_start(stream->end, gap);
	if (!stream->end)
		return host_end ? host_end + stream->latency : 0;
	if (host_end && stream->latency) {
		behind_call = host_end + stream->latency - stream->end;
		if ((int64_t)behind_call > (int64_t)gap)
			gap = behind_call;
	}
	return stream->end + (rk_trace_on_grid(model) ? rk_trace_grid_round(gap) : gap);
}

static inline uint64_t rk_trace_distance(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0 ? b - a : a - b;
}

/**
 * Learn from when it did start.
 *
 * Context: any.
 */
static inline void rk_trace_gpu_learn(const struct rk_trace_model *model,
				      struct rk_trace_place *place,
				      struct rk_trace_stream_slot *stream, uint64_t host_end,
				      uint64_t start)
{
	uint64_t gap = start - stream->end, latency = start - host_end;

	if (model->version == 1 || !host_end) {
		place->gpu_gap = rk_trace_gap_step(place->gpu_gap, stream->end, start);
		return;
	}
	if (!stream->latency || !stream->end) {
		stream->latency = latency;
	} else if (rk_trace_distance(latency, stream->latency) <
		   rk_trace_distance(gap, place->gpu_gap)) {
		stream->latency = rk_trace_mean_step(stream->latency, latency);
		return;
	} else if ((int64_t)(latency + (uint64_t)((int64_t)stream->latency >> 3)) <
		   (int64_t)stream->latency) {
		stream->latency = latency; /* it waited for the stream all the time */
	}
	place->gpu_gap = rk_trace_gap_step(place->gpu_gap, stream->end, start);
}

#endif
