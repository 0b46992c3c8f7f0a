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
#include "trace/trace_predict.h"

#define RK_TRACE_SHAPE_WORDS 12u
#define RK_TRACE_NO_SHAPE    UINT32_MAX
#define RK_TRACE_SLOT_TABLE  (2u * RK_TRACE_SHAPES_MAX)

/* Every field of an op that repeats, packed; strings are ids of whoever packs them. */
struct rk_trace_key {
	uint64_t words[RK_TRACE_SHAPE_WORDS];
};

struct rk_trace_shape {
	struct rk_trace_key key;
	/* predictions, 0 = none yet: time between calls, of the call, between GPU work, of it */
	uint64_t host_gap, host_mean, gpu_gap, gpu_mean;
	uint32_t thread, stream; /* slots of the model */
	uint32_t next;		 /* shape that followed last time */
};

struct rk_trace_thread_slot {
	uint64_t host_start, host_end, host_duration, exec;
	uint32_t tid, correlation;
};

struct rk_trace_stream_slot {
	uint64_t end, device_context;
	uint32_t stream;
};

struct rk_trace_model {
	struct rk_trace_shape shapes[RK_TRACE_SHAPES_MAX];
	struct rk_trace_thread_slot threads[RK_TRACE_SHAPES_MAX];
	struct rk_trace_stream_slot streams[RK_TRACE_SHAPES_MAX];
	uint16_t shape_table[RK_TRACE_SLOT_TABLE]; /* index + 1 by hash; 0 = free */
	uint16_t thread_table[RK_TRACE_SLOT_TABLE];
	uint16_t stream_table[RK_TRACE_SLOT_TABLE];
	uint32_t shape_count, thread_count, stream_count;
	uint32_t previous; /* shape of the op before, or RK_TRACE_NO_SHAPE */
	uint64_t ordinal, ptr;
	uint64_t span, instrument; /* latest numbers */
};

/* Where a field of a shape lies in the key. */
struct rk_trace_field {
	uint16_t column; /* enum rk_trace_column */
	uint32_t kinds;	 /* bit per enum rk_op_kind; 0 = every kind */
	uint8_t word, shift, bits;
};

extern const struct rk_trace_field rk_trace_fields[];
extern const unsigned rk_trace_field_count;

/**
 * Whether shapes of @kind have @field.
 *
 * Context: any.
 */
static inline bool rk_trace_field_applies(const struct rk_trace_field *field, unsigned kind)
{
	return !field->kinds || (kind < 32 && (field->kinds >> kind & 1));
}

/**
 * Pack the repeating fields of @op.
 *
 * Context: any.
 */
void rk_trace_key_pack(struct rk_trace_key *key, const struct rk_op *op);

/**
 * The reverse: fill the repeating fields of @op and zero the others, the ledger excepted.
 *
 * Context: any.
 */
void rk_trace_key_unpack(const struct rk_trace_key *key, struct rk_op *op);

static inline unsigned rk_trace_key_kind(const struct rk_trace_key *key)
{
	return key->words[0] & 0xff;
}

static inline unsigned rk_trace_key_absent(const struct rk_trace_key *key)
{
	return key->words[0] >> 32 & 0xff;
}

/**
 * Forget everything: the state at the start of a block.
 *
 * Context: any.
 */
void rk_trace_model_reset(struct rk_trace_model *model);

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
 * Say that an op of @shape comes next, which the model predicts from then on.
 *
 * Context: any.
 */
static inline void rk_trace_model_step(struct rk_trace_model *model, uint32_t shape)
{
	if (model->previous != RK_TRACE_NO_SHAPE)
		model->shapes[model->previous].next = shape;
	model->previous = shape;
}

/**
 * The shape expected next.
 *
 * Context: any. Return: RK_TRACE_NO_SHAPE when there is no expectation.
 */
static inline uint32_t rk_trace_model_expect(const struct rk_trace_model *model)
{
	return model->previous == RK_TRACE_NO_SHAPE ? RK_TRACE_NO_SHAPE :
						      model->shapes[model->previous].next;
}

#endif
