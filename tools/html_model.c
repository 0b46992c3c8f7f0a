/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_model.c - ops become bars.
 */
#include "tools/html_ranges.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/intern.h"
#include "core/stack_pool.h"
#include "tools/report_table.h"
#include "tools/symbol.h"

#define STACK_BYTES (32u << 10)
#define KNOWN_MAX   (1u << 20) /* spans, executions, launches of graphs */

int rk_html_model_create(struct rk_html_model **out, const struct rk_config *config,
			 const struct rk_html_window *window)
{
	struct rk_html_model *model = calloc(1, sizeof(*model));

	*out = NULL;
	if (!model)
		return -ENOMEM;
	model->window = *window;
	model->first_ns = UINT64_MAX;
	rk_html_rows_init(&model->rows);
	rk_handle_map_init(&model->spans, KNOWN_MAX);
	rk_handle_map_init(&model->span_ids, KNOWN_MAX);
	rk_handle_map_init(&model->parents, KNOWN_MAX);
	rk_handle_map_init(&model->execs, KNOWN_MAX);
	rk_handle_map_init(&model->graphs, KNOWN_MAX);
	rk_handle_map_init(&model->threads, KNOWN_MAX);
	rk_handle_map_init(&model->devices, KNOWN_MAX);
	model->stack_texts = calloc(RK_STACK_IDS_MAX + 1, sizeof(uint32_t));
	if (rk_html_names_init(&model->names, config) || !model->stack_texts ||
	    rk_html_facts_create(&model->facts) || rk_symbol_names_create(&model->stack_names)) {
		rk_html_model_destroy(model);
		return -ENOMEM;
	}
	*out = model;
	return 0;
}

void rk_html_model_destroy(struct rk_html_model *model)
{
	if (!model)
		return;
	rk_html_rows_finish(&model->rows);
	rk_html_names_finish(&model->names);
	rk_html_facts_destroy(model->facts);
	if (model->stack_names)
		rk_stack_names_destroy(model->stack_names);
	free(model->stack_texts);
	rk_handle_map_finish(&model->spans);
	rk_handle_map_finish(&model->span_ids);
	rk_handle_map_finish(&model->parents);
	rk_handle_map_finish(&model->execs);
	rk_handle_map_finish(&model->graphs);
	rk_handle_map_finish(&model->threads);
	rk_handle_map_finish(&model->devices);
	free(model);
}

/* Numbers of stacks are given again: what one means may change with the next STACK. */
static uint32_t stack_of(struct rk_html_model *model, uint32_t stack)
{
	char text[STACK_BYTES];

	if (!stack || stack > RK_STACK_IDS_MAX)
		return 0;
	if (!model->stack_texts[stack])
		model->stack_texts[stack] = rk_html_names_put(
			&model->names,
			rk_stack_names_write(model->stack_names, stack, text, sizeof(text)));
	return model->stack_texts[stack];
}

static uint64_t range_of(const struct rk_html_model *model, uint64_t exec)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&model->execs, exec);

	return exec && slot ? slot->value : 0;
}

void rk_html_model_extend(struct rk_html_model *model, const struct rk_html_bar *bar)
{
	if (bar->start < model->first_ns)
		model->first_ns = bar->start;
	if (bar->end > model->last_ns)
		model->last_ns = bar->end;
}

/* Whether it becomes a bar, and not only a part of the coarse picture. */
static bool is_within(const struct rk_html_model *model, uint64_t start, uint64_t end)
{
	return end >= model->window.from_ns && start <= model->window.to_ns &&
	       (!model->cut_at_ns || start < model->cut_at_ns);
}

static int add_bar(struct rk_html_model *model, struct rk_html_row *row,
		   const struct rk_html_bar *bar, bool is_wanted)
{
	bool is_work = row && row->type == RK_HTML_WORK;

	if (!row)
		return -ENOMEM;
	rk_html_pieces_note(&row->pieces, bar->start, bar->end);
	rk_html_model_extend(model, bar);
	if (!is_wanted) {
		row->left_out++;
		model->left_out += is_work;
		return 0;
	}
	if (is_work && ++model->work >= model->window.bars_max)
		model->cut_at_ns = bar->start;
	return rk_html_row_add(row, bar) ? 0 : -ENOMEM;
}

static uint8_t call_kind(const struct rk_op *op)
{
	if (op->kind == RK_OP_ERROR)
		return op->flags & RK_OP_F_QUESTION ? RK_HTML_LAUNCH : RK_HTML_FAILED;
	if (op->kind == RK_OP_SYNC)
		return RK_HTML_WAIT;
	if (op->kind == RK_OP_ALLOC || op->kind == RK_OP_FREE)
		return op->result ? RK_HTML_FAILED : RK_HTML_MEMORY;
	return op->flags & RK_OP_F_OPEN ? RK_HTML_OPEN : RK_HTML_LAUNCH;
}

static bool is_work(const struct rk_op *op)
{
	bool is_kind = op->kind == RK_OP_KERNEL || op->kind == RK_OP_MEMCPY ||
		       op->kind == RK_OP_MEMSET || (op->kind == RK_OP_GRAPH && !op->graph.nodes);

	return is_kind && op->start && op->end >= op->start &&
	       !(op->flags & (RK_OP_F_OPEN | RK_OP_F_INVALID_TIME));
}

/* A call may lie before the window that its work lies in. */
static bool has_bar(const struct rk_html_model *model, const struct rk_op *op)
{
	return is_work(op) && is_within(model, op->start, op->end);
}

static int feed_call(struct rk_html_model *model, const struct rk_op *op)
{
	struct rk_html_bar bar = { .start = op->host_start,
				   .end = op->host_end,
				   .tid = op->tid,
				   .correlation = op->correlation,
				   .result = op->result,
				   .kind = call_kind(op) };
	const char *api = op->api ? rk_intern_get(op->api) : "";

	if (!op->host_start || op->host_end < op->host_start || op->flags & RK_OP_F_ORPHAN)
		return 0;
	if (op->kind == RK_OP_ALLOC || op->kind == RK_OP_FREE)
		bar.bytes = op->memory.bytes;
	bar.name = rk_html_names_put(&model->names, *api ? api : "(CUDA call)");
	bar.stack = stack_of(model, op->stack);
	bar.range = range_of(model, op->exec);
	return add_bar(model, rk_html_rows_get(&model->rows, RK_HTML_CALLS, 0, op->tid), &bar,
		       is_within(model, bar.start, bar.end) || has_bar(model, op));
}

static uint32_t graph_of(const struct rk_op *op)
{
	return op->kind == RK_OP_KERNEL ? op->kernel.graph :
	       op->kind == RK_OP_GRAPH	? op->graph.graph :
					  op->copy.graph;
}

/* The launch of a graph lasts from its first node to the end of its last one. */
static int feed_node(struct rk_html_model *model, const struct rk_html_bar *node, uint32_t device)
{
	struct rk_html_row *row = rk_html_rows_get(&model->rows, RK_HTML_GRAPHS, device, 0);
	uint64_t key = (uint64_t)(device + 1) << 32 | node->correlation;
	struct rk_handle_slot *slot = rk_handle_map_put(&model->graphs, key);
	struct rk_html_bar *launch, bar = *node;
	char name[32];

	if (!row)
		return -ENOMEM;
	if (slot && slot->value) {
		launch = &row->bars[slot->value - 1];
		if (node->start < launch->start)
			launch->start = node->start;
		if (node->end > launch->end)
			launch->end = node->end;
		return 0;
	}
	snprintf(name, sizeof(name), "graph %u", node->graph);
	bar.name = rk_html_names_put(&model->names, name);
	bar.kind = RK_HTML_GRAPH;
	bar.bytes = bar.detail = 0;
	if (!rk_html_row_add(row, &bar))
		return -ENOMEM;
	if (slot)
		slot->value = row->count;
	return 0;
}

static void name_work(struct rk_html_model *model, const struct rk_op *op, struct rk_html_bar *bar)
{
	char graph[32];

	if (op->kind == RK_OP_KERNEL) {
		bar->kind = RK_HTML_KERNEL;
		bar->name = rk_html_names_put_kernel(&model->names, op->name);
		bar->detail = rk_html_names_shape(&model->names, op);
	} else if (op->kind == RK_OP_GRAPH) {
		bar->kind = RK_HTML_GRAPH;
		snprintf(graph, sizeof(graph), "graph %u", op->graph.graph);
		bar->name = rk_html_names_put(&model->names, graph);
	} else {
		bar->kind = op->kind == RK_OP_MEMCPY ? RK_HTML_COPY : RK_HTML_MEMSET;
		bar->bytes = op->copy.bytes;
		bar->detail = bar->kind == RK_HTML_COPY ? op->copy.copy_kind : 0;
		bar->name = rk_html_names_put(&model->names,
					      bar->kind == RK_HTML_COPY ?
						      rk_report_copy_name(op->copy.copy_kind) :
						      "[CUDA memset]");
	}
}

static int feed_work(struct rk_html_model *model, const struct rk_op *op)
{
	struct rk_html_bar bar = { .start = op->start,
				   .end = op->end,
				   .call_start = op->host_start,
				   .tid = op->tid,
				   .correlation = op->correlation,
				   .graph = graph_of(op) };
	bool is_wanted = has_bar(model, op);
	int err;

	if (!is_work(op))
		return 0;
	model->has_host_times |= op->flags & RK_OP_F_HOST_TIME;
	name_work(model, op, &bar);
	bar.range = range_of(model, op->exec);
	bar.stack = stack_of(model, op->stack);
	rk_html_names_count(&model->names, bar.name, bar.kind, op->end - op->start);
	err = add_bar(model, rk_html_rows_get(&model->rows, RK_HTML_WORK, op->device, op->stream),
		      &bar, is_wanted);
	if (!err && bar.graph && op->kind != RK_OP_GRAPH && is_wanted)
		err = feed_node(model, &bar, op->device);
	return err;
}

static int feed_name(struct rk_handle_map *map, uint64_t key, struct rk_html_model *model,
		     const struct rk_op *op)
{
	struct rk_handle_slot *slot = rk_handle_map_put(map, key);

	if (slot && op->name)
		slot->tag = rk_html_names_put(&model->names, rk_intern_get(op->name));
	return 0;
}

static int feed_context(struct rk_html_model *model, const struct rk_op *op)
{
	struct rk_handle_slot *slot =
		op->exec && op->said.number ? rk_handle_map_put(&model->execs, op->exec) : NULL;

	if (slot)
		slot->value = op->said.number;
	return 0;
}

static int feed_stack(struct rk_html_model *model, const struct rk_op *op)
{
	if (op->kind == RK_OP_STACK && op->stack <= RK_STACK_IDS_MAX)
		model->stack_texts[op->stack] = 0;
	return rk_stack_names_feed(model->stack_names, op);
}

int rk_html_model_feed(struct rk_html_model *model, const struct rk_op *op)
{
	int err = rk_html_facts_feed(model->facts, op);

	if (err)
		return err;
	if (rk_stack_names_wants(op))
		return feed_stack(model, op);
	switch (op->kind) {
	case RK_OP_KERNEL:
	case RK_OP_MEMCPY:
	case RK_OP_MEMSET:
	case RK_OP_GRAPH:
		err = op->flags & RK_OP_F_FIRST ? feed_call(model, op) : 0;
		return err ? err : feed_work(model, op);
	case RK_OP_SYNC:
	case RK_OP_ALLOC:
	case RK_OP_FREE:
	case RK_OP_ERROR:
		return feed_call(model, op);
	case RK_OP_SPAN_BEGIN:
		return rk_html_ranges_begin(model, op);
	case RK_OP_SPAN_END:
		return rk_html_ranges_end(model, op);
	case RK_OP_CONTEXT:
		return feed_context(model, op);
	case RK_OP_THREAD:
		return feed_name(&model->threads, op->tid, model, op);
	case RK_OP_DEVICE:
		return feed_name(&model->devices, op->device + 1ull, model, op);
	default:
		return 0;
	}
}

int rk_html_model_end(struct rk_html_model *model)
{
	int err;

	rk_html_facts_end(model->facts);
	err = rk_html_ranges_close(model);
	if (!err)
		err = rk_html_rows_sort(&model->rows);
	if (!err)
		rk_html_ranges_place(model);
	return err;
}
