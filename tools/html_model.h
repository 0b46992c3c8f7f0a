/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_model.h - what the page of `rktrace html` shows: bars in rows, texts and facts.
 *
 * Bounded: beyond the wanted number of bars, and outside of the wanted window, an op counts for
 * the coarse picture of its row and for the tables, and is no bar.
 */
#ifndef RK_TOOLS_HTML_MODEL_H
#define RK_TOOLS_HTML_MODEL_H

#include <stdbool.h>

#include "pipeline/join/stack_names.h"
#include "tools/html_facts.h"
#include "tools/html_names.h"
#include "tools/html_rows.h"

struct rk_html_window {
	uint64_t from_ns, to_ns; /* of rk_clock, both within */
	uint64_t bars_max;	 /* of work on GPUs */
};

struct rk_html_model {
	struct rk_html_window window;
	struct rk_html_rows rows;
	struct rk_html_names names;
	struct rk_html_facts *facts;
	struct rk_stack_names *stack_names;
	uint32_t *stack_texts;	     /* by number of the stack: text; 0 = not asked for yet */
	struct rk_handle_map spans;  /* number -> tag: thread, value: place in its row */
	struct rk_handle_map span_ids; /* id of a span -> value: number */
	struct rk_handle_map parents;  /* number -> value: number of the span around it */
	struct rk_handle_map execs;  /* execution -> value: number of the span it is in */
	struct rk_handle_map graphs; /* device and correlation -> value: place in its row */
	struct rk_handle_map threads; /* tid -> tag: text */
	struct rk_handle_map devices; /* device + 1 -> tag: text */
	uint64_t work;		      /* bars of work on GPUs */
	uint64_t left_out;
	uint64_t cut_at_ns; /* from here on bars were left out, as there were too many; 0 = never */
	uint64_t first_ns, last_ns; /* of all bars, left out ones too */
	bool has_host_times;
};

/**
 * @config: borrowed; outlives the model.
 * Context: tools. Ownership: the caller, rk_html_model_destroy(). Return: 0, -ENOMEM.
 */
int rk_html_model_create(struct rk_html_model **out, const struct rk_config *config,
			 const struct rk_html_window *window);
void rk_html_model_destroy(struct rk_html_model *model);

/**
 * Take one op of the file, in its order.
 *
 * Context: tools. Return: 0, -ENOMEM.
 */
int rk_html_model_feed(struct rk_html_model *model, const struct rk_op *op);

/**
 * There are no more ops: end what is open, sort, and show ranges where their work ran.
 *
 * Context: tools. Return: 0, -ENOMEM.
 */
int rk_html_model_end(struct rk_html_model *model);

/**
 * The recording lasts as long as @bar at least.
 *
 * Context: tools.
 */
void rk_html_model_extend(struct rk_html_model *model, const struct rk_html_bar *bar);

#endif
