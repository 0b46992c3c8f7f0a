/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/memory_text.c - the verdict's line, places, and who holds memory when it is out.
 */
#include "pipeline/use/memory_text.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/intern.h"
#include "core/record.h"
#include "pipeline/human_units.h"
#include "pipeline/metrics/metrics_state.h"

struct line {
	char *out;
	size_t size;
	size_t used; /* as snprintf: may exceed size */
};

static void print(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct line *line, const char *format, ...)
{
	size_t at = line->used < line->size ? line->used : line->size;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line->out + at, line->size - at, format, args);
	va_end(args);
	if (length > 0)
		line->used += (size_t)length;
}

/* The device with the highest peak; how many there are. */
static const struct rk_memory_space *fullest(const struct rk_memory_use *use, uint32_t *devices)
{
	const struct rk_memory_space *space, *most = NULL;

	*devices = 0;
	for (size_t i = 0; (space = rk_memory_use_space(use, i)); i++) {
		if (space->device == RK_MEMORY_ON_HOST)
			continue;
		++*devices;
		if (!most || space->peak_bytes > most->peak_bytes)
			most = space;
	}
	return most;
}

static void print_peaks(struct line *line, const struct rk_memory_use *use)
{
	uint32_t devices;
	const struct rk_memory_space *most = fullest(use, &devices);
	const struct rk_memory_space *host = rk_memory_use_space_of(use, 0, RK_POOL_PINNED);
	char text[RK_HUMAN_MAX];

	print(line, "memory peak %s", rk_human_bytes(text, most ? most->peak_bytes : 0));
	if (devices > 1)
		print(line, " on GPU %u of %u", most->device, devices);
	if (host && host->peak_bytes)
		print(line, ", pinned %s", rk_human_bytes(text, host->peak_bytes));
}

static void print_never_freed(struct line *line, const struct rk_memory_use *use,
			      const struct rk_memory_totals *totals)
{
	const struct rk_memory_row *row;
	uint64_t count = totals->with_context, bytes = totals->with_context_bytes;
	char text[RK_HUMAN_MAX];

	for (size_t i = 0; (row = rk_memory_use_row(use, i)); i++) {
		if (row->is_registered || row->live_count <= 0)
			continue;
		count += (uint64_t)row->live_count;
		bytes += row->live_bytes > 0 ? (uint64_t)row->live_bytes : 0;
	}
	if (count)
		print(line, ", %llu never freed (%s)", (unsigned long long)count,
		      rk_human_bytes(text, bytes));
}

const char *rk_memory_text_line(const struct rk_memory_use *use, char out[RK_MEMORY_LINE_MAX])
{
	struct line line = { .out = out, .size = RK_MEMORY_LINE_MAX };
	struct rk_memory_totals totals;

	out[0] = '\0';
	rk_memory_use_totals(use, &totals);
	if (!totals.allocs && !totals.failed && !totals.promised)
		return out;
	print_peaks(&line, use);
	print(&line, "; %llu allocations, %llu temporary", (unsigned long long)totals.allocs,
	      (unsigned long long)totals.temporary);
	print_never_freed(&line, use, &totals);
	if (totals.failed)
		print(&line, ", %llu OUT OF MEMORY", (unsigned long long)totals.failed);
	if (totals.promised)
		print(&line, "; not those of %llu graph nodes",
		      (unsigned long long)totals.promised);
	return out;
}

const char *rk_memory_text_where(const struct rk_memory_holder *holder,
				 struct rk_stack_names *names, char out[RK_MEMORY_WHERE_MAX])
{
	const struct rk_stack_frame *frames;
	const struct rk_stack_frame *first;

	if (holder->stack && names) {
		/* Before the call below: which argument is taken first is the compiler's choice. */
		uint32_t count = rk_stack_names_get(names, holder->stack, &frames);

		first = rk_stack_names_first(frames, count);
		if (first)
			return rk_stack_names_format(out, RK_MEMORY_WHERE_MAX, first);
	}
	if (!holder->api)
		snprintf(out, RK_MEMORY_WHERE_MAX, "other");
	else if (holder->stack)
		snprintf(out, RK_MEMORY_WHERE_MAX, "%s, stack %u", rk_intern_get(holder->api),
			 holder->stack);
	else
		snprintf(out, RK_MEMORY_WHERE_MAX, "%s, thread %u", rk_intern_get(holder->api),
			 holder->tid);
	return out;
}

static double percent(int64_t part, int64_t whole)
{
	return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

static void print_holders(struct line *line, const struct rk_memory_use *use,
			  const struct rk_memory_space *space, struct rk_stack_names *names,
			  const char *const before[2])
{
	struct rk_memory_holder top[RK_MEMORY_TOLD];
	size_t count = rk_memory_use_top(use, space, RK_MEMORY_BY_LIVE, top, RK_MEMORY_TOLD);
	char bytes[RK_HUMAN_MAX], where[RK_MEMORY_WHERE_MAX];

	for (size_t i = 0; i < count; i++)
		print(line, "%s%s (%.0f %%) %s in %lld by %s", before[i > 0],
		      rk_human_bytes(bytes, (uint64_t)top[i].live_bytes),
		      percent(top[i].live_bytes, space->live_bytes),
		      top[i].is_registered ? "registered" : rk_metrics_pool_name(top[i].pool),
		      (long long)top[i].live_count, rk_memory_text_where(&top[i], names, where));
}

size_t rk_memory_text_holders(const struct rk_memory_use *use, const struct rk_memory_space *space,
			      struct rk_stack_names *names, char *out, size_t size)
{
	static const char *const before[] = { "", "\n" };
	struct line line = { .out = out, .size = size };

	print_holders(&line, use, space, names, before);
	return line.used;
}

static void print_asked(struct line *line, const struct rk_memory_refusal *refusal)
{
	char bytes[RK_HUMAN_MAX];

	print(line, "%s of %s memory could not be had", rk_human_bytes(bytes, refusal->bytes),
	      rk_metrics_pool_name(refusal->pool));
	if (refusal->pool != RK_POOL_PINNED)
		print(line, " on GPU %u", refusal->device);
	print(line, "; ");
}

size_t rk_memory_text_refused(const struct rk_memory_use *use, struct rk_stack_names *names,
			      const struct rk_op *op, char *out, size_t size)
{
	static const char *const before[] = { ": ", "; " };
	struct line line = { .out = out, .size = size };
	const struct rk_memory_space *space;
	struct rk_memory_refusal refusal;
	char live[RK_HUMAN_MAX];

	rk_memory_use_refusal(use, &refusal);
	if (refusal.ordinal && refusal.ordinal == op->ordinal)
		print_asked(&line, &refusal);
	else
		refusal = (struct rk_memory_refusal){ .device = op->device };
	space = rk_memory_use_space_of(use, refusal.device, refusal.pool);
	print(&line, "the program holds %s",
	      rk_human_bytes(live,
			     space && space->live_bytes > 0 ? (uint64_t)space->live_bytes : 0));
	if (space)
		print_holders(&line, use, space, names, before);
	return line.used;
}
