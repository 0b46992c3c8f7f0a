/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_write.c - nothing of the trace gets into the page but through here, and here it
 * becomes base64: no name can be taken for markup.
 */
#include "tools/html_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "tools/html_ranges.h"
#include "tools/json.h"

#define VERSION	   1
#define SHOWN_MAX  512u	 /* bytes of a name on a bar */
#define FULL_MAX   8192u /* bytes of a name or of a stack where it is told in full */
#define TOP_MAX	   500u	 /* kernels in the table */

struct writer {
	struct rk_html_model *model;
	const struct rk_html_title *title;
	struct rk_html_pack columns;
	struct rk_json json;
	uint64_t *numbers; /* of one column */
	size_t bars;
};

/* What a column has to know of the bar before. */
struct place {
	const struct rk_html_row *row;
	const struct rk_html_bar *bar;
	uint64_t lane_end; /* of the bar before it in the lane; else the beginning */
	int64_t last;	   /* what the column said of the bar before */
};

static uint64_t changed(struct place *place, uint64_t now)
{
	int64_t change = (int64_t)now - place->last;

	place->last = (int64_t)now;
	return rk_html_pack_signed(change);
}

static uint64_t column_start(struct writer *w, struct place *place)
{
	(void)w;
	return rk_html_pack_signed((int64_t)(place->bar->start - place->lane_end));
}

static uint64_t column_call(struct writer *w, struct place *place)
{
	const struct rk_html_bar *bar = place->bar;

	return changed(place, rk_html_rows_find_call(&w->model->rows, bar->tid, bar->call_start));
}

static uint64_t column_range(struct writer *w, struct place *place)
{
	return changed(place, rk_html_ranges_find(w->model, place->bar->range));
}

static uint64_t column_correlation(struct writer *w, struct place *place)
{
	(void)w;
	return changed(place, place->bar->correlation);
}

#define PLAIN_COLUMN(field, value)                                             \
	static uint64_t column_##field(struct writer *w, struct place *place)  \
	{                                                                      \
		(void)w;                                                       \
		return value;                                                  \
	}
PLAIN_COLUMN(length, place->bar->end - place->bar->start)
PLAIN_COLUMN(kind, place->bar->kind)
PLAIN_COLUMN(name, place->bar->name)
PLAIN_COLUMN(detail, place->bar->detail)
PLAIN_COLUMN(bytes, place->bar->bytes)
PLAIN_COLUMN(stack, place->bar->stack)
PLAIN_COLUMN(graph, place->bar->graph)
PLAIN_COLUMN(result, place->bar->result)
#undef PLAIN_COLUMN

static const struct column {
	const char *name;
	uint64_t (*get)(struct writer *w, struct place *place);
} bar_columns[] = {
	{ "start", column_start },   { "length", column_length },
	{ "kind", column_kind },     { "name", column_name },
	{ "detail", column_detail }, { "bytes", column_bytes },
	{ "call", column_call },     { "range", column_range },
	{ "stack", column_stack },   { "graph", column_graph },
	{ "result", column_result }, { "correlation", column_correlation },
};

static void put_column(struct writer *w, const char *name, size_t count)
{
	unsigned width = rk_html_pack_column(&w->columns, w->numbers, count);

	rk_json_open(&w->json, NULL, '{');
	rk_json_string(&w->json, "name", name);
	rk_json_uint(&w->json, "count", count);
	rk_json_uint(&w->json, "width", width);
	rk_json_close(&w->json, '}');
}

static void put_bar_column(struct writer *w, const struct column *column)
{
	struct place place = { 0 };
	size_t at = 0;

	for (size_t r = 0; r < w->model->rows.count; r++) {
		const struct rk_html_row *row = w->model->rows.rows[r];

		place.row = row;
		for (size_t i = 0; i < row->count; i++) {
			bool is_first = !i || row->bars[i].lane != row->bars[i - 1].lane;

			place.lane_end = is_first ? w->title->base_ns : row->bars[i - 1].end;
			place.bar = &row->bars[i];
			w->numbers[at++] = column->get(w, &place);
		}
	}
	put_column(w, column->name, at);
}

static void put_gaps(struct writer *w)
{
	const struct rk_html_facts *facts = w->model->facts;
	static const char *const names[] = { "gap_start", "gap_length", "gap_device" };

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		for (size_t i = 0; i < facts->gap_count; i++) {
			const struct rk_gpu_gap *gap = &facts->gaps[i];

			w->numbers[i] = n == 0 ? rk_html_pack_signed((int64_t)(gap->start -
									       w->title->base_ns)) :
					n == 1 ? gap->end - gap->start :
						 gap->device;
		}
		put_column(w, names[n], facts->gap_count);
	}
	for (int state = 0; state < RK_GPU_STATE_COUNT; state++) {
		char name[40];

		snprintf(name, sizeof(name), "gap_%s",
			 rk_gpu_time_state_name((enum rk_gpu_state)state));
		for (size_t i = 0; i < facts->gap_count; i++)
			w->numbers[i] = facts->gaps[i].ns[state];
		put_column(w, name, facts->gap_count);
	}
}

static void put_curve(struct writer *w, const struct rk_html_curve *curve)
{
	for (size_t i = 0; i < curve->count; i++)
		w->numbers[i] =
			rk_html_pack_signed((int64_t)(curve->points[i].when - w->title->base_ns));
	put_column(w, "memory_when", curve->count);
	for (size_t i = 0; i < curve->count; i++)
		w->numbers[i] = curve->points[i].bytes;
	put_column(w, "memory_bytes", curve->count);
}

static void put_columns(struct writer *w)
{
	rk_json_open(&w->json, "columns", '[');
	for (size_t i = 0; i < sizeof(bar_columns) / sizeof(bar_columns[0]); i++)
		put_bar_column(w, &bar_columns[i]);
	put_gaps(w);
	for (size_t i = 0; i < RK_HTML_CURVES && w->model->facts->curves[i]; i++)
		put_curve(w, w->model->facts->curves[i]);
	rk_json_close(&w->json, ']');
}

/* A text that may be of any length, cut where a character ends. */
static void put_text(struct writer *w, const char *key, const char *text, size_t most)
{
	char shown[FULL_MAX + 64];
	size_t length = strlen(text);

	if (length <= most) {
		rk_json_string(&w->json, key, text);
		return;
	}
	while (most && ((uint8_t)text[most] & 0xc0) == 0x80)
		most--;
	snprintf(shown, sizeof(shown), "%.*s... (%zu bytes)", (int)most, text, length);
	rk_json_string(&w->json, key, shown);
}

static void put_names(struct writer *w)
{
	const struct rk_html_names *names = &w->model->names;

	rk_json_open(&w->json, "names", '[');
	for (size_t i = 0; i < names->count; i++) {
		const char *text = rk_intern_get(names->names[i].shown);

		/* Stacks are texts of many lines, and wanted as a whole. */
		put_text(w, NULL, text, strchr(text, '\n') ? FULL_MAX : SHOWN_MAX);
	}
	rk_json_close(&w->json, ']');
	rk_json_open(&w->json, "full_names", '[');
	for (size_t i = 0; i < names->count; i++) {
		const struct rk_html_name *name = &names->names[i];

		put_text(w, NULL, name->full == name->shown ? "" : rk_intern_get(name->full),
			 FULL_MAX);
	}
	rk_json_close(&w->json, ']');
}

static void put_shapes(struct writer *w)
{
	rk_json_open(&w->json, "shapes", '[');
	for (size_t i = 0; i < w->model->names.shape_count; i++) {
		const struct rk_html_shape *s = &w->model->names.shapes[i];
		char text[160];

		snprintf(text, sizeof(text), "%u %u %u %u %u %u %u %u %u %u", s->grid[0],
			 s->grid[1], s->grid[2], s->block[0], s->block[1], s->block[2],
			 s->registers, s->static_bytes, s->dynamic_bytes, s->local_bytes);
		rk_json_string(&w->json, NULL, text);
	}
	rk_json_close(&w->json, ']');
}

static int by_total(const void *a, const void *b)
{
	const struct rk_html_name *x = *(struct rk_html_name *const *)a;
	const struct rk_html_name *y = *(struct rk_html_name *const *)b;

	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	return x < y ? -1 : x > y;
}

static void put_top_row(struct writer *w, const struct rk_html_name *name)
{
	rk_json_open(&w->json, NULL, '{');
	rk_json_uint(&w->json, "name", (uint64_t)(name - w->model->names.names));
	rk_json_uint(&w->json, "kind", name->kind);
	rk_json_uint(&w->json, "count", name->count);
	rk_json_uint(&w->json, "total_ns", name->total_ns);
	rk_json_uint(&w->json, "min_ns", name->min_ns);
	rk_json_uint(&w->json, "max_ns", name->max_ns);
	rk_json_close(&w->json, '}');
}

static int put_top(struct writer *w)
{
	struct rk_html_names *names = &w->model->names;
	const struct rk_html_name **ranked = malloc(names->count * sizeof(*ranked));
	size_t count = 0;

	if (!ranked)
		return -ENOMEM;
	for (size_t i = 0; i < names->count; i++) {
		if (names->names[i].count)
			ranked[count++] = &names->names[i];
	}
	if (count)
		qsort(ranked, count, sizeof(*ranked), by_total);
	rk_json_uint(&w->json, "work_names", count);
	rk_json_open(&w->json, "work", '[');
	for (size_t i = 0; i < count && i < TOP_MAX; i++)
		put_top_row(w, ranked[i]);
	rk_json_close(&w->json, ']');
	free(ranked);
	return 0;
}

static uint32_t name_in(const struct rk_handle_map *map, uint64_t key)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(map, key);

	return slot ? slot->tag : 0;
}

/* Only where bars were left out does the page need them: thousandths of each piece. */
static void put_pieces(struct writer *w, const struct rk_html_row *row)
{
	uint64_t step = row->pieces.step_ns;

	rk_json_uint(&w->json, "left_out", row->left_out);
	if (!row->left_out || !step)
		return;
	rk_json_double(&w->json, "pieces_start",
		       (double)(int64_t)(row->pieces.first_ns - w->title->base_ns));
	rk_json_uint(&w->json, "pieces_step", step);
	rk_json_open(&w->json, "pieces", '[');
	for (uint32_t i = 0; i < RK_HTML_PIECES; i++) {
		uint64_t share = row->pieces.busy_ns[i] * 1000 / step;

		rk_json_uint(&w->json, NULL, share > 1000 ? 1000 : share);
	}
	rk_json_close(&w->json, ']');
}

static void put_row(struct writer *w, const struct rk_html_row *row)
{
	rk_json_open(&w->json, NULL, '{');
	rk_json_uint(&w->json, "type", row->type);
	rk_json_uint(&w->json, "device", row->device);
	rk_json_uint(&w->json, "stream", row->stream);
	rk_json_uint(&w->json, "tid", row->tid);
	rk_json_uint(&w->json, "name",
		     row->type >= RK_HTML_RANGES ? name_in(&w->model->threads, row->tid) :
						   name_in(&w->model->devices, row->device + 1ull));
	rk_json_open(&w->json, "lanes", '[');
	for (uint32_t lane = 0; lane < row->lanes; lane++)
		rk_json_uint(&w->json, NULL, row->lane_counts[lane]);
	rk_json_close(&w->json, ']');
	put_pieces(w, row);
	rk_json_close(&w->json, '}');
}

static void put_idle(struct writer *w)
{
	struct rk_gpu_split split;

	rk_json_uint(&w->json, "gap_min_ns", w->model->facts->gap_min_ns);
	rk_json_open(&w->json, "idle", '[');
	for (uint32_t i = 0; i < RK_GPU_TIME_DEVICES; i++) {
		if (!rk_gpu_time_get(&w->model->facts->time, i, &split))
			continue;
		rk_json_open(&w->json, NULL, '{');
		rk_json_uint(&w->json, "device", i);
		for (int state = 0; state < RK_GPU_STATE_COUNT; state++)
			rk_json_uint(&w->json, rk_gpu_time_state_name((enum rk_gpu_state)state),
				     split.ns[state]);
		rk_json_close(&w->json, '}');
	}
	rk_json_close(&w->json, ']');
}

static void put_curves(struct writer *w)
{
	rk_json_open(&w->json, "curves", '[');
	for (size_t i = 0; i < RK_HTML_CURVES && w->model->facts->curves[i]; i++) {
		const struct rk_memory_space *space =
			rk_memory_use_space(w->model->facts->memory, i);
		bool on_host = space->device == RK_MEMORY_ON_HOST;

		rk_json_open(&w->json, NULL, '{');
		rk_json_bool(&w->json, "on_host", on_host);
		rk_json_uint(&w->json, "device", on_host ? 0 : space->device);
		rk_json_uint(&w->json, "peak_bytes", space->peak_bytes);
		rk_json_double(&w->json, "peak",
			       (double)(int64_t)(space->peak_ns - w->title->base_ns));
		rk_json_uint(&w->json, "stride", w->model->facts->curves[i]->stride);
		rk_json_close(&w->json, '}');
	}
	rk_json_close(&w->json, ']');
}

static double since_base(const struct writer *w, uint64_t when)
{
	return (double)(int64_t)(when - w->title->base_ns);
}

static void put_title(struct writer *w)
{
	const struct rk_trace_meta *meta = w->title->meta;
	const struct rk_html_model *model = w->model;
	char wall[40];

	/* More digits than a number of the page has. */
	snprintf(wall, sizeof(wall), "%" PRIu64,
		 meta->start_wall_ns + w->title->base_ns - meta->start_ns);
	rk_json_uint(&w->json, "version", VERSION);
	put_text(w, "file", w->title->file, SHOWN_MAX);
	put_text(w, "executable", meta->executable, SHOWN_MAX);
	put_text(w, "host", meta->host, SHOWN_MAX);
	rk_json_uint(&w->json, "pid", meta->pid);
	rk_json_string(&w->json, "rkpreload", meta->version);
	rk_json_string(&w->json, "gpu_time_source", meta->gpu_time_source);
	put_text(w, "host_time_reason", meta->host_time_reason, SHOWN_MAX);
	rk_json_string(&w->json, "wall_ns", wall);
	rk_json_bool(&w->json, "has_host_times", model->has_host_times);
	rk_json_bool(&w->json, "clean_end", w->title->info.clean_end);
	rk_json_uint(&w->json, "lost", w->title->info.lost);
	rk_json_double(&w->json, "first", model->last_ns ? since_base(w, model->first_ns) : 0);
	rk_json_double(&w->json, "last", model->last_ns ? since_base(w, model->last_ns) : 0);
	rk_json_uint(&w->json, "work_bars", model->work);
	rk_json_uint(&w->json, "work_left_out", model->left_out);
	rk_json_double(&w->json, "cut_at", model->cut_at_ns ? since_base(w, model->cut_at_ns) : 0);
}

static int put_all(struct writer *w, FILE *text)
{
	int err;

	rk_json_init(&w->json, text);
	rk_json_open(&w->json, NULL, '{');
	put_title(w);
	rk_json_open(&w->json, "rows", '[');
	for (size_t i = 0; i < w->model->rows.count; i++)
		put_row(w, w->model->rows.rows[i]);
	rk_json_close(&w->json, ']');
	err = put_top(w);
	put_idle(w);
	put_curves(w);
	put_names(w);
	put_shapes(w);
	put_columns(w);
	rk_json_close(&w->json, '}');
	return err;
}

static size_t most_numbers(struct writer *w)
{
	size_t most = RK_HTML_GAPS > RK_HTML_POINTS ? RK_HTML_GAPS : RK_HTML_POINTS;

	for (size_t i = 0; i < w->model->rows.count; i++)
		w->bars += w->model->rows.rows[i]->count;
	return w->bars > most ? w->bars : most;
}

static int pack_all(struct writer *w, const char *json, size_t size, FILE *out)
{
	const uint8_t length[4] = { (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16),
				    (uint8_t)(size >> 24) };
	struct rk_html_pack pack;
	int err;

	if (w->columns.error)
		return w->columns.error;
	rk_html_pack_init(&pack);
	rk_html_pack_put(&pack, length, sizeof(length));
	rk_html_pack_put(&pack, json, size);
	rk_html_pack_put(&pack, w->columns.bytes, w->columns.count);
	err = rk_html_pack_write(&pack, out);
	rk_html_pack_finish(&pack);
	return err;
}

int rk_html_write(struct rk_html_model *model, const struct rk_html_title *title, FILE *out)
{
	struct writer w = { .model = model, .title = title };
	char *json = NULL;
	size_t size = 0;
	FILE *text = open_memstream(&json, &size);
	int err = -ENOMEM;

	rk_html_pack_init(&w.columns);
	w.numbers = malloc(most_numbers(&w) * sizeof(*w.numbers));
	if (text && w.numbers)
		err = put_all(&w, text);
	if (text && fclose(text) && !err)
		err = -ENOMEM;
	if (!err)
		err = pack_all(&w, json, size, out);
	free(json);
	free(w.numbers);
	rk_html_pack_finish(&w.columns);
	return err;
}
