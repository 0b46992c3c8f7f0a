/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_rows.h - the rows of the page of `rktrace html`, and the bars in them.
 *
 * While ops come, a row may hold bars that overlap (parallel branches of a graph, nested ranges).
 * Finishing sorts it and cuts it into lanes without overlap: so the page finds a bar by halving,
 * and never draws one over another.
 */
#ifndef RK_TOOLS_HTML_ROWS_H
#define RK_TOOLS_HTML_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/join/handle_map.h"

#define RK_HTML_PIECES 1024u
#define RK_HTML_LANES  32u /* of a row; what needs more lies over others in the last one */

/* The page knows these by their values. */
enum rk_html_row_type {
	RK_HTML_PROJECTED = 1, /* of a device: ranges, as long as their work ran */
	RK_HTML_GRAPHS = 2,    /* of a device: launches of graphs, over their nodes */
	RK_HTML_WORK = 3,      /* of a stream: kernels, copies, memsets */
	RK_HTML_RANGES = 4,    /* of a thread: NVTX ranges and spans of the program */
	RK_HTML_CALLS = 5,     /* of a thread: calls of CUDA */
};

enum rk_html_kind {
	RK_HTML_KERNEL,
	RK_HTML_COPY, /* .detail: enum rk_copy_kind */
	RK_HTML_MEMSET,
	RK_HTML_GRAPH,
	RK_HTML_LAUNCH, /* a call that submits work */
	RK_HTML_WAIT,
	RK_HTML_MEMORY, /* a call that takes memory or gives it back */
	RK_HTML_FAILED,
	RK_HTML_OPEN, /* a call whose work was never seen complete */
	RK_HTML_RANGE,
};

struct rk_html_bar {
	uint64_t start, end; /* ns of rk_clock */
	uint64_t bytes;
	uint64_t call_start; /* of the call that submitted it; 0 = unknown */
	uint64_t range;	     /* number of the span that it lies in, or is; 0 = none */
	uint32_t tid;	     /* of that call */
	uint32_t name;	     /* as all texts: number in struct rk_html_names */
	uint32_t detail;     /* of a kernel: shape; of a copy: its kind */
	uint32_t stack;	     /* text */
	uint32_t correlation;
	uint32_t graph;
	uint16_t result;
	uint8_t kind; /* enum rk_html_kind */
	uint8_t lane; /* once finished */
};

/* How busy a row was, in pieces of time that double when they run out. */
struct rk_html_pieces {
	uint64_t first_ns, step_ns; /* step 0: nothing was noted yet */
	uint64_t busy_ns[RK_HTML_PIECES];
};

struct rk_html_row {
	uint32_t device, stream, tid; /* those that it has */
	uint8_t type;		      /* enum rk_html_row_type */
	struct rk_html_bar *bars;
	size_t count, capacity;
	/* once sorted: */
	uint32_t lanes;
	size_t lane_counts[RK_HTML_LANES]; /* bars */
	uint64_t first_place;		   /* of its first bar among all bars, 1... */
	/* always: */
	uint64_t left_out; /* ops that are no bars: out of the window, or too many */
	struct rk_html_pieces pieces; /* of bars and of what is left out */
};

struct rk_html_rows {
	struct rk_html_row **rows;
	size_t count, capacity;
	struct rk_handle_map index; /* type, device, stream or thread -> tag: place + 1 */
};

/**
 * Context: tools. Does not allocate.
 */
void rk_html_rows_init(struct rk_html_rows *rows);
void rk_html_rows_finish(struct rk_html_rows *rows);

/**
 * The row of @type of a device's stream, or of thread @stream of device 0; made if it is new.
 *
 * Context: tools. Ownership: borrowed until rk_html_rows_finish(). Return: NULL without memory.
 */
struct rk_html_row *rk_html_rows_get(struct rk_html_rows *rows, enum rk_html_row_type type,
				     uint32_t device, uint32_t stream);

/**
 * Append a copy of @bar, in any order of time.
 *
 * Context: tools. Return: it, borrowed until the next add; NULL without memory.
 */
struct rk_html_bar *rk_html_row_add(struct rk_html_row *row, const struct rk_html_bar *bar);

/**
 * The row was busy from @start to @end. What lies before the first piece counts for it.
 *
 * Context: tools.
 */
void rk_html_pieces_note(struct rk_html_pieces *pieces, uint64_t start, uint64_t end);

/**
 * Sort all rows as the page shows them, and in each the bars by lane and start. Calls that were
 * told more than once are one.
 *
 * Context: tools. Return: 0, -ENOMEM.
 */
int rk_html_rows_sort(struct rk_html_rows *rows);

/**
 * The call of thread @tid that began at @start, once sorted.
 *
 * Context: tools. Return: its place among all bars of all rows, from 1 on; 0 = there is none.
 */
uint64_t rk_html_rows_find_call(struct rk_html_rows *rows, uint32_t tid, uint64_t start);

#endif
