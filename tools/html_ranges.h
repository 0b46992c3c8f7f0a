/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_ranges.h - NVTX ranges and spans of the program in the page: on their threads, and on
 * each device as long as the work ran that was submitted in them.
 */
#ifndef RK_TOOLS_HTML_RANGES_H
#define RK_TOOLS_HTML_RANGES_H

#include "tools/html_model.h"

/**
 * Take a SPAN_BEGIN / a SPAN_END, in whatever order they come.
 *
 * Context: tools. Return: 0, -ENOMEM.
 */
int rk_html_ranges_begin(struct rk_html_model *model, const struct rk_op *op);
int rk_html_ranges_end(struct rk_html_model *model, const struct rk_op *op);

/**
 * There are no more ops: end what is open, and show each range where its work ran.
 *
 * Context: tools, before rows are sorted. Return: 0, -ENOMEM.
 */
int rk_html_ranges_close(struct rk_html_model *model);

/**
 * Note where each range has come to lie.
 *
 * Context: tools, after rows are sorted.
 */
void rk_html_ranges_place(struct rk_html_model *model);

/**
 * The place of span @number among all bars, from 1 on.
 *
 * Context: tools, after that. Return: 0 = it is no bar.
 */
uint64_t rk_html_ranges_find(const struct rk_html_model *model, uint64_t number);

#endif
