/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/top_view.h - two samples of a process as what happened between them, in the order that
 * was asked for, and as lines of text.
 */
#ifndef RK_TOOLS_TOP_VIEW_H
#define RK_TOOLS_TOP_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/top_sample.h"

enum rk_top_sort {
	RK_TOP_BY_TIME, /* between the two samples */
	RK_TOP_BY_CALLS,
	RK_TOP_BY_MEAN,
	RK_TOP_BY_TOTAL, /* since the start */
	RK_TOP_BY_NAME,
	RK_TOP_SORTS
};

struct rk_top_row {
	const struct rk_top_kernel *kernel; /* of the newer sample */
	double calls, seconds;		    /* between the two samples */
};

struct rk_top_view {
	const struct rk_top_sample *before, *after; /* borrowed */
	double elapsed;				    /* seconds between them */
	struct rk_top_row rows[RK_TOP_KERNELS];
	uint32_t row_count;
};

/* Where the lines go, and how they are meant. */
struct rk_top_page {
	FILE *out;
	uint32_t rows, columns; /* 0 = as many as there are */
	enum rk_top_sort sort;
	bool is_screen, is_paused, shows_help;
	const char *trouble; /* told instead of the first line's end; NULL = none */
	pid_t pid;
	uint32_t used; /* lines so far; private */
};

/**
 * @before: an older sample of the same process.
 *
 * Context: any. Does not allocate.
 */
void rk_top_view_make(struct rk_top_view *view, const struct rk_top_sample *before,
		      const struct rk_top_sample *after, enum rk_top_sort sort);

/**
 * Write the page: no line is longer than the screen, and there are not more of them.
 *
 * Context: tools.
 */
void rk_top_view_draw(const struct rk_top_view *view, struct rk_top_page *page);

/**
 * The word for --sort, and the key that chooses it.
 *
 * Context: any. Return: a static string / a letter.
 */
const char *rk_top_sort_name(enum rk_top_sort sort);
char rk_top_sort_key(enum rk_top_sort sort);

#endif
