/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/summary.c - a replay with nobody listening but the verdict.
 */
#include "tools/summary.h"

#include "core/config.h"
#include "pipeline/pipeline.h"
#include "pipeline/use/verdict.h"
#include "tools/tool.h"
#include "tools/trace_input.h"

#define TEXT_MAX 8192 /* 12 lines with whole kernel names */

static int feed(struct rk_pipeline *pipeline, struct rk_trace_reader *reader, const char *verb,
		const char *path)
{
	struct rk_trace_info info;
	struct rk_op op;
	int err;

	while ((err = rk_trace_reader_next(reader, &op)) > 0)
		rk_pipeline_feed(pipeline, &op);
	rk_trace_reader_get_info(reader, &info);
	if (!info.clean_end)
		rk_pipeline_finish(pipeline);
	return rk_trace_input_end(reader, verb, path, err);
}

static int judge(const struct rk_config *config, struct rk_trace_reader *reader, const char *verb,
		 const char *path, FILE *out)
{
	const struct rk_trace_meta *meta = rk_trace_reader_meta(reader);
	const struct rk_pipeline_setup setup = {
		.config = config,
		.seed = meta->seed,
		.traceparent = meta->traceparent,
		.tracestate = meta->tracestate,
		.baggage = meta->baggage,
	};
	struct rk_pipeline *pipeline = NULL;
	struct rk_verdict *verdict = NULL;
	int status = RK_TOOL_MEMORY;
	char text[TEXT_MAX];

	if (rk_pipeline_create(&pipeline, &setup) == 0 &&
	    rk_verdict_create(&verdict, config) == 0) {
		rk_verdict_set_gpu_time(verdict, rk_pipeline_gpu_time(pipeline));
		rk_verdict_set_memory(verdict, rk_pipeline_memory(pipeline));
		rk_pipeline_add_sink(pipeline, rk_verdict_sink(verdict));
		status = feed(pipeline, reader, verb, path);
		rk_verdict_format(verdict, rk_tool_base_name(meta->executable), path, text,
				  sizeof(text));
		fputs(text, out);
	} else {
		rk_tool_fail(status, verb, "out of memory");
	}
	rk_pipeline_destroy(pipeline);
	rk_verdict_destroy(verdict);
	return status;
}

int rk_summary_print(const char *verb, const char *path, FILE *out)
{
	struct rk_trace_reader *reader;
	struct rk_config *config;
	int status;

	status = rk_trace_input_open(&reader, verb, path);
	if (status)
		return status;
	if (rk_config_create(&config, NULL) == 0) {
		status = judge(config, reader, verb, path, out);
		rk_config_destroy(config);
	} else {
		status = rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	}
	rk_trace_reader_close(reader);
	return status;
}
