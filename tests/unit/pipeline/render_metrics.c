/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/render_metrics.c - prints the exposition of the story, and of a program that
 * says a lot of itself.
 *
 * Argument: "text" or "openmetrics".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics_fixture.h"
#include "pipeline/metrics/metrics.h"
#include "pipeline/pipeline.h"
#include "story.h"

/* Names, labels and helps that a careless program could give. */
static void say(struct rk_metrics *metrics)
{
	static const char *const labels[] = { "route", "/a\"b\\c\nx", "le", "1", "__name__",
					      "y",     "0d",	      "z",  NULL };
	static const struct {
		enum rk_instrument_type type;
		const char *name, *unit, *help, *domain;
	} said[] = {
		{ RK_INSTRUMENT_COUNTER, "jobs", "1", "Jobs \\ done\n\"really\".", "Web" },
		{ RK_INSTRUMENT_COUNTER, "sent", "By", "", "" },
		{ RK_INSTRUMENT_GAUGE, "3 nodes:fill", "1", "Fill.", "" },
		{ RK_INSTRUMENT_HISTOGRAM, "wait", "s", "Wait.", "Web" },
		{ RK_INSTRUMENT_HISTOGRAM, "batch", "", "Batch.", "" },
		{ RK_INSTRUMENT_COUNTER, "batch_count", "", "Clashes.", "" },
		{ RK_INSTRUMENT_GAUGE, "batch count", "", "Clashes.", "" },
		{ RK_INSTRUMENT_GAUGE, "jobs", "", "Clashes.", "" },
		{ RK_INSTRUMENT_GAUGE, "target", "", "Clashes.", "" },
		{ RK_INSTRUMENT_EXECUTION, "graph/pagerank", "", "", "Graph" },
		{ RK_INSTRUMENT_QUEUE, "graph/pagerank", "", "", "Graph" },
		{ RK_INSTRUMENT_MEMORY, "graph/pagerank", "", "", "Graph" },
		{ RK_INSTRUMENT_BREAKER, "backend", "", "", "" },
	};

	for (uint32_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		const struct rk_instrument instrument = { .name = said[i].name,
							  .unit = said[i].unit,
							  .help = said[i].help,
							  .domain = said[i].domain,
							  .bound_count = 3,
							  .bounds = { 1, 8, 64 },
							  .type = said[i].type };

		feed_instrument(metrics, i + 1, &instrument, labels);
		feed_sample(metrics, i + 1, RK_SAMPLE_VALUE, 0.25);
		feed_sample(metrics, i + 1, RK_SAMPLE_VALUE, 2);
	}
}

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
	say(rk_pipeline_metrics(pipeline));
	if (rk_metrics_render(rk_pipeline_metrics(pipeline), true,
			      argc > 1 && strcmp(argv[1], "openmetrics") == 0, &text) < 0)
		return 1;
	fputs(text, stdout);
	free(text);
	rk_pipeline_destroy(pipeline);
	op_log_finish(&ops);
	return 0;
}
