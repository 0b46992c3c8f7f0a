/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_ranges.c - while ops come a span is known by its place in its thread's row; once rows
 * are sorted, by its place among all bars.
 */
#include "tools/html_ranges.h"

#include <errno.h>
#include <string.h>

#include "core/fields.h"

#define KNOWN_MAX (1u << 20) /* projections */
#define DEPTH_MAX 64	     /* of ranges within each other, in case they form a circle */

/* Of a span that began; before rows are sorted. */
static struct rk_html_bar *range_bar(struct rk_html_model *model, const struct rk_handle_slot *span)
{
	struct rk_html_row *row = rk_html_rows_get(&model->rows, RK_HTML_RANGES, 0, span->tag - 1);

	return &row->bars[span->value - 1];
}

static uint64_t key_of(const uint8_t id[8])
{
	uint64_t key;

	memcpy(&key, id, sizeof(key));
	return key;
}

static void note_parent(struct rk_html_model *model, const struct rk_op_said *said)
{
	const struct rk_handle_slot *parent =
		rk_handle_map_get(&model->span_ids, key_of(said->parent_id));
	uint64_t number = parent ? parent->value : 0;
	struct rk_handle_slot *slot = rk_handle_map_put(&model->span_ids, key_of(said->span_id));

	if (slot)
		slot->value = said->number;
	slot = number && number != said->number ? rk_handle_map_put(&model->parents, said->number) :
						  NULL;
	if (slot)
		slot->value = number;
}

int rk_html_ranges_begin(struct rk_html_model *model, const struct rk_op *op)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&model->spans, op->said.number);
	struct rk_html_row *row = rk_html_rows_get(&model->rows, RK_HTML_RANGES, 0, op->tid);
	struct rk_html_bar bar = { .start = op->host_start,
				   .range = op->said.number,
				   .kind = RK_HTML_RANGE };
	struct rk_fields_reader reader;

	if (!slot || !row)
		return slot ? -ENOMEM : 0;
	/* Its end may have come before it, from another thread. */
	bar.end = slot->value > bar.start ? slot->value : 0;
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	bar.name = rk_html_names_put(&model->names, rk_fields_next_placed(&reader));
	if (!bar.name)
		bar.name = rk_html_names_put(&model->names, "(unnamed)");
	note_parent(model, &op->said);
	if (!rk_html_row_add(row, &bar))
		return -ENOMEM;
	slot->value = row->count;
	slot->tag = op->tid + 1;
	return 0;
}

int rk_html_ranges_end(struct rk_html_model *model, const struct rk_op *op)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&model->spans, op->said.number);

	if (slot && slot->tag)
		range_bar(model, slot)->end = op->host_start;
	else if (slot)
		slot->value = op->host_start;
	return 0;
}

/* A range that has no end lasts as long as anything does. */
static void end_ranges(struct rk_html_model *model)
{
	for (size_t i = 0; i < model->rows.count; i++) {
		struct rk_html_row *row = model->rows.rows[i];

		for (size_t b = 0; row->type == RK_HTML_RANGES && b < row->count; b++) {
			struct rk_html_bar *bar = &row->bars[b];

			if (!bar->end) {
				bar->end =
					model->last_ns > bar->start ? model->last_ns : bar->start;
				bar->result = 1;
			}
			rk_html_model_extend(model, bar);
		}
	}
}

/* The range as a device saw it, found by its number and the device. */
static int project(struct rk_html_model *model, struct rk_handle_map *map, uint32_t device,
		   uint64_t number, const struct rk_html_bar *work)
{
	struct rk_html_row *row = rk_html_rows_get(&model->rows, RK_HTML_PROJECTED, device, 0);
	const struct rk_handle_slot *span = rk_handle_map_get(&model->spans, number);
	struct rk_handle_slot *slot = rk_handle_map_put(map, number << 8 | (device & 0xff));
	struct rk_html_bar bar;

	if (!row)
		return -ENOMEM;
	if (!span || !span->tag || !slot)
		return 0;
	if (slot->value) {
		struct rk_html_bar *seen = &row->bars[slot->value - 1];

		if (work->start < seen->start)
			seen->start = work->start;
		if (work->end > seen->end)
			seen->end = work->end;
		return 0;
	}
	bar = *range_bar(model, span);
	bar.start = work->start;
	bar.end = work->end;
	if (!rk_html_row_add(row, &bar))
		return -ENOMEM;
	slot->value = row->count;
	return 0;
}

/* And the ranges around it. */
static int project_nested(struct rk_html_model *model, struct rk_handle_map *map, uint32_t device,
			  const struct rk_html_bar *work)
{
	uint64_t number = work->range;
	int err = 0;

	for (int depth = 0; number && depth < DEPTH_MAX && !err; depth++) {
		const struct rk_handle_slot *parent = rk_handle_map_get(&model->parents, number);

		err = project(model, map, device, number, work);
		number = parent ? parent->value : 0;
	}
	return err;
}

static int project_all(struct rk_html_model *model)
{
	size_t count = model->rows.count; /* rows are added meanwhile */
	struct rk_handle_map map;
	int err = 0;

	rk_handle_map_init(&map, KNOWN_MAX);
	for (size_t i = 0; i < count && !err; i++) {
		const struct rk_html_row *row = model->rows.rows[i];

		for (size_t b = 0; row->type == RK_HTML_WORK && b < row->count && !err; b++) {
			if (row->bars[b].range)
				err = project_nested(model, &map, row->device, &row->bars[b]);
		}
	}
	rk_handle_map_finish(&map);
	return err;
}

int rk_html_ranges_close(struct rk_html_model *model)
{
	end_ranges(model);
	return project_all(model);
}

void rk_html_ranges_place(struct rk_html_model *model)
{
	for (size_t i = 0; i < model->rows.count; i++) {
		const struct rk_html_row *row = model->rows.rows[i];

		for (size_t b = 0; row->type == RK_HTML_RANGES && b < row->count; b++) {
			struct rk_handle_slot *slot =
				rk_handle_map_get(&model->spans, row->bars[b].range);

			if (slot)
				slot->value = row->first_place + b;
		}
	}
}

uint64_t rk_html_ranges_find(const struct rk_html_model *model, uint64_t number)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&model->spans, number);

	return number && slot && slot->tag ? slot->value : 0;
}
