/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_memory_json.c - the section --memory for programs.
 *
 * Times are ns since the recording began. A series is the most that was held in each piece of
 * time, from "start_ns" on.
 */
#include "core/intern.h"
#include "core/record.h"
#include "pipeline/metrics/metrics_state.h"
#include "pipeline/use/memory_text.h"
#include "tools/report_memory.h"

static uint64_t since(const struct rk_memory_report *r, uint64_t ns)
{
	return ns > r->start_ns ? ns - r->start_ns : 0;
}

static uint64_t positive(int64_t value)
{
	return value > 0 ? (uint64_t)value : 0;
}

static const char *pool_name(uint8_t pool, bool is_registered)
{
	return is_registered ? "registered" : rk_metrics_pool_name(pool);
}

static void put_row(const struct rk_memory_report *r, struct rk_json *json,
		    const struct rk_memory_row *row)
{
	rk_json_open(json, NULL, '{');
	rk_json_uint(json, "device", row->device);
	rk_json_string(json, "pool", pool_name(row->pool, row->is_registered));
	if (row->is_registered)
		rk_json_string(json, "part_of", rk_metrics_pool_name(row->pool));
	rk_json_uint(json, "live_bytes", positive(row->live_bytes));
	rk_json_uint(json, "live", positive(row->live_count));
	rk_json_uint(json, "peak_bytes", row->peak_bytes);
	rk_json_uint(json, "peak_ns", since(r, row->peak_ns));
	rk_json_uint(json, "allocations", row->allocs);
	rk_json_uint(json, "allocated_bytes", row->alloc_bytes);
	rk_json_uint(json, "frees", row->frees);
	rk_json_uint(json, "temporary", row->temporary);
	rk_json_uint(json, "temporary_bytes", row->temporary_bytes);
	rk_json_uint(json, "with_context", row->with_context);
	rk_json_uint(json, "with_context_bytes", row->with_context_bytes);
	rk_json_uint(json, "failed", row->failed);
	rk_json_uint(json, "failed_bytes", row->failed_bytes);
	rk_json_close(json, '}');
}

static void put_frames(struct rk_memory_report *r, struct rk_json *json, uint32_t stack)
{
	const struct rk_stack_frame *frames;
	uint32_t count = rk_stack_names_get(r->names, stack, &frames);
	char text[RK_MEMORY_WHERE_MAX];

	rk_json_open(json, "stack", '[');
	for (uint32_t i = 0; i < count; i++)
		rk_json_string(json, NULL, rk_stack_names_format(text, sizeof(text), &frames[i]));
	rk_json_close(json, ']');
}

static void put_who(struct rk_memory_report *r, struct rk_json *json,
		    const struct rk_memory_holder *who)
{
	char where[RK_MEMORY_WHERE_MAX];

	rk_json_string(json, "where", rk_memory_text_where(who, r->names, where));
	if (who->api)
		rk_json_string(json, "api", rk_intern_get(who->api));
	if (who->tid)
		rk_json_uint(json, "thread", who->tid);
	rk_json_uint(json, "device", who->device);
	rk_json_string(json, "pool", pool_name(who->pool, who->is_registered));
	if (who->stack)
		put_frames(r, json, who->stack);
}

static void put_top(struct rk_memory_report *r, struct rk_json *json, const char *key,
		    const struct rk_memory_space *space, enum rk_memory_order order)
{
	struct rk_memory_holder top[RK_MEMORY_LISTED];
	size_t count = rk_memory_use_top(r->use, space, order, top, RK_MEMORY_LISTED);

	rk_json_open(json, key, '[');
	for (size_t i = 0; i < count; i++) {
		rk_json_open(json, NULL, '{');
		rk_json_uint(json, "live_bytes", positive(top[i].live_bytes));
		rk_json_uint(json, "live", positive(top[i].live_count));
		rk_json_uint(json, "at_peak_bytes", positive(top[i].peak_bytes));
		rk_json_uint(json, "with_context_bytes", top[i].with_context_bytes);
		rk_json_uint(json, "allocations", top[i].allocs);
		rk_json_uint(json, "allocated_bytes", top[i].alloc_bytes);
		rk_json_uint(json, "temporary", top[i].temporary);
		put_who(r, json, &top[i]);
		rk_json_close(json, '}');
	}
	rk_json_close(json, ']');
}

static void put_series(const struct rk_memory_report *r, struct rk_json *json, size_t place)
{
	const struct rk_memory_series *series = &r->series[place];

	rk_json_open(json, "series", '{');
	rk_json_uint(json, "start_ns", since(r, series->start_ns));
	rk_json_uint(json, "step_ns", series->step_ns);
	rk_json_open(json, "most_bytes", '[');
	for (uint32_t i = 0; i < series->count; i++)
		rk_json_uint(json, NULL, series->most[i]);
	rk_json_close(json, ']');
	rk_json_close(json, '}');
}

static void put_spaces(struct rk_memory_report *r, struct rk_json *json)
{
	const struct rk_memory_space *space;

	rk_json_open(json, "spaces", '[');
	for (size_t i = 0; (space = rk_memory_use_space(r->use, i)); i++) {
		rk_json_open(json, NULL, '{');
		if (space->device == RK_MEMORY_ON_HOST)
			rk_json_null(json, "device");
		else
			rk_json_uint(json, "device", space->device);
		rk_json_uint(json, "live_bytes", positive(space->live_bytes));
		rk_json_uint(json, "peak_bytes", space->peak_bytes);
		rk_json_uint(json, "peak_ns", since(r, space->peak_ns));
		put_top(r, json, "at_peak", space, RK_MEMORY_BY_PEAK);
		if (i < RK_MEMORY_SERIES)
			put_series(r, json, i);
		rk_json_close(json, '}');
	}
	rk_json_close(json, ']');
}

static void put_failures(struct rk_memory_report *r, struct rk_json *json)
{
	rk_json_open(json, "out_of_memory", '[');
	for (uint32_t i = 0; i < r->failure_count; i++) {
		const struct rk_memory_failure *f = &r->failures[i];

		rk_json_open(json, NULL, '{');
		rk_json_uint(json, "ns", since(r, f->when));
		rk_json_uint(json, "bytes", f->bytes);
		put_who(r, json, &f->who);
		rk_json_close(json, '}');
	}
	rk_json_close(json, ']');
}

static void put_totals(struct rk_memory_report *r, struct rk_json *json)
{
	struct rk_memory_totals totals;
	uint64_t bytes, count = rk_memory_report_never_freed(r, &bytes);

	rk_memory_use_totals(r->use, &totals);
	rk_json_bool(json, "clean_exit", totals.ended);
	rk_json_uint(json, "allocations", totals.allocs);
	rk_json_uint(json, "temporary", totals.temporary);
	rk_json_uint(json, "temporary_bytes", totals.temporary_bytes);
	rk_json_uint(json, "never_freed", count);
	rk_json_uint(json, "never_freed_bytes", bytes);
	rk_json_uint(json, "failed", totals.failed);
	rk_json_uint(json, "graph_allocations", totals.promised);
	rk_json_uint(json, "graph_allocation_bytes", totals.promised_bytes);
	rk_json_uint(json, "unknown_frees", totals.unknown_frees);
	rk_json_uint(json, "folded", totals.folded);
	rk_json_uint(json, "untracked", totals.untracked);
}

void rk_memory_report_json(struct rk_memory_report *r, struct rk_json *json)
{
	const struct rk_memory_row *row;

	rk_json_open(json, "memory_use", '{');
	put_totals(r, json);
	rk_json_open(json, "pools", '[');
	for (size_t i = 0; (row = rk_memory_use_row(r->use, i)); i++)
		put_row(r, json, row);
	rk_json_close(json, ']');
	put_spaces(r, json);
	put_top(r, json, "never_freed_by", NULL, RK_MEMORY_BY_LEAK);
	put_top(r, json, "temporary_by", NULL, RK_MEMORY_BY_TEMPORARY);
	put_failures(r, json);
	rk_json_close(json, '}');
}
