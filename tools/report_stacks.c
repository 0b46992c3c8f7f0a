/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_stacks.c - which lines of the program made the calls, and what came of them.
 *
 * Stacks that read the same are one row, wherever their addresses are. Only calls whose stack was
 * taken are in it, so with sampling shares count and not totals: how many have none is said below.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/stack_pool.h"
#include "tools/report_section.h"
#include "tools/symbol.h"
#include "tools/tool.h"

#define SHOWN_MAX   50u /* of the text; JSON and CSV have all */
#define RANKED_MAX  10u
#define TEXT_BYTES  (32u << 10)
#define WIDTH_MAX   160 /* of a frame in the text */

struct row {
	uint32_t text; /* string: all frames, what tells rows apart */
	struct rk_stack_frame *frames;
	uint32_t frame_count;
	uint64_t gpu_ns, launches, copies, allocations, allocated_bytes, failures;
};

struct report {
	struct rk_stack_names *names;
	struct row *rows;
	size_t count, capacity;
	uint32_t row_of[RK_STACK_IDS_MAX + 1]; /* index + 1; 0 = look for it by its text */
	uint64_t gpu_ns;		       /* of all rows */
	uint64_t with, without;		       /* calls that a stack could have been taken of */
};

static void *create(const struct rk_report_setup *setup)
{
	struct report *r = calloc(1, sizeof(*r));

	(void)setup;
	if (r && rk_symbol_names_create(&r->names) == 0)
		return r;
	free(r);
	return NULL;
}

static void destroy(void *self)
{
	struct report *r = self;

	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		free(r->rows[i].frames);
	free(r->rows);
	rk_stack_names_destroy(r->names);
	free(r);
}

static struct row *add_row(struct report *r)
{
	size_t capacity = r->capacity ? r->capacity * 2 : 64;
	struct row *grown;

	if (r->count == r->capacity) {
		grown = realloc(r->rows, capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		r->rows = grown;
		r->capacity = capacity;
	}
	r->rows[r->count] = (struct row){ 0 };
	return &r->rows[r->count];
}

/* The row of a stack that was told just now, made where none reads like it. Return: NULL without
 * memory. */
static struct row *find_row(struct report *r, uint32_t stack)
{
	const struct rk_stack_frame *frames = NULL;
	char text[TEXT_BYTES];
	uint32_t count, id = rk_intern(rk_stack_names_write(r->names, stack, text, sizeof(text)));
	struct row *row;

	for (size_t i = 0; i < r->count; i++) {
		if (r->rows[i].text == id) {
			r->row_of[stack] = (uint32_t)i + 1;
			return &r->rows[i];
		}
	}
	count = rk_stack_names_get(r->names, stack, &frames);
	row = add_row(r);
	if (!row)
		return NULL;
	row->frames = calloc(count + 1u, sizeof(*frames));
	if (!row->frames)
		return NULL;
	if (count)
		memcpy(row->frames, frames, count * sizeof(*frames));
	row->frame_count = count;
	row->text = id;
	r->count++;
	r->row_of[stack] = (uint32_t)r->count;
	return row;
}

static bool is_counted(const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_KERNEL:
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
	case RK_OP_GRAPH:
		return op->flags & RK_OP_F_FIRST && !(op->flags & RK_OP_F_ORPHAN);
	case RK_OP_ALLOC: /* open: nothing was taken, and a refusal is told as a failure too */
		return !(op->flags & RK_OP_F_OPEN);
	case RK_OP_ERROR:
		return true;
	default:
		return false;
	}
}

/* Not of a graph that was traced by nodes: they have it. */
static uint64_t gpu_ns_of(const struct rk_op *op)
{
	bool is_work = op->kind == RK_OP_KERNEL || op->kind == RK_OP_MEMCPY ||
		       op->kind == RK_OP_MEMSET || (op->kind == RK_OP_GRAPH && !op->graph.nodes);

	if (!is_work || op->flags & (RK_OP_F_HOST_TIME | RK_OP_F_OPEN | RK_OP_F_INVALID_TIME))
		return 0;
	return op->end > op->start ? op->end - op->start : 0;
}

static void count_op(struct row *row, const struct rk_op *op)
{
	if (op->kind == RK_OP_ALLOC) {
		row->allocations++;
		row->allocated_bytes += op->memory.bytes;
	} else if (op->kind == RK_OP_ERROR) {
		row->failures++;
	} else if (op->kind == RK_OP_MEMCPY || op->kind == RK_OP_MEMSET) {
		row->copies++;
	} else {
		row->launches++;
	}
}

static int push(void *self, const struct rk_op *op)
{
	struct report *r = self;
	struct row *row;
	uint64_t ns;

	if (op->kind == RK_OP_STACK && op->stack && op->stack <= RK_STACK_IDS_MAX)
		r->row_of[op->stack] = 0;
	if (rk_stack_names_feed(r->names, op))
		return -ENOMEM;
	ns = gpu_ns_of(op);
	if (op->kind == RK_OP_STACK || (!ns && !is_counted(op)))
		return 0;
	if (!op->stack || op->stack > RK_STACK_IDS_MAX) {
		r->without += is_counted(op);
		return 0;
	}
	row = r->row_of[op->stack] ? &r->rows[r->row_of[op->stack] - 1] : find_row(r, op->stack);
	if (!row)
		return -ENOMEM;
	row->gpu_ns += ns;
	r->gpu_ns += ns;
	if (is_counted(op)) {
		count_op(row, op);
		r->with++;
	}
	return 0;
}

static uint64_t calls_of(const struct row *row)
{
	return row->launches + row->copies + row->allocations + row->failures;
}

static int compare(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int by_gpu_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = compare(x->gpu_ns, y->gpu_ns);

	if (!order)
		order = compare(calls_of(x), calls_of(y));
	return order ? order : strcmp(rk_intern_get(x->text), rk_intern_get(y->text));
}

static int by_launches(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
	int order = compare(x->launches, y->launches);

	return order ? order : by_gpu_time(x, y);
}

static double percent(const struct report *r, const struct row *row)
{
	return r->gpu_ns ? 100 * (double)row->gpu_ns / (double)r->gpu_ns : 0;
}

static void print_frame(const struct rk_stack_frame *frame)
{
	char line[1024], shown[WIDTH_MAX + 1];

	rk_stack_names_format(line, sizeof(line), frame);
	printf("              %s\n", rk_tool_printable(line, shown, sizeof(shown)));
}

static void print_text_row(const struct report *r, size_t i)
{
	const struct row *row = &r->rows[i];
	char total[32], bytes[32];

	rk_tool_format_ns((double)row->gpu_ns, total);
	rk_tool_format_bytes((double)row->allocated_bytes, bytes);
	printf("%4zu %8.1f %10s %10llu %10llu %10llu %10s %8llu\n", i + 1, percent(r, row), total,
	       (unsigned long long)row->launches, (unsigned long long)row->copies,
	       (unsigned long long)row->allocations, bytes, (unsigned long long)row->failures);
	for (uint32_t f = 0; f < row->frame_count; f++)
		print_frame(&row->frames[f]);
	if (!row->frame_count)
		puts("              (not in the file)");
}

static void print_ranking(const struct report *r)
{
	const struct row **ranked = malloc((r->count + 1) * sizeof(*ranked));
	size_t count = r->count < RANKED_MAX ? r->count : RANKED_MAX;

	if (!ranked)
		return;
	for (size_t i = 0; i < r->count; i++)
		ranked[i] = &r->rows[i];
	qsort(ranked, r->count, sizeof(*ranked), by_launches);
	printf("\nBy launches\n%10s %6s  %s\n", "Launches", "Stack", "First frame of the program");
	for (size_t i = 0; i < count && ranked[i]->launches; i++) {
		const struct rk_stack_frame *first =
			rk_stack_names_first(ranked[i]->frames, ranked[i]->frame_count);
		char line[1024] = "(not in the file)", shown[WIDTH_MAX + 1];

		if (first)
			rk_stack_names_format(line, sizeof(line), first);
		printf("%10llu %6zu  %s\n", (unsigned long long)ranked[i]->launches,
		       (size_t)(ranked[i] - r->rows) + 1,
		       rk_tool_printable(line, shown, sizeof(shown)));
	}
	free(ranked);
}

static void print_text(const struct report *r, const char *file)
{
	size_t shown = r->count < SHOWN_MAX ? r->count : SHOWN_MAX;

	if (!r->count) {
		printf("%s holds no call stacks: they are taken with stacks.mode "
		       "(RUSTKERNEL_STACKS_MODE=sampled)\n",
		       file);
		return;
	}
	puts("Call stacks, by GPU time of what they launched");
	printf("%4s %8s %10s %10s %10s %10s %10s %8s\n", "#", "Time (%)", "GPU time", "Launches",
	       "Copies", "Allocs", "Bytes", "Failed");
	for (size_t i = 0; i < shown; i++)
		print_text_row(r, i);
	if (shown < r->count)
		printf("%zu more: --json and --csv have them all\n", r->count - shown);
	print_ranking(r);
	printf("\n%llu calls are in the tables; of %llu others no stack was taken\n",
	       (unsigned long long)r->with, (unsigned long long)r->without);
	if (!rk_symbol_has_lines())
		puts("This rktrace was built without libdw: files and lines are not shown");
}

static void print_json_frame(struct rk_json *json, const struct rk_stack_frame *frame)
{
	char address[32];

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)frame->address);
	rk_json_open(json, NULL, '{');
	if (*frame->function)
		rk_json_string(json, "function", frame->function);
	if (*frame->file) {
		rk_json_string(json, "file", frame->file);
		rk_json_uint(json, "line", frame->line);
	}
	if (*frame->module) {
		rk_json_string(json, "module", frame->module);
		rk_json_uint(json, "offset", frame->offset);
	}
	rk_json_string(json, "address", address);
	rk_json_close(json, '}');
}

static void print_json(const struct report *r, struct rk_json *json)
{
	rk_json_open(json, "stacks", '[');
	for (size_t i = 0; i < r->count; i++) {
		const struct row *row = &r->rows[i];

		rk_json_open(json, NULL, '{');
		rk_json_double(json, "time_percent", percent(r, row));
		rk_json_uint(json, "gpu_ns", row->gpu_ns);
		rk_json_uint(json, "launches", row->launches);
		rk_json_uint(json, "copies", row->copies);
		rk_json_uint(json, "allocations", row->allocations);
		rk_json_uint(json, "allocated_bytes", row->allocated_bytes);
		rk_json_uint(json, "failed", row->failures);
		rk_json_open(json, "frames", '[');
		for (uint32_t f = 0; f < row->frame_count; f++)
			print_json_frame(json, &row->frames[f]);
		rk_json_close(json, ']');
		rk_json_close(json, '}');
	}
	rk_json_close(json, ']');
	rk_json_uint(json, "calls_with_stack", r->with);
	rk_json_uint(json, "calls_without_stack", r->without);
}

/* Frames in one cell, innermost first, as flame graph tools take them apart at ";". */
static void print_csv(const struct report *r)
{
	puts("Time (%),GPU Time (ns),Launches,Copies,Allocations,Allocated (bytes),Failed,Stack");
	for (size_t i = 0; i < r->count; i++) {
		const struct row *row = &r->rows[i];
		char text[TEXT_BYTES];

		snprintf(text, sizeof(text), "%s", rk_intern_get(row->text));
		for (char *at = text; (at = strchr(at, '\n'));)
			*at = ';';
		rk_report_csv_number(percent(r, row));
		printf(",%llu,%llu,%llu,%llu,%llu,%llu,", (unsigned long long)row->gpu_ns,
		       (unsigned long long)row->launches, (unsigned long long)row->copies,
		       (unsigned long long)row->allocations,
		       (unsigned long long)row->allocated_bytes, (unsigned long long)row->failures);
		rk_report_csv_text(text);
		putchar('\n');
	}
}

static void print(void *self, const struct rk_report_print *how)
{
	struct report *r = self;

	if (r->count)
		qsort(r->rows, r->count, sizeof(*r->rows), by_gpu_time);
	if (how->style == RK_REPORT_TEXT)
		print_text(r, how->setup->file);
	else if (how->style == RK_REPORT_JSON)
		print_json(r, how->json);
	else
		print_csv(r);
}

const struct rk_report_section rk_report_stacks = { create, destroy, push, print };
