/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_html.c - `rktrace html`: a trace file as one page that needs nothing else.
 *
 * The page is made at build time from tools/html/ and is the same for every trace; what is in the
 * file stands between its two halves, as base64.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/number.h"
#include "tools/html/html_page.h"
#include "tools/html_write.h"
#include "tools/options.h"
#include "tools/output_file.h"
#include "tools/trace_pass.h"

#define SPANS_DEFAULT 1000000u

static const char verb[] = "html";

struct html {
	const char *file;
	struct rk_output_file output;
	struct rk_html_window window; /* since the start of the recording, until it is known */
	struct rk_config *config;
	struct rk_trace_pass *pass;
	struct rk_trace_reader *reader; /* of the pass */
	struct rk_html_model *model;
};

static int read_all(struct html *html)
{
	struct rk_op op;
	int err;

	while ((err = rk_trace_pass_next(html->pass, &op)) > 0) {
		if (rk_html_model_feed(html->model, &op))
			return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	}
	return rk_trace_pass_end(html->pass, err);
}

static int write_page(struct html *html)
{
	struct rk_html_title title = { .file = rk_tool_base_name(html->file),
				       .meta = rk_trace_reader_meta(html->reader) };
	FILE *out = html->output.stream;
	int err;

	rk_trace_reader_get_info(html->reader, &title.info);
	title.base_ns = title.meta->start_ns;
	if (title.base_ns > html->model->first_ns)
		title.base_ns = html->model->first_ns;
	fwrite(rk_html_page_head, 1, rk_html_page_head_size, out);
	err = rk_html_write(html->model, &title, out);
	fwrite(rk_html_page_tail, 1, rk_html_page_tail_size, out);
	if (err == -ENOMEM)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	if (err == -EFBIG)
		return rk_tool_fail(
			RK_TOOL_USAGE, verb,
			"so many spans are too much for a page; expected less in --spans");
	return RK_TOOL_OK; /* errors of the stream show when it is closed */
}

/* Not a word where everything is in the page. */
static void tell_left_out(const struct html *html)
{
	const struct rk_html_model *model = html->model;
	char when[32];

	if (!model->left_out)
		return;
	fprintf(stderr,
		"rktrace html: %llu of %llu operations are in full detail, the others only in the "
		"coarse picture and in the tables",
		(unsigned long long)model->work,
		(unsigned long long)(model->work + model->left_out));
	if (model->cut_at_ns) {
		uint64_t start = rk_trace_reader_meta(html->reader)->start_ns;

		/* What was under way when the file was begun is a little older than it. */
		rk_tool_format_ns(model->cut_at_ns > start ? (double)(model->cut_at_ns - start) : 0,
				  when);
		fprintf(stderr,
			" (detail ends at %s: another part by --from and --to, more by --spans)",
			when);
	}
	fputc('\n', stderr);
}

/* What could be read of a damaged file is shown; the status tells. */
static int make_page(struct html *html)
{
	uint64_t start = rk_trace_reader_meta(html->reader)->start_ns;
	int read, status;

	/* Work may be older than the file. */
	html->window.from_ns += html->window.from_ns ? start : 0;
	html->window.to_ns = html->window.to_ns ? html->window.to_ns + start : UINT64_MAX;
	if (rk_html_model_create(&html->model, html->config, &html->window))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	read = read_all(html);
	if (read == RK_TOOL_MEMORY)
		return read;
	if (rk_html_model_end(html->model))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	status = rk_output_file_open(&html->output, verb);
	if (status)
		return status;
	status = rk_output_file_close(&html->output, verb, write_page(html));
	if (status == RK_TOOL_OK)
		tell_left_out(html);
	return status ? status : read;
}

static int run(struct html *html)
{
	int status = rk_trace_pass_open(&html->pass, verb, html->file, NULL);

	if (status)
		return status;
	html->reader = rk_trace_pass_reader(html->pass);
	if (rk_config_create(&html->config, NULL))
		status = rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	else
		status = make_page(html);
	rk_html_model_destroy(html->model);
	rk_config_destroy(html->config);
	rk_trace_pass_close(html->pass);
	return status;
}

/* Return: RK_OPTIONS_PARSED, or a status after a message. */
static int take_window(struct html *html, const char *from, const char *to, const char *spans)
{
	struct rk_html_window *window = &html->window;

	window->bars_max = SPANS_DEFAULT;
	if (from && !rk_number_parse_units(from, rk_number_durations, &window->from_ns))
		return rk_options_misused(verb, "--from %s is no time; expected one like 1.5s",
					  from);
	if (to && !rk_number_parse_units(to, rk_number_durations, &window->to_ns))
		return rk_options_misused(verb, "--to %s is no time; expected one like 2s", to);
	if (to && window->to_ns <= window->from_ns)
		return rk_options_misused(verb, "--to %s is not after --from", to);
	if (spans && (!rk_number_parse_uint(spans, &window->bars_max) || !window->bars_max))
		return rk_options_misused(verb, "--spans %s is no number of spans", spans);
	return RK_OPTIONS_PARSED;
}

int rk_cmd_html(int argc, char **argv)
{
	const char *from = NULL, *to = NULL, *spans = NULL;
	struct html html = { .output = { .suffix = ".html" } };
	const struct rk_option options[] = {
		{ "output", 'o', "FILE",
		  "the page; - is stdout (default: FILE's name with .html, here)", NULL,
		  &html.output.file.wanted },
		{ "force", 'f', NULL, "write over a file that exists",
		  &html.output.file.may_replace, NULL },
		{ "from", 0, "TIME", "full detail from here on, since the start: 1.5s, 200ms", NULL,
		  &from },
		{ "to", 0, "TIME", "full detail up to here", NULL, &to },
		{ "spans", 0, "N", "operations in full detail at most (1000000)", NULL, &spans },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int status = rk_options_parse_file(options, verb, argc, argv, &html.file);

	if (status == RK_OPTIONS_PARSED)
		status = take_window(&html, from, to, spans);
	if (status != RK_OPTIONS_PARSED)
		return status;
	html.output.input = html.file;
	status = rk_output_file_check(&html.output, verb);
	return status ? status : run(&html);
}
