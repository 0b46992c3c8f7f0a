/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_decoder.c - the content of one block into ops.
 */
#include "trace/trace_decoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "trace/trace_column.h"
#include "trace/trace_gpu_time.h"
#include "trace/trace_ledger.h"
#include "trace/trace_model.h"
#include "trace/trace_said.h"
#include "trace/trace_values.h"

#define VIEWS 128u /* ids from here on belong to newer versions */

struct rk_trace_decoder {
	struct rk_trace_header header;
	struct rk_trace_model model;
	struct rk_trace_column_view views[VIEWS];
	struct rk_trace_values columns[RK_COL_OP_COUNT];
	struct rk_trace_ledger last_ledger;
	size_t ledger_offset, ids_offset, text_offset, late_text_offset;
	uint32_t op_next;
	uint32_t strings[RK_TRACE_STRINGS_MAX + 1]; /* rk_intern ids; [0] = "" */
	uint64_t scratch[RK_TRACE_STRINGS_MAX];
};

int rk_trace_decoder_create(struct rk_trace_decoder **out)
{
	struct rk_trace_decoder *decoder = malloc(sizeof(*decoder));

	*out = decoder;
	if (!decoder)
		return -ENOMEM;
	/* Not the model: it is large, and every block sets it anew. */
	decoder->header = (struct rk_trace_header){ 0 };
	decoder->op_next = 0;
	return 0;
}

void rk_trace_decoder_destroy(struct rk_trace_decoder *decoder)
{
	free(decoder);
}

int rk_trace_header_get(const uint8_t *block, size_t size, struct rk_trace_header *header)
{
	if (size < RK_TRACE_HEADER_BYTES || rk_trace_load(block, 4) != RK_TRACE_MAGIC)
		return -EPROTO;
	*header = (struct rk_trace_header){
		.major = (uint16_t)rk_trace_load(block + 4, 2),
		.minor = (uint16_t)rk_trace_load(block + 6, 2),
		.type = (uint16_t)rk_trace_load(block + 8, 2),
		.header_bytes = (uint16_t)rk_trace_load(block + 10, 2),
		.payload_bytes = (uint32_t)rk_trace_load(block + 12, 4),
		.sequence = (uint32_t)rk_trace_load(block + 16, 4),
		.op_count = (uint32_t)rk_trace_load(block + 20, 4),
		.first_ordinal = rk_trace_load(block + 24, 8),
		.first_ns = rk_trace_load(block + 32, 8),
		.last_ns = rk_trace_load(block + 40, 8),
		.lost = rk_trace_load(block + 48, 8),
		.shape_count = (uint32_t)rk_trace_load(block + 56, 4),
		.string_count = (uint32_t)rk_trace_load(block + 60, 4),
	};
	if (header->major < RK_TRACE_MAJOR_OLDEST || header->major > RK_TRACE_MAJOR)
		return -ENOTSUP;
	if (header->header_bytes < RK_TRACE_HEADER_BYTES ||
	    (uint64_t)header->header_bytes + header->payload_bytes != size ||
	    header->op_count > RK_TRACE_OPS_MAX || header->shape_count > RK_TRACE_SHAPES_MAX ||
	    header->string_count > RK_TRACE_STRINGS_MAX)
		return -EBADMSG;
	return 0;
}

static int find_columns(struct rk_trace_decoder *decoder, const uint8_t *block)
{
	size_t size = (size_t)decoder->header.header_bytes + decoder->header.payload_bytes;
	size_t offset = decoder->header.header_bytes;
	struct rk_trace_column_view view;

	memset(decoder->views, 0, sizeof(decoder->views));
	while (offset < size) {
		if (rk_trace_column_parse(block, size, &offset, &view))
			return -EBADMSG;
		if (view.id >= VIEWS)
			continue;
		if (decoder->views[view.id].data)
			return -EBADMSG;
		decoder->views[view.id] = view;
	}
	return 0;
}

static int load_strings(struct rk_trace_decoder *decoder)
{
	const struct rk_trace_column_view *bytes = &decoder->views[RK_COL_STRING_BYTES];
	uint32_t count = decoder->header.string_count;
	size_t offset = 0;

	if (rk_trace_column_get(&decoder->views[RK_COL_STRING_LENGTHS], decoder->scratch, count))
		return -EBADMSG;
	if (bytes->data && bytes->encoding != RK_TRACE_ENC_BYTES)
		return -EBADMSG;
	decoder->strings[0] = 0;
	for (uint32_t i = 0; i < count; i++) {
		size_t length = decoder->scratch[i];

		if (length > RK_TRACE_STRING_MAX || length > bytes->bytes - offset)
			return -EBADMSG;
		decoder->strings[i + 1] =
			length ? rk_intern_bytes((const char *)bytes->data + offset, length) : 0;
		offset += length;
	}
	return 0;
}

/* One field of the shapes that have it, from its column into the keys. */
static int load_field(struct rk_trace_decoder *decoder, struct rk_trace_key *keys,
		      const struct rk_trace_field *field)
{
	uint32_t count = 0, at = 0;

	for (uint32_t s = 0; s < decoder->header.shape_count; s++)
		count += rk_trace_field_applies(field, rk_trace_key_kind(&keys[s]));
	if (rk_trace_column_get(&decoder->views[field->column], decoder->scratch, count))
		return -EBADMSG;
	for (uint32_t s = 0; s < decoder->header.shape_count; s++) {
		uint64_t value;

		if (!rk_trace_field_applies(field, rk_trace_key_kind(&keys[s])))
			continue;
		value = decoder->scratch[at++];
		if (field->column == RK_COL_S_API || field->column == RK_COL_S_NAME) {
			if (value > decoder->header.string_count)
				return -EBADMSG;
			value = decoder->strings[value];
		}
		if (field->bits < 64 && value >> field->bits)
			return -EBADMSG;
		keys[s].words[field->word] |= value << field->shift;
	}
	return 0;
}

static int load_shapes(struct rk_trace_decoder *decoder)
{
	uint32_t count = decoder->header.shape_count;
	struct rk_trace_key *keys = calloc(count ? count : 1, sizeof(*keys));
	int err = 0;

	if (!keys)
		return -ENOMEM;
	/* The first field is the kind, on which it depends who has the others. */
	for (unsigned f = 0; f < rk_trace_field_count && !err; f++)
		err = load_field(decoder, keys, &rk_trace_fields[f]);
	rk_trace_model_reset(&decoder->model, decoder->header.major);
	for (uint32_t s = 0; s < count && !err; s++) {
		if (rk_trace_key_kind(&keys[s]) == RK_OP_NONE)
			err = -EBADMSG;
		else
			rk_trace_model_add(&decoder->model, &keys[s]);
	}
	free(keys);
	return err;
}

/* A column that is there must be bytes; one that is not is empty. */
static int check_bytes(const struct rk_trace_decoder *decoder, unsigned column)
{
	const struct rk_trace_column_view *view = &decoder->views[column];

	return view->data && view->encoding != RK_TRACE_ENC_BYTES ? -EBADMSG : 0;
}

static bool is_bytes(unsigned column)
{
	return column == RK_COL_LEDGER || column == RK_COL_IDS || column == RK_COL_TEXT ||
	       column == RK_COL_LATE_TEXT;
}

int rk_trace_decoder_load(struct rk_trace_decoder *decoder, const uint8_t *block,
			  const struct rk_trace_header *header)
{
	int err;

	decoder->header = *header;
	decoder->op_next = header->op_count; /* nothing to read unless all went well */
	err = find_columns(decoder, block);
	if (!err)
		err = load_strings(decoder);
	if (!err)
		err = load_shapes(decoder);
	for (unsigned c = 1; c < RK_COL_OP_COUNT && !err; c++)
		err = is_bytes(c) ? check_bytes(decoder, c) :
				    rk_trace_values_load(&decoder->columns[c], &decoder->views[c],
							 header->op_count);
	if (err)
		return err;
	memset(&decoder->last_ledger, 0, sizeof(decoder->last_ledger));
	decoder->ledger_offset = decoder->ids_offset = 0;
	decoder->text_offset = decoder->late_text_offset = 0;
	decoder->op_next = 0;
	return 0;
}

static inline int pop(struct rk_trace_decoder *decoder, unsigned column, uint64_t *value)
{
	return rk_trace_values_pop(&decoder->columns[column], value);
}

/* *value = @base + the signed number that comes next. */
static inline int pop_difference(struct rk_trace_decoder *decoder, unsigned column, uint64_t *value,
				 uint64_t base)
{
	int err = pop(decoder, column, value);

	*value = base + rk_trace_unzigzag(*value);
	return err;
}

/* @absent: a constant 0 for nearly every op, so that the compiler drops the questions. */
static inline __attribute__((always_inline)) int next_host(struct rk_trace_decoder *decoder,
							   struct rk_trace_place *place,
							   struct rk_trace_thread_slot *thread,
							   unsigned absent, struct rk_op *op)
{
	bool same_call = false, steps = decoder->model.version > 1;
	uint64_t value = 0;
	int err = 0;

	if (!(absent & RK_TRACE_NO_EXEC)) {
		err |= pop_difference(decoder, RK_COL_EXEC, &op->exec,
				      thread->exec + place->exec_step);
		place->exec_step = steps ? op->exec - thread->exec : 0;
		thread->exec = op->exec;
	}
	if (!(absent & RK_TRACE_NO_CORRELATION)) {
		err |= pop_difference(decoder, RK_COL_CORRELATION, &value,
				      thread->correlation + place->correlation_step);
		op->correlation = (uint32_t)value;
		same_call = op->correlation == thread->correlation;
		place->correlation_step =
			steps ? (uint64_t)op->correlation - thread->correlation : 0;
		thread->correlation = op->correlation;
	}
	if (!(absent & RK_TRACE_NO_HOST_START)) {
		uint64_t expected = rk_trace_expect_start(thread->host_end, place->host_gap);

		err |= pop_difference(decoder, RK_COL_HOST_START, &op->host_start,
				      same_call ? thread->host_start : expected);
		if (!same_call)
			place->host_gap = rk_trace_gap_step(place->host_gap, thread->host_end,
							    op->host_start);
		thread->host_start = op->host_start;
	}
	if (!(absent & RK_TRACE_NO_HOST_END)) {
		err |= pop_difference(decoder, RK_COL_HOST_DURATION, &value,
				      same_call ? thread->host_duration : place->host_mean);
		if (!same_call)
			place->host_mean = rk_trace_mean_step(place->host_mean, value);
		thread->host_duration = value;
		thread->host_end = op->host_end = op->host_start + value;
	}
	return err;
}

/* Without GPU time the call's times stand in for it, and say what to expect. */
static int next_host_time(struct rk_trace_decoder *decoder, unsigned absent, struct rk_op *op)
{
	uint64_t duration = 0;
	int err = 0;

	if (!(absent & RK_TRACE_NO_START))
		err |= pop_difference(decoder, RK_COL_START, &op->start, op->host_start);
	if (!(absent & RK_TRACE_NO_END)) {
		err |= pop_difference(decoder, RK_COL_DURATION, &duration,
				      op->host_end - op->host_start);
		op->end = op->start + duration;
	}
	return err;
}

/* The signed number that a GPU time differs by from what was expected. */
static inline int pop_gpu_time(struct rk_trace_decoder *decoder, unsigned column, unsigned rest_id,
			       bool on_grid, uint64_t *difference)
{
	uint64_t rest = 0;
	int err = pop_difference(decoder, column, difference, 0);

	if (on_grid) {
		err |= pop_difference(decoder, rest_id, &rest, 0);
		*difference = (*difference << RK_TRACE_GRID_BITS) + rest;
	}
	return err;
}

static inline __attribute__((always_inline)) int next_gpu(struct rk_trace_decoder *decoder,
							  struct rk_trace_place *place,
							  struct rk_trace_stream_slot *stream,
							  unsigned absent, struct rk_op *op)
{
	struct rk_trace_model *model = &decoder->model;
	bool on_grid = model->version > 1 && rk_trace_on_grid(model);
	bool has_gap = !(absent & (RK_TRACE_NO_START | RK_TRACE_NO_END)) && stream->end;
	uint64_t before = stream->end, duration = 0, difference = 0;
	int err = 0;

	if (!(absent & RK_TRACE_NO_START)) {
		err |= pop_gpu_time(decoder, RK_COL_START, RK_COL_START_REST, on_grid, &difference);
		op->start = rk_trace_gpu_expect(model, place, stream, op->host_end) + difference;
		rk_trace_gpu_learn(model, place, stream, op->host_end, op->start);
	}
	if (!(absent & RK_TRACE_NO_END)) {
		err |= pop_gpu_time(decoder, RK_COL_DURATION, RK_COL_DURATION_REST, on_grid,
				    &difference);
		duration = difference +
			   (on_grid ? rk_trace_grid_round(place->gpu_mean) : place->gpu_mean);
		place->gpu_mean = rk_trace_mean_step(place->gpu_mean, duration);
		stream->end = op->end = op->start + duration;
	}
	if (has_gap)
		model->grid_score =
			rk_trace_grid_score(model->grid_score, op->start - before, duration);
	return err;
}

/* The next @size bytes of a column of bytes; NULL when there are not as many. */
static const uint8_t *take_bytes(const struct rk_trace_decoder *decoder, unsigned column,
				 size_t *offset, size_t size)
{
	const struct rk_trace_column_view *view = &decoder->views[column];
	size_t at = *offset;

	if (size > view->bytes - at)
		return NULL;
	*offset += size;
	return view->data + at;
}

static int next_text(struct rk_trace_decoder *decoder, struct rk_op *op)
{
	bool is_late = rk_trace_is_late(op->kind);
	uint64_t size = 0;

	op->text = NULL;
	op->text_bytes = 0;
	if (pop(decoder, is_late ? RK_COL_LATE_TEXT_BYTES : RK_COL_TEXT_BYTES, &size) ||
	    size > RK_API_TEXT_MAX)
		return -EBADMSG;
	if (size == 0)
		return 0;
	op->text = is_late ?
			   take_bytes(decoder, RK_COL_LATE_TEXT, &decoder->late_text_offset, size) :
			   take_bytes(decoder, RK_COL_TEXT, &decoder->text_offset, size);
	op->text_bytes = (uint32_t)size;
	return op->text ? 0 : -EBADMSG;
}

static int next_instrument(struct rk_trace_decoder *decoder, struct rk_op *op)
{
	struct rk_op_instrument *instrument = &op->instrument;
	size_t size = instrument->bound_count * sizeof(instrument->bounds[0]);
	const uint8_t *bounds;
	uint64_t number = 0;
	int err = pop_difference(decoder, RK_COL_INSTRUMENT, &number, decoder->model.instrument);

	instrument->number = (uint32_t)number;
	decoder->model.instrument = instrument->number;
	if (err || instrument->bound_count > RK_INSTRUMENT_BOUNDS)
		return -EBADMSG;
	memset(instrument->bounds, 0, sizeof(instrument->bounds));
	if (size) {
		bounds = take_bytes(decoder, RK_COL_IDS, &decoder->ids_offset, size);
		if (!bounds)
			return -EBADMSG;
		memcpy(instrument->bounds, bounds, size);
	}
	return next_text(decoder, op);
}

static int next_sample(struct rk_trace_decoder *decoder, struct rk_op_sample *sample)
{
	uint64_t number = 0, bits = 0;
	int err = pop_difference(decoder, RK_COL_INSTRUMENT, &number, decoder->model.instrument);

	err |= pop(decoder, RK_COL_SAMPLE, &bits);
	sample->number = (uint32_t)number;
	decoder->model.instrument = sample->number;
	memcpy(&sample->value, &bits, sizeof(bits));
	return err;
}

static int next_said(struct rk_trace_decoder *decoder, unsigned present, struct rk_op *op)
{
	size_t size = rk_trace_ids_bytes(present);
	int err = 0;

	if (present & RK_TRACE_HAS_SPAN) {
		err = pop_difference(decoder, RK_COL_SPAN, &op->said.number, decoder->model.span);
		decoder->model.span = op->said.number;
	}
	if (size) {
		const uint8_t *ids = take_bytes(decoder, RK_COL_IDS, &decoder->ids_offset, size);

		if (!ids)
			return -EBADMSG;
		rk_trace_ids_get(ids, present, &op->said);
	}
	return err ? err : next_text(decoder, op);
}

static int next_kind(struct rk_trace_decoder *decoder, const struct rk_trace_key *key,
		     struct rk_op *op)
{
	const struct rk_trace_column_view *ledger = &decoder->views[RK_COL_LEDGER];
	uint64_t value = 0;
	int err = 0;

	switch (op->kind) {
	case RK_OP_ALLOC:
	case RK_OP_FREE:
		err |= pop_difference(decoder, RK_COL_PTR, &op->memory.ptr, decoder->model.ptr);
		err |= pop(decoder, RK_COL_BYTES, &op->memory.bytes);
		decoder->model.ptr = op->memory.ptr;
		break;
	case RK_OP_CLOCK:
		err |= pop_difference(decoder, RK_COL_WALL_OFFSET, &value, 0);
		op->clock.wall_offset_ns = (int64_t)value;
		err |= pop(decoder, RK_COL_UNCERTAINTY, &op->clock.uncertainty_ns);
		break;
	case RK_OP_DEVICE:
		err |= pop(decoder, RK_COL_UUID_LOW, &value);
		rk_trace_store(op->device_info.uuid, value, 8);
		err |= pop(decoder, RK_COL_UUID_HIGH, &value);
		rk_trace_store(op->device_info.uuid + 8, value, 8);
		err |= pop(decoder, RK_COL_DEVICE_MEMORY, &op->device_info.memory_bytes);
		break;
	case RK_OP_TICK:
	case RK_OP_END:
		if (!ledger->data)
			return -EBADMSG;
		err |= rk_trace_ledger_get(ledger->data, ledger->bytes, &decoder->ledger_offset,
					   &decoder->last_ledger, op);
		break;
	case RK_OP_INSTRUMENT:
		err |= next_instrument(decoder, op);
		break;
	case RK_OP_SAMPLE:
		err |= next_sample(decoder, &op->sample);
		break;
	case RK_OP_DEPENDENCY:
		err |= pop_difference(decoder, RK_COL_PTR, &op->dependency.ordinal, op->ordinal);
		err |= pop(decoder, RK_COL_BYTES, &value);
		op->dependency.on = op->dependency.ordinal - value;
		break;
	default:
		if (rk_trace_is_said(op->kind))
			err |= next_said(decoder, rk_trace_said_key_present(key), op);
		else if (rk_trace_is_text(op->kind))
			err |= next_text(decoder, op);
		break;
	}
	return err;
}

static int next_shape(struct rk_trace_decoder *decoder, uint32_t *shape)
{
	struct rk_trace_model *model = &decoder->model;
	uint64_t code = 0;

	if (pop(decoder, RK_COL_SHAPE, &code) || code > model->shape_count)
		return -EBADMSG;
	*shape = code ? (uint32_t)(code - 1) : rk_trace_model_expect(model);
	return *shape == RK_TRACE_NO_SHAPE ? -EBADMSG : 0;
}

static int next_fields(struct rk_trace_decoder *decoder, struct rk_trace_place *place,
		       struct rk_op *op)
{
	struct rk_trace_model *model = &decoder->model;
	const struct rk_trace_shape *shape = &model->shapes[place->shape];
	struct rk_trace_thread_slot *thread = &model->threads[shape->thread];
	struct rk_trace_stream_slot *stream = &model->streams[shape->stream];
	unsigned absent = rk_trace_key_absent(&shape->key);
	int err;

	if (op->kind == RK_OP_KERNEL && !absent && !(op->flags & RK_OP_F_HOST_TIME)) {
		err = next_host(decoder, place, thread, 0, op);
		return err | next_gpu(decoder, place, stream, 0, op);
	}
	err = next_host(decoder, place, thread, absent, op);
	if (op->flags & RK_OP_F_HOST_TIME)
		err |= next_host_time(decoder, absent, op);
	else
		err |= next_gpu(decoder, place, stream, absent, op);
	return op->kind == RK_OP_KERNEL ? err : err | next_kind(decoder, &shape->key, op);
}

static void unpack(const struct rk_trace_model *model, uint32_t shape, struct rk_op *op)
{
	if (rk_trace_key_kind(&model->shapes[shape].key) == RK_OP_KERNEL)
		memcpy(op, &model->images[shape], sizeof(model->images[shape]));
	else
		rk_trace_key_unpack(&model->shapes[shape].key, op);
}

static int next_any(struct rk_trace_decoder *decoder, struct rk_op *op)
{
	struct rk_trace_model *model = &decoder->model;
	struct rk_trace_place *place;
	uint32_t shape;
	int err = 0;

	if (next_shape(decoder, &shape))
		return -EBADMSG;
	place = rk_trace_model_step(model, shape);
	unpack(model, shape, op);
	if (decoder->op_next++ == 0)
		op->ordinal = decoder->header.first_ordinal;
	else
		err = pop_difference(decoder, RK_COL_ORDINAL, &op->ordinal, model->ordinal + 1);
	model->ordinal = op->ordinal;
	err |= next_fields(decoder, place, op);
	return err ? -EBADMSG : 0;
}

int rk_trace_decoder_next(struct rk_trace_decoder *decoder, struct rk_op *op)
{
	while (decoder->op_next < decoder->header.op_count) {
		int err = next_any(decoder, op);

		if (err)
			return err;
		if (op->kind < RK_OP_KIND_COUNT)
			return 1;
	}
	return 0;
}

bool rk_trace_decoder_has_definitions(const struct rk_trace_decoder *decoder)
{
	const struct rk_trace_model *model = &decoder->model;

	for (uint32_t i = 0; i < model->shape_count; i++) {
		if (rk_op_kind_is_definition(rk_trace_key_kind(&model->shapes[i].key)))
			return true;
	}
	return false;
}

void rk_trace_decoder_drop(struct rk_trace_decoder *decoder)
{
	decoder->op_next = decoder->header.op_count;
}
