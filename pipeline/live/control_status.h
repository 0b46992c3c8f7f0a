/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/control_status.h - what a running process tells about itself, as JSON.
 */
#ifndef RK_PIPELINE_LIVE_CONTROL_STATUS_H
#define RK_PIPELINE_LIVE_CONTROL_STATUS_H

#include "core/json_text.h"
#include "core/ledger.h"
#include "pipeline/live/outputs.h"
#include "pipeline/live/recording.h"
#include "pipeline/live/snapshot.h"

/* What was measured for one answer. */
struct rk_control_status {
	const struct rk_outputs *outputs;
	const struct rk_config *config; /* in force, as far as settings can change */
	const char *folder;		/* a relative trace file lies in it */
	struct rk_ledger ledger;
	uint64_t cpu_ns, rss_bytes;
	uint64_t start_unix_ns; /* recording began */
	uint64_t uptime_ns;	/* since then */
	const struct rk_recording *recording;
	const struct rk_snapshot *snapshot;
	const struct rk_overhead *overhead;
	uint64_t now_ns; /* of rk_clock */
};

/**
 * Put its members into the open object @reply.
 *
 * Context: exporter.
 */
void rk_control_status_put(const struct rk_control_status *status, struct rk_json_text *reply);

#endif
