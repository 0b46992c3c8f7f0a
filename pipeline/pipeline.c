/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/pipeline.c - one op goes to the metrics, the sinks and the assembler.
 */
#include "pipeline/pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/alert/alert_engine.h"
#include "pipeline/join/stack_names.h"
#include "pipeline/metrics/metrics_state.h"
#include "pipeline/span/assembler.h"

#define STACK_TEXT_BYTES 8192 /* of an attribute; further frames are left out */

struct rk_pipeline {
	struct rk_metrics *metrics;
	struct rk_slo *slo; /* NULL = none is configured */
	struct rk_alert_engine *alerts; /* NULL = no rule is configured */
	struct rk_assembler *assembler;
	struct rk_stack_names *stacks;
	struct rk_span_stack span_stack; /* of the span that is given out */
	char stack_text[STACK_TEXT_BYTES];
	struct rk_sink *first; /* borrowed; in the order they were added */
	bool wants_spans;      /* some sink takes spans */
	uint64_t lost;	       /* of the assembler, as counted so far */
};

/* Return: NULL for an unknown one. */
static const struct rk_span_stack *find_stack(struct rk_pipeline *pipeline, uint32_t id)
{
	struct rk_span_stack *stack = &pipeline->span_stack;
	const struct rk_stack_frame *frames, *first;
	uint32_t count;

	stack->text = rk_stack_names_write(pipeline->stacks, id, pipeline->stack_text,
					   sizeof(pipeline->stack_text));
	count = rk_stack_names_get(pipeline->stacks, id, &frames);
	first = rk_stack_names_first(frames, count);
	if (!first)
		return NULL;
	stack->function = first->function;
	stack->file = first->file;
	stack->line = first->line;
	return stack;
}

static void give_span(const struct rk_span *span, void *data)
{
	struct rk_pipeline *pipeline = data;
	struct rk_span with_stack;

	if (span->op && span->op->stack && pipeline->first) {
		with_stack = *span;
		with_stack.stack = find_stack(pipeline, span->op->stack);
		span = &with_stack;
	}
	rk_metrics_note_span(pipeline->metrics, span);
	if (pipeline->alerts)
		rk_alert_engine_note_span(pipeline->alerts, span);
	for (struct rk_sink *sink = pipeline->first; sink; sink = sink->next) {
		if (sink->span)
			sink->span(sink, span);
	}
}

/* Return: 0, -ENOMEM. */
static int create_alerts(struct rk_pipeline *pipeline, const struct rk_config *config)
{
	const struct rk_alert_slos slos = { .slo = pipeline->slo,
					    .get = rk_slo_result_get,
					    .burn_rate = rk_slo_burn_rate };
	const struct rk_alert_sources sources = { .stacks = pipeline->stacks,
						  .gpu = &pipeline->metrics->gpu_time,
						  .memory = pipeline->metrics->memory };
	int err = rk_alert_engine_create(&pipeline->alerts, config);

	if (pipeline->alerts)
		rk_alert_engine_set_slos(pipeline->alerts, &slos);
	rk_alert_engine_set_sources(pipeline->alerts, &sources);
	return err;
}

int rk_pipeline_create(struct rk_pipeline **out, const struct rk_pipeline_setup *setup)
{
	struct rk_pipeline *pipeline = calloc(1, sizeof(*pipeline));
	struct rk_assembler_setup assembler = {
		.config = setup->config,
		.seed = setup->seed,
		.traceparent = setup->traceparent,
		.tracestate = setup->tracestate,
		.baggage = setup->baggage,
		.follows_settings = setup->follows_settings,
		.span = give_span,
		.data = pipeline,
	};

	*out = NULL;
	if (!pipeline)
		return -ENOMEM;
	if (rk_metrics_create(&pipeline->metrics, setup->config) ||
	    rk_slo_create(&pipeline->slo, setup->config, NULL) ||
	    rk_stack_names_create(&pipeline->stacks, NULL) ||
	    create_alerts(pipeline, setup->config) ||
	    rk_assembler_create(&pipeline->assembler, &assembler)) {
		rk_pipeline_destroy(pipeline);
		return -ENOMEM;
	}
	rk_metrics_set_resource(pipeline->metrics, setup->resource);
	rk_metrics_set_slo(pipeline->metrics, pipeline->slo);
	rk_metrics_set_alerts(pipeline->metrics, pipeline->alerts);
	/* As of a parent: an unused propagator passes nothing on. */
	if (strstr(setup->config->tracing_propagators, "baggage"))
		rk_metrics_set_baggage(pipeline->metrics, setup->baggage);
	if (setup->is_live)
		rk_metrics_set_live(pipeline->metrics);
	/* Those that are sent can only be known where somebody takes them. */
	pipeline->wants_spans = setup->config->metrics_exemplars == RK_EXEMPLARS_ALWAYS_ON;
	*out = pipeline;
	return 0;
}

void rk_pipeline_destroy(struct rk_pipeline *pipeline)
{
	if (!pipeline)
		return;
	rk_metrics_destroy(pipeline->metrics);
	rk_alert_engine_destroy(pipeline->alerts);
	rk_slo_destroy(pipeline->slo);
	rk_assembler_destroy(pipeline->assembler);
	rk_stack_names_destroy(pipeline->stacks);
	free(pipeline);
}

void rk_pipeline_add_sink(struct rk_pipeline *pipeline, struct rk_sink *sink)
{
	struct rk_sink **end = &pipeline->first;

	while (*end)
		end = &(*end)->next;
	sink->next = NULL;
	*end = sink;
	pipeline->wants_spans = pipeline->wants_spans || sink->span;
}

static void count_lost(struct rk_pipeline *pipeline)
{
	uint64_t lost = rk_assembler_lost(pipeline->assembler);

	pipeline->metrics->short_of_memory += lost - pipeline->lost;
	pipeline->lost = lost;
}

static void note_assembler(struct rk_pipeline *pipeline)
{
	struct rk_assembler_stats stats;

	count_lost(pipeline);
	rk_assembler_get_stats(pipeline->assembler, &stats);
	rk_metrics_note_assembler(pipeline->metrics, &stats);
}

void rk_pipeline_feed(struct rk_pipeline *pipeline, const struct rk_op *op)
{
	rk_metrics_feed(pipeline->metrics, op);
	if (rk_stack_names_wants(op))
		rk_stack_names_feed(pipeline->stacks, op);
	if (pipeline->slo)
		rk_slo_feed(pipeline->slo, op);
	if (pipeline->alerts)
		rk_alert_engine_feed(pipeline->alerts, op);
	for (struct rk_sink *sink = pipeline->first; sink; sink = sink->next) {
		if (sink->op)
			sink->op(sink, op);
	}
	/* Spans are a function of the ops, so nobody misses what nobody takes. */
	if (!pipeline->wants_spans)
		return;
	rk_assembler_feed(pipeline->assembler, op);
	if (op->kind == RK_OP_TICK || op->kind == RK_OP_END)
		note_assembler(pipeline);
}

void rk_pipeline_finish(struct rk_pipeline *pipeline)
{
	rk_gpu_time_end(&pipeline->metrics->gpu_time);
	rk_slo_finish(pipeline->slo);
	rk_alert_engine_finish(pipeline->alerts);
	if (!pipeline->wants_spans)
		return;
	rk_assembler_finish(pipeline->assembler);
	note_assembler(pipeline);
}

bool rk_pipeline_is_waiting(const struct rk_pipeline *pipeline)
{
	return pipeline->wants_spans && rk_assembler_is_waiting(pipeline->assembler);
}

struct rk_metrics *rk_pipeline_metrics(struct rk_pipeline *pipeline)
{
	return pipeline->metrics;
}

const struct rk_gpu_time *rk_pipeline_gpu_time(const struct rk_pipeline *pipeline)
{
	return &pipeline->metrics->gpu_time;
}

struct rk_stack_names *rk_pipeline_stacks(struct rk_pipeline *pipeline)
{
	return pipeline->stacks;
}

const struct rk_memory_use *rk_pipeline_memory(const struct rk_pipeline *pipeline)
{
	return pipeline->metrics->memory;
}

struct rk_slo *rk_pipeline_slo(struct rk_pipeline *pipeline)
{
	return pipeline->slo;
}

struct rk_alert_engine *rk_pipeline_alerts(struct rk_pipeline *pipeline)
{
	return pipeline->alerts;
}
