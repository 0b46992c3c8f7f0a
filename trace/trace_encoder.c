/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_encoder.c - ops into the content of one block.
 *
 * Every op becomes one small number per column: the difference to what the model expects.
 * A column keeps its numbers as 64 bits until the block is finished, when its width is known.
 */
#include "trace/trace_encoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "trace/trace_gpu_time.h"
#include "trace/trace_ledger.h"
#include "trace/trace_model.h"
#include "trace/trace_numbers.h"
#include "trace/trace_said.h"

#define LEDGER_BYTES (32u << 10) /* ticks in a block */
#define SHAPE_BYTES  96u	 /* all fields of one shape at their widest */
#define STRING_TABLE (4u * RK_TRACE_STRINGS_MAX)
#define FIXED_BYTES  (RK_TRACE_HEADER_BYTES + 96u * RK_TRACE_COLUMN_BYTES)
/* The numbers of one op: eight of 64 bits, the shape and two rests of 16. */
#define OP_BYTES 70u
/* The content at its worst: a block that is almost full, and then one op more. */
#define CONTENT_MAX                                                                                \
	(FIXED_BYTES + RK_TRACE_BLOCK_OPS_MAX * OP_BYTES + LEDGER_BYTES +                          \
	 RK_TRACE_SHAPES_MAX * (SHAPE_BYTES + 8u) + RK_TRACE_BLOCK_RAW +                           \
	 2u * RK_TRACE_STRING_MAX + RK_TRACE_SAID_MAX)
/* Texts and ids share RK_TRACE_BLOCK_RAW with the strings; the op that reaches it still fits. */
#define SAID_BYTES (RK_TRACE_BLOCK_RAW + RK_TRACE_SAID_MAX)

static_assert(CONTENT_MAX <= RK_TRACE_RAW_MAX, "our own reader takes every block");
static_assert(RK_TRACE_BLOCK_OPS_MAX <= RK_TRACE_OPS_MAX, "our own reader takes every block");
static_assert(RK_TRACE_STRINGS_MAX < UINT16_MAX, "string_table holds index in 16 bits");

struct rk_trace_encoder {
	struct rk_trace_numbers numbers;
	uint8_t *ledger, *ids, *text, *late_text;
	struct rk_trace_buffer buffer;
	struct rk_trace_ledger last_ledger;
	uint64_t first_ordinal, first_ns, last_ns;
	size_t raw; /* shapes, names, texts and ids so far */
	size_t ledger_size, ids_size, text_size, late_text_size;
	uint32_t op_count, string_count;
	bool is_full;
	uint32_t string_ids[RK_TRACE_STRINGS_MAX];
	uint16_t string_table[STRING_TABLE]; /* place in string_ids + 1; 0 = free */
	uint16_t shape_api[RK_TRACE_SHAPES_MAX], shape_name[RK_TRACE_SHAPES_MAX];
	uint64_t scratch[RK_TRACE_STRINGS_MAX];
	struct rk_trace_model model; /* last, and large: only reset() sets it */
};

int rk_trace_encoder_create(struct rk_trace_encoder **out)
{
	struct rk_trace_encoder *encoder;

	*out = NULL;
	encoder = malloc(sizeof(*encoder));
	if (!encoder)
		return -ENOMEM;
	memset(encoder, 0, offsetof(struct rk_trace_encoder, model));
	encoder->ledger = malloc(LEDGER_BYTES);
	encoder->ids = malloc(SAID_BYTES);
	encoder->text = malloc(SAID_BYTES);
	encoder->late_text = malloc(SAID_BYTES);
	encoder->buffer.data = malloc(CONTENT_MAX);
	if (rk_trace_numbers_init(&encoder->numbers) || !encoder->ledger || !encoder->ids ||
	    !encoder->text || !encoder->late_text || !encoder->buffer.data) {
		rk_trace_encoder_destroy(encoder);
		return -ENOMEM;
	}
	encoder->buffer.capacity = CONTENT_MAX;
	rk_trace_encoder_reset(encoder);
	*out = encoder;
	return 0;
}

void rk_trace_encoder_destroy(struct rk_trace_encoder *encoder)
{
	if (!encoder)
		return;
	free(encoder->buffer.data);
	free(encoder->late_text);
	free(encoder->text);
	free(encoder->ids);
	free(encoder->ledger);
	rk_trace_numbers_finish(&encoder->numbers);
	free(encoder);
}

void rk_trace_encoder_reset(struct rk_trace_encoder *encoder)
{
	rk_trace_model_reset(&encoder->model, RK_TRACE_MAJOR);
	memset(&encoder->last_ledger, 0, sizeof(encoder->last_ledger));
	memset(encoder->string_table, 0, sizeof(encoder->string_table));
	rk_trace_numbers_reset(&encoder->numbers);
	encoder->first_ordinal = encoder->first_ns = encoder->last_ns = 0;
	encoder->raw = FIXED_BYTES;
	encoder->ledger_size = encoder->ids_size = 0;
	encoder->text_size = encoder->late_text_size = 0;
	encoder->op_count = encoder->string_count = 0;
	encoder->is_full = false;
}

uint32_t rk_trace_encoder_count(const struct rk_trace_encoder *encoder)
{
	return encoder->op_count;
}

static inline void push(struct rk_trace_encoder *encoder, unsigned id, uint64_t value)
{
	rk_trace_numbers_push(&encoder->numbers, id, value);
}

static inline void push_difference(struct rk_trace_encoder *encoder, unsigned id, uint64_t value,
				   uint64_t base)
{
	push(encoder, id, rk_trace_zigzag(value - base));
}

static inline void push_sparse(struct rk_trace_encoder *encoder, unsigned id, uint64_t value)
{
	rk_trace_numbers_push_sparse(&encoder->numbers, id, value);
}

static inline void push_unexpected(struct rk_trace_encoder *encoder, unsigned id, uint64_t value,
				   uint64_t expected)
{
	push_sparse(encoder, id, rk_trace_zigzag(value - expected));
}

/* A time of the GPU: on the grid by counts of it, and what then is left. */
static inline void push_gpu_time(struct rk_trace_encoder *encoder, unsigned id, unsigned rest_id,
				 uint64_t difference, bool on_grid)
{
	uint64_t counts = rk_trace_grid_round(difference);

	if (!on_grid) {
		push(encoder, id, rk_trace_zigzag(difference));
		return;
	}
	push_sparse(encoder, rest_id, rk_trace_zigzag(difference - counts));
	push(encoder, id, rk_trace_zigzag((uint64_t)((int64_t)counts >> RK_TRACE_GRID_BITS)));
}

/* Place of a string in the block's table; 0 for "". */
static uint16_t string_index(struct rk_trace_encoder *encoder, uint32_t id)
{
	uint32_t at = id * 0x9e3779b9u % STRING_TABLE; /* 2^32 / golden ratio */
	size_t length;

	if (id == 0)
		return 0;
	for (; encoder->string_table[at]; at = (at + 1) % STRING_TABLE) {
		if (encoder->string_ids[encoder->string_table[at] - 1] == id)
			return encoder->string_table[at];
	}
	length = strnlen(rk_intern_get(id), RK_TRACE_STRING_MAX);
	encoder->raw += length + sizeof(uint32_t);
	encoder->string_ids[encoder->string_count] = id;
	encoder->string_table[at] = (uint16_t)++encoder->string_count;
	return encoder->string_table[at];
}

/* The shape of the op; RK_TRACE_NO_SHAPE when the block has no room for a new one. */
static uint32_t take_shape(struct rk_trace_encoder *encoder, const struct rk_trace_key *key)
{
	struct rk_trace_model *model = &encoder->model;
	uint32_t shape = rk_trace_model_find(model, key);
	uint32_t api = (uint32_t)key->words[1], name = (uint32_t)(key->words[1] >> 32);
	size_t bytes = SHAPE_BYTES;

	if (shape != RK_TRACE_NO_SHAPE)
		return shape;
	bytes += strnlen(rk_intern_get(api), RK_TRACE_STRING_MAX);
	bytes += strnlen(rk_intern_get(name), RK_TRACE_STRING_MAX);
	if (encoder->op_count && encoder->raw + bytes > RK_TRACE_BLOCK_RAW)
		return RK_TRACE_NO_SHAPE;
	shape = rk_trace_model_add(model, key);
	if (shape == RK_TRACE_NO_SHAPE)
		return shape;
	encoder->raw += SHAPE_BYTES;
	encoder->shape_api[shape] = string_index(encoder, api);
	encoder->shape_name[shape] = string_index(encoder, name);
	return shape;
}

/* Asked where one of these may have changed; the number of ops is looked at for every op. */
static bool has_no_room(const struct rk_trace_encoder *encoder)
{
	return encoder->raw >= RK_TRACE_BLOCK_RAW ||
	       encoder->ledger_size + RK_TRACE_TICK_MAX > LEDGER_BYTES ||
	       encoder->numbers.dense[RK_COL_WALL_OFFSET].count == RK_TRACE_RARE_OPS ||
	       encoder->numbers.dense[RK_COL_UUID_LOW].count == RK_TRACE_RARE_OPS;
}

/* @whole: all fields are there, as in nearly every op; the compiler then drops the questions. */
static inline __attribute__((always_inline)) void add_host(struct rk_trace_encoder *encoder,
							   struct rk_trace_place *place,
							   struct rk_trace_thread_slot *thread,
							   const struct rk_op *op, bool whole)
{
	bool same_call = (whole || op->correlation) && op->correlation == thread->correlation;
	uint64_t duration = op->host_end - op->host_start;

	if (whole || op->exec) {
		push_unexpected(encoder, RK_COL_EXEC, op->exec, thread->exec + place->exec_step);
		place->exec_step = op->exec - thread->exec;
		thread->exec = op->exec;
	}
	if (whole || op->correlation) {
		push_unexpected(encoder, RK_COL_CORRELATION, op->correlation,
				thread->correlation + place->correlation_step);
		place->correlation_step = (uint64_t)op->correlation - thread->correlation;
		thread->correlation = op->correlation;
	}
	if (whole || op->host_start) {
		uint64_t expected = rk_trace_expect_start(thread->host_end, place->host_gap);

		push_difference(encoder, RK_COL_HOST_START, op->host_start,
				same_call ? thread->host_start : expected);
		if (!same_call)
			place->host_gap = rk_trace_gap_step(place->host_gap, thread->host_end,
							    op->host_start);
		thread->host_start = op->host_start;
	}
	if (whole || op->host_end) {
		push_difference(encoder, RK_COL_HOST_DURATION, duration,
				same_call ? thread->host_duration : place->host_mean);
		if (!same_call)
			place->host_mean = rk_trace_mean_step(place->host_mean, duration);
		thread->host_duration = duration;
		thread->host_end = op->host_end;
	}
}

static void add_host_time(struct rk_trace_encoder *encoder, const struct rk_op *op)
{
	if (op->start)
		push_difference(encoder, RK_COL_START, op->start, op->host_start);
	if (op->end)
		push_difference(encoder, RK_COL_DURATION, op->end - op->start,
				op->host_end - op->host_start);
}

static inline __attribute__((always_inline)) void add_gpu(struct rk_trace_encoder *encoder,
							  struct rk_trace_place *place,
							  struct rk_trace_stream_slot *stream,
							  const struct rk_op *op, bool whole)
{
	struct rk_trace_model *model = &encoder->model;
	uint64_t gap = op->start - stream->end, duration = op->end - op->start, expected;
	bool on_grid = rk_trace_on_grid(model);
	bool has_gap = (whole || (op->start && op->end)) && stream->end;

	if (whole || op->start) {
		expected = rk_trace_gpu_expect(model, place, stream, op->host_end);
		push_gpu_time(encoder, RK_COL_START, RK_COL_START_REST, op->start - expected,
			      on_grid);
		rk_trace_gpu_learn(model, place, stream, op->host_end, op->start);
	}
	if (whole || op->end) {
		expected = on_grid ? rk_trace_grid_round(place->gpu_mean) : place->gpu_mean;
		push_gpu_time(encoder, RK_COL_DURATION, RK_COL_DURATION_REST, duration - expected,
			      on_grid);
		place->gpu_mean = rk_trace_mean_step(place->gpu_mean, duration);
		stream->end = op->end;
	}
	if (has_gap)
		model->grid_score = rk_trace_grid_score(model->grid_score, gap, duration);
}

static void add_said(struct rk_trace_encoder *encoder, const struct rk_op *op)
{
	struct rk_trace_model *model = &encoder->model;
	uint8_t *ids = encoder->ids + encoder->ids_size;
	uint32_t text = rk_trace_text_of(op);
	size_t size = 0;

	if (op->kind == RK_OP_INSTRUMENT) {
		push_difference(encoder, RK_COL_INSTRUMENT, op->instrument.number,
				model->instrument);
		model->instrument = op->instrument.number;
		size = rk_trace_bounds_of(op) * sizeof(op->instrument.bounds[0]);
		memcpy(ids, op->instrument.bounds, size);
	} else if (rk_trace_is_said(op->kind)) {
		if (op->said.number) {
			push_difference(encoder, RK_COL_SPAN, op->said.number, model->span);
			model->span = op->said.number;
		}
		size = rk_trace_ids_put(ids, &op->said);
	}
	push(encoder, RK_COL_TEXT_BYTES, text);
	if (text)
		memcpy(encoder->text + encoder->text_size, op->text, text);
	encoder->ids_size += size;
	encoder->text_size += text;
	encoder->raw += size + text;
}

static void add_late(struct rk_trace_encoder *encoder, const struct rk_op *op)
{
	uint32_t text = rk_trace_text_of(op);

	push(encoder, RK_COL_LATE_TEXT_BYTES, text);
	if (text)
		memcpy(encoder->late_text + encoder->late_text_size, op->text, text);
	encoder->late_text_size += text;
	encoder->raw += text;
}

static void add_sample(struct rk_trace_encoder *encoder, const struct rk_op_sample *sample)
{
	struct rk_trace_model *model = &encoder->model;
	uint64_t bits;

	memcpy(&bits, &sample->value, sizeof(bits));
	push_difference(encoder, RK_COL_INSTRUMENT, sample->number, model->instrument);
	push(encoder, RK_COL_SAMPLE, bits);
	model->instrument = sample->number;
}

static void add_kind(struct rk_trace_encoder *encoder, const struct rk_op *op)
{
	struct rk_trace_model *model = &encoder->model;

	switch (op->kind) {
	case RK_OP_ALLOC:
	case RK_OP_FREE:
		push_difference(encoder, RK_COL_PTR, op->memory.ptr, model->ptr);
		push(encoder, RK_COL_BYTES, op->memory.bytes);
		model->ptr = op->memory.ptr;
		break;
	case RK_OP_DEPENDENCY:
		push_difference(encoder, RK_COL_PTR, op->dependency.ordinal, op->ordinal);
		push(encoder, RK_COL_BYTES, op->dependency.ordinal - op->dependency.on);
		break;
	case RK_OP_CLOCK:
		push(encoder, RK_COL_WALL_OFFSET,
		     rk_trace_zigzag((uint64_t)op->clock.wall_offset_ns));
		push(encoder, RK_COL_UNCERTAINTY, op->clock.uncertainty_ns);
		break;
	case RK_OP_DEVICE:
		push(encoder, RK_COL_UUID_LOW, rk_trace_load(op->device_info.uuid, 8));
		push(encoder, RK_COL_UUID_HIGH, rk_trace_load(op->device_info.uuid + 8, 8));
		push(encoder, RK_COL_DEVICE_MEMORY, op->device_info.memory_bytes);
		break;
	case RK_OP_TICK:
	case RK_OP_END:
		encoder->ledger_size += rk_trace_ledger_put(encoder->ledger + encoder->ledger_size,
							    &encoder->last_ledger, op);
		break;
	case RK_OP_SAMPLE:
		add_sample(encoder, &op->sample);
		break;
	default:
		if (rk_trace_is_late(op->kind))
			add_late(encoder, op);
		else if (rk_trace_has_text(op->kind))
			add_said(encoder, op);
		break;
	}
}

static void note_time(struct rk_trace_encoder *encoder, uint64_t start, uint64_t end)
{
	if (start && (start < encoder->first_ns || !encoder->first_ns))
		encoder->first_ns = start;
	if (end > encoder->last_ns)
		encoder->last_ns = end;
}

/* Whether @op has this shape, which may be none. */
static bool is_of(const struct rk_trace_model *model, uint32_t shape, const struct rk_op *op)
{
	const struct rk_trace_key *known;
	struct rk_trace_key key;

	if (shape == RK_TRACE_NO_SHAPE)
		return false;
	known = &model->shapes[shape].key;
	if (op->kind != rk_trace_key_kind(known))
		return false;
	if (op->kind == RK_OP_KERNEL)
		return rk_trace_key_absent(known) == rk_trace_absent_of(op) &&
		       rk_trace_image_fits(&model->images[shape], op);
	rk_trace_key_pack(&key, op);
	return memcmp(known, &key, sizeof(key)) == 0;
}

static uint32_t unexpected_shape(struct rk_trace_encoder *encoder, const struct rk_op *op)
{
	struct rk_trace_key key;
	uint32_t shape;

	rk_trace_key_pack(&key, op);
	shape = take_shape(encoder, &key);
	if (shape != RK_TRACE_NO_SHAPE)
		push_sparse(encoder, RK_COL_SHAPE, shape + 1);
	encoder->is_full |= has_no_room(encoder);
	return shape;
}

static void note_times(struct rk_trace_encoder *encoder, const struct rk_op *op)
{
	note_time(encoder, op->host_start, op->host_end);
	note_time(encoder, op->start, op->end);
}

static void add_fields(struct rk_trace_encoder *encoder, struct rk_trace_place *place,
		       const struct rk_op *op)
{
	struct rk_trace_model *model = &encoder->model;
	const struct rk_trace_shape *shape = &model->shapes[place->shape];
	struct rk_trace_thread_slot *thread = &model->threads[shape->thread];
	struct rk_trace_stream_slot *stream = &model->streams[shape->stream];

	if (op->kind == RK_OP_KERNEL && !rk_trace_key_absent(&shape->key) &&
	    !(op->flags & RK_OP_F_HOST_TIME)) {
		add_host(encoder, place, thread, op, true);
		add_gpu(encoder, place, stream, op, true);
		note_times(encoder, op);
		return;
	}
	add_host(encoder, place, thread, op, false);
	if (op->flags & RK_OP_F_HOST_TIME)
		add_host_time(encoder, op);
	else
		add_gpu(encoder, place, stream, op, false);
	if (op->kind != RK_OP_KERNEL)
		add_kind(encoder, op);
	encoder->is_full |= has_no_room(encoder);
	note_times(encoder, op);
}

int rk_trace_encoder_add(struct rk_trace_encoder *encoder, const struct rk_op *op)
{
	struct rk_trace_model *model = &encoder->model;
	uint32_t shape = rk_trace_model_expect(model);
	struct rk_trace_place *place;

	if (op->kind == RK_OP_NONE || (op->kind >= RK_OP_KIND_COUNT && !rk_trace_is_late(op->kind)))
		return -EINVAL;
	if (encoder->op_count == RK_TRACE_BLOCK_OPS_MAX || encoder->is_full)
		return -ENOBUFS;
	if (is_of(model, shape, op)) {
		push_sparse(encoder, RK_COL_SHAPE, 0);
	} else {
		shape = unexpected_shape(encoder, op);
		if (shape == RK_TRACE_NO_SHAPE)
			return -ENOBUFS;
	}
	place = rk_trace_model_step(model, shape);
	if (encoder->op_count++ == 0)
		encoder->first_ordinal = op->ordinal;
	else
		push_unexpected(encoder, RK_COL_ORDINAL, op->ordinal, model->ordinal + 1);
	model->ordinal = op->ordinal;
	add_fields(encoder, place, op);
	return 0;
}

void rk_trace_header_put(uint8_t *out, const struct rk_trace_header *header)
{
	rk_trace_store(out, RK_TRACE_MAGIC, 4);
	rk_trace_store(out + 4, header->major, 2);
	rk_trace_store(out + 6, header->minor, 2);
	rk_trace_store(out + 8, header->type, 2);
	rk_trace_store(out + 10, header->header_bytes, 2);
	rk_trace_store(out + 12, header->payload_bytes, 4);
	rk_trace_store(out + 16, header->sequence, 4);
	rk_trace_store(out + 20, header->op_count, 4);
	rk_trace_store(out + 24, header->first_ordinal, 8);
	rk_trace_store(out + 32, header->first_ns, 8);
	rk_trace_store(out + 40, header->last_ns, 8);
	rk_trace_store(out + 48, header->lost, 8);
	rk_trace_store(out + 56, header->shape_count, 4);
	rk_trace_store(out + 60, header->string_count, 4);
}

/* The names first: a reader that only wants names can stop there. */
static void put_strings(struct rk_trace_encoder *encoder)
{
	struct rk_trace_buffer *buffer = &encoder->buffer;
	uint8_t *header;
	size_t size = 0;

	for (uint32_t i = 0; i < encoder->string_count; i++)
		encoder->scratch[i] =
			strnlen(rk_intern_get(encoder->string_ids[i]), RK_TRACE_STRING_MAX);
	rk_trace_column_put(buffer, RK_COL_STRING_LENGTHS, encoder->scratch, encoder->string_count);
	header = buffer->data + buffer->size;
	for (uint32_t i = 0; i < encoder->string_count; i++) {
		memcpy(header + RK_TRACE_COLUMN_BYTES + size, rk_intern_get(encoder->string_ids[i]),
		       encoder->scratch[i]);
		size += encoder->scratch[i];
	}
	rk_trace_column_claim_bytes(buffer, RK_COL_STRING_BYTES, (uint32_t)size);
}

static uint64_t field_of(const struct rk_trace_encoder *encoder, uint32_t shape,
			 const struct rk_trace_field *field)
{
	uint64_t word = encoder->model.shapes[shape].key.words[field->word];

	if (field->column == RK_COL_S_API)
		return encoder->shape_api[shape];
	if (field->column == RK_COL_S_NAME)
		return encoder->shape_name[shape];
	word >>= field->shift;
	return field->bits == 64 ? word : word & ((UINT64_C(1) << field->bits) - 1);
}

static void put_shapes(struct rk_trace_encoder *encoder)
{
	for (unsigned f = 0; f < rk_trace_field_count; f++) {
		const struct rk_trace_field *field = &rk_trace_fields[f];
		uint32_t count = 0;

		for (uint32_t s = 0; s < encoder->model.shape_count; s++) {
			const struct rk_trace_key *key = &encoder->model.shapes[s].key;

			if (rk_trace_field_applies(field, rk_trace_key_kind(key)))
				encoder->scratch[count++] = field_of(encoder, s, field);
		}
		rk_trace_column_put(&encoder->buffer, field->column, encoder->scratch, count);
	}
}

static void put_ops(struct rk_trace_encoder *encoder)
{
	struct rk_trace_buffer *buffer = &encoder->buffer;

	for (unsigned c = 1; c < RK_COL_OP_COUNT; c++) {
		if (c == RK_COL_LEDGER)
			rk_trace_column_put_bytes(buffer, c, encoder->ledger,
						  (uint32_t)encoder->ledger_size);
		else
			rk_trace_numbers_put(&encoder->numbers, buffer, c);
	}
	rk_trace_column_put_apart(buffer, RK_COL_IDS, encoder->ids, (uint32_t)encoder->ids_size);
	rk_trace_column_put_apart(buffer, RK_COL_TEXT, encoder->text, (uint32_t)encoder->text_size);
	rk_trace_column_put_apart(buffer, RK_COL_LATE_TEXT, encoder->late_text,
				  (uint32_t)encoder->late_text_size);
}

const struct rk_trace_buffer *rk_trace_encoder_finish(struct rk_trace_encoder *encoder,
						      struct rk_trace_header *header)
{
	struct rk_trace_buffer *buffer = &encoder->buffer;

	buffer->size = RK_TRACE_HEADER_BYTES;
	buffer->cut_count = 0;
	put_strings(encoder);
	put_shapes(encoder);
	put_ops(encoder);
	*header = (struct rk_trace_header){
		.major = RK_TRACE_MAJOR,
		.minor = RK_TRACE_MINOR,
		.type = RK_TRACE_BLOCK_OPS,
		.header_bytes = RK_TRACE_HEADER_BYTES,
		.payload_bytes = (uint32_t)(buffer->size - RK_TRACE_HEADER_BYTES),
		.sequence = header->sequence,
		.op_count = encoder->op_count,
		.first_ordinal = encoder->first_ordinal,
		.first_ns = encoder->first_ns,
		.last_ns = encoder->last_ns,
		.lost = header->lost,
		.shape_count = encoder->model.shape_count,
		.string_count = encoder->string_count,
	};
	rk_trace_header_put(buffer->data, header);
	return buffer;
}
