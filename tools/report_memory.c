/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_memory.c - who held how much memory: pools, holders at the peak, what was never
 * freed, temporary allocations, and those that failed.
 */
#include "tools/report_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/record.h"
#include "tools/symbol.h"

static void *create(const struct rk_report_setup *setup)
{
	struct rk_memory_report *r = calloc(1, sizeof(*r));

	(void)setup;
	if (r && rk_memory_use_create(&r->use) == 0 && rk_symbol_names_create(&r->names) == 0)
		return r;
	if (r)
		rk_memory_use_destroy(r->use);
	free(r);
	return NULL;
}

static void destroy(void *self)
{
	struct rk_memory_report *r = self;

	if (!r)
		return;
	rk_memory_use_destroy(r->use);
	rk_stack_names_destroy(r->names);
	free(r);
}

/* The place of @space among the spaces. */
static size_t place_of(const struct rk_memory_report *r, const struct rk_memory_space *space)
{
	size_t place = 0;

	while (rk_memory_use_space(r->use, place) != space)
		place++;
	return place;
}

static void note_failure(struct rk_memory_report *r, const struct rk_op *op)
{
	if (r->failure_count < RK_MEMORY_FAILURES)
		r->failures[r->failure_count++] = (struct rk_memory_failure){
			.when = op->host_end,
			.bytes = op->memory.ptr,
			.who = { .stack = op->stack,
				 .api = op->api,
				 .tid = op->tid,
				 .device = op->device,
				 .pool = op->memory.pool },
		};
}

static void note_series(struct rk_memory_report *r, const struct rk_op *op)
{
	const struct rk_memory_space *space =
		rk_memory_use_space_of(r->use, op->device, op->memory.pool);
	size_t place = space ? place_of(r, space) : RK_MEMORY_SERIES;

	if (place < RK_MEMORY_SERIES)
		rk_memory_series_note(&r->series[place], op->host_end,
				      space->live_bytes > 0 ? (uint64_t)space->live_bytes : 0);
}

static int push(void *self, const struct rk_op *op)
{
	bool takes = op->kind == RK_OP_ALLOC && !(op->flags & RK_OP_F_OPEN);
	struct rk_memory_report *r = self;

	rk_memory_use_feed(r->use, op);
	if (takes || op->kind == RK_OP_FREE)
		note_series(r, op);
	else if (op->kind == RK_OP_ALLOC && op->result)
		note_failure(r, op);
	return rk_stack_names_feed(r->names, op);
}

static void print(void *self, const struct rk_report_print *how)
{
	struct rk_memory_report *r = self;

	r->start_ns = how->meta->start_ns;
	r->file = how->setup->file;
	if (how->style == RK_REPORT_TEXT)
		rk_memory_report_text(r);
	else if (how->style == RK_REPORT_JSON)
		rk_memory_report_json(r, how->json);
	else
		rk_memory_report_csv(r);
}

uint64_t rk_memory_report_never_freed(const struct rk_memory_report *r, uint64_t *bytes)
{
	const struct rk_memory_row *row;
	struct rk_memory_totals totals;
	uint64_t count;

	rk_memory_use_totals(r->use, &totals);
	count = totals.with_context;
	*bytes = totals.with_context_bytes;
	for (size_t i = 0; (row = rk_memory_use_row(r->use, i)); i++) {
		if (row->is_registered || row->live_count <= 0)
			continue;
		count += (uint64_t)row->live_count;
		*bytes += row->live_bytes > 0 ? (uint64_t)row->live_bytes : 0;
	}
	return count;
}

const struct rk_report_section rk_report_memory = { create, destroy, push, print };
