/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/html_facts.c - the engines of live metrics and reports, asked while ops go by.
 */
#include "tools/html_facts.h"

#include <errno.h>
#include <stdlib.h>

/* Half of them go: the shorter ones, as far as doubling a bound tells. */
static void drop_short_gaps(struct rk_html_facts *facts)
{
	while (facts->gap_count > RK_HTML_GAPS / 2) {
		size_t kept = 0;

		facts->gap_min_ns = facts->gap_min_ns ? facts->gap_min_ns * 2 : 1000;
		for (size_t i = 0; i < facts->gap_count; i++) {
			const struct rk_gpu_gap *gap = &facts->gaps[i];

			if (gap->end - gap->start >= facts->gap_min_ns)
				facts->gaps[kept++] = *gap;
		}
		facts->gap_count = kept;
	}
}

static void note_gap(const struct rk_gpu_gap *gap, void *data)
{
	struct rk_html_facts *facts = data;

	if (gap->end <= gap->start || gap->end - gap->start < facts->gap_min_ns)
		return;
	if (facts->gap_count == RK_HTML_GAPS)
		drop_short_gaps(facts);
	facts->gaps[facts->gap_count] = *gap;
	facts->gaps[facts->gap_count++].ended_by = NULL; /* borrowed no longer */
}

int rk_html_facts_create(struct rk_html_facts **out)
{
	struct rk_html_facts *facts = calloc(1, sizeof(*facts));

	*out = NULL;
	if (!facts)
		return -ENOMEM;
	if (rk_memory_use_create(&facts->memory)) {
		free(facts);
		return -ENOMEM;
	}
	rk_gpu_time_init(&facts->time, note_gap, facts);
	*out = facts;
	return 0;
}

void rk_html_facts_destroy(struct rk_html_facts *facts)
{
	if (!facts)
		return;
	rk_gpu_time_finish(&facts->time);
	rk_memory_use_destroy(facts->memory);
	for (size_t i = 0; i < RK_HTML_CURVES; i++)
		free(facts->curves[i]);
	free(facts);
}

static void halve(struct rk_html_curve *curve)
{
	for (size_t i = 0; i < curve->count / 2; i++) {
		const struct rk_html_point *a = &curve->points[2 * i], *b = a + 1;

		curve->points[i].when = a->when;
		curve->points[i].bytes = a->bytes > b->bytes ? a->bytes : b->bytes;
	}
	curve->count /= 2;
	curve->stride *= 2;
}

static void note_point(struct rk_html_curve *curve, uint64_t when, uint64_t bytes)
{
	struct rk_html_point *last = curve->count ? &curve->points[curve->count - 1] : NULL;

	if (last && curve->pending && curve->pending < curve->stride) {
		curve->pending++;
		if (bytes > last->bytes)
			last->bytes = bytes;
		return;
	}
	if (curve->count == RK_HTML_POINTS)
		halve(curve);
	curve->points[curve->count++] = (struct rk_html_point){ when, bytes };
	curve->pending = 1;
}

static void note_memory(struct rk_html_facts *facts, const struct rk_op *op)
{
	uint64_t when = op->host_end ? op->host_end : op->end;
	const struct rk_memory_space *space;

	for (size_t i = 0; i < RK_HTML_CURVES; i++) {
		struct rk_html_curve *curve = facts->curves[i];
		uint64_t live;

		space = rk_memory_use_space(facts->memory, i);
		if (!space)
			return;
		live = space->live_bytes > 0 ? (uint64_t)space->live_bytes : 0;
		if (!curve) {
			curve = facts->curves[i] = calloc(1, sizeof(*curve));
			if (!curve) {
				facts->is_short = true;
				return;
			}
			curve->device = space->device;
			curve->stride = 1;
		}
		if (!curve->count || curve->points[curve->count - 1].bytes != live)
			note_point(curve, when, live);
	}
}

int rk_html_facts_feed(struct rk_html_facts *facts, const struct rk_op *op)
{
	rk_gpu_time_feed(&facts->time, op);
	if (op->kind == RK_OP_ALLOC || op->kind == RK_OP_FREE || op->kind == RK_OP_RECORDING ||
	    op->kind == RK_OP_END) {
		rk_memory_use_feed(facts->memory, op);
		if (op->kind == RK_OP_ALLOC || op->kind == RK_OP_FREE)
			note_memory(facts, op);
	}
	return facts->is_short || facts->time.short_of_memory ? -ENOMEM : 0;
}

void rk_html_facts_end(struct rk_html_facts *facts)
{
	rk_gpu_time_end(&facts->time);
}
