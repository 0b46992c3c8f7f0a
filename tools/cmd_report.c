/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_report.c - `rktrace report`: what a trace file holds, as tables.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "pipeline/use/overhead_text.h"
#include "pipeline/use/recorded_time.h"
#include "tools/options.h"
#include "tools/report_section.h"
#include "tools/trace_pass.h"

static const char verb[] = "report";

enum {
#define RK_REPORT_SECTION(name, help) SECTION_##name,
#include "tools/report_sections.def"
#undef RK_REPORT_SECTION
	SECTIONS
};

static const struct rk_report_section *const sections[SECTIONS] = {
#define RK_REPORT_SECTION(name, help) &rk_report_##name,
#include "tools/report_sections.def"
#undef RK_REPORT_SECTION
};

struct report {
	struct rk_report_setup setup;
	enum rk_report_style style;
	bool shown[SECTIONS];
	void *selves[SECTIONS];
	struct rk_filter_arguments wanted;
	struct rk_trace_filter *filter;
	struct rk_trace_pass *pass;
	struct rk_recorded_time recorded;
	struct rk_overhead_told overhead;
	struct rk_ledger ledger; /* as the newest tick said */
};

void rk_report_csv_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

void rk_report_csv_number(double value)
{
	char number[40];

	rk_number_format(value, number, sizeof(number));
	fputs(number, stdout);
}

static int create_sections(struct report *r)
{
	for (int i = 0; i < SECTIONS; i++) {
		if (!r->shown[i])
			continue;
		r->selves[i] = sections[i]->create(&r->setup);
		if (!r->selves[i])
			return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	}
	return RK_TOOL_OK;
}

static int push(struct report *r, const struct rk_op *op)
{
	int err = 0;

	rk_recorded_time_feed(&r->recorded, op);
	rk_overhead_told_feed(&r->overhead, op);
	if (op->kind == RK_OP_TICK || op->kind == RK_OP_END)
		r->ledger = op->tick.ledger;
	for (int i = 0; i < SECTIONS && !err; i++) {
		if (r->selves[i])
			err = sections[i]->push(r->selves[i], op);
	}
	return err;
}

static int read_all(struct report *r)
{
	struct rk_op op;
	int err;

	while ((err = rk_trace_pass_next(r->pass, &op)) > 0) {
		if (push(r, &op)) {
			err = -ENOMEM;
			break;
		}
	}
	return rk_trace_pass_end(r->pass, err);
}

static void print_sections(struct report *r, struct rk_report_print *print)
{
	bool is_first = true;

	for (int i = 0; i < SECTIONS; i++) {
		if (!r->selves[i])
			continue;
		if (!is_first && r->style == RK_REPORT_TEXT)
			putchar('\n');
		is_first = false;
		sections[i]->print(r->selves[i], print);
	}
}

/* Shares of the wall time are to be read with this. */
static void print_gaps(const struct rk_recorded_time *time)
{
	char recorded[32], wall[32];

	if (rk_recorded_time_has_gap(time))
		printf("%s of %s were recorded, in %u part%s\n\n",
		       rk_tool_format_ns((double)rk_recorded_time_sum(time), recorded),
		       rk_tool_format_ns((double)rk_recorded_time_wall(time), wall), time->parts,
		       time->parts == 1 ? "" : "s");
}

/* And counts of calls with this. */
static void print_left_out(const struct report *r)
{
	char line[RK_OVERHEAD_LINE_MAX];

	if (rk_overhead_told_line(&r->overhead, &r->ledger, line)[0])
		printf("%s\n\n", line);
}

static void put_left_out(struct rk_json *json, const struct report *r)
{
	if (r->overhead.lowest == RK_STEP_FULL)
		return;
	rk_json_string(json, "overhead_step", rk_governor_step_name(r->overhead.last.step));
	rk_json_open(json, "withheld", '{');
	for (int w = 0; w < RK_WORK_COUNT; w++)
		rk_json_uint(json, rk_work_name((enum rk_work)w), r->ledger.withheld[w]);
	rk_json_uint(json, "other", r->ledger.withheld_other);
	rk_json_uint(json, "stack", r->ledger.withheld_stacks);
	rk_json_close(json, '}');
}

static void print_all(struct report *r)
{
	struct rk_report_print print = { .setup = &r->setup,
					 .meta = rk_trace_reader_meta(
						 rk_trace_pass_reader(r->pass)),
					 .style = r->style };
	struct rk_json json;

	if (r->style == RK_REPORT_TEXT) {
		print_gaps(&r->recorded);
		print_left_out(r);
	}
	if (r->style != RK_REPORT_JSON) {
		print_sections(r, &print);
		return;
	}
	rk_json_init(&json, stdout);
	rk_json_open(&json, NULL, '{');
	rk_json_string(&json, "file", r->setup.file);
	rk_json_string(&json, "gpu_time_source", print.meta->gpu_time_source);
	rk_json_uint(&json, "wall_ns", rk_recorded_time_wall(&r->recorded));
	rk_json_uint(&json, "recorded_ns", rk_recorded_time_sum(&r->recorded));
	put_left_out(&json, r);
	print.json = &json;
	print_sections(r, &print);
	rk_json_close(&json, '}');
}

/* What could be read of a damaged file is shown; the status tells. */
static int report(struct report *r)
{
	int status = rk_trace_pass_open(&r->pass, verb, r->setup.file, r->filter);

	if (status)
		return status;
	status = create_sections(r);
	if (status == RK_TOOL_OK) {
		status = read_all(r);
		if (status != RK_TOOL_MEMORY)
			print_all(r);
	}
	for (int i = 0; i < SECTIONS; i++) {
		if (r->selves[i])
			sections[i]->destroy(r->selves[i]);
	}
	rk_trace_pass_close(r->pass);
	return status;
}

static int report_with_config(struct report *r)
{
	struct rk_config *config;
	int status;

	if (rk_config_create(&config, NULL))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	r->setup.config = config;
	status = rk_trace_filter_create(&r->filter, verb, &r->wanted, config);
	if (!status)
		status = report(r);
	rk_trace_filter_destroy(r->filter);
	rk_config_destroy(config);
	return status;
}

static unsigned count_shown(const struct report *r)
{
	unsigned count = 0;

	for (int i = 0; i < SECTIONS; i++)
		count += r->shown[i];
	return count;
}

/* What a section says of a whole must not be said of a part. */
static int check_parts(const struct report *r)
{
	const struct rk_filter_arguments *wanted = &r->wanted;
	bool by_time = wanted->from || wanted->to || wanted->last;
	bool by_work = wanted->kernel || wanted->stream || wanted->thread || wanted->min_duration ||
		       wanted->max_duration;

	if (r->shown[SECTION_memory] && (by_time || by_work))
		return rk_options_misused(verb, "--memory needs all of the file: who holds memory "
						"is told by what was before; only --device "
						"goes with it");
	if (r->shown[SECTION_idle] && by_work)
		return rk_options_misused(verb, "--idle needs all work of a GPU: only --from, "
						"--to, --last and --device go with it");
	return RK_TOOL_OK;
}

static int parse_by(struct report *r, const char *text)
{
	static const char *const names[] = {
		[RK_BY_NAME] = "name",
		[RK_BY_DEVICE] = "device",
		[RK_BY_STREAM] = "stream",
		[RK_BY_THREAD] = "thread",
	};

	for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			r->setup.by = (enum rk_report_by)i;
			return RK_TOOL_OK;
		}
	}
	return text ? rk_options_misused(verb, "--by is name, device, stream or thread, not %s",
					 text) :
		      RK_TOOL_OK;
}

int rk_cmd_report(int argc, char **argv)
{
	struct report r = { 0 };
	const char *by = NULL;
	bool base = false, demangled = false, mangled = false, as_json = false, as_csv = false;
	const struct rk_option options[] = {
#define RK_REPORT_SECTION(name, help) { #name, 0, NULL, help, &r.shown[SECTION_##name], NULL },
#include "tools/report_sections.def"
#undef RK_REPORT_SECTION
		{ "base", 0, NULL, "names without templates and arguments (default)", &base, NULL },
		{ "demangled", 0, NULL, "whole C++ names", &demangled, NULL },
		{ "mangled", 0, NULL, "names as the linker sees them", &mangled, NULL },
#define RK_FILTER_OPTION(field, name, value, help) \
	RK_FILTER_OPTION_ROW(&r.wanted, field, name, value, help),
#include "tools/filter_options.def"
#undef RK_FILTER_OPTION
		{ "by", 0, "WHAT", "a table of kernels for each device, stream or thread", NULL,
		  &by },
		{ "json", 0, NULL, "print JSON, times in ns", &as_json, NULL },
		{ "csv", 0, NULL, "print CSV, times in ns", &as_csv, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int status = rk_options_parse_file(options, verb, argc, argv, &r.setup.file);

	if (status != RK_OPTIONS_PARSED)
		return status;
	if (base + demangled + mangled > 1)
		return rk_options_misused(verb, "expected one of --base, --demangled, --mangled");
	if (as_json && as_csv)
		return rk_options_misused(verb, "expected one of --json, --csv");
	if (as_csv && count_shown(&r) > 1)
		return rk_options_misused(verb, "--csv prints one table: ask for them one by one");
	if (!count_shown(&r))
		r.shown[0] = true;
	status = parse_by(&r, by);
	if (!status)
		status = check_parts(&r);
	if (status)
		return status;
	r.setup.names = mangled ? RK_NAMES_MANGLED : demangled ? RK_NAMES_DEMANGLED : RK_NAMES_BASE;
	r.style = as_json ? RK_REPORT_JSON : as_csv ? RK_REPORT_CSV : RK_REPORT_TEXT;
	return rk_tool_finish(report_with_config(&r), verb);
}
