/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/outputs.h - everything the ops of a live process go to.
 *
 *   op -> trace file
 *      -> pipeline -> metrics, spans -> verdict, librknet
 *
 * A file or a network that cannot be had is said once and never stops the rest.
 */
#ifndef RK_PIPELINE_LIVE_OUTPUTS_H
#define RK_PIPELINE_LIVE_OUTPUTS_H

#include <limits.h>

#include "pipeline/alert/alert_output.h"
#include "pipeline/live/event_source.h"
#include "pipeline/live/exporter.h"
#include "pipeline/live/net_module.h"
#include "pipeline/live/outputs_turn.h"
#include "pipeline/live/own_files.h"
#include "pipeline/pipeline.h"
#include "pipeline/use/verdict.h"
#include "trace/trace_writer.h"

struct rk_outputs {
	const struct rk_exporter_setup *setup;
	struct rk_own_files files;
	struct rk_pipeline *pipeline;	/* NULL: nothing can be done but count */
	struct rk_verdict *verdict;	/* may be NULL */
	struct rk_trace_writer *writer; /* may be NULL */
	struct rk_turns turns;		/* where the file has parts, of which it is the newest */
	struct rk_net *net;		/* may be NULL */
	struct rk_net_host net_host;
	struct rk_alert_output alerts;
	struct rk_event_source events;
	char *resource, *late_resource; /* late: with GPUs that came later; may be NULL */
	char executable[PATH_MAX];
	char host[256];
	char trace_path[PATH_MAX];   /* "" = no file was written */
	char summary_path[PATH_MAX]; /* "" = none; absolute */
	char command_line[4096], sampling[1024]; /* as the file tells them */
	uint64_t seed;
	uint64_t unsealed_since; /* ns; 0 = everything is sealed */
	uint64_t file_lost;	 /* ops the file did not take */
	uint64_t ticked_ns;	 /* the loop went round; for /health/live */
	bool is_recording, has_begun; /* now / at least once */
};

/**
 * What must happen at the very start: the executable, the folder relative paths mean.
 *
 * Context: exporter.
 */
void rk_outputs_init(struct rk_outputs *outputs, const struct rk_exporter_setup *setup);

/**
 * Open the pipeline and the network. Called once, when there is something to record, or to ask.
 *
 * Context: exporter.
 */
void rk_outputs_open(struct rk_outputs *outputs);

/**
 * Begin the trace file: recording begins for the first time.
 *
 * Context: exporter, once, before the first op.
 */
void rk_outputs_begin(struct rk_outputs *outputs);

/**
 * Whether somebody waits for alerts, and so for time to pass. / Whether a span is over and goes
 * out with a tick to come.
 *
 * Context: exporter.
 */
bool rk_outputs_has_alerts(const struct rk_outputs *outputs);
bool rk_outputs_are_waiting(const struct rk_outputs *outputs);

/**
 * One op, with its ordinal.
 *
 * Context: exporter.
 */
void rk_outputs_take(struct rk_outputs *outputs, const struct rk_op *op);

/**
 * Seal what is old enough, or everything with @now_ns = UINT64_MAX.
 *
 * Context: exporter.
 */
void rk_outputs_seal(struct rk_outputs *outputs, uint64_t now_ns);

/** The resource with GPUs that became known late; "" = none. Context: exporter. */
const char *rk_outputs_add_gpus(struct rk_outputs *outputs, const struct rk_gpu_inventory *gpus);

/**
 * Bring the tracer's own series up to date.
 *
 * Context: exporter, before a tick.
 */
void rk_outputs_note_own(struct rk_outputs *outputs);

/**
 * Tell the verdict. File and network are left.
 *
 * Context: exporter, after the op RK_OP_END.
 */
void rk_outputs_tell_verdict(struct rk_outputs *outputs);

/** Write and send what the tracer itself has said meanwhile. Context: exporter, every round. */
void rk_outputs_send_events(struct rk_outputs *outputs);

/**
 * Write the last lines; what is said from here on goes to stderr.
 *
 * Context: exporter, at the very end.
 */
void rk_outputs_close_events(struct rk_outputs *outputs);

/**
 * Look after the sockets, waiting @timeout_ms at most.
 *
 * Context: exporter.
 */
void rk_outputs_poll_net(struct rk_outputs *outputs, uint32_t timeout_ms);

/**
 * Send what is left within @timeout_ms. Then say how many spans the network did not take,
 * unless its own trouble has been said already.
 *
 * Context: exporter, once everything is sealed.
 */
void rk_outputs_finish_net(struct rk_outputs *outputs, uint32_t timeout_ms);

/**
 * Write the index and close the file; what the network reports until then gets into it.
 *
 * Context: exporter, at the very end.
 */
void rk_outputs_close_file(struct rk_outputs *outputs);

/**
 * Free what is left. Only once the thread that used it has ended; librknet stays.
 *
 * Context: init, before a new start.
 */
void rk_outputs_finish(struct rk_outputs *outputs);

#endif
