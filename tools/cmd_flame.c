/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_flame.c - `rktrace flame`: which call stacks the work came from, as a picture.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/flame_svg.h"
#include "tools/options.h"
#include "tools/output_file.h"
#include "tools/trace_pass.h"

static const char verb[] = "flame";

struct flame {
	const char *file;
	struct rk_output_file output;
	enum rk_flame_weight weight;
	struct rk_filter_arguments wanted;
	struct rk_config *config;
	struct rk_trace_filter *filter;
	struct rk_trace_pass *pass;
	struct rk_flame_tree *tree;
};

static int read_all(struct flame *flame)
{
	struct rk_op op;
	int err;

	while ((err = rk_trace_pass_next(flame->pass, &op)) > 0) {
		if (rk_flame_tree_feed(flame->tree, &op))
			return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	}
	return rk_trace_pass_end(flame->pass, err);
}

/* Why there is nothing to draw, where that is so. */
static int check_tree(const struct flame *flame)
{
	const struct rk_flame_node *all = &flame->tree->nodes[0];

	if (!all->count)
		return rk_tool_fail(RK_TOOL_DATA, verb, "%s has no such work: nothing to draw",
				    flame->file);
	if (flame->tree->without_stack == all->count)
		return rk_tool_fail(RK_TOOL_DATA, verb,
				    "%s holds no call stacks: they are taken with stacks.mode "
				    "(RUSTKERNEL_STACKS_MODE=sampled)",
				    flame->file);
	return RK_TOOL_OK;
}

/* What could be read of a damaged file is shown; the status tells. */
static int draw(struct flame *flame)
{
	int status, read = read_all(flame);

	if (read == RK_TOOL_MEMORY)
		return read;
	status = check_tree(flame);
	if (status)
		return status;
	if (rk_flame_tree_end(flame->tree))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	status = rk_output_file_open(&flame->output, verb);
	if (status)
		return status;
	errno = 0;
	rk_flame_svg_write(flame->tree, rk_tool_base_name(flame->file), flame->output.stream);
	status = rk_output_file_close(&flame->output, verb, RK_TOOL_OK);
	return status ? status : read;
}

static int run(struct flame *flame)
{
	int status = rk_trace_filter_create(&flame->filter, verb, &flame->wanted, flame->config);

	if (!status)
		status = rk_trace_pass_open(&flame->pass, verb, flame->file, flame->filter);
	if (!status && rk_flame_tree_create(&flame->tree, flame->weight, flame->config))
		status = rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	if (!status)
		status = draw(flame);
	rk_flame_tree_destroy(flame->tree);
	rk_trace_pass_close(flame->pass);
	rk_trace_filter_destroy(flame->filter);
	return status;
}

static int run_with_config(struct flame *flame)
{
	int status;

	if (rk_config_create(&flame->config, NULL))
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	status = run(flame);
	rk_config_destroy(flame->config);
	return status;
}

static int parse_weight(struct flame *flame, const char *text)
{
	static const char *const names[] = {
		[RK_FLAME_TIME] = "time",
		[RK_FLAME_LAUNCHES] = "launches",
		[RK_FLAME_BYTES] = "bytes",
	};

	for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			flame->weight = (enum rk_flame_weight)i;
			return RK_TOOL_OK;
		}
	}
	return text ? rk_options_misused(verb, "--by is time, launches or bytes, not %s", text) :
		      RK_TOOL_OK;
}

int rk_cmd_flame(int argc, char **argv)
{
	struct flame flame = { .output = { .suffix = ".svg" } };
	const char *by = NULL;
	const struct rk_option options[] = {
		{ "output", 'o', "FILE",
		  "the picture; - is stdout (default: FILE's name with .svg, here)", NULL,
		  &flame.output.file.wanted },
		{ "force", 'f', NULL, "write over a file that exists",
		  &flame.output.file.may_replace, NULL },
		{ "by", 0, "WHAT", "what widths are: time (GPU time, default), launches, bytes",
		  NULL, &by },
#define RK_FILTER_OPTION(field, name, value, help) \
	RK_FILTER_OPTION_ROW(&flame.wanted, field, name, value, help),
#include "tools/filter_options.def"
#undef RK_FILTER_OPTION
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int status = rk_options_parse_file(options, verb, argc, argv, &flame.file);

	if (status != RK_OPTIONS_PARSED)
		return status;
	status = parse_weight(&flame, by);
	if (status)
		return status;
	flame.output.input = flame.file;
	status = rk_output_file_check(&flame.output, verb);
	return status ? status : run_with_config(&flame);
}
