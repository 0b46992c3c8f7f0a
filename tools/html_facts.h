/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_facts.h - what the page of `rktrace html` tells of a device: idle times and memory.
 *
 * Both are of the whole file, and bounded: of the idle periods the longest are kept, and of the
 * curve of memory the highest of points that lie close together.
 */
#ifndef RK_TOOLS_HTML_FACTS_H
#define RK_TOOLS_HTML_FACTS_H

#include "pipeline/use/gpu_time.h"
#include "pipeline/use/memory_use.h"

#define RK_HTML_GAPS   16384u
#define RK_HTML_POINTS 16384u
#define RK_HTML_CURVES 32u /* devices, and the host */

struct rk_html_point {
	uint64_t when;
	uint64_t bytes;
};

struct rk_html_curve {
	uint32_t device; /* or RK_MEMORY_ON_HOST */
	uint32_t stride; /* allocations that one point stands for; 0 = there is no curve */
	uint32_t pending;
	size_t count;
	struct rk_html_point points[RK_HTML_POINTS];
};

struct rk_html_facts {
	struct rk_gpu_time time;
	struct rk_gpu_gap gaps[RK_HTML_GAPS];
	size_t gap_count;
	uint64_t gap_min_ns; /* shorter ones were left out */
	struct rk_memory_use *memory;
	struct rk_html_curve *curves[RK_HTML_CURVES];
	bool is_short; /* of memory */
};

/**
 * Context: tools. Ownership: the caller, destroy(). Return: 0, -ENOMEM.
 */
int rk_html_facts_create(struct rk_html_facts **out);
void rk_html_facts_destroy(struct rk_html_facts *facts);

/**
 * Take one op; none is passed over that the file has.
 *
 * Context: tools. Return: 0, -ENOMEM.
 */
int rk_html_facts_feed(struct rk_html_facts *facts, const struct rk_op *op);

/**
 * There are no more ops.
 *
 * Context: tools.
 */
void rk_html_facts_end(struct rk_html_facts *facts);

#endif
