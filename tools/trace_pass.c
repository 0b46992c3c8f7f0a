/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/trace_pass.c - reader, filter and progress in one loop.
 */
#include "tools/trace_pass.h"

#include <stdlib.h>

#include "tools/progress.h"
#include "tools/tool.h"
#include "tools/trace_input.h"

#define STEP_OPS 65536u /* between two looks at the clock: about 2 ms */

struct rk_trace_pass {
	const char *verb, *path;
	struct rk_trace_reader *reader;
	struct rk_trace_filter *filter; /* may be NULL */
	struct rk_progress progress;
	uint32_t ops;
};

static uint64_t newest_of(const struct rk_op *op)
{
	return op->end > op->host_end ? op->end : op->host_end;
}

/* A file without an index has to be read to its end for that. */
static int find_end(const char *verb, const char *path, uint64_t *newest_ns)
{
	struct rk_trace_pass *pass;
	struct rk_op op;
	int status = rk_trace_pass_open(&pass, verb, path, NULL);

	if (status)
		return status;
	*newest_ns = rk_trace_reader_last_ns(pass->reader);
	while (!rk_trace_reader_last_ns(pass->reader) && rk_trace_pass_next(pass, &op) > 0) {
		if (newest_of(&op) > *newest_ns)
			*newest_ns = newest_of(&op);
	}
	rk_trace_pass_close(pass);
	return status;
}

int rk_trace_pass_open(struct rk_trace_pass **out, const char *verb, const char *path,
		       struct rk_trace_filter *filter)
{
	struct rk_trace_pass *pass = calloc(1, sizeof(*pass));
	struct rk_trace_info info;
	uint64_t newest_ns = 0;
	int status = RK_TOOL_OK;

	*out = NULL;
	if (!pass)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	pass->verb = verb;
	pass->path = path;
	pass->filter = filter && rk_trace_filter_is_set(filter) ? filter : NULL;
	if (filter && rk_trace_filter_needs_end(filter))
		status = find_end(verb, path, &newest_ns);
	if (!status)
		status = rk_trace_input_open(&pass->reader, verb, path);
	if (status) {
		free(pass);
		return status;
	}
	if (filter)
		rk_trace_filter_begin(filter, pass->reader, newest_ns);
	rk_trace_reader_get_info(pass->reader, &info);
	rk_progress_start(&pass->progress, verb, info.file_bytes);
	*out = pass;
	return RK_TOOL_OK;
}

static void step(struct rk_trace_pass *pass)
{
	struct rk_trace_info info;

	rk_trace_reader_get_info(pass->reader, &info);
	rk_progress_step(&pass->progress, info.sealed_bytes);
}

int rk_trace_pass_next(struct rk_trace_pass *pass, struct rk_op *op)
{
	int got;

	do {
		if (++pass->ops % STEP_OPS == 0)
			step(pass);
		got = rk_trace_reader_next(pass->reader, op);
	} while (got > 0 && pass->filter && !rk_trace_filter_keeps(pass->filter, op));
	return got;
}

int rk_trace_pass_end(struct rk_trace_pass *pass, int err)
{
	rk_progress_stop(&pass->progress);
	return rk_trace_input_end(pass->reader, pass->verb, pass->path, err);
}

struct rk_trace_reader *rk_trace_pass_reader(struct rk_trace_pass *pass)
{
	return pass->reader;
}

void rk_trace_pass_close(struct rk_trace_pass *pass)
{
	if (!pass)
		return;
	rk_progress_stop(&pass->progress);
	rk_trace_reader_close(pass->reader);
	free(pass);
}
