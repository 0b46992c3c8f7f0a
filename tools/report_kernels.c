/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/report_kernels.c - the kernel table, and the one of copies.
 *
 * Columns are called as in nsys, so that scripts and eyes find them. Host times never mix
 * with GPU times: they are a table of their own that says so.
 */
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/number.h"
#include "tools/report_section.h"
#include "tools/tool.h"

#define NAME_WIDTH 100 /* of the text table; JSON and CSV have whole names */

struct report {
	struct rk_report_table *table;
	enum rk_report_by by;
	size_t rows;
};

/* The rows [first, end) are one table: same group, same kind of time, same place. */
static size_t table_end(const struct report *r, size_t first)
{
	const struct rk_report_row *row = rk_report_table_get(r->table, first);
	size_t end = first;

	while (end < r->rows) {
		if (!rk_report_row_is_beside(rk_report_table_get(r->table, end), row))
			break;
		end++;
	}
	return end;
}

static double table_total(const struct report *r, size_t first, size_t end)
{
	double total = 0;

	for (size_t i = first; i < end; i++)
		total += (double)rk_report_table_get(r->table, i)->ns.total;
	return total;
}

static double percent(const struct rk_report_row *row, double total)
{
	return total > 0 ? 100 * (double)row->ns.total / total : 0;
}

static const char *group_name(uint8_t group)
{
	static const char *const names[] = {
		[RK_REPORT_KERNELS] = "kernels",
		[RK_REPORT_GRAPHS] = "graphs",
		[RK_REPORT_MEMORY] = "memory",
	};

	return names[group];
}

static void print_place(const struct report *r, const struct rk_report_row *row)
{
	if (r->by == RK_BY_THREAD && row->lane)
		printf(", thread %u", row->lane);
	else if (r->by == RK_BY_THREAD)
		printf(", thread unknown");
	if (r->by == RK_BY_DEVICE || r->by == RK_BY_STREAM)
		printf(", GPU %u", row->device);
	if (r->by == RK_BY_STREAM)
		printf(", stream %u", row->lane);
	putchar('\n');
}

static void print_title(const struct report *r, const struct rk_report_row *row)
{
	static const char *const titles[] = {
		[RK_REPORT_KERNELS] = "CUDA kernels",
		[RK_REPORT_GRAPHS] = "CUDA graphs traced as a whole",
		[RK_REPORT_MEMORY] = "Copies and memsets",
	};

	printf("%s%s", titles[row->group],
	       row->host_time ? ", HOST TIME of the call (no GPU time was available)" :
				", GPU time");
	print_place(r, row);
}

/* Bytes per ns are GB/s. What the host measures is not how fast the GPU copied. */
static double bandwidth(const struct rk_report_row *row)
{
	return row->host_time || !row->ns.total ? 0 : (double)row->bytes / (double)row->ns.total;
}

static void print_transfer(const struct rk_report_row *row)
{
	char bytes[32] = "";

	printf(" %10s", rk_tool_format_bytes((double)row->bytes, bytes));
	if (bandwidth(row) > 0)
		printf(" %8.2f", bandwidth(row));
	else
		printf(" %8s", "-");
}

/* Their last parts: whole paths are in JSON. */
static void print_modules(const struct rk_report_row *row)
{
	char shown[NAME_WIDTH + 1];

	for (int i = 0; i < RK_REPORT_MODULES && row->modules[i]; i++) {
		const char *path = rk_intern_get(row->modules[i]);
		const char *last = strrchr(path, '/');

		printf("%s%s", i ? ", " : "  in ",
		       rk_tool_printable(last ? last + 1 : path, shown, sizeof(shown)));
	}
}

static void print_text_row(struct rk_report_row *row, double total)
{
	char cells[6][32], name[NAME_WIDTH + 1];
	const char *whole = rk_intern_get(row->name);

	rk_tool_format_ns((double)row->ns.total, cells[0]);
	rk_tool_format_ns(row->ns.mean, cells[1]);
	rk_tool_format_ns(rk_distribution_get_median(&row->ns), cells[2]);
	rk_tool_format_ns((double)row->ns.min, cells[3]);
	rk_tool_format_ns((double)row->ns.max, cells[4]);
	rk_tool_format_ns(rk_distribution_get_stddev(&row->ns), cells[5]);
	rk_tool_printable(whole, name, sizeof(name));
	printf("%8.1f %10s %10llu %10s %10s %10s %10s %10s", percent(row, total), cells[0],
	       (unsigned long long)row->ns.count, cells[1], cells[2], cells[3], cells[4], cells[5]);
	if (row->group == RK_REPORT_MEMORY)
		print_transfer(row);
	printf("  %s%s", *name ? name : "(unknown)", strlen(whole) > NAME_WIDTH ? "..." : "");
	print_modules(row);
	putchar('\n');
}

static void print_text(struct report *r, const char *file)
{
	uint64_t timeless = rk_report_table_timeless(r->table);
	bool exact = true;

	for (size_t first = 0, end; first < r->rows; first = end) {
		struct rk_report_row *row = rk_report_table_get(r->table, first);
		double total;

		end = table_end(r, first);
		total = table_total(r, first, end);
		if (first)
			putchar('\n');
		print_title(r, row);
		printf("%8s %10s %10s %10s %10s %10s %10s %10s%s  %s\n", "Time (%)", "Total",
		       "Instances", "Avg", "Med", "Min", "Max", "StdDev",
		       row->group == RK_REPORT_MEMORY ? "      Bytes     GB/s" : "",
		       row->group == RK_REPORT_MEMORY ? "Operation" : "Name");
		for (size_t i = first; i < end; i++) {
			print_text_row(rk_report_table_get(r->table, i), total);
			exact &= rk_distribution_is_exact(&rk_report_table_get(r->table, i)->ns);
		}
	}
	if (!r->rows)
		printf("%s holds no kernels, copies or memsets with a time\n", file);
	if (!exact)
		printf("\nMed is within 0.4 %% where there are more than %d instances\n",
		       RK_DISTRIBUTION_EXACT);
	if (timeless)
		printf("\n%llu operations without a usable time are in no table\n",
		       (unsigned long long)timeless);
}

static void print_json_place(const struct report *r, struct rk_json *json,
			     const struct rk_report_row *row)
{
	if (r->by == RK_BY_THREAD)
		rk_json_uint(json, "thread", row->lane);
	if (r->by == RK_BY_DEVICE || r->by == RK_BY_STREAM)
		rk_json_uint(json, "device", row->device);
	if (r->by == RK_BY_STREAM)
		rk_json_uint(json, "stream", row->lane);
}

static void print_json_modules(struct rk_json *json, const struct rk_report_row *row)
{
	if (!row->modules[0])
		return;
	rk_json_open(json, "modules", '[');
	for (int i = 0; i < RK_REPORT_MODULES && row->modules[i]; i++)
		rk_json_string(json, NULL, rk_intern_get(row->modules[i]));
	rk_json_close(json, ']');
}

static void print_json_row(const struct report *r, struct rk_json *json, struct rk_report_row *row,
			   double total)
{
	rk_json_open(json, NULL, '{');
	print_json_place(r, json, row);
	rk_json_double(json, "time_percent", percent(row, total));
	rk_json_uint(json, "total_ns", row->ns.total);
	rk_json_uint(json, "instances", row->ns.count);
	rk_json_double(json, "avg_ns", row->ns.mean);
	rk_json_double(json, "med_ns", rk_distribution_get_median(&row->ns));
	rk_json_uint(json, "min_ns", row->ns.min);
	rk_json_uint(json, "max_ns", row->ns.max);
	rk_json_double(json, "stddev_ns", rk_distribution_get_stddev(&row->ns));
	rk_json_bool(json, "med_exact", rk_distribution_is_exact(&row->ns));
	if (row->group == RK_REPORT_MEMORY)
		rk_json_uint(json, "bytes", row->bytes);
	if (bandwidth(row) > 0)
		rk_json_double(json, "gb_per_second", bandwidth(row));
	rk_json_string(json, "time_source", row->host_time ? "host" : "gpu");
	rk_json_string(json, "name", rk_intern_get(row->name));
	print_json_modules(json, row);
	rk_json_close(json, '}');
}

static void print_json(struct report *r, struct rk_json *json)
{
	for (uint8_t group = 0; group < RK_REPORT_GROUP_COUNT; group++) {
		rk_json_open(json, group_name(group), '[');
		for (size_t first = 0, end; first < r->rows; first = end) {
			double total;

			end = table_end(r, first);
			if (rk_report_table_get(r->table, first)->group != group)
				continue;
			total = table_total(r, first, end);
			for (size_t i = first; i < end; i++)
				print_json_row(r, json, rk_report_table_get(r->table, i), total);
		}
		rk_json_close(json, ']');
	}
	rk_json_uint(json, "without_time", rk_report_table_timeless(r->table));
}

static void print_csv_place(const struct report *r, const struct rk_report_row *row)
{
	if (r->by == RK_BY_THREAD)
		printf("%u,", row->lane);
	if (r->by == RK_BY_DEVICE || r->by == RK_BY_STREAM)
		printf("%u,", row->device);
	if (r->by == RK_BY_STREAM)
		printf("%u,", row->lane);
}

static void print_csv_row(const struct report *r, struct rk_report_row *row, double total)
{
	print_csv_place(r, row);
	rk_report_csv_number(percent(row, total));
	printf(",%llu,%llu,", (unsigned long long)row->ns.total, (unsigned long long)row->ns.count);
	rk_report_csv_number(row->ns.mean);
	putchar(',');
	rk_report_csv_number(rk_distribution_get_median(&row->ns));
	printf(",%llu,%llu,", (unsigned long long)row->ns.min, (unsigned long long)row->ns.max);
	rk_report_csv_number(rk_distribution_get_stddev(&row->ns));
	printf(",%s,%s,%llu,", group_name(row->group), row->host_time ? "host" : "gpu",
	       (unsigned long long)row->bytes);
	if (bandwidth(row) > 0)
		rk_report_csv_number(bandwidth(row));
	putchar(',');
	rk_report_csv_text(rk_intern_get(row->name));
	putchar('\n');
}

static void print_csv(struct report *r)
{
	static const char *const places[] = {
		[RK_BY_NAME] = "",
		[RK_BY_DEVICE] = "Device,",
		[RK_BY_STREAM] = "Device,Stream,",
		[RK_BY_THREAD] = "Thread,",
	};

	fputs(places[r->by], stdout);
	puts("Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),"
	     "Category,Time Source,Bytes,GB/s,Name");
	for (size_t first = 0, end; first < r->rows; first = end) {
		double total;

		end = table_end(r, first);
		total = table_total(r, first, end);
		for (size_t i = first; i < end; i++)
			print_csv_row(r, rk_report_table_get(r->table, i), total);
	}
}

static void *create(const struct rk_report_setup *setup)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->by = setup->by;
	r->table = rk_report_table_create(setup->config, setup->names, setup->by);
	if (r->table)
		return r;
	free(r);
	return NULL;
}

static void destroy(void *self)
{
	struct report *r = self;

	if (!r)
		return;
	rk_report_table_destroy(r->table);
	free(r);
}

static int push(void *self, const struct rk_op *op)
{
	struct report *r = self;

	return rk_report_table_push(r->table, op);
}

static void print(void *self, const struct rk_report_print *how)
{
	struct report *r = self;

	r->rows = rk_report_table_sort(r->table);
	if (how->style == RK_REPORT_TEXT)
		print_text(r, how->setup->file);
	else if (how->style == RK_REPORT_JSON)
		print_json(r, how->json);
	else
		print_csv(r);
}

const struct rk_report_section rk_report_kernels = { create, destroy, push, print };
