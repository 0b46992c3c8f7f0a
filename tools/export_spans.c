/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/export_spans.c - a pipeline whose only sink is the format.
 */
#include "tools/export_spans.h"

#include <errno.h>
#include <stdlib.h>

#include "pipeline/pipeline.h"
#include "trace/trace_writer.h"

struct rk_export_source {
	struct rk_sink sink; /* first: the sink is this */
	const struct rk_export_format *format;
	struct rk_export *x;
	struct rk_config config; /* everything is kept, whatever was sent */
	struct rk_pipeline *pipeline;
	bool has_range; /* one was begun */
	int err;
};

static void take(struct rk_sink *sink, const struct rk_span *span)
{
	struct rk_export_source *source = (struct rk_export_source *)sink;

	if (!source->err && (span->api || source->format->spans == RK_EXPORT_ALL_SPANS))
		source->err = source->format->span(source->x, span);
}

int rk_export_source_create(struct rk_export_source **out, const struct rk_export_format *format,
			    struct rk_export *x)
{
	struct rk_export_source *source = calloc(1, sizeof(*source));
	struct rk_pipeline_setup setup = {
		.seed = x->meta->seed,
		.traceparent = x->meta->traceparent,
		.tracestate = x->meta->tracestate,
		.baggage = x->meta->baggage,
		.resource = x->meta->resource,
	};

	*out = NULL;
	if (!source)
		return -ENOMEM;
	source->sink = (struct rk_sink){ .name = "export", .span = take };
	source->format = format;
	source->x = x;
	source->config = *x->config;
	source->config.tracing_sampling_rate = 1;
	source->config.tracing_max_spans_per_second = 0;
	setup.config = &source->config;
	if (rk_pipeline_create(&source->pipeline, &setup)) {
		free(source);
		return -ENOMEM;
	}
	rk_pipeline_add_sink(source->pipeline, &source->sink);
	*out = source;
	return 0;
}

void rk_export_source_destroy(struct rk_export_source *source)
{
	if (!source)
		return;
	rk_pipeline_destroy(source->pipeline);
	free(source);
}

int rk_export_source_feed(struct rk_export_source *source, const struct rk_op *op)
{
	/* Most files have no ranges: then there is no work in any. */
	source->has_range |= op->kind == RK_OP_SPAN_BEGIN;
	if (source->format->spans == RK_EXPORT_ALL_SPANS || source->has_range ||
	    rk_op_kind_is_definition(op->kind))
		rk_pipeline_feed(source->pipeline, op);
	return source->err;
}

int rk_export_source_finish(struct rk_export_source *source)
{
	rk_pipeline_finish(source->pipeline);
	return source->err;
}
