/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_model.h - what encoder and decoder both know of the ops so far in a block.
 *
 * A GPU program repeats itself: a few hundred shapes (kernel, grid, stream, thread...) make
 * up millions of ops. A block stores every shape once and per op only its shape and what
 * differs from the prediction. The model starts empty in every block, so that each block
 * decodes alone, and both sides step it by the same functions.
 */
#ifndef RK_TRACE_TRACE_MODEL_H
#define RK_TRACE_TRACE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/op.h"
#include "trace/trace_format.h"
#include "trace/trace_image.h"
#include "trace/trace_key.h"
#include "trace/trace_predict.h"

#define RK_TRACE_SLOT_TABLE  (2u * RK_TRACE_SHAPES_MAX)
/* Every shape has a place at least; as many more are for shapes behind several others. */
#define RK_TRACE_PLACES_MAX  (2u * RK_TRACE_SHAPES_MAX)
#define RK_TRACE_PLACES_MORE RK_TRACE_SHAPES_MAX
#define RK_TRACE_PLACE_TABLE (2u * RK_TRACE_PLACES_MAX)
#define RK_TRACE_NO_PLACE    UINT16_MAX
#define RK_TRACE_NO_SHAPE    UINT16_MAX
#define RK_TRACE_CONTEXT_BITS 3u /* by which a shape fades with each one behind it */

struct rk_trace_shape {
	struct rk_trace_key key;
	uint32_t thread, stream; /* slots of the model */
};

/* A place in the program: a shape behind the twenty shapes before it, more or less. What comes
 * next, and how long it takes, depends on the place more than on the shape alone. */
struct rk_trace_place {
	/* predictions, 0 = none yet: time between calls, of the call, between GPU work, of it */
	uint64_t host_gap, host_mean, gpu_gap, gpu_mean;
	uint64_t exec_step, correlation_step; /* since the op before of this thread */
	uint64_t context;		      /* a sum of the shapes up to here */
	uint16_t shape;
	uint16_t next_shape, next; /* shape and place that followed last time; next may be none */
};

struct rk_trace_thread_slot {
	uint64_t host_start, host_end, host_duration, exec;
	uint32_t tid, correlation;
};

struct rk_trace_stream_slot {
	uint64_t end, device_context;
	uint64_t latency; /* from the call to the work where nothing is in its way; 0 = unknown */
	uint32_t stream;
};

struct rk_trace_model {
	struct rk_trace_shape shapes[RK_TRACE_SHAPES_MAX];
	struct rk_trace_image images[RK_TRACE_SHAPES_MAX];
	struct rk_trace_place places[RK_TRACE_PLACES_MAX];
	uint16_t first[RK_TRACE_SHAPES_MAX], latest[RK_TRACE_SHAPES_MAX]; /* places, by shape */
	struct rk_trace_thread_slot threads[RK_TRACE_SHAPES_MAX];
	struct rk_trace_stream_slot streams[RK_TRACE_SHAPES_MAX];
	uint16_t shape_table[RK_TRACE_SLOT_TABLE]; /* index + 1 by hash; 0 = free */
	uint16_t thread_table[RK_TRACE_SLOT_TABLE];
	uint16_t stream_table[RK_TRACE_SLOT_TABLE];
	uint16_t place_table[RK_TRACE_PLACE_TABLE];
	uint32_t shape_count, thread_count, stream_count, place_count;
	uint32_t version;  /* major one of the block */
	struct rk_trace_place *before; /* place of the op before, or .start */
	struct rk_trace_place start;
	uint32_t grid_score; /* how surely the GPU's clock ticks in RK_TRACE_GRID_NS */
	uint64_t ordinal, ptr;
	uint64_t span, instrument; /* latest numbers */
};

/**
 * Forget everything: the state at the start of a block of this major version.
 *
 * Context: any.
 */
void rk_trace_model_reset(struct rk_trace_model *model, uint32_t version);

/**
 * Append a shape and give it its thread and stream.
 *
 * Context: any. Return: its index; RK_TRACE_NO_SHAPE when there are RK_TRACE_SHAPES_MAX.
 */
uint32_t rk_trace_model_add(struct rk_trace_model *model, const struct rk_trace_key *key);

/**
 * The shape of @key.
 *
 * Context: any. Return: its index or RK_TRACE_NO_SHAPE.
 */
uint32_t rk_trace_model_find(const struct rk_trace_model *model, const struct rk_trace_key *key);

/**
 * The shape expected next.
 *
 * Context: any. Return: RK_TRACE_NO_SHAPE when there is no expectation.
 */
static inline uint32_t rk_trace_model_expect(const struct rk_trace_model *model)
{
	return model->before->next_shape;
}

/**
 * The place of an op of @shape behind the one before, found or made, and remembered there.
 *
 * Context: any.
 */
uint16_t rk_trace_model_place(struct rk_trace_model *model, uint32_t shape);

/**
 * An op of @shape comes next: the place where it stands.
 *
 * Context: any.
 */
static inline struct rk_trace_place *rk_trace_model_step(struct rk_trace_model *model,
							 uint32_t shape)
{
	uint16_t place = model->before->next;

	if (model->before->next_shape != shape || place == RK_TRACE_NO_PLACE)
		place = rk_trace_model_place(model, shape);
	model->latest[shape] = place;
	return model->before = &model->places[place];
}

#endif
