/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/event_source.h - what becomes an event for receivers of logs.
 *
 *   span of a root --------------------------------> "Kernel execution complete"
 *   line of the tracer, any thread -> lines[] -----> the line
 *                                    (bounded)  exporter thread, rk_event_source_send()
 *
 * One event per execution, sampled or not: INFO, or ERROR where a call of it failed. Which
 * levels are sent is logging.level, or logging.per_domain_levels for executions of a domain.
 */
#ifndef RK_PIPELINE_EVENT_SOURCE_H
#define RK_PIPELINE_EVENT_SOURCE_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/config.h"
#include "pipeline/net_module.h"
#include "pipeline/sink.h"

/* The tracer says little, and hardly ever more than this between two looks. */
#define RK_EVENT_LINES	    32u
#define RK_EVENT_LINE_BYTES 512u

struct rk_event_line {
	uint64_t at_ns; /* rk_clock */
	enum rk_log_level level;
	char text[RK_EVENT_LINE_BYTES];
};

struct rk_event_source {
	struct rk_sink sink;	       /* first: add it to the pipeline */
	const struct rk_config *config; /* borrowed; outlives this */
	struct rk_net *net;	       /* borrowed; outlives this */
	atomic_flag lock;	       /* guards what follows; nobody waits for it */
	uint32_t count;
	struct rk_event_line lines[RK_EVENT_LINES];
};

/**
 * Listen to the log from now on.
 *
 * Context: exporter.
 */
void rk_event_source_start(struct rk_event_source *source, const struct rk_config *config,
			   struct rk_net *net);

/**
 * Hand the lines that have come to the network.
 *
 * Context: exporter.
 */
void rk_event_source_send(struct rk_event_source *source);

/**
 * Send what is left and listen no more. Does nothing before the start.
 *
 * Context: exporter.
 */
void rk_event_source_stop(struct rk_event_source *source);

#endif
