/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_diff.c - `rktrace diff A B`: which kernels take longer than before, and how surely.
 *
 * The question is not whether two runs differ, which with many launches they always do, but whether
 * they differ by more than a limit, and whether the numbers are enough to say so. See
 * kernel_diff.h for how that is judged.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/number.h"
#include "tools/json.h"
#include "tools/kernel_diff.h"
#include "tools/options.h"
#include "tools/report_table.h"
#include "tools/trace_pass.h"

#define NAME_WIDTH 80

static const char verb[] = "diff";

struct side {
	const char *path;
	struct rk_report_table *table;
	char gpu[256];	   /* of device 0; "" = not told */
	char source[16];   /* of GPU times */
};

struct diff {
	struct side sides[2];
	struct rk_filter_arguments wanted;
	struct rk_trace_filter *filter;
	const struct rk_config *config;
	struct rk_kernel_diff_limits limits;
	struct rk_kernel_diff *rows;
	size_t count;
	bool gates, as_json;
	enum rk_report_names names;
};

static int read_side(struct diff *d, struct side *side)
{
	struct rk_trace_pass *pass;
	struct rk_op op;
	int status = rk_trace_pass_open(&pass, verb, side->path, d->filter), got = 0;

	if (status)
		return status;
	side->table = rk_report_table_create(d->config, d->names, RK_BY_NAME);
	if (!side->table)
		got = -ENOMEM;
	snprintf(side->source, sizeof(side->source), "%s",
		 rk_trace_reader_meta(rk_trace_pass_reader(pass))->gpu_time_source);
	while (got >= 0 && (got = rk_trace_pass_next(pass, &op)) > 0) {
		if (op.kind == RK_OP_DEVICE && op.device == 0)
			snprintf(side->gpu, sizeof(side->gpu), "%s", rk_intern_get(op.name));
		if (rk_report_table_push(side->table, &op))
			got = -ENOMEM;
	}
	if (got == -ENOMEM)
		status = rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	else
		status = rk_trace_pass_end(pass, got);
	rk_trace_pass_close(pass);
	return status;
}

/* Why the two say nothing about each other; NULL = they do. */
static const char *why_incomparable(const struct diff *d)
{
	const struct side *a = &d->sides[0], *b = &d->sides[1];

	if (strcmp(a->source, b->source) != 0)
		return "one has times of the GPU, the other times of the host";
	if (*a->gpu && *b->gpu && strcmp(a->gpu, b->gpu) != 0)
		return "they ran on different GPUs";
	return NULL;
}

static const char *shown_change(const struct rk_kernel_diff *row, char out[32])
{
	if (row->verdict == RK_DIFF_NEW || row->verdict == RK_DIFF_GONE)
		return "-";
	snprintf(out, 32, "%+.1f %%", 100 * row->change);
	return out;
}

static const char *shown_range(const struct rk_kernel_diff *row, char out[64])
{
	if (!row->has_range)
		return "-";
	snprintf(out, 64, "%+.1f .. %+.1f %%", 100 * row->low, 100 * row->high);
	return out;
}

static void print_row(const struct rk_kernel_diff *row)
{
	const char *whole = rk_intern_get(row->name);
	char median[2][32], change[32], range[64], name[NAME_WIDTH + 1];

	rk_tool_format_ns(row->median[0], median[0]);
	rk_tool_format_ns(row->median[1], median[1]);
	rk_tool_printable(whole, name, sizeof(name));
	printf("%-12s %9s %22s %10s %10s %9llu %9llu %7.1f  %s%s\n",
	       rk_kernel_diff_verdict_name(row->verdict), shown_change(row, change),
	       shown_range(row, range), row->count[0] ? median[0] : "-",
	       row->count[1] ? median[1] : "-", (unsigned long long)row->count[0],
	       (unsigned long long)row->count[1], 100 * row->share, *name ? name : "(unknown)",
	       strlen(whole) > NAME_WIDTH ? "..." : "");
}

static void print_text(const struct diff *d, const char *why)
{
	char total[2][32];

	if (why)
		printf("Not to be compared: %s\n\n", why);
	printf("%-12s %9s %22s %10s %10s %9s %9s %7s  %s\n", "Verdict", "Change", "99 % sure",
	       "Med A", "Med B", "Count A", "Count B", "Time(%)", "Name");
	for (size_t i = 0; i < d->count; i++)
		print_row(&d->rows[i]);
	rk_tool_format_ns(rk_kernel_diff_total(d->rows, d->count, 0), total[0]);
	rk_tool_format_ns(rk_kernel_diff_total(d->rows, d->count, 1), total[1]);
	printf("\nAll of them: %s in A, %s in B. A change counts from %.3g %%, of rows with %.3g %% "
	       "of the time or more.\n",
	       total[0], total[1], 100 * d->limits.change, 100 * d->limits.min_share);
}

static void print_json_row(struct rk_json *json, const struct rk_kernel_diff *row)
{
	rk_json_open(json, NULL, '{');
	rk_json_string(json, "name", rk_intern_get(row->name));
	rk_json_string(json, "kind", row->group == RK_REPORT_MEMORY ? "memory" : "kernel");
	rk_json_string(json, "time_source", row->host_time ? "host" : "gpu");
	rk_json_string(json, "verdict", rk_kernel_diff_verdict_name(row->verdict));
	rk_json_uint(json, "instances_a", row->count[0]);
	rk_json_uint(json, "instances_b", row->count[1]);
	rk_json_double(json, "total_ns_a", row->total[0]);
	rk_json_double(json, "total_ns_b", row->total[1]);
	if (row->count[0])
		rk_json_double(json, "med_ns_a", row->median[0]);
	if (row->count[1])
		rk_json_double(json, "med_ns_b", row->median[1]);
	if (row->count[0] && row->count[1])
		rk_json_double(json, "change", row->change);
	if (row->has_range) {
		rk_json_double(json, "change_low", row->low);
		rk_json_double(json, "change_high", row->high);
	}
	rk_json_double(json, "share", row->share);
	rk_json_bool(json, "counts", row->counts);
	rk_json_close(json, '}');
}

static void print_json(const struct diff *d, const char *why, int status)
{
	struct rk_json json;

	rk_json_init(&json, stdout);
	rk_json_open(&json, NULL, '{');
	rk_json_string(&json, "a", d->sides[0].path);
	rk_json_string(&json, "b", d->sides[1].path);
	rk_json_bool(&json, "comparable", !why);
	if (why)
		rk_json_string(&json, "why_not", why);
	rk_json_double(&json, "limit", d->limits.change);
	rk_json_uint(&json, "status", (uint64_t)status);
	rk_json_open(&json, "rows", '[');
	for (size_t i = 0; i < d->count; i++)
		print_json_row(&json, &d->rows[i]);
	rk_json_close(&json, ']');
	rk_json_close(&json, '}');
}

/* The worst of the rows that count: slower, then inconclusive. Without a gate there is no
 * verdict. */
static int verdict_of(const struct diff *d, const char *why)
{
	int status = why ? RK_TOOL_INCONCLUSIVE : RK_TOOL_OK;

	if (!d->gates || why)
		return d->gates ? status : RK_TOOL_OK;
	for (size_t i = 0; i < d->count; i++) {
		const struct rk_kernel_diff *row = &d->rows[i];

		if (row->counts && row->verdict == RK_DIFF_SLOWER)
			return RK_TOOL_VIOLATION;
		if (row->counts && row->verdict == RK_DIFF_INCONCLUSIVE)
			status = RK_TOOL_INCONCLUSIVE;
	}
	return status;
}

static int compare(struct diff *d)
{
	const char *why = why_incomparable(d);
	int status;

	if (rk_kernel_diff_make(&d->rows, &d->count, d->sides[0].table, d->sides[1].table,
				&d->limits))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	status = verdict_of(d, why);
	if (d->as_json)
		print_json(d, why, status);
	else
		print_text(d, why);
	return status;
}

static int run(struct diff *d)
{
	struct rk_config *config;
	int status;

	if (rk_config_create(&config, NULL))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	d->config = config;
	status = rk_trace_filter_create(&d->filter, verb, &d->wanted, config);
	for (int i = 0; !status && i < 2; i++)
		status = read_side(d, &d->sides[i]);
	if (!status)
		status = compare(d);
	for (int i = 0; i < 2; i++)
		rk_report_table_destroy(d->sides[i].table);
	free(d->rows);
	rk_trace_filter_destroy(d->filter);
	rk_config_destroy(config);
	return status;
}

/* "5%" or "5": a share of one. */
static bool parse_percent(const char *text, double *share)
{
	const char *end;

	if (!rk_number_parse(text, share, &end) || (*end && strcmp(end, "%") != 0))
		return false;
	*share /= 100;
	return true;
}

static int parse_limits(struct diff *d, const char *fail_on, const char *min_share)
{
	d->gates = fail_on;
	d->limits = (struct rk_kernel_diff_limits){ .change = 0.05, .min_share = 0.01 };
	if (fail_on && (!parse_percent(fail_on, &d->limits.change) || d->limits.change <= 0))
		return rk_options_misused(verb, "--fail-on is a share above 0 (5%%), not %s",
					  fail_on);
	if (min_share &&
	    (!parse_percent(min_share, &d->limits.min_share) || d->limits.min_share > 1))
		return rk_options_misused(verb, "--min-share is a share of the time (1%%), not %s",
					  min_share);
	return RK_TOOL_OK;
}

int rk_cmd_diff(int argc, char **argv)
{
	struct diff d = { .names = RK_NAMES_BASE };
	const char *fail_on = NULL, *min_share = NULL, *files[2] = { NULL, NULL };
	bool demangled = false;
	const struct rk_option options[] = {
		{ "fail-on", 0, "PERCENT",
		  "status 1 if a kernel is slower by as much, 2 if that cannot be told", NULL,
		  &fail_on },
		{ "min-share", 0, "PERCENT", "rows with less of the time do not fail (default 1%)",
		  NULL, &min_share },
		{ "demangled", 0, NULL, "tell templates apart", &demangled, NULL },
		{ "json", 0, NULL, "print JSON", &d.as_json, NULL },
#define RK_FILTER_OPTION(field, name, value, help) \
	RK_FILTER_OPTION_ROW(&d.wanted, field, name, value, help),
#include "tools/filter_options.def"
#undef RK_FILTER_OPTION
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int status = rk_options_parse_files(options, verb, argc, argv, files, 2);

	if (status != RK_OPTIONS_PARSED)
		return status;
	d.sides[0].path = files[0];
	d.sides[1].path = files[1];
	d.names = demangled ? RK_NAMES_DEMANGLED : RK_NAMES_BASE;
	status = parse_limits(&d, fail_on, min_share);
	return status ? status : rk_tool_finish(run(&d), verb);
}
