/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_report.c - `rktrace report`: the kernel table, and the one of copies.
 *
 * Columns are called as in nsys, so that scripts and eyes find them. Host times never mix
 * with GPU times: they are a table of their own that says so.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/intern.h"
#include "core/number.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/report_table.h"
#include "tools/trace_input.h"

#define NAME_WIDTH 100 /* of the text table; JSON and CSV have whole names */

static const char verb[] = "report";

enum style { STYLE_TEXT, STYLE_JSON, STYLE_CSV };

struct report {
	struct rk_report_table *table;
	size_t rows;
	const char *file;
	char gpu_time_source[16]; /* of the whole file, as it says itself */
};

/* The rows [first, end) are one table: same group, same kind of time. */
static size_t table_end(const struct report *r, size_t first)
{
	const struct rk_report_row *row = rk_report_table_get(r->table, first);
	size_t end = first;

	while (end < r->rows) {
		const struct rk_report_row *next = rk_report_table_get(r->table, end);

		if (next->group != row->group || next->host_time != row->host_time)
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

static void print_title(const struct rk_report_row *row)
{
	static const char *const titles[] = {
		[RK_REPORT_KERNELS] = "CUDA kernels",
		[RK_REPORT_GRAPHS] = "CUDA graphs traced as a whole",
		[RK_REPORT_MEMORY] = "Copies and memsets",
	};

	printf("%s%s\n", titles[row->group],
	       row->host_time ? ", HOST TIME of the call (no GPU time was available)" :
				", GPU time");
}

static void print_text_row(struct rk_report_row *row, double total)
{
	char cells[6][32], bytes[32] = "", name[NAME_WIDTH + 1];
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
		printf(" %10s", rk_tool_format_bytes((double)row->bytes, bytes));
	printf("  %s%s\n", *name ? name : "(unknown)", strlen(whole) > NAME_WIDTH ? "..." : "");
}

static void print_text(struct report *r)
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
		print_title(row);
		printf("%8s %10s %10s %10s %10s %10s %10s %10s%s  %s\n", "Time (%)", "Total",
		       "Instances", "Avg", "Med", "Min", "Max", "StdDev",
		       row->group == RK_REPORT_MEMORY ? "      Bytes" : "",
		       row->group == RK_REPORT_MEMORY ? "Operation" : "Name");
		for (size_t i = first; i < end; i++) {
			print_text_row(rk_report_table_get(r->table, i), total);
			exact &= rk_distribution_is_exact(&rk_report_table_get(r->table, i)->ns);
		}
	}
	if (!r->rows)
		printf("%s holds no kernels, copies or memsets with a time\n", r->file);
	if (!exact)
		printf("\nMed is within 0.4 %% where there are more than %d instances\n",
		       RK_DISTRIBUTION_EXACT);
	if (timeless)
		printf("\n%llu operations without a usable time are in no table\n",
		       (unsigned long long)timeless);
}

static void print_json_row(struct rk_json *json, struct rk_report_row *row, double total)
{
	rk_json_open(json, NULL, '{');
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
	rk_json_string(json, "time_source", row->host_time ? "host" : "gpu");
	rk_json_string(json, "name", rk_intern_get(row->name));
	rk_json_close(json, '}');
}

static void print_json(struct report *r)
{
	struct rk_json json;

	rk_json_init(&json, stdout);
	rk_json_open(&json, NULL, '{');
	rk_json_string(&json, "file", r->file);
	rk_json_string(&json, "gpu_time_source", r->gpu_time_source);
	for (uint8_t group = 0; group < RK_REPORT_GROUP_COUNT; group++) {
		rk_json_open(&json, group_name(group), '[');
		for (size_t first = 0, end; first < r->rows; first = end) {
			double total;

			end = table_end(r, first);
			if (rk_report_table_get(r->table, first)->group != group)
				continue;
			total = table_total(r, first, end);
			for (size_t i = first; i < end; i++)
				print_json_row(&json, rk_report_table_get(r->table, i), total);
		}
		rk_json_close(&json, ']');
	}
	rk_json_uint(&json, "without_time", rk_report_table_timeless(r->table));
	rk_json_close(&json, '}');
}

static void print_csv_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

static void print_csv_number(double value)
{
	char number[40];

	rk_number_format(value, number, sizeof(number));
	printf("%s,", number);
}

static void print_csv_row(struct rk_report_row *row, double total)
{
	print_csv_number(percent(row, total));
	printf("%llu,%llu,", (unsigned long long)row->ns.total, (unsigned long long)row->ns.count);
	print_csv_number(row->ns.mean);
	print_csv_number(rk_distribution_get_median(&row->ns));
	printf("%llu,%llu,", (unsigned long long)row->ns.min, (unsigned long long)row->ns.max);
	print_csv_number(rk_distribution_get_stddev(&row->ns));
	printf("%s,%s,%llu,", group_name(row->group), row->host_time ? "host" : "gpu",
	       (unsigned long long)row->bytes);
	print_csv_string(rk_intern_get(row->name));
	putchar('\n');
}

static void print_csv(struct report *r)
{
	puts("Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),"
	     "Category,Time Source,Bytes,Name");
	for (size_t first = 0, end; first < r->rows; first = end) {
		double total;

		end = table_end(r, first);
		total = table_total(r, first, end);
		for (size_t i = first; i < end; i++)
			print_csv_row(rk_report_table_get(r->table, i), total);
	}
}

/* Returns a status. */
static int fill(struct report *r)
{
	struct rk_trace_reader *reader;
	struct rk_op op;
	int err, status;

	status = rk_trace_input_open(&reader, verb, r->file);
	if (status)
		return status;
	while ((err = rk_trace_reader_next(reader, &op)) > 0) {
		if (rk_report_table_push(r->table, &op)) {
			err = -ENOMEM;
			break;
		}
	}
	status = rk_trace_input_end(reader, verb, r->file, err);
	snprintf(r->gpu_time_source, sizeof(r->gpu_time_source), "%s",
		 rk_trace_reader_meta(reader)->gpu_time_source);
	rk_trace_reader_close(reader);
	r->rows = rk_report_table_sort(r->table);
	return status;
}

static int report(const char *file, enum rk_report_names names, enum style style)
{
	struct report r = { .file = file };
	struct rk_config *config;
	int status;

	if (rk_config_create(&config, NULL))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	r.table = rk_report_table_create(config, names);
	status = r.table ? fill(&r) : rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	/* What could be read of a damaged file is shown; the status tells. */
	if (r.table && (status == RK_TOOL_OK || r.rows)) {
		if (style == STYLE_TEXT)
			print_text(&r);
		else if (style == STYLE_JSON)
			print_json(&r);
		else
			print_csv(&r);
	}
	rk_report_table_destroy(r.table);
	rk_config_destroy(config);
	return status;
}

int rk_cmd_report(int argc, char **argv)
{
	bool base = false, demangled = false, mangled = false, as_json = false, as_csv = false;
	const struct rk_option options[] = {
		{ "base", 0, NULL, "names without templates and arguments (default)", &base, NULL },
		{ "demangled", 0, NULL, "whole C++ names", &demangled, NULL },
		{ "mangled", 0, NULL, "names as the linker sees them", &mangled, NULL },
		{ "json", 0, NULL, "print JSON, times in ns", &as_json, NULL },
		{ "csv", 0, NULL, "print CSV, times in ns", &as_csv, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	const char *file;
	int status;

	status = rk_options_parse_file(options, verb, argc, argv, &file);
	if (status != RK_OPTIONS_PARSED)
		return status;
	if (base + demangled + mangled > 1)
		return rk_options_misused(verb, "expected one of --base, --demangled, --mangled");
	if (as_json && as_csv)
		return rk_options_misused(verb, "expected one of --json, --csv");
	status = report(file,
			mangled	  ? RK_NAMES_MANGLED :
			demangled ? RK_NAMES_DEMANGLED :
				    RK_NAMES_BASE,
			as_json ? STYLE_JSON :
			as_csv	? STYLE_CSV :
				  STYLE_TEXT);
	return rk_tool_finish(status, verb);
}
