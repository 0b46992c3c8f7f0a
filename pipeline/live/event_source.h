/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/event_source.h - what becomes an event, and who is told.
 *
 *   span of an execution ----------> "Kernel execution complete" -+
 *   RK_OP_ERROR outside of one ---> "CUDA call failed" ----------+
 *   RK_OP_LOG, _SAMPLE ------------> what the program says -------+--> lines (log_output)
 *   alerts, SLOs: rk_event_source_tell() -------------------------+--> OTLP logs (net)
 *   line of the tracer, any thread -> lines[] -> the line --------+
 *                                    (bounded)  exporter thread, rk_event_source_send()
 *
 * One event per execution, sampled or not: INFO, or ERROR where a call of it failed. Which
 * levels are told is logging.level, or logging.per_domain_levels for what has a domain.
 */
#ifndef RK_PIPELINE_LIVE_EVENT_SOURCE_H
#define RK_PIPELINE_LIVE_EVENT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "pipeline/join/fault.h"
#include "pipeline/join/stack_names.h"
#include "pipeline/live/net_module.h"
#include "pipeline/log/log_breaker.h"
#include "pipeline/log/log_context.h"
#include "pipeline/log/log_output.h"
#include "pipeline/log/log_own.h"
#include "pipeline/sink.h"
#include "pipeline/use/memory_use.h"

struct rk_event_source_setup {
	const struct rk_config *config; /* borrowed; outlives the source */
	struct rk_log_output *output;	/* may be NULL; the source closes it */
	const char *baggage;		/* of the process; borrowed; may be NULL */
	bool shows_executions;		/* whether they go to the output, too */
	bool is_live;			/* listens to the tracer's own lines */
};

struct rk_event_source {
	struct rk_sink sink; /* first: add it to the pipeline */
	struct rk_event_source_setup setup;
	struct rk_net *net; /* borrowed; may be NULL */
	struct rk_log_contexts *contexts; /* may be NULL */
	struct rk_log_breakers breakers;
	int64_t wall_offset_ns;		  /* of the latest RK_OP_CLOCK */
	uint64_t lost_context; /* the latest one that was told, + 1; 0 = none */
	struct rk_fault fault; /* what was under way when the next call failed */
	bool takes_lines;		  /* of the tracer, instead of stderr */
	struct rk_log_own own;		  /* its lines that were not told yet */
	const struct rk_memory_use *memory; /* borrowed; may be NULL */
	struct rk_stack_names *stacks;	    /* borrowed; may be NULL */
	uint64_t refusal_ns, refusals_untold; /* of the last event about memory; since */
};

/**
 * Take over the output and listen to the log from now on.
 *
 * Context: exporter or tools. Ownership: the source takes setup->output.
 */
void rk_event_source_start(struct rk_event_source *source,
			   const struct rk_event_source_setup *setup);

/**
 * Send every event there as well.
 *
 * Context: exporter or tools. Ownership: @net is borrowed until the stop.
 */
void rk_event_source_set_net(struct rk_event_source *source, struct rk_net *net);

/**
 * Tell who holds memory when it is out. Both are borrowed until the stop.
 *
 * Context: exporter or tools.
 */
void rk_event_source_set_memory(struct rk_event_source *source, const struct rk_memory_use *memory,
				struct rk_stack_names *stacks);

/**
 * Whether anything would come of adding the sink to the pipeline. Its member .span is set only
 * where somebody wants to know of executions.
 *
 * Context: exporter or tools, after the destinations are known.
 */
bool rk_event_source_is_wanted(const struct rk_event_source *source);

/**
 * Tell one event, if its level is wanted.
 *
 * Context: exporter or tools.
 */
void rk_event_source_tell(struct rk_event_source *source, const struct rk_log_event *event);

/* Lines of the log that are not there. */
struct rk_event_source_losses {
	uint64_t lost; /* the tracer said too much at once, or the output did not take them */
	uint64_t suppressed; /* beyond what one kind may say in a second */
};

/**
 * Context: exporter.
 */
void rk_event_source_get_losses(const struct rk_event_source *source,
				struct rk_event_source_losses *losses);

/**
 * Tell the lines that have come, and what was suppressed.
 *
 * Context: exporter.
 */
void rk_event_source_send(struct rk_event_source *source);

/**
 * Tell what is left to the network, and no more to it.
 *
 * Context: exporter or tools, before the network is finished.
 */
void rk_event_source_leave_net(struct rk_event_source *source);

/**
 * Tell what is left, close the output, and listen no more. Does nothing before the start.
 *
 * Context: exporter or tools.
 */
void rk_event_source_stop(struct rk_event_source *source);

#endif
