/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/render_metrics.c - prints the exposition of the story.
 *
 * Argument: "text" or "openmetrics".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/metrics.h"
#include "pipeline/pipeline.h"
#include "story.h"

int main(int argc, char **argv)
{
	struct rk_config config;
	struct rk_pipeline_setup setup = {
		.config = &config,
		.traceparent = "",
		.tracestate = "",
		.resource = "service.name=story,host.name=h%22%5C,host_name=again",
		.is_live = true,
	};
	struct rk_pipeline *pipeline;
	struct op_log ops;
	char *text;

	test_config_init(&config);
	config.metrics_exemplars = RK_EXEMPLARS_ALWAYS_ON;
	story_tell(&ops);
	if (rk_pipeline_create(&pipeline, &setup))
		return 1;
	for (uint32_t i = 0; i < ops.count; i++)
		rk_pipeline_feed(pipeline, &ops.ops[i]);
	if (rk_metrics_render(rk_pipeline_metrics(pipeline), true,
			      argc > 1 && strcmp(argv[1], "openmetrics") == 0, &text) < 0)
		return 1;
	fputs(text, stdout);
	free(text);
	rk_pipeline_destroy(pipeline);
	op_log_finish(&ops);
	return 0;
}
