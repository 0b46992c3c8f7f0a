/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/pipeline.h - ops in; spans, metrics and a verdict out.
 *
 * Live and replay use this same object; the only difference is who calls
 * rk_pipeline_feed(). Everything it does is a function of the sequence of ops.
 */
#ifndef RK_PIPELINE_PIPELINE_H
#define RK_PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/op.h"
#include "pipeline/sink.h"

struct rk_pipeline;
struct rk_memory_use;
struct rk_metrics;
struct rk_alert_engine;
struct rk_gpu_time;
struct rk_slo;
struct rk_stack_names;

struct rk_pipeline_setup {
	const struct rk_config *config; /* borrowed; outlives the pipeline */
	uint64_t seed;			/* of the process or the file */
	const char *traceparent;	/* borrowed; "" = none */
	const char *tracestate;
	const char *baggage;		/* NULL = none */
	const char *resource;		/* borrowed until create returns; "" or NULL = none */
	bool is_live;			/* of this very process; false = replay */
	bool follows_settings;		/* what it changed of its sampling while it ran counts */
};

/**
 * Context: exporter or tools. Ownership: the caller, rk_pipeline_destroy().
 * Return: 0, -ENOMEM.
 */
int rk_pipeline_create(struct rk_pipeline **out, const struct rk_pipeline_setup *setup);
void rk_pipeline_destroy(struct rk_pipeline *pipeline);

/**
 * Add a receiver. Sinks are called in the order they were added.
 *
 * Context: exporter or tools, before or between ops.
 * Ownership: the caller keeps @sink; it outlives the pipeline.
 */
void rk_pipeline_add_sink(struct rk_pipeline *pipeline, struct rk_sink *sink);

/**
 * Take one op: update the metrics, complete spans, tell the sinks.
 *
 * Context: exporter or tools; one thread. May allocate; a failed allocation is counted as
 *          RK_LOSS_LIMIT and nothing else happens.
 */
void rk_pipeline_feed(struct rk_pipeline *pipeline, const struct rk_op *op);

/**
 * End of input without RK_OP_END (a crashed file): complete what is pending.
 *
 * Context: exporter or tools.
 */
void rk_pipeline_finish(struct rk_pipeline *pipeline);

/**
 * The aggregated metrics.
 *
 * Context: exporter or tools. Ownership: borrowed until destroy.
 */
struct rk_metrics *rk_pipeline_metrics(struct rk_pipeline *pipeline);

/**
 * What the GPUs did, as far as it is accounted for.
 *
 * Context: exporter or tools. Ownership: borrowed until destroy.
 */
const struct rk_gpu_time *rk_pipeline_gpu_time(const struct rk_pipeline *pipeline);

/**
 * The call stacks that ops pointed to so far.
 *
 * Context: exporter or tools. Ownership: borrowed until destroy.
 */
struct rk_stack_names *rk_pipeline_stacks(struct rk_pipeline *pipeline);

/**
 * Who holds how much memory.
 *
 * Context: exporter or tools. Ownership: borrowed until destroy.
 */
const struct rk_memory_use *rk_pipeline_memory(const struct rk_pipeline *pipeline);

/**
 * The SLOs of the configuration.
 *
 * Context: exporter or tools. Ownership: borrowed until destroy. Return: NULL when there is none.
 */
struct rk_slo *rk_pipeline_slo(struct rk_pipeline *pipeline);

/**
 * Whether a span is over and goes out with a tick to come.
 *
 * Context: the feeding thread.
 */
bool rk_pipeline_is_waiting(const struct rk_pipeline *pipeline);

/**
 * The alert engine, so that somebody is told.
 *
 * Context: exporter or tools. Ownership: borrowed until destroy. Return: NULL without rules.
 */
struct rk_alert_engine *rk_pipeline_alerts(struct rk_pipeline *pipeline);

#endif
