/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/live_control.h - what a running process can be asked, where that was switched on.
 *
 * Connects the socket with what answers: `status` with everything behind the rings, `use` with
 * the metrics, `reload` with those whose settings can change, `start` and `stop` with who decides
 * whether it records, `snapshot` with who copies the trace file.
 */
#ifndef RK_PIPELINE_LIVE_LIVE_CONTROL_H
#define RK_PIPELINE_LIVE_LIVE_CONTROL_H

#include <limits.h>

#include "pipeline/live/control.h"
#include "pipeline/live/control_status.h"
#include "pipeline/live/recording.h"
#include "pipeline/live/reload.h"
#include "pipeline/live/snapshot.h"

struct rk_live_control {
	struct rk_control *control; /* NULL = not asked for, or it could not be had */
	struct rk_reload *reload;   /* NULL = not asked for */
	struct rk_outputs *outputs; /* borrowed; outlives this */
	struct rk_recording *recording; /* borrowed; outlives this */
	struct rk_snapshot *snapshot;	/* likewise */
	const struct rk_overhead *overhead; /* likewise */
	uint64_t started_ns;
	char folder[PATH_MAX]; /* of the process when the outputs were opened */
	/* fill ledger, cpu_ns and rss_bytes */
	void (*measure)(struct rk_control_status *status, void *data);
	/* put an op of the exporter's own into the sequence; host_start to end are set */
	void (*emit)(struct rk_op *op, void *data);
	void *data;
};

/**
 * Read the settings' file path for later reloads: relative ones mean the folder of now.
 *
 * Context: exporter, at its start.
 */
void rk_live_control_init(struct rk_live_control *live, struct rk_outputs *outputs);

/**
 * The configuration in force, as reloaded.
 *
 * Context: exporter.
 */
const struct rk_config *rk_live_control_config(const struct rk_live_control *live);

/**
 * Listen, if control.enabled. measure, emit and data are set.
 *
 * Context: exporter, once the outputs are open.
 */
void rk_live_control_open(struct rk_live_control *live);

/**
 * Serve whoever asks; never waits.
 *
 * Context: exporter, every round. Return: whether somebody is connected.
 */
bool rk_live_control_run(struct rk_live_control *live);

/**
 * Stop listening and remove the socket. Settings that were reloaded stay in force.
 *
 * Context: exporter, at its end.
 */
void rk_live_control_close(struct rk_live_control *live);

/**
 * Free what is left, when nothing works with the settings any more.
 *
 * Context: init, before a new start.
 */
void rk_live_control_finish(struct rk_live_control *live);

#endif
