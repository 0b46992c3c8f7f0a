/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_model.c - shapes, places and their predictions, the same for encoder and decoder.
 */
#include "trace/trace_model.h"

#include <assert.h>
#include <string.h>

static_assert(RK_TRACE_PLACES_MAX < UINT16_MAX, "tables hold index + 1 in 16 bits");

void rk_trace_model_reset(struct rk_trace_model *model, uint32_t version)
{
	memset(model->shape_table, 0, sizeof(model->shape_table));
	memset(model->thread_table, 0, sizeof(model->thread_table));
	memset(model->stream_table, 0, sizeof(model->stream_table));
	memset(model->place_table, 0, sizeof(model->place_table));
	model->shape_count = model->thread_count = model->stream_count = model->place_count = 0;
	model->version = version;
	model->start = (struct rk_trace_place){
		.next_shape = RK_TRACE_NO_SHAPE,
		.next = RK_TRACE_NO_PLACE,
	};
	model->before = &model->start;
	model->grid_score = 0;
	model->ordinal = model->ptr = 0;
	model->span = model->instrument = 0;
}

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio */
	return hash ^ hash >> 32;
}

static uint32_t key_hash(const struct rk_trace_key *key)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < RK_TRACE_SHAPE_WORDS; i++)
		hash = mix(hash, key->words[i]);
	return (uint32_t)hash % RK_TRACE_SLOT_TABLE;
}

/* At most half of a table is ever in use, so every probe ends. */
static uint32_t next_place(uint32_t at)
{
	return (at + 1) % RK_TRACE_SLOT_TABLE;
}

uint32_t rk_trace_model_find(const struct rk_trace_model *model, const struct rk_trace_key *key)
{
	for (uint32_t at = key_hash(key); model->shape_table[at]; at = next_place(at)) {
		uint32_t index = model->shape_table[at] - 1u;

		if (memcmp(&model->shapes[index].key, key, sizeof(*key)) == 0)
			return index;
	}
	return RK_TRACE_NO_SHAPE;
}

static uint32_t thread_slot(struct rk_trace_model *model, uint32_t tid)
{
	uint32_t at = (uint32_t)mix(0, tid) % RK_TRACE_SLOT_TABLE;

	for (; model->thread_table[at]; at = next_place(at)) {
		uint32_t index = model->thread_table[at] - 1u;

		if (model->threads[index].tid == tid)
			return index;
	}
	model->threads[model->thread_count] = (struct rk_trace_thread_slot){ .tid = tid };
	model->thread_table[at] = (uint16_t)++model->thread_count;
	return model->thread_count - 1;
}

static uint32_t stream_slot(struct rk_trace_model *model, uint64_t device_context, uint32_t stream)
{
	uint32_t at = (uint32_t)mix(mix(0, device_context), stream) % RK_TRACE_SLOT_TABLE;

	for (; model->stream_table[at]; at = next_place(at)) {
		uint32_t index = model->stream_table[at] - 1u;

		if (model->streams[index].stream == stream &&
		    model->streams[index].device_context == device_context)
			return index;
	}
	model->streams[model->stream_count] = (struct rk_trace_stream_slot){
		.stream = stream,
		.device_context = device_context,
	};
	model->stream_table[at] = (uint16_t)++model->stream_count;
	return model->stream_count - 1;
}

uint32_t rk_trace_model_add(struct rk_trace_model *model, const struct rk_trace_key *key)
{
	uint32_t index = model->shape_count;
	uint32_t at = key_hash(key);
	struct rk_op op;

	if (index == RK_TRACE_SHAPES_MAX)
		return RK_TRACE_NO_SHAPE;
	while (model->shape_table[at])
		at = next_place(at);
	model->shape_table[at] = (uint16_t)(index + 1);
	model->shape_count++;
	model->shapes[index] = (struct rk_trace_shape){
		.key = *key,
		.thread = thread_slot(model, (uint32_t)(key->words[2] >> 32)),
		.stream = stream_slot(model, key->words[3], (uint32_t)key->words[2]),
	};
	model->first[index] = model->latest[index] = RK_TRACE_NO_PLACE;
	rk_trace_key_unpack(key, &op);
	memcpy(model->images[index].words, &op, sizeof(model->images[index]));
	return index;
}

static uint16_t add_place(struct rk_trace_model *model, uint32_t shape, uint64_t context)
{
	struct rk_trace_place *place = &model->places[model->place_count];

	if (model->latest[shape] == RK_TRACE_NO_PLACE) {
		*place = (struct rk_trace_place){ .next_shape = RK_TRACE_NO_SHAPE };
		model->first[shape] = (uint16_t)model->place_count;
	} else {
		*place = model->places[model->latest[shape]];
	}
	place->shape = (uint16_t)shape;
	place->context = context;
	place->next = RK_TRACE_NO_PLACE;
	return (uint16_t)model->place_count++;
}

static uint16_t find_place(struct rk_trace_model *model, uint32_t shape, uint64_t context)
{
	uint32_t at = (uint32_t)(mix(0, context) % RK_TRACE_PLACE_TABLE);
	uint16_t place;

	for (; model->place_table[at]; at = (at + 1) % RK_TRACE_PLACE_TABLE) {
		place = (uint16_t)(model->place_table[at] - 1);
		if (model->places[place].shape == shape && model->places[place].context == context)
			return place;
	}
	if (model->place_count >= RK_TRACE_PLACES_MORE && model->first[shape] != RK_TRACE_NO_PLACE)
		return model->first[shape];
	place = add_place(model, shape, context);
	model->place_table[at] = (uint16_t)(place + 1);
	return place;
}

/* Version 1 had one place per shape. */
static uint16_t only_place(struct rk_trace_model *model, uint32_t shape)
{
	uint16_t first = model->first[shape];

	return first == RK_TRACE_NO_PLACE ? add_place(model, shape, 0) : first;
}

uint16_t rk_trace_model_place(struct rk_trace_model *model, uint32_t shape)
{
	uint64_t context = (model->before->context << RK_TRACE_CONTEXT_BITS) +
			   (shape + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
	uint16_t place =
		model->version == 1 ? only_place(model, shape) : find_place(model, shape, context);

	model->before->next = place;
	model->before->next_shape = (uint16_t)shape;
	return place;
}
