/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_export.c - `rktrace export`: a trace file in the formats of others.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/intern.h"
#include "core/log.h"
#include "core/number.h"
#include "tools/export.h"
#include "tools/export_file.h"
#include "tools/export_spans.h"
#include "tools/export_top.h"
#include "tools/options.h"
#include "tools/trace_pass.h"

#define DEFINITIONS_MAX 65536u	   /* devices and threads told again in later parts */
#define SIZE_EVERY	1024u	   /* ops between two looks at the size of a database */
#define VIEWER_BYTES	(1u << 30) /* what viewers that run in a browser hardly open */

static const char verb[] = "export";

static const struct format {
	const char *name, *ending, *help;
	const struct rk_export_format *format;
} formats[] = {
#define RK_EXPORT_FORMAT(variable, name, ending, help) \
	{ name, ending, help, &rk_export_##variable },
#include "tools/export_formats.def"
#undef RK_EXPORT_FORMAT
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

struct export
{
	struct rk_export x;
	const struct format *chosen;
	const char *input;
	struct rk_export_file file;
	uint64_t split_bytes; /* 0 = one file */
	uint64_t top;	      /* 0 = all kernels */
	struct rk_filter_arguments wanted;
	struct rk_trace_filter *filter;
	struct rk_export_top *tops;
	struct rk_trace_pass *pass;
	struct rk_export_source *source; /* NULL: no spans */
	struct rk_op *definitions;
	uint32_t definition_count;
	uint64_t ops, written; /* work and calls; in this part */
};

static const struct rk_export_format *format_of(const struct export *e)
{
	return e->chosen->format;
}

/* A reader that has seen enough is no error. */
static int status_of(struct export *e, int err)
{
	if (!err || (err == -EPIPE && e->file.is_direct))
		return RK_TOOL_OK;
	if (err == RK_EXPORT_TOLD)
		return RK_TOOL_CANNOT_WRITE;
	if (err == -ENOMEM)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	return rk_tool_cannot_write(verb, rk_export_file_name(&e->file), err);
}

static int begin_part(struct export *e)
{
	int status = rk_export_file_begin(&e->file, verb), fd, err;

	if (status)
		return status;
	e->written = 0;
	if (format_of(e)->is_database) {
		unlink(e->file.partial);
		e->x.path = e->file.partial;
	} else {
		fd = rk_export_file_open(&e->file);
		err = fd < 0 ? fd : rk_export_output_open(&e->x.output, fd);
		if (err)
			return status_of(e, err);
	}
	err = format_of(e)->begin(&e->x);
	for (uint32_t i = 0; !err && format_of(e)->op && i < e->definition_count; i++)
		err = format_of(e)->op(&e->x, &e->definitions[i]);
	return status_of(e, err);
}

static uint64_t part_bytes(struct export *e)
{
	return format_of(e)->size ? format_of(e)->size(&e->x) : rk_export_output_bytes(e->x.output);
}

static void tell_part(const struct export *e, uint64_t bytes)
{
	char size[32];

	if (e->file.is_direct)
		return;
	printf("%s: %llu operations, %s\n", e->file.name, (unsigned long long)e->written,
	       rk_tool_format_bytes((double)bytes, size));
	if (bytes > VIEWER_BYTES && format_of(e)->spans == RK_EXPORT_RANGES)
		fprintf(stderr,
			"rktrace export: %s may be too large for a viewer: --last 10s, --top 20 or "
			"--split 500M make it smaller\n",
			e->file.name);
}

/* @err: what the part met so far; then it is removed. */
static int end_part(struct export *e, int err)
{
	uint64_t bytes = e->x.state && !err && format_of(e)->size ? part_bytes(e) : 0;
	int ended = format_of(e)->end(&e->x), closed;

	if (e->x.output && !bytes)
		bytes = rk_export_output_bytes(e->x.output);
	closed = rk_export_output_close(e->x.output);
	e->x.output = NULL;
	err = err ? err : ended ? ended : closed;
	if (!err)
		err = rk_export_file_commit(&e->file);
	if (err)
		rk_export_file_discard(&e->file);
	else
		tell_part(e, bytes);
	return status_of(e, err);
}

/* Remove what could not be begun or ended; that was said. */
static void abandon_part(struct export *e)
{
	if (e->x.output || e->x.state)
		format_of(e)->end(&e->x);
	rk_export_output_close(e->x.output);
	e->x.output = NULL;
	rk_export_file_discard(&e->file);
}

static void note_definition(struct export *e, const struct rk_op *op)
{
	struct rk_handle_slot *slot;

	if (op->kind == RK_OP_CLOCK)
		e->x.wall_offset_ns = op->clock.wall_offset_ns;
	if (op->kind != RK_OP_DEVICE && op->kind != RK_OP_THREAD)
		return;
	if (op->kind == RK_OP_DEVICE && op->device < RK_EXPORT_DEVICES)
		e->x.devices[op->device] = rk_intern_get(op->name);
	slot = op->kind == RK_OP_THREAD ? rk_handle_map_put(&e->x.threads, op->tid) : NULL;
	if (slot)
		slot->tag = op->name;
	if (e->definition_count < DEFINITIONS_MAX && e->split_bytes)
		e->definitions[e->definition_count++] = *op;
}

static bool is_full(struct export *e)
{
	if (!e->split_bytes || (format_of(e)->size && e->ops % SIZE_EVERY))
		return false;
	return part_bytes(e) >= e->split_bytes;
}

/* Return: 0, -errno; *status where a part could not be ended or begun. */
static int take(struct export *e, const struct rk_op *op, int *status)
{
	int err = 0;

	note_definition(e, op);
	if (e->tops && !rk_export_top_keeps(e->tops, op))
		return 0;
	if (format_of(e)->op)
		err = format_of(e)->op(&e->x, op);
	if (!err && e->source)
		err = rk_export_source_feed(e->source, op);
	e->ops++;
	e->written += rk_export_is_work(op);
	if (err || !is_full(e))
		return err;
	*status = end_part(e, 0);
	if (!*status)
		*status = begin_part(e);
	return 0;
}

/* What could be read of a damaged file is kept; the status tells. */
static int write_all(struct export *e)
{
	struct rk_op op;
	int status = begin_part(e), ended, got = 0, err = 0;

	while (!status && !err && (got = rk_trace_pass_next(e->pass, &op)) > 0)
		err = take(e, &op, &status);
	if (!err && !status && e->source)
		err = rk_export_source_finish(e->source);
	if (status) {
		abandon_part(e);
		return status;
	}
	ended = end_part(e, err);
	if (ended || err)
		return ended;
	return rk_trace_pass_end(e->pass, got);
}

static int prepare(struct export *e)
{
	e->x.line = malloc(RK_EXPORT_LINE);
	e->definitions = e->split_bytes ? malloc(DEFINITIONS_MAX * sizeof(*e->definitions)) : NULL;
	rk_handle_map_init(&e->x.threads, DEFINITIONS_MAX);
	if (!e->x.line || (e->split_bytes && !e->definitions))
		return -ENOMEM;
	e->x.meta = rk_trace_reader_meta(rk_trace_pass_reader(e->pass));
	e->x.wall_offset_ns = (int64_t)(e->x.meta->start_wall_ns - e->x.meta->start_ns);
	return format_of(e)->spans ? rk_export_source_create(&e->source, format_of(e), &e->x) : 0;
}

static int run(struct export *e)
{
	int status = rk_trace_filter_create(&e->filter, verb, &e->wanted, e->x.config);

	if (!status && e->top)
		status = rk_export_top_find(&e->tops, verb, e->input, e->filter, e->x.config,
					    e->top);
	if (!status)
		status = rk_trace_pass_open(&e->pass, verb, e->input, e->filter);
	if (!status && prepare(e))
		status = rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	return status ? status : write_all(e);
}

static void finish(struct export *e)
{
	rk_export_source_destroy(e->source);
	rk_trace_pass_close(e->pass);
	rk_export_top_destroy(e->tops);
	rk_trace_filter_destroy(e->filter);
	rk_handle_map_finish(&e->x.threads);
	free(e->definitions);
	free(e->x.line);
}

static int run_with_config(struct export *e)
{
	struct rk_config *config;
	int status;

	if (rk_config_create(&config, NULL))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	e->x.config = config;
	status = run(e);
	finish(e);
	rk_config_destroy(config);
	return status;
}

static bool has_ending(const char *text, const char *ending)
{
	size_t length = strlen(text), end = strlen(ending);

	return length > end && strcmp(text + length - end, ending) == 0;
}

static int choose(struct export *e, const char *name)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if (name ? strcmp(name, formats[i].name) == 0 :
			   e->file.wanted && has_ending(e->file.wanted, formats[i].ending)) {
			e->chosen = &formats[i];
			return RK_TOOL_OK;
		}
	}
	if (name)
		return rk_options_misused(verb,
					  "there is no format %s in this build; rktrace export "
					  "--formats lists them",
					  name);
	return rk_options_misused(verb, "expected --format, or an output whose name says it: "
					"-o trace.pftrace");
}

static int parse_numbers(struct export *e, const char *top, const char *split)
{
	if (top && (!rk_number_parse_uint(top, &e->top) || !e->top))
		return rk_options_misused(verb, "--top is how many kernels, not %s", top);
	if (split && (!rk_number_parse_units(split, rk_number_sizes, &e->split_bytes) ||
		      e->split_bytes < 65536))
		return rk_options_misused(
			verb, "--split is a size of 64 KiB or more (100M), not %s", split);
	e->file.is_split = split;
	return RK_TOOL_OK;
}

static int check_output(const struct export *e)
{
	bool is_stdout = !e->file.wanted || strcmp(e->file.wanted, "-") == 0;

	if (e->split_bytes && format_of(e)->is_sum)
		return rk_options_misused(verb,
					  "%s adds up over the whole file: it cannot be split",
					  e->chosen->name);
	if (is_stdout && (format_of(e)->is_database || e->split_bytes))
		return rk_options_misused(verb, "%s needs a file to write to: -o trace%s",
					  e->split_bytes ? "--split" : e->chosen->name,
					  e->chosen->ending);
	if (is_stdout && format_of(e)->is_binary && isatty(STDOUT_FILENO))
		return rk_options_misused(verb, "%s is not for a terminal: -o trace%s",
					  e->chosen->name, e->chosen->ending);
	return RK_TOOL_OK;
}

static int list_formats(void)
{
	for (size_t i = 0; i < FORMATS; i++)
		printf("%-10s  %-9s  %s\n", formats[i].name, formats[i].ending, formats[i].help);
	return rk_tool_finish(RK_TOOL_OK, verb);
}

int rk_cmd_export(int argc, char **argv)
{
	struct export e = { 0 };
	const char *format = NULL, *top = NULL, *split = NULL;
	bool list = false;
	const struct rk_option options[] = {
		{ "format", 0, "FORMAT",
		  "what to write; otherwise the ending of the output says it", NULL, &format },
		{ "output", 'o', "OUT", "where to (default: standard output)", NULL,
		  &e.file.wanted },
		{ "force", 'f', NULL, "write over a file that exists", &e.file.may_replace, NULL },
		{ "split", 0, "SIZE", "begin another file when one is so large: OUT.1, OUT.2...",
		  NULL, &split },
		{ "top", 0, "N", "of kernels, only the N that took most time", NULL, &top },
		{ "demangled", 0, NULL, "whole C++ names", &e.x.whole_names, NULL },
#define RK_FILTER_OPTION(field, name, value, help) \
	RK_FILTER_OPTION_ROW(&e.wanted, field, name, value, help),
#include "tools/filter_options.def"
#undef RK_FILTER_OPTION
		{ "formats", 0, NULL, "list the formats", &list, NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int status;

	if (argc == 1 && strcmp(argv[0], "--formats") == 0)
		return list_formats();
	status = rk_options_parse_file(options, verb, argc, argv, &e.input);
	if (status != RK_OPTIONS_PARSED)
		return status;
	if (list)
		return list_formats();
	status = choose(&e, format);
	if (!status)
		status = parse_numbers(&e, top, split);
	if (!status)
		status = check_output(&e);
	if (status)
		return status;
	signal(SIGPIPE, SIG_IGN);
	return rk_tool_finish(run_with_config(&e), verb);
}
