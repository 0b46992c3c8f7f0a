/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_folded.c - call stacks, outermost frame first, with the work they led to as the
 * last one, and its GPU time in ns: the input of flamegraph.pl and its kin.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/stack_pool.h"
#include "tools/export.h"
#include "tools/symbol.h"
#include "tools/tool.h"

#define TEXT_BYTES (32u << 10)
#define ROWS_MAX   4000000u

struct row {
	uint32_t stack, name; /* strings */
	uint64_t ns;
};

struct folded {
	struct rk_stack_names *names;
	struct rk_handle_map index; /* stack and name -> tag: place + 1 */
	struct row *rows;
	uint32_t count, room;
	uint32_t text_of[RK_STACK_IDS_MAX + 1]; /* string; 0 = not looked at */
};

static int folded_begin(struct rk_export *x)
{
	struct folded *folded = calloc(1, sizeof(*folded));

	x->state = folded;
	if (!folded)
		return -ENOMEM;
	rk_handle_map_init(&folded->index, ROWS_MAX);
	return rk_symbol_names_create(&folded->names);
}

/* Frames are told apart by ';', and the number by the last blank. */
static size_t put_frame(char *out, size_t used, const char *frame)
{
	size_t length = strlen(frame);

	if (used + length + 2 > TEXT_BYTES)
		return used;
	if (used)
		out[used++] = ';';
	for (size_t i = 0; i < length; i++)
		out[used++] = frame[i] == ';' ? ':' : frame[i] == '\n' ? ' ' : frame[i];
	out[used] = '\0';
	return used;
}

static uint32_t fold(struct folded *folded, uint32_t stack)
{
	const struct rk_stack_frame *frames = NULL;
	char text[TEXT_BYTES] = "", frame[1024];
	uint32_t count = rk_stack_names_get(folded->names, stack, &frames);
	size_t used = 0;

	while (count)
		used = put_frame(text, used,
				 rk_stack_names_format(frame, sizeof(frame), &frames[--count]));
	return rk_intern(*text ? text : "(no stack)");
}

static uint32_t stack_text(struct folded *folded, const struct rk_op *op)
{
	uint32_t id = op->stack <= RK_STACK_IDS_MAX ? op->stack : 0;

	if (!folded->text_of[id])
		folded->text_of[id] = fold(folded, id);
	return folded->text_of[id];
}

static struct row *add_row(struct folded *folded, uint32_t stack, uint32_t name)
{
	if (folded->count == folded->room) {
		uint32_t room = folded->room ? 2 * folded->room : 256;
		struct row *grown = realloc(folded->rows, room * sizeof(*grown));

		if (!grown)
			return NULL;
		folded->rows = grown;
		folded->room = room;
	}
	folded->rows[folded->count] = (struct row){ .stack = stack, .name = name };
	return &folded->rows[folded->count++];
}

static struct row *row_get(struct folded *folded, uint32_t stack, uint32_t name)
{
	struct rk_handle_slot *slot =
		rk_handle_map_put(&folded->index, (uint64_t)stack << 32 | name);
	struct row *row;

	if (!slot)
		return NULL;
	if (slot->tag)
		return &folded->rows[slot->tag - 1];
	row = add_row(folded, stack, name);
	if (row)
		slot->tag = folded->count;
	return row;
}

static int folded_op(struct rk_export *x, const struct rk_op *op)
{
	struct folded *folded = x->state;
	struct row *row;

	if (op->kind == RK_OP_STACK && op->stack && op->stack <= RK_STACK_IDS_MAX)
		folded->text_of[op->stack] = 0;
	if (rk_stack_names_feed(folded->names, op))
		return -ENOMEM;
	if (!rk_export_is_work(op) || !rk_export_has_gpu_time(op))
		return 0;
	row = row_get(folded, stack_text(folded, op), rk_intern(rk_export_name(x, op)));
	if (!row)
		return -ENOMEM;
	row->ns += op->end - op->start;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(rk_intern_get(x->stack), rk_intern_get(y->stack));

	return order ? order : strcmp(rk_intern_get(x->name), rk_intern_get(y->name));
}

static void write_row(struct rk_export *x, const struct row *row)
{
	const char *name = rk_intern_get(row->name);

	rk_export_output_text(x->output, rk_intern_get(row->stack));
	rk_export_output_text(x->output, ";");
	for (; *name; name++)
		rk_export_output_write(x->output, *name == ';' ? ":" : name, 1);
	if (!row->name)
		rk_export_output_text(x->output, "(unknown)");
	rk_export_output_printf(x->output, " %llu\n", (unsigned long long)row->ns);
}

static int folded_end(struct rk_export *x)
{
	struct folded *folded = x->state;

	if (!folded)
		return 0;
	if (folded->count)
		qsort(folded->rows, folded->count, sizeof(*folded->rows), compare);
	for (uint32_t i = 0; i < folded->count; i++)
		write_row(x, &folded->rows[i]);
	rk_stack_names_destroy(folded->names);
	rk_handle_map_finish(&folded->index);
	free(folded->rows);
	free(folded);
	x->state = NULL;
	return rk_export_output_error(x->output);
}

const struct rk_export_format rk_export_folded = {
	.is_sum = true,
	.begin = folded_begin,
	.op = folded_op,
	.end = folded_end,
};
