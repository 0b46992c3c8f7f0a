/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_memory_text.c - the section --memory for people, and as CSV.
 */
#include <string.h>

#include "core/record.h"
#include "pipeline/metrics/metrics_state.h"
#include "pipeline/use/memory_text.h"
#include "tools/report_memory.h"
#include "tools/tool.h"

#define FRAMES_SHOWN 6u /* of a stack, behind the place it is known by */

static const char *pool_name(uint8_t pool, bool is_registered)
{
	return is_registered ? "registered" : rk_metrics_pool_name(pool);
}

static double bytes_of(int64_t bytes)
{
	return bytes > 0 ? (double)bytes : 0;
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static const char *when(const struct rk_memory_report *r, uint64_t ns, char out[32])
{
	rk_tool_format_ns(ns > r->start_ns ? (double)(ns - r->start_ns) : 0, out);
	return out;
}

static void print_row(const struct rk_memory_report *r, const struct rk_memory_row *row)
{
	char live[32], peak[32], at[32];

	printf("%4u %-11s%11s %9lld %11s %10s %10llu %10llu %10llu %7llu\n", row->device,
	       pool_name(row->pool, row->is_registered),
	       rk_tool_format_bytes(bytes_of(row->live_bytes), live), (long long)row->live_count,
	       rk_tool_format_bytes((double)row->peak_bytes, peak), when(r, row->peak_ns, at),
	       (unsigned long long)row->allocs, (unsigned long long)row->frees,
	       (unsigned long long)row->temporary, (unsigned long long)row->failed);
}

/* A registered row is a part of the pinned one, and stands behind it. */
static void print_rows(const struct rk_memory_report *r)
{
	const struct rk_memory_row *row, *part;

	printf("Memory, as the program asked for it\n");
	printf("%4s %-11s%11s %9s %11s %10s %10s %10s %10s %7s\n", "GPU", "Pool", "At the end",
	       "Blocks", "Peak", "Peak at", "Allocs", "Frees", "Temporary", "Failed");
	for (size_t i = 0; (row = rk_memory_use_row(r->use, i)); i++) {
		if (row->is_registered)
			continue;
		print_row(r, row);
		for (size_t j = 0;
		     row->pool == RK_POOL_PINNED && (part = rk_memory_use_row(r->use, j)); j++) {
			if (part->is_registered && part->device == row->device)
				print_row(r, part);
		}
	}
}

static void print_stack(struct rk_memory_report *r, uint32_t stack)
{
	const struct rk_stack_frame *frames;
	uint32_t count = rk_stack_names_get(r->names, stack, &frames);
	char text[RK_MEMORY_WHERE_MAX], clean[RK_MEMORY_WHERE_MAX];

	for (uint32_t i = 0; i < count && i < FRAMES_SHOWN; i++) {
		rk_stack_names_format(text, sizeof(text), &frames[i]);
		rk_tool_printable(text, clean, sizeof(clean));
		printf("%44s%s\n", "", clean);
	}
	if (count > FRAMES_SHOWN)
		printf("%44s... %u more\n", "", count - FRAMES_SHOWN);
}

static int64_t share_of(const struct rk_memory_holder *holder, enum rk_memory_order order)
{
	switch (order) {
	case RK_MEMORY_BY_PEAK:
		return holder->peak_bytes;
	case RK_MEMORY_BY_LEAK:
		return holder->live_bytes + (int64_t)holder->with_context_bytes;
	default:
		return holder->live_bytes;
	}
}

static void print_holder(struct rk_memory_report *r, const struct rk_memory_holder *holder,
			 enum rk_memory_order order, double whole)
{
	char bytes[32], where[RK_MEMORY_WHERE_MAX], clean[RK_MEMORY_WHERE_MAX];
	double amount = bytes_of(share_of(holder, order));

	if (order == RK_MEMORY_BY_TEMPORARY)
		amount = (double)holder->temporary;
	rk_memory_text_where(holder, r->names, where);
	rk_tool_printable(where, clean, sizeof(clean));
	if (order == RK_MEMORY_BY_TEMPORARY)
		snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)holder->temporary);
	else
		rk_tool_format_bytes(amount, bytes);
	printf("%11s %6.1f %10llu  %-11s  %s\n", bytes, percent(amount, whole),
	       (unsigned long long)holder->allocs, pool_name(holder->pool, holder->is_registered),
	       clean);
	if (holder->stack)
		print_stack(r, holder->stack);
}

static void print_top(struct rk_memory_report *r, const struct rk_memory_space *space,
		      enum rk_memory_order order, double whole)
{
	struct rk_memory_holder top[RK_MEMORY_SHOWN];
	size_t count = rk_memory_use_top(r->use, space, order, top, RK_MEMORY_SHOWN);

	printf("%11s %6s %10s  %-11s  %s\n",
	       order == RK_MEMORY_BY_TEMPORARY ? "Temporary" : "Bytes", "%", "Allocs", "Pool",
	       "Where");
	for (size_t i = 0; i < count; i++)
		print_holder(r, &top[i], order, whole);
}

static void print_peaks(struct rk_memory_report *r)
{
	const struct rk_memory_space *space;
	char bytes[32], at[32];

	for (size_t i = 0; (space = rk_memory_use_space(r->use, i)); i++) {
		if (!space->peak_bytes)
			continue;
		rk_tool_format_bytes((double)space->peak_bytes, bytes);
		if (space->device == RK_MEMORY_ON_HOST)
			printf("\nHeld at the peak of the host's memory, %s", bytes);
		else
			printf("\nHeld at the peak of GPU %u, %s", space->device, bytes);
		printf(" after %s\n", when(r, space->peak_ns, at));
		print_top(r, space, RK_MEMORY_BY_PEAK, (double)space->peak_bytes);
	}
}

static void print_never_freed(struct rk_memory_report *r, const struct rk_memory_totals *totals)
{
	uint64_t bytes, count = rk_memory_report_never_freed(r, &bytes);
	char text[32];

	if (!count) {
		printf("\nEverything was freed\n");
		return;
	}
	printf("\nNever freed by the program: %llu, %s", (unsigned long long)count,
	       rk_tool_format_bytes((double)bytes, text));
	if (totals->with_context)
		printf(", of which %s went with their context",
		       rk_tool_format_bytes((double)totals->with_context_bytes, text));
	printf(totals->ended ? "; the driver frees them when the process exits\n" :
			       "; held when the recording ends\n");
	print_top(r, NULL, RK_MEMORY_BY_LEAK, (double)bytes);
}

static void print_temporary(struct rk_memory_report *r, const struct rk_memory_totals *totals)
{
	if (!totals->temporary)
		return;
	printf("\nTemporary, freed by their thread before its next allocation: %llu of %llu "
	       "(%.1f %%)\n",
	       (unsigned long long)totals->temporary, (unsigned long long)totals->allocs,
	       percent((double)totals->temporary, (double)totals->allocs));
	print_top(r, NULL, RK_MEMORY_BY_TEMPORARY, (double)totals->temporary);
}

static void print_failures(struct rk_memory_report *r, const struct rk_memory_totals *totals)
{
	char bytes[32], at[32], where[RK_MEMORY_WHERE_MAX], clean[RK_MEMORY_WHERE_MAX];

	if (!totals->failed)
		return;
	printf("\nOut of memory: %llu\n", (unsigned long long)totals->failed);
	printf("%11s %10s %4s  %-11s  %s\n", "Asked for", "After", "GPU", "Pool", "Where");
	for (uint32_t i = 0; i < r->failure_count; i++) {
		const struct rk_memory_failure *f = &r->failures[i];

		rk_memory_text_where(&f->who, r->names, where);
		rk_tool_printable(where, clean, sizeof(clean));
		printf("%11s %10s %4u  %-11s  %s\n", rk_tool_format_bytes((double)f->bytes, bytes),
		       when(r, f->when, at), f->who.device, pool_name(f->who.pool, false), clean);
	}
	if (totals->failed > r->failure_count)
		printf("%11s\n", "...");
}

static void print_notes(const struct rk_memory_totals *totals)
{
	char bytes[32];

	if (totals->promised)
		printf("\n%llu allocations (%s) are nodes of CUDA graphs: they take memory whenever "
		       "the graph runs, and are in no number here\n",
		       (unsigned long long)totals->promised,
		       rk_tool_format_bytes((double)totals->promised_bytes, bytes));
	if (totals->unknown_frees)
		printf("\n%llu frees were of memory taken before the recording began, or whose "
		       "allocation was lost\n",
		       (unsigned long long)totals->unknown_frees);
	if (totals->resets)
		printf("\nRecording stopped %llu time%s: what was held then is in no number \"at the "
		       "end\", because it may have been freed unseen\n",
		       (unsigned long long)totals->resets, totals->resets == 1 ? "" : "s");
	if (totals->folded || totals->untracked)
		printf("\n%llu allocations are held by \"other\" and %llu by nobody: there were too "
		       "many\n",
		       (unsigned long long)totals->folded, (unsigned long long)totals->untracked);
}

void rk_memory_report_text(struct rk_memory_report *r)
{
	struct rk_memory_totals totals;

	rk_memory_use_totals(r->use, &totals);
	if (!rk_memory_use_row(r->use, 0)) {
		printf("%s holds no allocations\n", r->file);
		print_notes(&totals);
		return;
	}
	print_rows(r);
	print_peaks(r);
	print_never_freed(r, &totals);
	print_temporary(r, &totals);
	print_failures(r, &totals);
	print_notes(&totals);
}

void rk_memory_report_csv(const struct rk_memory_report *r)
{
	const struct rk_memory_row *row;

	puts("GPU,Pool,Live (bytes),Live,Peak (bytes),Peak at (ns),Allocations,Allocated (bytes),"
	     "Frees,Temporary,Temporary (bytes),Failed,Failed (bytes),With Context");
	for (size_t i = 0; (row = rk_memory_use_row(r->use, i)); i++)
		printf("%u,%s,%lld,%lld,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu\n",
		       row->device, pool_name(row->pool, row->is_registered),
		       (long long)row->live_bytes, (long long)row->live_count,
		       (unsigned long long)row->peak_bytes,
		       (unsigned long long)(row->peak_ns > r->start_ns ?
						    row->peak_ns - r->start_ns :
						    0),
		       (unsigned long long)row->allocs, (unsigned long long)row->alloc_bytes,
		       (unsigned long long)row->frees, (unsigned long long)row->temporary,
		       (unsigned long long)row->temporary_bytes, (unsigned long long)row->failed,
		       (unsigned long long)row->failed_bytes,
		       (unsigned long long)row->with_context);
}
