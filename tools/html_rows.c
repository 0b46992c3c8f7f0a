/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_rows.c - bars are kept as they come: nearly always they are in order already.
 */
#include "tools/html_rows.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 65536u

void rk_html_rows_init(struct rk_html_rows *rows)
{
	*rows = (struct rk_html_rows){ 0 };
	rk_handle_map_init(&rows->index, ROWS_MAX);
}

void rk_html_rows_finish(struct rk_html_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->rows[i]->bars);
		free(rows->rows[i]);
	}
	free(rows->rows);
	rk_handle_map_finish(&rows->index);
}

static struct rk_html_row *row_create(struct rk_html_rows *rows)
{
	size_t capacity = rows->capacity ? rows->capacity * 2 : 16;
	struct rk_html_row **grown = rows->rows, *row;

	if (rows->count == rows->capacity) {
		grown = realloc(rows->rows, capacity * sizeof(struct rk_html_row *));
		if (!grown)
			return NULL;
		rows->rows = grown;
		rows->capacity = capacity;
	}
	row = calloc(1, sizeof(*row));
	if (row)
		rows->rows[rows->count++] = row;
	return row;
}

static uint64_t key_of(enum rk_html_row_type type, uint32_t device, uint32_t stream)
{
	return (uint64_t)type << 56 | (uint64_t)(device & 0xffffff) << 32 | stream;
}

static bool is_of_thread(uint8_t type)
{
	return type == RK_HTML_RANGES || type == RK_HTML_CALLS;
}

struct rk_html_row *rk_html_rows_get(struct rk_html_rows *rows, enum rk_html_row_type type,
				     uint32_t device, uint32_t stream)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&rows->index, key_of(type, device, stream));
	struct rk_html_row *row;

	if (!slot)
		return NULL;
	if (slot->tag)
		return rows->rows[slot->tag - 1];
	row = row_create(rows);
	if (!row)
		return NULL;
	slot->tag = (uint32_t)rows->count;
	row->type = (uint8_t)type;
	row->device = device;
	row->stream = is_of_thread(row->type) ? 0 : stream;
	row->tid = is_of_thread(row->type) ? stream : 0;
	return row;
}

struct rk_html_bar *rk_html_row_add(struct rk_html_row *row, const struct rk_html_bar *bar)
{
	size_t capacity = row->capacity ? row->capacity * 2 : 256;
	struct rk_html_bar *grown;

	if (row->count == row->capacity) {
		grown = realloc(row->bars, capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		row->bars = grown;
		row->capacity = capacity;
	}
	row->bars[row->count] = *bar;
	return &row->bars[row->count++];
}

static void halve(struct rk_html_pieces *pieces)
{
	uint32_t half = RK_HTML_PIECES / 2;

	for (uint32_t i = 0; i < half; i++)
		pieces->busy_ns[i] = pieces->busy_ns[2 * i] + pieces->busy_ns[2 * i + 1];
	memset(&pieces->busy_ns[half], 0, half * sizeof(pieces->busy_ns[0]));
	pieces->step_ns *= 2;
}

void rk_html_pieces_note(struct rk_html_pieces *pieces, uint64_t start, uint64_t end)
{
	uint64_t from, to, piece_end;

	if (!pieces->step_ns) {
		pieces->first_ns = start;
		pieces->step_ns = 1000;
	}
	from = start > pieces->first_ns ? start - pieces->first_ns : 0;
	to = end > pieces->first_ns ? end - pieces->first_ns : 0;
	while (to / pieces->step_ns >= RK_HTML_PIECES)
		halve(pieces);
	while (from < to) {
		piece_end = (from / pieces->step_ns + 1) * pieces->step_ns;
		if (piece_end > to)
			piece_end = to;
		pieces->busy_ns[from / pieces->step_ns] += piece_end - from;
		from = piece_end;
	}
}

/* Of bars that begin together the longer one is around the other. */
static int by_start(const void *a, const void *b)
{
	const struct rk_html_bar *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	if (x->correlation != y->correlation)
		return x->correlation < y->correlation ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void sort_bars(struct rk_html_row *row)
{
	for (size_t i = 1; i < row->count; i++) {
		if (by_start(&row->bars[i - 1], &row->bars[i]) > 0) {
			qsort(row->bars, row->count, sizeof(*row->bars), by_start);
			return;
		}
	}
}

/* A failed call is told by what it was to do, and by its failure. */
static bool is_same_call(const struct rk_html_bar *a, const struct rk_html_bar *b)
{
	return a->start == b->start && a->end == b->end && a->name == b->name;
}

static void drop_repeated(struct rk_html_row *row)
{
	size_t kept = 0;

	for (size_t i = 0; i < row->count; i++) {
		struct rk_html_bar *last = kept ? &row->bars[kept - 1] : NULL;

		if (!last || !is_same_call(last, &row->bars[i])) {
			row->bars[kept++] = row->bars[i];
			continue;
		}
		if (row->bars[i].kind == RK_HTML_FAILED)
			*last = row->bars[i];
	}
	row->count = kept;
}

static uint8_t lane_for(uint64_t *lane_ends, const struct rk_html_bar *bar)
{
	uint8_t lane = 0;

	while (lane < RK_HTML_LANES - 1 && lane_ends[lane] > bar->start)
		lane++;
	if (lane_ends[lane] < bar->end)
		lane_ends[lane] = bar->end;
	return lane;
}

/* Bars keep their order within a lane. */
static int group_lanes(struct rk_html_row *row)
{
	struct rk_html_bar *grouped = malloc(row->count * sizeof(*grouped));
	size_t next[RK_HTML_LANES] = { 0 };

	if (!grouped)
		return -ENOMEM;
	for (uint32_t lane = 1; lane < RK_HTML_LANES; lane++)
		next[lane] = next[lane - 1] + row->lane_counts[lane - 1];
	for (size_t i = 0; i < row->count; i++)
		grouped[next[row->bars[i].lane]++] = row->bars[i];
	free(row->bars);
	row->bars = grouped;
	row->capacity = row->count;
	return 0;
}

static int cut_into_lanes(struct rk_html_row *row)
{
	uint64_t lane_ends[RK_HTML_LANES] = { 0 };

	for (size_t i = 0; i < row->count; i++) {
		struct rk_html_bar *bar = &row->bars[i];

		bar->lane = lane_for(lane_ends, bar);
		row->lane_counts[bar->lane]++;
		if (row->lanes <= bar->lane)
			row->lanes = bar->lane + 1u;
	}
	return row->lanes > 1 ? group_lanes(row) : 0;
}

/* Devices first, each with its rows from the outermost in; then threads in the same way. */
static int by_place(const void *a, const void *b)
{
	const struct rk_html_row *x = *(struct rk_html_row *const *)a;
	const struct rk_html_row *y = *(struct rk_html_row *const *)b;

	if (is_of_thread(x->type) != is_of_thread(y->type))
		return is_of_thread(x->type) ? 1 : -1;
	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->stream < y->stream ? -1 : x->stream > y->stream;
}

int rk_html_rows_sort(struct rk_html_rows *rows)
{
	int err = 0;

	if (rows->count)
		qsort(rows->rows, rows->count, sizeof(*rows->rows), by_place);
	for (size_t i = 0; i < rows->count; i++) {
		const struct rk_html_row *row = rows->rows[i];
		uint32_t what = is_of_thread(row->type) ? row->tid : row->stream;
		struct rk_handle_slot *slot =
			rk_handle_map_get(&rows->index, key_of(row->type, row->device, what));

		slot->tag = (uint32_t)i + 1;
	}
	for (uint64_t i = 0, first = 1; i < rows->count && !err; i++) {
		struct rk_html_row *row = rows->rows[i];

		sort_bars(row);
		if (row->type == RK_HTML_CALLS)
			drop_repeated(row);
		err = cut_into_lanes(row);
		row->first_place = first;
		first += row->count;
	}
	return err;
}

/* Where the bars of a lane that begin before @start end. */
static size_t lower_bound(const struct rk_html_row *row, size_t first, size_t end, uint64_t start)
{
	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (row->bars[middle].start < start)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

uint64_t rk_html_rows_find_call(struct rk_html_rows *rows, uint32_t tid, uint64_t start)
{
	struct rk_handle_slot *slot =
		rk_handle_map_get(&rows->index, key_of(RK_HTML_CALLS, 0, tid));
	const struct rk_html_row *row;
	size_t found;

	if (!slot || !start)
		return 0;
	row = rows->rows[slot->tag - 1];
	/* Calls of a thread overlap in no trace but a damaged one: only the first lane is found. */
	found = lower_bound(row, 0, row->lane_counts[0], start);
	if (found == row->lane_counts[0] || row->bars[found].start != start)
		return 0;
	return row->first_place + found;
}
